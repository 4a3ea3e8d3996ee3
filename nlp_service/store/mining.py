"""Messages as mining reads them: with what was said of them when they came, in the order that FACTS have."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.packing import unpack
from nlp_service.store.schema import authors, messages
from nlp_service.types import Analysis


class MinedMessage(msgspec.Struct, frozen=True):
    """A stored message.

    Attributes:
        id: Of the store.
        external_id: The platform's.
        sent_at, edited_at: When it was written, and this wording of it; in UTC.
        vector: Float16, little-endian, as many as the model has; None where there is none.
        model_version: Which model read it.
    """

    id: int
    platform: str
    external_id: str
    channel: str
    author: str
    sent_at: datetime
    edited_at: datetime | None
    text: str
    meta: dict[str, Any]
    action: str
    analysis: Analysis
    vector: bytes | None
    model_version: str


class Extent(msgspec.Struct, frozen=True):
    """How much there is in a period, and what changes when anything of it does.

    Attributes:
        messages: That were not deleted.
        first, last: Times of the first and last of them; None where there are none.
        state: Differs as soon as a message comes, is edited, deleted or removed.
    """

    messages: int
    first: datetime | None
    last: datetime | None
    state: str


class MiningStore:
    """Reads messages of a tenant by the time when they were written. Deleted ones are left out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def extent(self, tenant: str, since: datetime | None = None, until: datetime | None = None) -> Extent:
        """How much lies in [since, until); None is no bound."""
        c, f = messages.c, sa.func
        is_there = c.deleted_at.is_(None)
        query = sa.select(
            f.count(sa.case((is_there, c.id))),
            f.min(sa.case((is_there, c.sent_at))),
            f.max(sa.case((is_there, c.sent_at))),
            f.count(),
            f.max(c.id),
            f.sum(c.revision),
            f.max(c.edited_at),
            f.max(c.deleted_at),
        ).where(c.tenant == tenant, *_within(since, until))
        with self._database.read() as connection:
            there, first, last, *rest = connection.execute(query).one()
        # An expression such as a CASE may come back without the zone that the column has.
        first, last = (at.replace(tzinfo=UTC) if at and at.tzinfo is None else at for at in (first, last))
        return Extent(there, first, last, " ".join(map(str, (there, *rest))))

    def n_members(self, tenant: str) -> int:
        """How many authors are known, whenever they wrote and whatever was deleted since."""
        query = sa.select(sa.func.count()).select_from(authors).where(authors.c.tenant == tenant)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def read(
        self, tenant: str, since: datetime, until: datetime, rows_at_a_time: int = 2_000
    ) -> Generator[list[MinedMessage], None, None]:
        """The messages of [since, until), some at a time and never all of them in memory.

        They come in the order of (sent_at, platform, external_id), as they were when the first was read. The
        transaction ends with the last or when the generator is closed.

        Raises:
            NotReady: The database cannot be used now.
            ServiceError: It refuses for another reason, or an analysis in it is damaged.
        """
        c = messages.c
        query = (
            sa.select(*(c[name] for name in MinedMessage.__struct_fields__))
            .where(c.tenant == tenant, c.deleted_at.is_(None), *_within(since, until))
            .order_by(c.sent_at, c.platform, c.external_id)
        )
        with (
            self._database.read() as connection,
            # Closed also where somebody stops in the middle: PostgreSQL's driver complains of a cursor left open.
            connection.execute(query, execution_options={"yield_per": rows_at_a_time}) as result,
        ):
            for rows in result.partitions():
                yield [_message(row) for row in rows]


def _within(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(messages.c.sent_at >= since)
    if until is not None:
        bounds.append(messages.c.sent_at < until)
    return bounds


def _message(row: sa.Row[Any]) -> MinedMessage:
    values = dict(row._mapping)
    values["meta"] = values["meta"] or {}
    values["analysis"] = unpack(values["analysis"])
    return MinedMessage(**values)
