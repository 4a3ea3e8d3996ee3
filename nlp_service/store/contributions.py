"""Contributions among the messages: what is like a new one already, and the best of a day."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from nlp_service.store.bulk import as_parameter, given
from nlp_service.store.database import Database
from nlp_service.store.packing import unpack
from nlp_service.store.schema import copies, messages
from nlp_service.text.normalise import normalise_batch
from nlp_service.text.sketch import keys as keys_of
from nlp_service.text.sketch import resemblance
from nlp_service.types import Action, UgcQuality

NEWEST = 3
"""Earlier messages that are looked at for each key: copies of one text are alike, so more of them say no more."""

SAME = 0.5
"""Resemblance from which two contributions are one for a reader."""

LEAST_COMPLIANCE = 0.5
"""What a pick needs: nobody shows the best of a day with an advert in it."""

_ROWS_AT_A_TIME = 200
_MOST_ROWS = 2_000
"""Contributions of a day that are looked at, the best first."""


class Asked(NamedTuple):
    """A message whose like is looked for: what names it, so that it is not compared with itself, and its keys."""

    platform: str
    external_id: str
    keys: tuple[int, ...]


class Pick(msgspec.Struct, frozen=True):
    """One of the best contributions of a day.

    Attributes:
        message_id: Of the stored message.
        platform, id: What the caller knows it by.
        sent_at: In UTC.
        text: As it is stored.
        quality: Its score and parts.
    """

    message_id: int
    platform: str
    id: str
    channel: str
    author: str
    sent_at: datetime
    text: str
    quality: UgcQuality


class ContributionStore:
    """Reads contributions of a tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def earlier(self, tenant: str, asked: Sequence[Asked]) -> list[list[str]]:
        """Texts of stored messages that share a key with each of the asked, at most `NEWEST` for each key.

        Messages that were deleted do not count, and those of no key have none.
        """
        rows = [
            {"place": place, "key": key, "platform": message.platform, "external_id": message.external_id}
            for place, message in enumerate(asked)
            for key in message.keys
        ]
        found: list[dict[int, str]] = [{} for _ in asked]
        if rows:
            with self._database.read() as connection:
                parameters = {"tenant": tenant, "given": as_parameter(rows)}
                for place, message_id, text in connection.execute(_like(connection.dialect.name), parameters):
                    found[place][message_id] = text
        return [list(texts.values()) for texts in found]

    def picks(
        self, tenant: str, *, since: datetime, until: datetime, channel: str | None = None, limit: int = 10
    ) -> list[Pick]:
        """The best contributions of a time, the best first.

        Only those that passed; at most one an author (messages without one count each for itself), near-duplicates
        once, and none with a compliance below `LEAST_COMPLIANCE`.

        Args:
            tenant: Whose messages.
            since: Written then or later.
            until: Written before.
            channel: Only of this one; None for all.
            limit: At most so many.
        """
        picked: list[tuple[Pick, set[int]]] = []
        seen_authors: set[tuple[str, str]] = set()
        with (
            self._database.read() as connection,
            contextlib.closing(_ranked(connection, tenant, since, until, channel)) as ranked,
        ):
            for pick, keys in ranked:
                if len(picked) == limit:
                    break
                author = (pick.platform, pick.author)
                if (pick.author and author in seen_authors) or _is_copy(pick, keys, picked):
                    continue
                picked.append((pick, keys))
                seen_authors.add(author)
        return [pick for pick, _ in picked]


def _ranked(
    connection: Connection, tenant: str, since: datetime, until: datetime, channel: str | None
) -> Generator[tuple[Pick, set[int]]]:
    """Candidates of a time with their keys by their score, the earlier one first among equals."""
    m = messages.c
    query = sa.select(m.id, m.platform, m.external_id, m.channel, m.author, m.sent_at, m.text, m.analysis)
    query = query.where(m.tenant == tenant, m.sent_at >= since, m.sent_at < until)
    query = query.where(m.ugc_score.is_not(None), m.deleted_at.is_(None), m.action == Action.PASS.value)
    if channel is not None:
        query = query.where(m.channel == channel)
    query = query.order_by(m.ugc_score.desc(), m.id).limit(_MOST_ROWS)
    with connection.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}) as result:
        for rows in result.partitions():
            all_keys = keys_of(normalise_batch([row.text for row in rows]))
            for row, keys in zip(rows, all_keys, strict=True):
                quality = unpack(row.analysis).ugc_quality
                if quality is not None and quality.compliance >= LEAST_COMPLIANCE:
                    named = (row.id, row.platform, row.external_id, row.channel, row.author)
                    yield Pick(*named, row.sent_at, row.text, quality), set(keys)


def _is_copy(pick: Pick, keys: set[int], picked: Sequence[tuple[Pick, set[int]]]) -> bool:
    """Whether a text is that of a better pick, or nearly."""
    return any(keys & others and resemblance(pick.text, other.text) >= SAME for other, others in picked)


def _like(dialect: str) -> sa.Select[Any]:
    """Place, id and text of messages that share keys; the parameters are ``tenant`` and ``given``."""
    columns: dict[str, TypeEngine[Any]] = {
        "place": sa.Integer(),
        "key": sa.BigInteger(),
        "platform": sa.String(),
        "external_id": sa.String(),
    }
    asked = given(dialect, columns)
    newest = (
        sa.select(copies.c.message_id)
        .where(copies.c.tenant == sa.bindparam("tenant"), copies.c.key == asked.c.key)
        .order_by(copies.c.received_ms.desc(), copies.c.message_id.desc())
        .limit(1)
        .correlate(asked)
    )
    # One seek of the index each: to read all copies of an advert that came a thousand times would say no more.
    parts = [
        sa.select(asked.c.place, asked.c.platform, asked.c.external_id, newest.offset(n).scalar_subquery().label("id"))
        for n in range(NEWEST)
    ]
    found = sa.union_all(*parts).subquery("found")
    is_itself = (messages.c.platform == found.c.platform) & (messages.c.external_id == found.c.external_id)
    return (
        sa.select(found.c.place, messages.c.id, messages.c.text)
        .distinct()
        .join(messages, messages.c.id == found.c.id)
        .where(messages.c.deleted_at.is_(None), ~is_itself)
        .order_by(found.c.place, messages.c.id.desc())
    )
