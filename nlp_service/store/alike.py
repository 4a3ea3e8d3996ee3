"""Near-duplicates of a stored message, and which of them wait for a review. All take an open transaction."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.store.schema import copies, messages, reviews
from nlp_service.text.normalise import normalise_batch
from nlp_service.text.sketch import keys, resemblances

LEAST = 0.7
"""Resemblance from which a decision on one message is a decision on another."""


_MOST_COPIES = 4_000
"""Rows of the index of copies that are looked at, the newest first; a message has one for each of its keys."""


class Alike(NamedTuple):
    """A message like another.

    Attributes:
        message_id: Of the message.
        resemblance: 0.7 to 1; 1 for the same letters.
        review_id: Of a review of it that waits.
    """

    message_id: int
    resemblance: float
    review_id: int


def find_alike(
    connection: Connection, tenant: str, message: RowMapping, *, limit: int, is_exact: bool = False
) -> list[Alike]:
    """Other messages with open reviews that say the same as this one, the oldest review first.

    Args:
        connection: The open transaction.
        tenant: Whose messages.
        message: Row of the message; it needs ``id`` and ``text``.
        limit: Reviews that are compared at the most.
        is_exact: Only those with the same letters.
    """
    text: str = message["text"]
    (own,) = keys(normalise_batch([text]))
    if own:
        ids = _sharing(connection, tenant, own[:1] if is_exact else own)
        found = _waiting(connection, tenant, ids - {message["id"]}, limit)
    else:
        # Too short for keys: only the very same text is a copy.
        query = _open(tenant).join(messages, messages.c.id == reviews.c.message_id)
        query = query.where(messages.c.text == text, messages.c.id != message["id"])
        found = {row.id: row.message_id for row in connection.execute(query.order_by(reviews.c.id).limit(limit))}
    query = sa.select(messages.c.id, messages.c.text).where(messages.c.id.in_(set(found.values())))
    texts = {row.id: row.text for row in connection.execute(query.where(messages.c.deleted_at.is_(None)))}
    is_same = is_exact or not own
    shares = [1.0] * len(texts) if is_same else resemblances(text, list(texts.values()))
    near = dict(zip(texts, shares, strict=True))
    return [
        Alike(message_id, near[message_id], review_id)
        for review_id, message_id in found.items()
        if near.get(message_id, 0.0) >= LEAST
    ]


def _sharing(connection: Connection, tenant: str, wanted: Sequence[int]) -> set[int]:
    """Messages that have one of the keys, the newest of them."""
    query = sa.select(copies.c.message_id).where(copies.c.tenant == tenant, copies.c.key.in_(wanted))
    return set(connection.scalars(query.order_by(copies.c.received_ms.desc()).limit(_MOST_COPIES)))


def _waiting(connection: Connection, tenant: str, message_ids: set[int], limit: int) -> dict[int, int]:
    """Open reviews of messages, the oldest first, each with its message."""
    # By the messages alone: SQLite would rather look at every review that waits.
    columns = (reviews.c.id, reviews.c.message_id, reviews.c.tenant, reviews.c.state, reviews.c.kind)
    query = sa.select(*columns).where(reviews.c.message_id.in_(message_ids)).order_by(reviews.c.id)
    rows = (row for row in connection.execute(query) if tuple(row)[2:] == (tenant, "open", "review"))
    return {row.id: row.message_id for row in itertools.islice(rows, limit)}


def _open(tenant: str) -> sa.Select[Any]:
    waits = (reviews.c.tenant == tenant) & (reviews.c.state == "open") & (reviews.c.kind == "review")
    return sa.select(reviews.c.id, reviews.c.message_id).where(waits)
