"""What the watch needs of the store: new messages, where it stands, and that one replica alone watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from nlp_service.errors import Conflict
from nlp_service.store.audit import note
from nlp_service.store.bases import insert_new
from nlp_service.store.database import Database
from nlp_service.store.packing import unpack
from nlp_service.store.schema import crisis_settings, messages, watches
from nlp_service.types import Analysis

_W = watches.c


class Standing(NamedTuple):
    """Where a watch stands: behind which message it goes on, and what it knew there; None for one that is new."""

    up_to: int
    state: bytes | None


class WatchedMessage(msgspec.Struct, frozen=True):
    """A stored message as the watch sees it; `id` counts arrivals."""

    id: int
    tenant: str
    platform: str
    external_id: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime
    text: str
    meta: dict[str, Any]
    analysis: Analysis
    vector: bytes | None


class CrisisSettings(msgspec.Struct, frozen=True):
    """A tenant's own playbooks, wordings and helpline as they were written; version 0 is none."""

    version: int
    document: dict[str, Any]
    created_at: datetime | None
    author: str


class WatchStore:
    """Messages for the watch, and its standing; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, name: str, worker: str, now: datetime, lease_s: float) -> Standing | None:
        """Become, or stay, the one who watches; None while somebody else is.

        A new watch begins behind the messages that are there: what is old is for `replay`.
        """
        with self._database.write() as connection:
            newest = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(messages.c.id), 0)))
            connection.execute(insert_new(connection, watches).values(name=name, up_to=newest))
            is_free = sa.or_(_W.worker == worker, _W.lease_until.is_(None), _W.lease_until <= now)
            values = {"worker": worker, "lease_until": now + timedelta(seconds=lease_s)}
            mine = sa.update(watches).where(_W.name == name, is_free).values(**values).returning(_W.up_to, _W.state)
            row = connection.execute(mine).first()
            return None if row is None else Standing(row.up_to, row.state)

    def save(self, name: str, worker: str, up_to: int, state: bytes, now: datetime, lease_s: float) -> bool:
        """Keep where a watch stands; False if somebody else watches by now, and nothing is kept."""
        values = {"up_to": up_to, "state": state, "saved_at": now, "lease_until": now + timedelta(seconds=lease_s)}
        with self._database.write() as connection:
            mine = sa.update(watches).where(_W.name == name, _W.worker == worker)
            return connection.execute(mine.values(**values)).rowcount == 1

    def release(self, name: str, worker: str) -> None:
        """Let others watch at once."""
        with self._database.write() as connection:
            mine = sa.update(watches).where(_W.name == name, _W.worker == worker)
            connection.execute(mine.values(worker=None, lease_until=None))

    def messages_after(self, message_id: int, limit: int) -> list[WatchedMessage]:
        """Messages of all tenants in the order of arrival, without those that were deleted.

        Transactions end in another order than they take numbers, so a message may appear among those that were read:
        whoever follows asks again from a little further back, and leaves out what it has seen.
        """
        columns = [messages.c[name] for name in WatchedMessage.__struct_fields__]
        query = sa.select(*columns).where(messages.c.id > message_id, messages.c.deleted_at.is_(None))
        with self._database.read() as connection:
            return [_message(row) for row in connection.execute(query.order_by(messages.c.id).limit(limit)).mappings()]

    def settings(self, tenant: str) -> CrisisSettings:
        """What a tenant has written."""
        c = crisis_settings.c
        query = sa.select(c.version, c.document, c.created_at, c.author).where(c.tenant == tenant)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(c.version.desc()).limit(1)).first()
        return CrisisSettings(0, {}, None, "") if row is None else CrisisSettings(*row)

    def put_settings(self, tenant: str, document: Mapping[str, Any], *, actor: str) -> CrisisSettings:
        """Make a document hold; that it can be read is for the caller to check.

        Raises:
            Conflict: Somebody else changed it at this moment.
        """
        held = self.settings(tenant)
        if held.version and held.document == dict(document):
            return held
        row = {"tenant": tenant, "version": held.version + 1, "document": dict(document), "author": actor}
        row["created_at"] = datetime.now(UTC)
        with self._database.write() as connection:
            statement = insert_new(connection, crisis_settings).values(**row).returning(crisis_settings.c.version)
            if connection.execute(statement).first() is None:
                raise Conflict("these settings were changed just now")
            note(connection, tenant, actor, "crisis.settings", f"crisis:{held.version + 1}")
        return self.settings(tenant)


def _message(row: Any) -> WatchedMessage:
    values = dict(row)
    values["meta"] = values["meta"] or {}
    values["analysis"] = unpack(values["analysis"])
    return WatchedMessage(**values)
