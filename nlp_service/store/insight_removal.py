"""Removal of what mining found: with the messages behind it, with their age, and when newer runs take its place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.audit import note
from nlp_service.store.database import Database
from nlp_service.store.insight_records import pack, unpack
from nlp_service.store.schema import insight_members, insight_runs, messages, topic_states

_PORTION = 5_000  # rows of one transaction, as when they were written

# Their names are made of what messages say; those of the others are the same for everybody.
_TELLING = ("pain", "need", "topic", "keyword", "group")


def remove_messages(connection: Connection, ids: Sequence[int] | sa.Select[Any]) -> int:
    """Take messages out of all runs; gives how many rows that were."""
    return connection.execute(sa.delete(insight_members).where(insight_members.c.message_id.in_(ids))).rowcount


def erase_messages(connection: Connection, ids: sa.Select[Any]) -> int:
    """As `remove_messages`, and items go of which nothing is left: their names may be what one person said."""
    m = insight_members.c
    touched = sa.select(m.run_id, m.kind, m.item).distinct().where(m.message_id.in_(ids), m.kind.in_(_TELLING))
    items = [tuple(row) for row in connection.execute(touched)]
    removed = remove_messages(connection, ids)
    empty = [one for one in items if not _has_members(connection, *one)]
    for run_id in sorted({run_id for run_id, _, _ in empty}):
        _drop(connection, run_id, {(kind, item) for run, kind, item in empty if run == run_id})
    return removed


def expire(database: Database, tenant: str, older_than: datetime, actor: str) -> int:
    """Remove runs over periods that ended before a time, and states of topics of such days; gives how many runs."""
    c = insight_runs.c
    with database.write() as connection:
        old = connection.scalars(sa.select(c.id).where(c.tenant == tenant, c.period_end < older_than)).all()
        hide(connection, old)
        days = sa.delete(topic_states).where(
            topic_states.c.tenant == tenant, topic_states.c.day < older_than.date().isoformat()
        )
        n_states = connection.execute(days).rowcount
        if old or n_states:
            note(connection, tenant, actor, "insight.expire", f"tenant:{tenant}", runs=len(old), states=n_states)
    for run_id in old:
        _remove(database, run_id)
    return len(old)


def hide(connection: Connection, run_ids: Sequence[int]) -> None:
    """Make runs what nobody sees any more; their rows go later, since there may be millions."""
    chosen = sa.update(insight_runs).where(insight_runs.c.id.in_(run_ids))
    connection.execute(chosen.values(completed_at=None, document=b""))


def sweep(database: Database, tenant: str, older_than: datetime) -> None:
    """Remove runs of a tenant that were hidden, or that somebody began before a time and never completed."""
    c = insight_runs.c
    is_over = (c.document == b"") | (c.created_at < older_than)
    with database.read() as connection:
        left = connection.scalars(sa.select(c.id).where(c.tenant == tenant, c.completed_at.is_(None), is_over)).all()
    for run_id in left:
        _remove(database, run_id)


def remove_orphans(connection: Connection, run_id: int) -> None:
    """Take out messages that another transaction removed while the run was written."""
    m = insight_members.c
    is_there = sa.exists().where(messages.c.id == m.message_id)
    connection.execute(sa.delete(insight_members).where(m.run_id == run_id, ~is_there))


def _remove(database: Database, run_id: int) -> None:
    """Remove a hidden run, some of its rows at a time."""
    m = insight_members.c
    while True:
        begun = time.monotonic()
        with database.write() as connection:
            some = sa.select(m.kind, m.item, m.message_id).where(m.run_id == run_id).limit(_PORTION)
            chosen = sa.tuple_(m.kind, m.item, m.message_id).in_(some)
            removed = connection.execute(sa.delete(insight_members).where(m.run_id == run_id, chosen)).rowcount
            if removed < _PORTION:
                connection.execute(sa.delete(insight_runs).where(insight_runs.c.id == run_id))
                return
        time.sleep(min(time.monotonic() - begun, 0.1))


def _has_members(connection: Connection, run_id: int, kind: str, item: str) -> bool:
    m = insight_members.c
    found = sa.select(m.message_id).where(m.run_id == run_id, m.kind == kind, m.item == item).limit(1)
    return connection.execute(found).first() is not None


def _drop(connection: Connection, run_id: int, gone: set[tuple[str, str]]) -> None:
    """Take items out of the document of a run."""
    c = insight_runs.c
    packed = connection.scalar(sa.select(c.document).where(c.id == run_id).with_for_update())
    if not packed:
        return
    document = unpack(packed)
    for kind, items in document["items"].items():
        document["items"][kind] = [item for item in items if (kind, item["id"]) not in gone]
    connection.execute(sa.update(insight_runs).where(c.id == run_id).values(document=pack(document)))
