"""The repository of replies: what was asked and answered, and what people said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import NotFound
from nlp_service.store import bases
from nlp_service.store.database import Database
from nlp_service.store.schema import feedback, knowledge_bases, replies


class StoredReply(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what became of it.

    Attributes:
        id: A UUID as text.
        kb_version: The version that was answered from.
        asked_at: Aware.
        channel: Where it was asked; empty if that is not known.
        author_hash: Tells authors apart without naming them.
        question: With personal data masked already, by the caller.
        question_vector: The encoding as bytes of float32; None where it was not kept.
        decision: answer, clarify, handoff or none.
        entry_id: The entry that was answered with.
        wording: Index of the wording of it that matched.
        probability: Calibrated, in [0, 1].
        reason: Why this was decided.
        answered_by, answered_at: Who answered a question that was handed off, and when.
    """

    id: str
    kb_version: int
    asked_at: datetime
    question: str
    decision: str
    reason: str
    channel: str = ""
    author_hash: str = ""
    question_vector: bytes | None = None
    entry_id: str | None = None
    wording: int | None = None
    probability: float | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a reply.

    Attributes:
        given_at: Aware.
        by: Who said it.
        helpful: Thumb up or down.
        entry_id: The entry that would have been right.
        answer: The answer that would have been right.
    """

    reply_id: str
    given_at: datetime
    by: str
    helpful: bool | None = None
    entry_id: str | None = None
    answer: str | None = None


class Hits(msgspec.Struct, frozen=True):
    """How often a wording of an entry was what a decision went by; both None where no entry was near."""

    decision: str
    entry_id: str | None
    wording: int | None
    replies: int


_REPLY = [replies.c[name] for name in StoredReply.__struct_fields__]
_FEEDBACK = [feedback.c[name] for name in Feedback.__struct_fields__]


class ReplyStore:
    """Replies in a database; each method is one transaction, and takes the tenant first.

    Every method that takes a base raises NotFound if the tenant has no such one. Periods are half-open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, tenant: str, kb: int | str, given: Sequence[StoredReply]) -> None:
        """Write replies down. One whose id is there already is left as it is, so that a retry does no harm."""
        if not given:
            return
        with self._database.write() as connection:
            base = bases.find(connection, tenant, kb)
            rows = [{"kb_id": base.id, **msgspec.structs.asdict(reply)} for reply in given]
            connection.execute(bases.insert_new(connection, replies), rows)

    def get(self, tenant: str, reply_id: str) -> StoredReply:
        """One reply.

        Raises:
            NotFound: The tenant has no such reply.
        """
        with self._database.read() as connection:
            return _find(connection, tenant, reply_id)

    def read(
        self,
        tenant: str,
        kb: int | str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        decisions: Sequence[str] | None = None,
        is_waiting: bool = False,
        limit: int | None = None,
    ) -> list[StoredReply]:
        """Replies by time, the oldest first.

        Args:
            tenant: Whose base it is.
            kb: The base.
            since: Asked then or later.
            until: Asked before.
            decisions: Only these; None for all.
            is_waiting: Only those that nobody has answered since.
            limit: At most so many.
        """
        with self._database.read() as connection:
            query = sa.select(*_REPLY).where(_asked(bases.find(connection, tenant, kb).id, since, until))
            if decisions is not None:
                query = query.where(replies.c.decision.in_(decisions))
            if is_waiting:
                query = query.where(replies.c.answered_at.is_(None))
            query = query.order_by(replies.c.asked_at, replies.c.id).limit(limit)
            return [StoredReply(**row) for row in connection.execute(query).mappings()]

    def hits(
        self, tenant: str, kb: int | str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[Hits]:
        """Count replies by decision, entry and wording, the most frequent first."""
        by = (replies.c.decision, replies.c.entry_id, replies.c.wording)
        number = sa.func.count().label("number")
        with self._database.read() as connection:
            query = sa.select(*by, number).where(_asked(bases.find(connection, tenant, kb).id, since, until))
            # Where they put NULL unasked, the two databases differ.
            order = (number.desc(), *(column.nulls_first() for column in by))
            return [Hits(*row) for row in connection.execute(query.group_by(*by).order_by(*order))]

    def mark_answered(self, tenant: str, reply_id: str, by: str, at: datetime) -> None:
        """Write down who answered a question that waited.

        Raises:
            NotFound: The tenant has no such reply.
        """
        with self._database.write() as connection:
            _find(connection, tenant, reply_id)
            values = {"answered_by": by, "answered_at": at}
            connection.execute(sa.update(replies).where(replies.c.id == reply_id).values(**values))

    def give_feedback(self, tenant: str, given: Feedback) -> None:
        """Write down what somebody said of a reply; several people may say something.

        Raises:
            NotFound: The tenant has no such reply.
        """
        with self._database.write() as connection:
            _find(connection, tenant, given.reply_id)
            connection.execute(sa.insert(feedback).values(**msgspec.structs.asdict(given)))

    def read_feedback(
        self, tenant: str, kb: int | str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[Feedback]:
        """Feedback on questions that were asked in a period, in the order in which it was given."""
        with self._database.read() as connection:
            query = sa.select(*_FEEDBACK).join(replies, replies.c.id == feedback.c.reply_id)
            query = query.where(_asked(bases.find(connection, tenant, kb).id, since, until))
            query = query.order_by(feedback.c.given_at, feedback.c.id)
            return [Feedback(**row) for row in connection.execute(query).mappings()]


def _find(connection: Connection, tenant: str, reply_id: str) -> StoredReply:
    query = sa.select(*_REPLY).join(knowledge_bases, knowledge_bases.c.id == replies.c.kb_id)
    query = query.where(replies.c.id == reply_id, knowledge_bases.c.tenant == tenant)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("there is no such reply", param="reply_id")
    return StoredReply(**row)


def _asked(kb_id: int, since: datetime | None, until: datetime | None) -> sa.ColumnElement[bool]:
    asked = replies.c.kb_id == kb_id
    if since is not None:
        asked &= replies.c.asked_at >= since
    if until is not None:
        asked &= replies.c.asked_at < until
    return asked
