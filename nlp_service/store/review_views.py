"""Reviews and messages as they are shown: columns to select, and values made of rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from nlp_service.store.packing import label_names
from nlp_service.store.queueing import rank
from nlp_service.store.review_records import MessageBrief, Review
from nlp_service.store.schema import messages, reviews

_BRIEF = {
    "message_id": messages.c.id,
    "platform": messages.c.platform,
    "external_id": messages.c.external_id,
    "channel": messages.c.channel,
    "author": messages.c.author,
    "sent_at": messages.c.sent_at,
    "text": messages.c.text,
    "action": messages.c.action,
    "labels": messages.c.labels,
    "risk": messages.c.risk,
}
BRIEF = [column.label(f"m_{name}") for name, column in _BRIEF.items()]
"""Columns of a message for `read_brief`."""

_OWN = "id kind state line priority reasons created_at claimed_by lease_until decided_at note".split()


def read_brief(row: RowMapping) -> MessageBrief:
    """A message from the columns of `BRIEF`."""
    values = [row[f"m_{name}"] for name in _BRIEF]
    values[8] = list(label_names(values[8]))
    return MessageBrief(*values)


def read_review(row: RowMapping) -> Review:
    """A review from the columns that `select_reviews` gives."""
    return Review(**{name: row[name] for name in _OWN}, message=read_brief(row))


def select_reviews() -> sa.Select[Any]:
    """Reviews with their messages, and with their rank in the queue."""
    columns = [reviews.c[name] for name in _OWN]
    query = sa.select(*columns, rank().label("rank"), *BRIEF)
    return query.select_from(reviews.join(messages, messages.c.id == reviews.c.message_id))
