"""What was asked of a base, row by row, for counts of its use. Every function is for one tenant's base."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store import bases
from nlp_service.store.database import Database
from nlp_service.store.schema import feedback, replies

MISSED = ("handoff", "none")
"""Decisions that leave a question without an answer."""

_ROWS_AT_A_TIME = 5_000


class Asked(NamedTuple):
    """A reply without its texts; `entry_id` and `wording` are what was decided by, None where nothing was near."""

    reply_id: str
    channel: str
    decision: str
    entry_id: str | None
    wording: int | None


class Said(NamedTuple):
    """What somebody said of a reply; `is_corrected` is whether they named another entry or answer."""

    reply_id: str
    helpful: bool | None
    is_corrected: bool


class StillWaiting(NamedTuple):
    """A question that nobody has answered."""

    reply_id: str
    channel: str
    asked_at: datetime


class UsageStore:
    """Reads replies for counting. Periods are half-open; NotFound is raised if the tenant has no such base."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(
        self, tenant: str, kb: int | str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Asked]:
        """Replies of a period, the newest first, in one transaction that ends with the last."""
        columns = (replies.c.id, replies.c.channel, replies.c.decision, replies.c.entry_id, replies.c.wording)
        with self._database.read() as connection:
            query = sa.select(*columns).where(_of(connection, tenant, kb, since, until))
            query = query.order_by(replies.c.asked_at.desc(), replies.c.id)
            rows = connection.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME})
            yield from (Asked(*row) for row in rows)

    def said(
        self, tenant: str, kb: int | str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[Said]:
        """Feedback on questions that were asked in a period."""
        is_corrected = feedback.c.entry_id.is_not(None) | (sa.func.coalesce(feedback.c.answer, "") != "")
        with self._database.read() as connection:
            query = sa.select(feedback.c.reply_id, feedback.c.helpful, is_corrected)
            query = query.join(replies, replies.c.id == feedback.c.reply_id)
            query = query.where(_of(connection, tenant, kb, since, until)).order_by(feedback.c.id)
            return [Said(row[0], row[1], bool(row[2])) for row in connection.execute(query)]

    def last_answers(self, tenant: str, kb: int | str, *, until: datetime | None = None) -> dict[str, datetime]:
        """When each entry was last answered with, by entry; those that never were are missing."""
        last = sa.func.max(replies.c.asked_at)
        with self._database.read() as connection:
            query = sa.select(replies.c.entry_id, last).where(_of(connection, tenant, kb, None, until))
            query = query.where(replies.c.decision == "answer", replies.c.entry_id.is_not(None))
            rows = connection.execute(query.group_by(replies.c.entry_id).order_by(replies.c.entry_id))
            return {row[0]: row[1] for row in rows}

    def waiting(self, tenant: str, kb: int | str, *, until: datetime | None = None) -> list[StillWaiting]:
        """Questions that got no answer (`MISSED`) and that nobody has answered since, the oldest first."""
        columns = (replies.c.id, replies.c.channel, replies.c.asked_at)
        with self._database.read() as connection:
            query = sa.select(*columns).where(_of(connection, tenant, kb, None, until))
            query = query.where(replies.c.decision.in_(MISSED), replies.c.answered_at.is_(None))
            rows = connection.execute(query.order_by(replies.c.asked_at, replies.c.id))
            return [StillWaiting(*row) for row in rows]


def _of(
    connection: Connection, tenant: str, kb: int | str, since: datetime | None, until: datetime | None
) -> sa.ColumnElement[bool]:
    condition = replies.c.kb_id == bases.find(connection, tenant, kb).id
    if since is not None:
        condition &= replies.c.asked_at >= since
    if until is not None:
        condition &= replies.c.asked_at < until
    return condition
