"""Reviews that messages open on their way into the store, and those that edits and deletions leave without an object.

A message has one open review at most. One that ends without a decision is ``decided`` by nobody: it has a time, and no
row in `review_decisions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.audit import note
from nlp_service.store.incoming import ReviewWanted
from nlp_service.store.review_records import MODERATOR
from nlp_service.store.schema import reviews


class Wanted(NamedTuple):
    """What a judgement asks for a message, and when the message came."""

    review: ReviewWanted | None
    at: datetime


def begin(connection: Connection, tenant: str, wanted: Mapping[int, Wanted]) -> None:
    """Open reviews of messages, by their ids, that have none."""
    rows = [_row(tenant, message_id, review, at) for message_id, (review, at) in wanted.items() if review is not None]
    if rows:
        connection.execute(sa.insert(reviews), rows)


def revise(connection: Connection, tenant: str, wanted: Mapping[int, Wanted], actor: str) -> None:
    """Bring the reviews of messages in line with new wordings of them.

    An open review goes on with the new reasons, and is free for anybody again: nobody has looked at this wording. If
    there is nothing to look at any more, it ends. What somebody else asked for, as in an appeal, stays open.
    """
    if not wanted:
        return
    begun = dict(wanted)
    for review in _open(connection, wanted):
        asked, at = begun.pop(review.message_id)
        values: dict[str, Any] = {"claimed_by": None, "lease_until": None}
        if review.kind == "review" and asked is None:
            _end(connection, tenant, review.id, at, actor, "edited")
            continue
        if review.kind == "review" and asked is not None:
            values |= {"priority": asked.priority, "reasons": list(asked.reasons)}
        connection.execute(sa.update(reviews).where(reviews.c.id == review.id).values(**values))
    begin(connection, tenant, begun)


def end(connection: Connection, tenant: str, message_id: int, at: datetime, actor: str) -> None:
    """End what is open for a message that was deleted."""
    for review in _open(connection, [message_id]):
        _end(connection, tenant, review.id, at, actor, "deleted")


def _open(connection: Connection, message_ids: Mapping[int, Wanted] | Sequence[int]) -> Sequence[Any]:
    columns = reviews.c
    query = sa.select(columns.id, columns.message_id, columns.kind).where(columns.message_id.in_(list(message_ids)))
    return connection.execute(query.where(columns.state == "open").order_by(columns.id).with_for_update()).all()


def _end(connection: Connection, tenant: str, review_id: int, at: datetime, actor: str, why: str) -> None:
    values = {"state": "decided", "decided_at": at, "claimed_by": None, "lease_until": None}
    connection.execute(sa.update(reviews).where(reviews.c.id == review_id).values(**values))
    note(connection, tenant, actor, "review.end", f"review:{review_id}", why=why)


def _row(tenant: str, message_id: int, review: ReviewWanted, at: datetime) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "message_id": message_id,
        "kind": "review",
        "state": "open",
        "line": MODERATOR,
        "priority": review.priority,
        "reasons": list(review.reasons),
        "created_at": at,
    }
