"""The repository of the queue of reviews: looked at by pages, and claimed so that no two people get the same one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.store import races
from nlp_service.store.database import Database
from nlp_service.store.queueing import behind, cursor_of, queue, read_cursor
from nlp_service.store.review_records import STEPS_THAT_JUDGE, Attempt, Check, Review
from nlp_service.store.review_rows import hold, set_review
from nlp_service.store.review_views import read_review, select_reviews
from nlp_service.store.schema import review_decisions, reviews

STATES = ("open", "claimed", "decided")
"""What can be looked at: free for anybody, in somebody's hands, or done."""


class Wanted(NamedTuple):
    """Which reviews of a tenant are meant.

    Attributes:
        state: One of `STATES`.
        line: Only of this line; None for all.
        kind: Only of this kind; None for all.
        claimed_by: Only those of this person; None for everybody's.
    """

    state: str = "open"
    line: int | None = None
    kind: str | None = None
    claimed_by: str | None = None


class ReviewPage(NamedTuple):
    """Some reviews, and the cursor of the page after them; None on the last."""

    reviews: list[Review]
    next_cursor: str | None


class ReviewStore:
    """The queue in a database; each method is one transaction, and takes the tenant first.

    Args:
        database: Where it is.
        check: Says who may do what, see `moderation.review.check`.
    """

    def __init__(self, database: Database, check: Check) -> None:
        self._database = database
        self._check = check

    def browse(
        self, tenant: str, wanted: Wanted, at: datetime, *, cursor: str | None = None, limit: int = 50
    ) -> ReviewPage:
        """A page of reviews: what waits in the order in which it is claimed, what is done the latest first.

        Args:
            tenant: Whose reviews.
            wanted: Which.
            at: Now; who has claimed what depends on it.
            cursor: `ReviewPage.next_cursor` of the page before.
            limit: Reviews of a page.

        Raises:
            BadInput: The cursor is none of such pages.
        """
        query = sa.select(reviews.c.id).where(_wanted(tenant, wanted, at))
        if wanted.state == "decided":
            query = query.order_by(reviews.c.id.desc())
            if cursor is not None:
                query = query.where(reviews.c.id < read_cursor(cursor, 1)[0])
        else:
            query = query.order_by(*queue())
            if cursor is not None:
                query = query.where(behind(*read_cursor(cursor, 3)))
        with self._database.read() as connection:
            rows = _read(connection, connection.scalars(query.limit(limit + 1)).all())
        is_queue = wanted.state != "decided"
        following = cursor_of(rows[limit - 1], is_queue=is_queue) if len(rows) > limit else None
        return ReviewPage([read_review(row) for row in rows[:limit]], following)

    def claim(
        self,
        tenant: str,
        attempt: Attempt,
        *,
        number: int,
        lease_s: float,
        line: int,
        kind: str | None = None,
    ) -> list[Review]:
        """Take the first open reviews of a line that nobody has, for some time; nobody else gets them until then.

        Appeals against somebody's own decisions are left to others. Who asks again gets further ones.

        Args:
            tenant: Whose reviews.
            attempt: Who asks, and when.
            number: How many at the most.
            lease_s: How long they are this person's, in seconds.
            line: 2 for moderators, 3 for experts.
            kind: Only of this kind; None for all.
        """
        free = _wanted(tenant, Wanted("open", line, kind), attempt.at) & ~_decided_by(attempt.reviewer)
        query = sa.select(reviews.c.id).where(free).order_by(*queue()).limit(number)
        until = attempt.at + timedelta(seconds=lease_s)

        def work(connection: Connection) -> list[Review]:
            # On SQLite whoever writes has locked out everybody else; on PostgreSQL others pass over what is locked.
            ids = connection.scalars(query.with_for_update(of=reviews, skip_locked=True)).all()
            if not ids:
                return []
            chosen = sa.update(reviews).where(reviews.c.id.in_(ids))
            connection.execute(chosen.values(claimed_by=attempt.reviewer, lease_until=until))
            return [read_review(row) for row in _read(connection, ids)]

        return races.write(self._database, work)

    def renew(self, tenant: str, review_id: int, attempt: Attempt, *, lease_s: float) -> datetime:
        """Keep a claimed review for longer, and say until when.

        Raises:
            NotFound: The tenant has no such review.
            Conflict: It is not this person's, or no longer.
        """
        until = attempt.at + timedelta(seconds=lease_s)
        self._hold(tenant, review_id, attempt, lease_until=until)
        return until

    def release(self, tenant: str, review_id: int, attempt: Attempt) -> None:
        """Give a claimed review back to the queue.

        Raises:
            NotFound: The tenant has no such review.
            Conflict: It is not this person's, or no longer.
        """
        self._hold(tenant, review_id, attempt, claimed_by=None, lease_until=None)

    def _hold(self, tenant: str, review_id: int, attempt: Attempt, **values: object) -> None:
        def work(connection: Connection) -> None:
            self._check(attempt, hold(connection, tenant, review_id).standing)
            set_review(connection, review_id, **values)

        races.write(self._database, work)


def _read(connection: Connection, ids: Sequence[int]) -> list[RowMapping]:
    """Reviews with their messages, in the order of the ids: read only for those that are shown."""
    query = select_reviews().where(reviews.c.id.in_(ids))
    rows = {row["id"]: row for row in connection.execute(query).mappings()}
    return [rows[review_id] for review_id in ids if review_id in rows]


def _wanted(tenant: str, wanted: Wanted, at: datetime) -> sa.ColumnElement[bool]:
    columns = reviews.c
    is_held = columns.claimed_by.is_not(None) & (columns.lease_until > at)
    condition = (columns.tenant == tenant) & (columns.state == ("decided" if wanted.state == "decided" else "open"))
    if wanted.state != "decided":
        condition &= is_held if wanted.state == "claimed" else sa.or_(columns.lease_until.is_(None), ~is_held)
    if wanted.line is not None:
        condition &= columns.line == wanted.line
    if wanted.kind is not None:
        condition &= columns.kind == wanted.kind
    if wanted.claimed_by is not None:
        condition &= columns.claimed_by == wanted.claimed_by
    return condition


def _decided_by(reviewer: str) -> sa.ColumnElement[bool]:
    """Appeals against a message that somebody has decided on."""
    other, steps = reviews.alias("other"), review_decisions.c
    query = sa.select(steps.id).join(other, other.c.id == steps.review_id)
    query = query.where(other.c.message_id == reviews.c.message_id, steps.by == reviewer, steps.undone_at.is_(None))
    return (reviews.c.kind == "appeal") & query.where(steps.decision.in_(STEPS_THAT_JUDGE)).correlate(reviews).exists()
