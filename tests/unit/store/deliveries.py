"""Messages, analyses and judges for tests of the store of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Judgement, Known, ReviewWanted
from nlp_service.store.schema import metadata
from nlp_service.types import Abuse, Action, Analysis, Intent, Label, Pain, Risk, Sentiment, Span, Verdict

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def analysis(
    primary: str = "chat", *, risk: int = 0, flagged: bool = False, unsafe: Mapping[str, float] | None = None
) -> Analysis:
    return Analysis(
        id="as sent",
        intent=Intent(primary, (primary,), {"question": 0.1, "ugc": 0.1, "ad": 0.2, "complaint": 0.1, "chat": 0.5}),
        sentiment=Sentiment("neutral", 0.25, {"negative": 0.1, "neutral": 0.8, "positive": 0.1}),
        risk=Risk(risk, 0.1, 0.2, (Label("delivery_delay", 0.6),) if risk else ()),
        abuse=Abuse(0.9 if flagged else 0.01, flagged),
        unsafe=tuple(Label(name, probability) for name, probability in (unsafe or {}).items()),
        pain=(Pain("物流", Span(0, 2, "物流"), "delivery_delay"),),
    )


def message(
    id_: str, text: str = "今天的物流真慢", *, at: float = 0, edited: float | None = None, **values: Any
) -> Incoming:
    """Received `at` seconds after noon; all else as given or plain."""
    plain = Incoming(
        platform="wechat",
        channel="group",
        external_id=id_,
        author="lin",
        sent_at=NOON + timedelta(seconds=at - 1),
        received_at=after(at),
        edited_at=None if edited is None else after(edited),
        text=text,
        meta={},
        keys=(),
        analysis=analysis(),
        vector=b"",
        model_version="fast-1",
    )
    return plain._replace(**values)


class Judge:
    """Takes adverts for offences and asks for a review of what is risky; keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Known]] = []

    def __call__(self, message: Incoming, known: Known) -> Judgement:
        self.told.append((message.external_id, known))
        found = message.analysis
        assert found.intent is not None
        is_ad = found.intent.primary == "ad"
        verdict = Verdict(Action.WARN, (f"ad:{len(known.offences) + 1}",)) if is_ad else Verdict(Action.PASS)
        review = ReviewWanted(0.25 * found.risk.level, (f"risk>={found.risk.level}",)) if found.risk.level else None
        decided = msgspec.structs.replace(found, verdict=verdict)
        return Judgement(decided, "default-1", "ad" if is_ad else None, review)

    @property
    def last(self) -> Known:
        return self.told[-1][1]


def rows(database: Database, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """What is in a table, by the order of its primary key."""
    found = metadata.tables[table]
    wanted: Sequence[sa.Column[Any]] = [found.c[name] for name in columns] or list(found.c)
    with database.read() as connection:
        query = sa.select(*wanted).order_by(*found.primary_key.columns)
        return [tuple(row) for row in connection.execute(query)]


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables[table])) or 0
