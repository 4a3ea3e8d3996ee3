"""Removal of messages by age, in steps that nobody waits for long."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store import copies, incidents, insight_removal, races
from nlp_service.store.audit import note
from nlp_service.store.database import Database
from nlp_service.store.schema import authors, messages

STEP = 500
"""Messages of one transaction: as long as a delivery takes, so that nobody waits longer for the one than the other."""


class Expired(NamedTuple):
    """How many rows were removed: messages, keys of copies, and authors of whom nothing is left."""

    messages: int = 0
    copies: int = 0
    authors: int = 0


def expire(database: Database, tenant: str, older_than: datetime, actor: str, limit: int | None) -> Expired:
    """Remove messages received before a time, and at the end what mining found in periods before it.

    Between steps it rests as long as each of them took: on SQLite others write only then.
    """
    total = Expired()
    since: datetime | None = None
    while limit is None or total.messages < limit:
        size = STEP if limit is None else min(STEP, limit - total.messages)
        begun = time.monotonic()
        step = functools.partial(_step, tenant, since, older_than, actor, size)
        removed, since = races.write(database, step)
        total = Expired(*(old + new for old, new in zip(total, removed, strict=True)))
        if since is None:
            insight_removal.expire(database, tenant, older_than, actor)
            break
        time.sleep(time.monotonic() - begun)
    return total


def remove(connection: Connection, ids: Sequence[int]) -> int:
    """Remove rows of messages with all that hangs on them; gives how many rows of copies that were."""
    n_copies = copies.remove(connection, ids)
    insight_removal.remove_messages(connection, ids)
    incidents.remove_messages(connection, ids)
    # Strikes, reviews and their decisions go with the row.
    connection.execute(sa.delete(messages).where(messages.c.id.in_(ids)))
    return n_copies


def _step(
    tenant: str, since: datetime | None, older_than: datetime, actor: str, size: int, connection: Connection
) -> tuple[Expired, datetime | None]:
    """Remove so many messages; gives when the last of them was sent, which is where to go on, and None at the end."""
    c = messages.c
    # Nothing is received before it is sent: so the index by that time finds what was received too long ago.
    query = sa.select(c.id, c.sent_at).where(c.tenant == tenant, c.sent_at < older_than, c.received_at < older_than)
    if since is not None:
        query = query.where(c.sent_at >= since)
    # What another process works on is left to it.
    rows = connection.execute(query.order_by(c.sent_at).limit(size).with_for_update(skip_locked=True)).all()
    n_copies = remove(connection, [row.id for row in rows]) if rows else 0
    is_end = len(rows) < size
    removed = Expired(len(rows), n_copies, _remove_authors(connection, tenant, older_than) if is_end else 0)
    if any(removed):
        detail = {"older_than": older_than.isoformat(), **removed._asdict()}
        note(connection, tenant, actor, "messages.expire", f"tenant:{tenant}", **detail)
    return removed, None if is_end else rows[-1].sent_at


def _remove_authors(connection: Connection, tenant: str, older_than: datetime) -> int:
    """Authors whose last message is too old: their messages are gone by now."""
    c = authors.c
    old = sa.select(c.platform, c.author).where(c.tenant == tenant, c.last_at < older_than)
    old = old.with_for_update(skip_locked=True)
    gone = sa.tuple_(c.platform, c.author).in_(old)
    return connection.execute(sa.delete(authors).where(c.tenant == tenant, gone)).rowcount
