"""Rows of messages: those that a delivery meets, and those that it leaves. All take an open transaction."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.bulk import Lookup, append, as_parameter, given
from nlp_service.store.incoming import Incoming, Judgement
from nlp_service.store.packing import label_bits, pack, unpack
from nlp_service.store.schema import messages
from nlp_service.types import Analysis

Key = tuple[str, str]
"""Platform, and the id there."""


class Judged(NamedTuple):
    """A wording that is to be written, and what was decided on it."""

    message: Incoming
    judgement: Judgement


@dataclass(slots=True)
class Row:
    """A message as it stands in the middle of a delivery.

    Attributes:
        author: Who wrote it; an edit does not change that, but may tell it of one of whom it was not known.
        sent_at, received_at: When it was written first, and when that came.
        channel, edited_at: Of the wording that holds.
        packed: Its analysis as the database has it; empty for one that was not there.
        is_there: Whether the database has a row of it.
        author_there: Who wrote it as far as that row knows; empty if there is none.
        new: What is to be written, where this delivery brought something new.
    """

    id: int
    author: str
    channel: str
    sent_at: datetime
    received_at: datetime
    edited_at: datetime | None = None
    is_deleted: bool = False
    revision: int = 1
    packed: bytes = b""
    policy_version: str = ""
    model_version: str = ""
    is_there: bool = False
    author_there: str = ""
    new: Judged | None = None

    @property
    def analysis(self) -> Analysis | None:
        """What holds now; None for a deleted one."""
        if self.is_deleted:
            return None
        return unpack(self.packed) if self.new is None else self.new.judgement.analysis


def key_of(message: Incoming) -> Key:
    """What names a message of a tenant."""
    return message.platform, message.external_id


def find(connection: Connection, tenant: str, keys: Sequence[Key]) -> dict[Key, Row]:
    """Read rows that are there, and lock them until the transaction ends."""
    # In one order everywhere, so that no two transactions wait for one another.
    wanted = [{"platform": platform, "external_id": external_id} for platform, external_id in sorted(set(keys))]
    parameters = {"tenant": tenant, "given": as_parameter(wanted)}
    found = connection.execute(_find(connection.dialect.name), parameters).mappings()
    return {
        (row["platform"], row["external_id"]): Row(
            **{name: row[name] for name in _HELD},
            is_deleted=row["deleted_at"] is not None,
            packed=row["analysis"],
            author_there=row["author"],
            is_there=True,
        )
        for row in found
    }


def next_ids(connection: Connection, number: int) -> Iterator[int]:
    """Ids for new rows, in the order of arrival; no message ever has one that another had."""
    if connection.dialect.name == "postgresql":
        drawn = connection.execute(_DRAW, {"number": number}).scalars().all()
        return iter(drawn)
    last: int = connection.scalar(_LAST) or 0
    return iter(range(last + 1, last + 1 + number))


def insert(connection: Connection, tenant: str, written: Iterable[tuple[Row, Judged]]) -> None:
    """Write rows that are not there yet."""
    values = []
    for row, judged in written:
        meta = msgspec.json.encode(judged.message.meta).decode() if judged.message.meta else None
        named = (row.id, tenant, *key_of(judged.message), row.sent_at, row.received_at)
        values.append((*named, *_values(row, judged, meta)))
    # In one order everywhere: of two transactions with the same messages one waits for the other, and not both.
    values.sort(key=lambda row: (row[3], row[2]))
    append(
        connection, messages, ("id", "tenant", "platform", "external_id", "sent_at", "received_at", *_VALUES), values
    )


def replace(connection: Connection, written: Iterable[tuple[Row, Judged]]) -> None:
    """Write the new wording of rows that are there."""
    values = [
        dict(zip(_VALUES, _values(row, judged, dict(judged.message.meta) or None), strict=True)) | {"row_id": row.id}
        for row, judged in written
    ]
    if values:
        connection.execute(sa.update(messages).where(messages.c.id == sa.bindparam("row_id")), values)


def bury(connection: Connection, tenant: str, key: Key, at: datetime) -> Row:
    """Write the row of a message that was deleted before it came."""
    row = Row(next(next_ids(connection, 1)), "", "", at, at, is_deleted=True)
    unknown = {"text": "", "labels": 0, "risk": 0, "action": "pass", "policy_version": "", "model_version": ""}
    connection.execute(
        sa.insert(messages).values(
            id=row.id,
            tenant=tenant,
            platform=key[0],
            external_id=key[1],
            channel=row.channel,
            author=row.author,
            sent_at=at,
            received_at=at,
            deleted_at=at,
            revision=row.revision,
            analysis=b"",
            **unknown,
        )
    )
    return row


def empty(connection: Connection, row_id: int, at: datetime) -> None:
    """Take the content out of a row, and leave what is counted."""
    values = {"deleted_at": at, "text": "", "meta": None, "analysis": b"", "vector": None}
    connection.execute(sa.update(messages).where(messages.c.id == row_id).values(**values))


_VALUES = (
    "channel",
    "author",
    "edited_at",
    "revision",
    "text",
    "meta",
    "intent",
    "labels",
    "sentiment",
    "risk",
    "action",
    "ugc_score",
    "model_version",
    "policy_version",
    "analysis",
    "vector",
)


def _values(row: Row, judged: Judged, meta: Any) -> tuple[Any, ...]:
    message, judgement = judged
    analysis = judgement.analysis
    if analysis.verdict is None:
        raise ValueError("a judgement has no verdict")
    return (
        message.channel,
        message.author,
        message.edited_at,
        row.revision,
        message.text,
        meta,
        None if analysis.intent is None else analysis.intent.primary,
        label_bits(analysis),
        None if analysis.sentiment is None else analysis.sentiment.score,
        analysis.risk.level,
        analysis.verdict.action.value,
        None if analysis.ugc_quality is None else analysis.ugc_quality.score,
        message.model_version,
        judgement.policy_version,
        pack(analysis),
        message.vector or None,
    )


_HELD = (
    "id",
    "author",
    "channel",
    "sent_at",
    "received_at",
    "edited_at",
    "revision",
    "policy_version",
    "model_version",
)
_DRAW = sa.text("SELECT nextval('messages_id_seq') FROM generate_series(1, :number)")
_LAST = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")


@functools.cache
def _find(dialect: str) -> sa.Select[Any]:
    wanted = given(dialect, {"platform": sa.String(), "external_id": sa.String()})
    c = messages.c
    columns = (c.platform, c.external_id, c.deleted_at, c.analysis, *(c[name] for name in _HELD))
    same = (c.tenant == sa.bindparam("tenant")) & (c.external_id == wanted.c.external_id)
    same &= c.platform == wanted.c.platform
    if dialect == "sqlite":
        return sa.select(*columns).select_from(Lookup(wanted, messages, same))
    # One by one, so that PostgreSQL has no choice but the index for it, whatever it believes of a table that is new,
    # and locks the rows in the order in which they are asked for.
    one = sa.select(*columns).where(same).limit(1).with_for_update().correlate(wanted).lateral()
    return sa.select(*one.c).select_from(wanted.join(one, sa.true()))
