"""What came of reviews: rows for figures, and messages with the labels that people gave them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.labels import Labels
from nlp_service.store.review_records import STEPS_THAT_JUDGE, Judged, Waiting
from nlp_service.store.review_rows import read_labels
from nlp_service.store.schema import messages, review_decisions, reviews

_ROWS_AT_A_TIME = 1_000


class Labelled(NamedTuple):
    """A message with what people say of it.

    Attributes:
        message_id: Of the message.
        text: As it is stored.
        labels: The last record of the wording that holds.
        line: Of who looked last.
        at: When that was.
    """

    message_id: int
    text: str
    labels: Labels
    line: int
    at: datetime


class HistoryStore:
    """Reads what was decided. Periods are half-open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, tenant: str, at: datetime) -> list[Waiting]:
        """What is open, by line; lines of which nothing is open are missing.

        Args:
            tenant: Whose reviews.
            at: Now; who has claimed what depends on it.
        """
        columns = reviews.c
        is_held = sa.case((columns.claimed_by.is_not(None) & (columns.lease_until > at), 1), else_=0)
        counts = (sa.func.count(), sa.func.sum(is_held), sa.func.min(columns.created_at))
        query = sa.select(columns.line, *counts).where(columns.tenant == tenant, columns.state == "open")
        with self._database.read() as connection:
            return [Waiting(*row) for row in connection.execute(query.group_by(columns.line).order_by(columns.line))]

    def took_s(self, tenant: str, since: datetime, until: datetime) -> list[float]:
        """How long each review took that somebody decided in a period, in seconds; SQLite knows whole ones only."""
        columns = reviews.c
        came_s, decided_s = (sa.extract("epoch", column) for column in (columns.created_at, columns.decided_at))
        query = sa.select(sa.cast(decided_s - came_s, sa.Float)).where(columns.tenant == tenant)
        query = query.where(columns.decided_at >= since, columns.decided_at < until, columns.state == "decided")
        # Those that an edit or a deletion ended are nobody's, and a correction waited for nobody.
        query = query.where(columns.claimed_by.is_not(None), columns.kind != "correction")
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def judged(self, tenant: str, since: datetime, until: datetime) -> list[Judged]:
        """Decisions of a period that were not undone, in their order."""
        steps = review_decisions.c
        query = sa.select(steps.line, steps.action, steps.labels, steps.before)
        query = query.join(reviews, reviews.c.id == steps.review_id).where(reviews.c.tenant == tenant)
        query = query.where(steps.at >= since, steps.at < until, steps.undone_at.is_(None))
        query = query.where(steps.decision.in_(STEPS_THAT_JUDGE)).order_by(steps.id)
        with self._database.read() as connection:
            return [
                Judged(line, action, read_labels(labels) if labels else None, before)
                for line, action, labels, before in connection.execute(query)
            ]

    def labelled(self, tenant: str, since: datetime | None = None) -> Iterator[Labelled]:
        """Messages that somebody has looked at, by id, each with its last record.

        Left out are messages that were deleted, decisions that were undone, and those on an earlier wording.

        Args:
            tenant: Whose messages.
            since: Only those that somebody looked at then or later.
        """
        steps = review_decisions.c
        query = sa.select(messages.c.id, messages.c.text, steps.labels, steps.line, steps.at)
        query = query.join(reviews, reviews.c.message_id == messages.c.id)
        query = query.join(review_decisions, steps.review_id == reviews.c.id)
        query = query.where(messages.c.tenant == tenant, messages.c.deleted_at.is_(None))
        query = query.where(steps.labels.is_not(None), steps.undone_at.is_(None))
        query = query.where(steps.revision == messages.c.revision).order_by(messages.c.id, steps.id)
        last: Labelled | None = None
        options = {"yield_per": _ROWS_AT_A_TIME}
        with self._database.read() as connection, connection.execute(query, execution_options=options) as rows:
            for message_id, text, labels, line, at in rows:
                found = Labelled(message_id, text, read_labels(labels), line, at)
                if last is not None and last.message_id != message_id and _is_since(last, since):
                    yield last
                last = found
        if last is not None and _is_since(last, since):
            yield last


def _is_since(found: Labelled, since: datetime | None) -> bool:
    return since is None or found.at >= since
