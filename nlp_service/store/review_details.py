"""All that somebody needs who decides on a review: message, surroundings, author, and what was done before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import NotFound
from nlp_service.store.alike import find_alike
from nlp_service.store.database import Database
from nlp_service.store.packing import unpack
from nlp_service.store.review_records import DecisionLine, MessageBrief, Review
from nlp_service.store.review_rows import read_labels
from nlp_service.store.review_views import BRIEF, read_brief, read_review, select_reviews
from nlp_service.store.schema import authors, messages, review_decisions, reviews, strikes
from nlp_service.types import Analysis

NEIGHBOURS, RECENT, MOST_STRIKES, MOST_ALIKE = 5, 10, 20, 50
"""How many messages are shown before and after, of the author, and near-duplicates; and how many strikes."""

NEAR = timedelta(hours=6)
"""How far from a message its neighbours may be: beyond that it is another conversation."""


class StrikeLine(msgspec.Struct, frozen=True):
    """A strike against an author, and the message that it is for."""

    offence: str
    at: datetime
    message_id: int


class AuthorHistory(msgspec.Struct, frozen=True):
    """What is known of an author.

    Attributes:
        n_messages: Messages that ever came.
        first_at, last_at: When the first and the last one came; null for an author who is nobody.
        strikes: The latest first.
        recent: The author's latest other messages, the latest first.
    """

    n_messages: int
    first_at: datetime | None
    last_at: datetime | None
    strikes: list[StrikeLine]
    recent: list[MessageBrief]


class NearDuplicate(msgspec.Struct, frozen=True):
    """An open review of a message that says the same; 1 is the same letters."""

    review_id: int
    message_id: int
    resemblance: float


class ReviewDetails(msgspec.Struct, frozen=True):
    """A review with all that belongs to it.

    Attributes:
        revision: Wording of the message; a decision may name it, so that it is refused after an edit.
        meta: The caller's own fields.
        analysis: What the models say, with evidence and verdict; null for a message that was deleted.
        decisions: All steps, also those that were undone, in their order.
        before, after: What was said in the channel around it, in its order.
        near_duplicates: Open reviews of messages that say the same, at most 50.
    """

    review: Review
    revision: int
    meta: dict[str, Any]
    analysis: Analysis | None
    policy_version: str
    model_version: str
    decisions: list[DecisionLine]
    author: AuthorHistory
    before: list[MessageBrief]
    after: list[MessageBrief]
    near_duplicates: list[NearDuplicate]


class DetailStore:
    """Reads reviews one by one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant: str, review_id: int) -> ReviewDetails:
        """One review.

        Raises:
            NotFound: The tenant has no such review.
        """
        with self._database.read() as connection:
            query = select_reviews().where(reviews.c.tenant == tenant, reviews.c.id == review_id)
            row = connection.execute(query).mappings().first()
            if row is None:
                raise NotFound("there is no such review", param="review_id")
            query = sa.select(messages).where(messages.c.id == row["m_message_id"])
            return _details(connection, tenant, read_review(row), connection.execute(query).mappings().one())


def _details(connection: Connection, tenant: str, review: Review, message: RowMapping) -> ReviewDetails:
    is_there = message["deleted_at"] is None
    alike = find_alike(connection, tenant, message, limit=MOST_ALIKE) if is_there else []
    return ReviewDetails(
        review,
        message["revision"],
        message["meta"] or {},
        unpack(message["analysis"]) if is_there else None,
        message["policy_version"],
        message["model_version"],
        _decisions(connection, review.id),
        _author(connection, tenant, message),
        _around(connection, tenant, message, is_after=False)[::-1],
        _around(connection, tenant, message, is_after=True),
        [NearDuplicate(one.review_id, one.message_id, round(one.resemblance, 4)) for one in alike],
    )


def _decisions(connection: Connection, review_id: int) -> list[DecisionLine]:
    steps = review_decisions.c
    query = sa.select(review_decisions).where(steps.review_id == review_id).order_by(steps.id)
    return [
        DecisionLine(
            row["id"],
            row["decision"],
            row["line"],
            row["by"],
            row["at"],
            row["action"],
            read_labels(row["labels"]) if row["labels"] else None,
            row["note"],
            row["revision"],
            row["undone_at"],
        )
        for row in connection.execute(query).mappings()
    ]


def _author(connection: Connection, tenant: str, message: RowMapping) -> AuthorHistory:
    if not message["author"]:
        return AuthorHistory(0, None, None, [], [])
    mine = {"tenant": tenant, "platform": message["platform"], "author": message["author"]}
    row = connection.execute(sa.select(authors).filter_by(**mine)).mappings().first()
    query = sa.select(strikes.c.offence, strikes.c.at, strikes.c.message_id).filter_by(**mine)
    found = connection.execute(query.order_by(strikes.c.at.desc(), strikes.c.id.desc()).limit(MOST_STRIKES))
    lines = [StrikeLine(*strike) for strike in found]
    query = sa.select(*BRIEF).filter_by(**mine).where(messages.c.id != message["id"])
    query = query.order_by(messages.c.received_at.desc(), messages.c.id.desc()).limit(RECENT)
    recent = [read_brief(other) for other in connection.execute(query).mappings()]
    if row is None:
        return AuthorHistory(0, None, None, lines, recent)
    return AuthorHistory(row["n_messages"], row["first_at"], row["last_at"], lines, recent)


def _around(connection: Connection, tenant: str, message: RowMapping, *, is_after: bool) -> list[MessageBrief]:
    """Neighbours in the channel, the nearest first."""
    m, at = messages.c, message["sent_at"]
    place = sa.tuple_(m.sent_at, m.id)
    own = sa.tuple_(sa.literal(at, m.sent_at.type), sa.literal(message["id"], m.id.type))
    near = m.sent_at <= at + NEAR if is_after else m.sent_at >= at - NEAR
    query = sa.select(*BRIEF).where(m.tenant == tenant, near, place > own if is_after else place < own)
    query = query.where(m.platform == message["platform"], m.channel == message["channel"], m.deleted_at.is_(None))
    order = (m.sent_at, m.id) if is_after else (m.sent_at.desc(), m.id.desc())
    return [read_brief(row) for row in connection.execute(query.order_by(*order).limit(NEIGHBOURS)).mappings()]
