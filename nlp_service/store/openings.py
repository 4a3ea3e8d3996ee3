"""Reviews that people open: appeals against what was done, and corrections of labels. All take an open transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import Conflict, NotFound
from nlp_service.store.audit import note
from nlp_service.store.judging import PUNISHED, labels_after, note_step
from nlp_service.store.labels import as_read
from nlp_service.store.review_records import APPEAL_PRIORITY, EXPERT, MODERATOR, Attempt, ReviewOutcome, Ruling
from nlp_service.store.review_rows import Held, analysis_of, hold, lock_messages, set_review, write_step
from nlp_service.store.schema import review_decisions, reviews


class Appealed(NamedTuple):
    """The review that an appeal has; `is_new` is false for one that waits already."""

    review_id: int
    is_new: bool


def correct(
    connection: Connection, tenant: str, message_id: int, attempt: Attempt, ruling: Ruling, actor: str
) -> ReviewOutcome:
    """Say what a message should have been read as, whether or not anybody was to review it.

    What is done with it stays.

    Raises:
        NotFound: The tenant has no such message.
        Conflict: It was deleted, or edited since it was looked at.
        BadInput: The labels contradict one another or the text; `param` names the field.
    """
    message = _lock(connection, tenant, message_id)
    if attempt.revision not in (None, message["revision"]):
        raise Conflict(f"message {message_id} was edited: it has revision {message['revision']}")
    held = _open(connection, tenant, message_id, attempt.at, kind="correction", line=attempt.line, by=attempt.reviewer)
    labels = labels_after(held, ruling)
    before = {"labels": msgspec.to_builtins(as_read(analysis_of(message)))}
    values = {"labels": msgspec.to_builtins(labels), "note": ruling.note}
    step = write_step(connection, held, attempt, attempt.line, before=before, **values)
    note_step(connection, tenant, actor, held, attempt, step)
    return msgspec.structs.replace(held.unchanged("decided", attempt.line), decision_id=step, labels=labels)


def appeal(connection: Connection, tenant: str, message_id: int, at: datetime, why: str, actor: str) -> Appealed:
    """Ask for another look at what was done with a message, on behalf of its author.

    One that waits already is given instead of a second. Experts look at what experts decided.

    Args:
        connection: The open transaction.
        tenant: Whose message.
        message_id: The message.
        at: Now.
        why: What the author says.
        actor: The key's name.

    Raises:
        NotFound: The tenant has no such message.
        Conflict: It was deleted, nothing was done to appeal against, or an appeal of this wording was decided.
    """
    message = _lock(connection, tenant, message_id)
    waiting = _appeal_of(connection, message)
    if waiting is not None:
        return Appealed(waiting, is_new=False)
    action = message["action"]
    if action not in PUNISHED:
        raise Conflict("nothing was done with the message that could be appealed against", param="message_id")
    held = _open(connection, tenant, message_id, at, kind="appeal", note=why)
    last, review_id = held.last_judge, held.review["id"]
    line = EXPERT if last is not None and last["line"] >= EXPERT else MODERATOR
    values = {"line": line, "priority": APPEAL_PRIORITY[action], "reasons": [f"appeal:{action}"]}
    set_review(connection, review_id, **values)
    note(connection, tenant, actor, "review.appeal", f"review:{review_id}", message=message_id, against=action)
    return Appealed(review_id, is_new=True)


def _lock(connection: Connection, tenant: str, message_id: int) -> RowMapping:
    found = lock_messages(connection, tenant, [message_id])
    if not found:
        raise NotFound("there is no such message", param="message_id")
    if found[0]["deleted_at"] is not None:
        raise Conflict("the message was deleted", param="message_id")
    return found[0]


def _open(connection: Connection, tenant: str, message_id: int, at: datetime, *, kind: str, **given: Any) -> Held:
    """Make a review of a locked message: open, or closed by somebody."""
    by = given.pop("by", None)
    row = {"tenant": tenant, "message_id": message_id, "kind": kind, "priority": 0.0, "reasons": [], "line": MODERATOR}
    row |= {"state": "open"} if by is None else {"state": "decided", "claimed_by": by, "decided_at": at}
    statement = sa.insert(reviews).values(**row | given, created_at=at).returning(reviews.c.id)
    return hold(connection, tenant, connection.execute(statement).scalar_one())


def _appeal_of(connection: Connection, message: RowMapping) -> int | None:
    """The open appeal of a locked message.

    Raises:
        Conflict: One of this wording was decided.
    """
    mine = (reviews.c.message_id == message["id"]) & (reviews.c.kind == "appeal")
    waiting = connection.scalar(sa.select(reviews.c.id).where(mine, reviews.c.state == "open").limit(1))
    if waiting is not None:
        return int(waiting)
    steps = review_decisions.c
    query = sa.select(steps.id).join(reviews, reviews.c.id == steps.review_id).where(mine, steps.undone_at.is_(None))
    if connection.scalar(query.where(steps.revision == message["revision"]).limit(1)) is not None:
        raise Conflict("an appeal of this message was decided", param="message_id")
    return None
