"""What must be told is written down here, in the transaction that causes it; `outbox` delivers it afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from nlp_service.store.schema.notify import channels, outbox, quiets

_BOX = outbox.c


class Posting(NamedTuple):
    """That a channel is told something.

    Attributes:
        channel: Its name.
        due_at: When; aware.
        cool_down_s: For how long the same is not told there again.
        is_escalation: Whether it is left out if somebody has taken the subject on by then.
        route: What decided so; for people.
    """

    channel: str
    due_at: datetime
    cool_down_s: float
    is_escalation: bool = False
    route: str = ""


class Posted(NamedTuple):
    """What became of postings: ids of those that will go out, and how many were held back by a cool-down."""

    ids: list[int]
    n_held_back: int


def post(
    connection: Connection,
    tenant: str,
    postings: Sequence[Posting],
    notice: bytes,
    *,
    subject: str,
    kind: str,
    what: str,
    now: datetime,
) -> Posted:
    """Write down what is to be told, in the transaction that causes it.

    Args:
        connection: The open transaction.
        tenant: Whose channels.
        postings: Who is told. A channel that is not there or not active is passed over.
        notice: What.
        subject: What it is about.
        kind: What happened.
        what: Names the same thing for cool-downs.
        now: Aware.
    """
    query = sa.select(channels.c.name, channels.c.id).where(channels.c.tenant == tenant, channels.c.is_active)
    known: dict[str, int] = dict(tuple(row) for row in connection.execute(query))
    ids, n_held_back = [], 0
    for posting in postings:
        if posting.channel not in known:
            continue
        channel_id = known[posting.channel]
        if posting.cool_down_s > 0 and not _begin_quiet(connection, channel_id, what, posting, now):
            n_held_back += 1
            continue
        row = {
            "key": secrets.token_hex(16),
            "tenant": tenant,
            "channel_id": channel_id,
            "subject": subject,
            "kind": kind,
            "is_escalation": posting.is_escalation,
            "notice": notice,
            "state": "pending",
            "attempts": 0,
            "created_at": now,
            "due_at": posting.due_at,
        }
        ids.append(connection.execute(sa.insert(outbox).values(**row).returning(_BOX.id)).scalar_one())
    return Posted(ids, n_held_back)


def _begin_quiet(connection: Connection, channel_id: int, what: str, posting: Posting, now: datetime) -> bool:
    """Whether it may be told: False, and counted, while the channel is quiet about it.

    One statement, so that of two replicas which tell the same at once one is held back.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    until = posting.due_at + timedelta(seconds=posting.cool_down_s)
    statement = insert(quiets).values(channel_id=channel_id, what=what, until=until, held_back=0)
    statement = statement.on_conflict_do_update(
        index_elements=[quiets.c.channel_id, quiets.c.what],
        set_={"until": until, "held_back": 0},
        where=quiets.c.until <= now,
    )
    if connection.execute(statement.returning(quiets.c.channel_id)).first() is not None:
        return True
    same = sa.and_(quiets.c.channel_id == channel_id, quiets.c.what == what)
    connection.execute(sa.update(quiets).where(same).values(held_back=quiets.c.held_back + 1))
    return False


def take_on(connection: Connection, tenant: str, subject: str, now: datetime) -> int:
    """Leave out the escalations that wait for a subject, because somebody has it; gives how many."""
    waiting = sa.and_(_BOX.tenant == tenant, _BOX.subject == subject, _BOX.state == "pending", _BOX.is_escalation)
    return connection.execute(sa.update(outbox).where(waiting).values(state="cancelled", done_at=now)).rowcount
