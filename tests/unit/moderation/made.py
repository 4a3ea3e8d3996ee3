"""Analyses, facts and messages made for the tests of moderation; all harmless but for what is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from nlp_service.moderation.facts import Facts, gather
from nlp_service.store.incoming import Incoming, Known, Offence
from nlp_service.types import INTENTS, Abuse, Analysis, Intent, Label, Risk, Sentiment

NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
"""A Wednesday, twelve o'clock in Shanghai."""


class Word(NamedTuple):
    """A word of a list, as the matcher finds it."""

    kind: str
    list_name: str
    category: str = ""


def intent(primary: str = "chat", *others: str, ad: float = 0.01) -> Intent:
    return Intent(primary, (primary, *others), dict.fromkeys(INTENTS, 0.1) | {"ad": ad})


CHAT = intent("chat")
CALM = Sentiment("neutral", 0.0)


def analysis(
    *,
    intent: Intent | None = CHAT,
    sentiment: Sentiment | None = CALM,
    level: int = 0,
    risk: float | None = 0.01,
    categories: Mapping[str, float] | None = None,
    abuse: float | None = 0.01,
    unsafe: Mapping[str, float] | None = None,
) -> Analysis:
    """An analysis of a harmless message but for what is given."""
    return Analysis(
        id="m1",
        intent=intent,
        sentiment=sentiment,
        risk=Risk(level, risk, risk, tuple(Label(*pair) for pair in (categories or {}).items())),
        abuse=Abuse(abuse, abuse is not None and abuse >= 0.5),
        unsafe=tuple(Label(*pair) for pair in (unsafe or {}).items()),
        pain=(),
    )


def message(
    text: str = "今天的活动几点开始",
    *,
    author: str = "u1",
    at: datetime = NOON,
    meta: Mapping[str, Any] | None = None,
    platform: str = "wechat",
) -> Incoming:
    return Incoming(platform, "g1", "1", author, at, at, None, text, meta or {}, (), analysis(), b"", "fast-1")


def facts(text: str = "今天的活动几点开始", hits: Sequence[Word] = (), **fields: Any) -> Facts:
    """Of a message of ``u1`` on ``wechat``; further fields as `message` takes them, and those of `Known`."""
    known = {name: fields.pop(name) for name in Known._fields if name in fields}
    return gather(message(text, **fields), hits)._replace(known=Known(**known))


def struck(*offences: str, days_ago: float = 1, at: datetime = NOON) -> tuple[Offence, ...]:
    return tuple(Offence(offence, at - timedelta(days=days_ago)) for offence in offences)
