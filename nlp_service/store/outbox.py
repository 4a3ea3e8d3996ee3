"""The outbox: what must be told is written in the transaction that causes it, and stays until somebody took it.

A channel is delivered by one worker at a time, which holds it by a lease, so its messages go out in their order. Who
dies while delivering leaves a message that was perhaps taken: it goes out again with the same `key`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import Conflict, NotFound
from nlp_service.store.audit import note
from nlp_service.store.database import Database
from nlp_service.store.schema.notify import channels, outbox, quiets

STATES = ("pending", "sent", "dead", "cancelled")

_BOX = outbox.c


class Claim(NamedTuple):
    """A channel that a worker holds: how it is reached (sealed), and how often it failed in a row."""

    channel_id: int
    tenant: str
    name: str
    kind: str
    settings: dict[str, str]
    secrets: bytes
    failures: int


class Waiting(NamedTuple):
    """A message that is due: `notice` as it was posted, `attempts` so far."""

    id: int
    key: str
    notice: bytes
    attempts: int
    created_at: datetime


class OutboxLine(msgspec.Struct, frozen=True):
    """A message of the outbox as an operator sees it.

    Attributes:
        error: Why the last try failed, as a code; None where none did.
        done_at: When it was sent, given up or cancelled.
    """

    id: int
    key: str
    channel: str
    subject: str
    kind: str
    is_escalation: bool
    state: str
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    done_at: datetime | None


class Outbox:
    """The outbox of a database; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def n_due(self, now: datetime) -> int:
        """How many channels could be claimed now; reads only, so that it may be asked every second."""
        query = sa.select(sa.func.count()).select_from(channels).where(*_may_be_claimed(_oldest_due(now), now))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def claim(self, worker: str, now: datetime, lease_s: float) -> Claim | None:
        """Take a channel that has something due and is held by nobody, the one that waits longest first.

        Args:
            worker: Names who takes it.
            now: Aware.
            lease_s: For how long; others may have it afterwards.
        """
        oldest = _oldest_due(now)
        query = sa.select(channels).where(*_may_be_claimed(oldest, now)).order_by(oldest, channels.c.id).limit(1)
        with self._database.write() as connection:
            row = connection.execute(query.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            values = {"worker": worker, "lease_until": now + timedelta(seconds=lease_s)}
            connection.execute(sa.update(channels).where(channels.c.id == row["id"]).values(**values))
        names = ("id", "tenant", "name", "kind", "settings", "secrets", "failures")
        return Claim(*(row[name] for name in names))

    def next_of(self, claim: Claim, worker: str, now: datetime, lease_s: float) -> Waiting | None:
        """The next message of a channel, which is then held for longer; None when nothing is due, or it is lost."""
        with self._database.write() as connection:
            held = sa.and_(channels.c.id == claim.channel_id, channels.c.worker == worker, channels.c.is_active)
            values = {"lease_until": now + timedelta(seconds=lease_s)}
            if connection.execute(sa.update(channels).where(held).values(**values)).rowcount == 0:
                return None
            columns = (_BOX.id, _BOX.key, _BOX.notice, _BOX.attempts, _BOX.created_at)
            due = sa.and_(_BOX.channel_id == claim.channel_id, _BOX.state == "pending", _BOX.due_at <= now)
            row = connection.execute(sa.select(*columns).where(due).order_by(_BOX.due_at, _BOX.id).limit(1)).first()
            return None if row is None else Waiting(*row)

    def sent(self, claim: Claim, message_id: int, now: datetime) -> None:
        """Note that a message was taken."""
        with self._database.write() as connection:
            _finish(connection, message_id, "sent", now, None)
            _rest(connection, claim, 0, None)

    def refused(self, claim: Claim, message_id: int, error: str, now: datetime) -> None:
        """Give a message up: it would be refused again. Those behind it go on."""
        with self._database.write() as connection:
            _finish(connection, message_id, "dead", now, error)

    def failed(self, claim: Claim, message_id: int, error: str, retry_at: datetime) -> None:
        """Note that a channel could not be reached. All that it has to tell waits, so that the order stays."""
        with self._database.write() as connection:
            values = {"attempts": _BOX.attempts + 1, "error": error}
            connection.execute(sa.update(outbox).where(_BOX.id == message_id).values(**values))
            _rest(connection, claim, claim.failures + 1, retry_at)

    def release(self, claim: Claim, worker: str) -> None:
        """Let a channel go."""
        held = sa.and_(channels.c.id == claim.channel_id, channels.c.worker == worker)
        with self._database.write() as connection:
            connection.execute(sa.update(channels).where(held).values(worker=None, lease_until=None))

    def browse(
        self,
        tenant: str,
        *,
        state: str | None = None,
        subject: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[OutboxLine]:
        """A page of a tenant's messages, the newest first.

        Args:
            tenant: Whose.
            state: Only these, of `STATES`.
            subject: Only about this.
            before: Id of the last one of the page before; None begins.
            limit: Of a page.
        """
        columns = [
            channels.c.name.label("channel") if n == "channel" else _BOX[n] for n in OutboxLine.__struct_fields__
        ]
        query = sa.select(*columns).join(channels, channels.c.id == _BOX.channel_id).where(_BOX.tenant == tenant)
        for column, wanted in ((_BOX.state, state), (_BOX.subject, subject)):
            query = query if wanted is None else query.where(column == wanted)
        if before is not None:
            query = query.where(_BOX.id < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_BOX.id.desc()).limit(limit)).mappings()
            return [_line(row) for row in rows]

    def counts(self, tenant: str) -> dict[str, int]:
        """How many messages are in each of `STATES`."""
        query = sa.select(_BOX.state, sa.func.count()).where(_BOX.tenant == tenant).group_by(_BOX.state)
        with self._database.read() as connection:
            return dict.fromkeys(STATES, 0) | dict(tuple(row) for row in connection.execute(query))

    def retry(self, tenant: str, message_id: int, now: datetime, *, actor: str) -> None:
        """Send a message that was given up once more, behind what waits by now.

        Raises:
            NotFound: The tenant has no such message.
            Conflict: It was not given up.
        """
        with self._database.write() as connection:
            query = sa.select(_BOX.state).where(_BOX.tenant == tenant, _BOX.id == message_id).with_for_update()
            state = connection.execute(query).scalar()
            if state is None:
                raise NotFound("there is no such message in the outbox", param="id")
            if state != "dead":
                raise Conflict(f"the message is {state}: only one that was given up can be sent again", param="id")
            values = {"state": "pending", "due_at": now, "done_at": None, "attempts": 0}
            connection.execute(sa.update(outbox).where(_BOX.id == message_id).values(**values))
            note(connection, tenant, actor, "outbox.retry", f"outbox:{message_id}")

    def expire(self, older_than: datetime) -> int:
        """Remove what was done before a time, and cool-downs that ended; gives how many messages."""
        with self._database.write() as connection:
            connection.execute(sa.delete(quiets).where(quiets.c.until < older_than))
            done = sa.and_(_BOX.state != "pending", _BOX.done_at < older_than)
            return connection.execute(sa.delete(outbox).where(done)).rowcount


def _oldest_due(now: datetime) -> sa.ScalarSelect[datetime | None]:
    due = sa.and_(_BOX.channel_id == channels.c.id, _BOX.state == "pending", _BOX.due_at <= now)
    return sa.select(sa.func.min(_BOX.due_at)).where(due).correlate(channels).scalar_subquery()


def _may_be_claimed(oldest: sa.ScalarSelect[datetime | None], now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    is_free = sa.or_(channels.c.lease_until.is_(None), channels.c.lease_until <= now)
    may_be_tried = sa.or_(channels.c.next_at.is_(None), channels.c.next_at <= now)
    return (channels.c.is_active.is_(True), is_free, may_be_tried, oldest.is_not(None))


def _finish(connection: Connection, message_id: int, state: str, now: datetime, error: str | None) -> None:
    values = {"state": state, "done_at": now, "attempts": _BOX.attempts + 1, "error": error}
    connection.execute(sa.update(outbox).where(_BOX.id == message_id).values(**values))


def _rest(connection: Connection, claim: Claim, failures: int, next_at: datetime | None) -> None:
    values = {"failures": failures, "next_at": next_at}
    connection.execute(sa.update(channels).where(channels.c.id == claim.channel_id).values(**values))


def _line(row: RowMapping) -> OutboxLine:
    return OutboxLine(**row)
