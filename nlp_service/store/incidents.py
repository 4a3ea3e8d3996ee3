"""Incidents: what they are by now, what happened to them, and which messages they are made of.

The functions take an open transaction, because what happens to an incident, what is told of it and when its clock rings
must stand or fall together; `IncidentStore` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import NotFound
from nlp_service.store.bases import insert_new
from nlp_service.store.browsing import StoredMessage, read_all, select_named
from nlp_service.store.bulk import Lookup, as_parameter, given
from nlp_service.store.database import Database
from nlp_service.store.incident_records import IncidentEvent, IncidentRow, IncidentValues
from nlp_service.store.schema import incident_events, incident_messages, incidents, messages

MAX_PAGE = 200
"""Incidents of a page."""

_C = incidents.c
_COLUMNS = [_C[name] for name in IncidentRow.__struct_fields__]


class Put(NamedTuple):
    """What writing an incident did: the row as it was before, None for a new one, and as it is now."""

    before: IncidentRow | None
    after: IncidentRow


def put(connection: Connection, tenant: str, values: IncidentValues, *, reopens: bool = False) -> Put:
    """Write what the watch says of an incident, and lock it until the transaction ends.

    An older state than the one that is stored changes nothing, so that a watch may go over the same messages again.
    What people did to it stays: one that somebody closed is opened again only by a higher severity, or where the watch
    says that it came back.

    Args:
        connection: The open transaction.
        tenant: Whose incident.
        values: What the watch says.
        reopens: Whether it came back after it was over.
    """
    named = values._asdict()
    given_messages = named.pop("messages")
    before = _find(connection, tenant, values.key, is_locked=True)
    if before is None:
        statement = insert_new(connection, incidents).values(tenant=tenant, **named).returning(_C.id)
        if connection.execute(statement).first() is not None:
            _add_messages(connection, tenant, values.key, given_messages)
            return Put(None, find(connection, tenant, values.key))
        before = find(connection, tenant, values.key, is_locked=True)  # another replica was faster
    if values.updated_at < before.updated_at:
        return Put(before, before)
    is_the_same = values.severity <= before.severity and not reopens
    if before.state == "closed" and values.state == "open" and is_the_same:
        named |= {"state": "closed", "closed_at": before.closed_at}
    connection.execute(sa.update(incidents).where(_C.id == before.id).values(**named))
    _add_messages(connection, tenant, values.key, given_messages)
    return Put(before, find(connection, tenant, values.key))


def _add_messages(connection: Connection, tenant: str, key: str, names: Sequence[tuple[str, str]]) -> None:
    """Add the messages of an incident that are stored; others are none of ours, or were removed."""
    if not names:
        return
    asked = given(connection.dialect.name, {"platform": sa.String(), "external_id": messages.c.external_id.type})
    same = sa.and_(
        messages.c.tenant == sa.bindparam("tenant"),
        messages.c.external_id == asked.c.external_id,
        messages.c.platform == asked.c.platform,
        messages.c.deleted_at.is_(None),
    )
    number = sa.select(_C.id).where(_C.tenant == sa.bindparam("tenant"), _C.key == sa.bindparam("key"))
    found = sa.select(number.scalar_subquery(), messages.c.id).select_from(Lookup(asked, messages, same))
    statement = insert_new(connection, incident_messages).from_select(["incident_id", "message_id"], found)
    rows = [{"platform": platform, "external_id": external} for platform, external in names]
    connection.execute(statement, {"tenant": tenant, "key": key, "given": as_parameter(rows)})


def find(connection: Connection, tenant: str, key: str, *, is_locked: bool = False) -> IncidentRow:
    """Read an incident; locked, no other transaction changes it until this one ends.

    Raises:
        NotFound: The tenant has no such incident.
    """
    row = _find(connection, tenant, key, is_locked=is_locked)
    if row is None:
        raise NotFound("there is no such incident", param="incident")
    return row


def change(connection: Connection, incident_id: int, **values: object) -> None:
    """Set columns of an incident."""
    connection.execute(sa.update(incidents).where(_C.id == incident_id).values(**values))


def note_event(connection: Connection, incident_id: int, at: datetime, actor: str, kind: str, **detail: object) -> None:
    """Write a line of the timeline."""
    values = {"incident_id": incident_id, "at": at, "actor": actor, "kind": kind, "detail": detail}
    connection.execute(sa.insert(incident_events).values(**values))


def move_messages(connection: Connection, source_id: int, target_id: int) -> None:
    """Add the messages of one incident to another one; they stay with the first too, whose history they are."""
    m = incident_messages.c
    rows = sa.select(sa.literal(target_id), m.message_id).where(m.incident_id == source_id)
    statement = insert_new(connection, incident_messages).from_select(["incident_id", "message_id"], rows)
    connection.execute(statement)


def remove_messages(connection: Connection, ids: Sequence[int] | sa.Select[Any]) -> int:
    """Take messages that are removed out of all incidents; gives how many rows that were."""
    m = incident_messages.c
    return connection.execute(sa.delete(incident_messages).where(m.message_id.in_(ids))).rowcount


class IncidentStore:
    """Reads incidents; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant: str, key: str) -> IncidentRow:
        """One incident.

        Raises:
            NotFound: The tenant has no such incident.
        """
        with self._database.read() as connection:
            return find(connection, tenant, key)

    def document(self, tenant: str, key: str) -> bytes:
        """All that the watch said of an incident.

        Raises:
            NotFound: The tenant has no such incident.
        """
        with self._database.read() as connection:
            found = connection.scalar(sa.select(_C.document).where(_C.tenant == tenant, _C.key == key))
        if found is None:
            raise NotFound("there is no such incident", param="incident")
        return bytes(found)

    def browse(
        self,
        tenant: str,
        *,
        state: str | None = None,
        min_severity: int = 0,
        category: str | None = None,
        with_private: bool = True,
        before: int | None = None,
        limit: int = 50,
    ) -> list[IncidentRow]:
        """A page of incidents, the newest first.

        Args:
            tenant: Whose.
            state: Only these, of `STATES`.
            min_severity: Only of this severity or above.
            category: Only of this one.
            with_private: Whether those are shown that are for entrusted people alone.
            before: Id in the store of the last one of the page before; None begins.
            limit: Of a page, at most `MAX_PAGE`.
        """
        query = sa.select(*_COLUMNS).where(_C.tenant == tenant, _C.severity >= min_severity)
        for column, wanted in ((_C.state, state), (_C.category, category)):
            query = query if wanted is None else query.where(column == wanted)
        if not with_private:
            query = query.where(_C.is_private.is_(False))
        if before is not None:
            query = query.where(_C.id < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_C.id.desc()).limit(min(limit, MAX_PAGE))).mappings()
            return [_row(row) for row in rows]

    def known_since(self, tenant: str, category: str, since: datetime) -> list[tuple[bytes, datetime | None]]:
        """Documents of incidents of a category of which something was heard since a time, and when each was closed.

        The newest first, at most 100.
        """
        query = sa.select(_C.document, _C.closed_at).where(_C.tenant == tenant, _C.category == category)
        query = query.where(_C.updated_at >= since, _C.state != "merged").order_by(_C.updated_at.desc()).limit(100)
        with self._database.read() as connection:
            return [(bytes(document), closed_at) for document, closed_at in connection.execute(query)]

    def timeline(self, tenant: str, key: str, limit: int = 1_000) -> list[IncidentEvent]:
        """What happened to an incident, oldest first; the last `limit` lines.

        Raises:
            NotFound: The tenant has no such incident.
        """
        e = incident_events.c
        with self._database.read() as connection:
            number = find(connection, tenant, key).id
            columns = [e[name] for name in IncidentEvent.__struct_fields__]
            query = sa.select(*columns).where(e.incident_id == number).order_by(e.id.desc()).limit(limit)
            return [IncidentEvent(**row) for row in connection.execute(query).mappings()][::-1]

    def messages(self, tenant: str, key: str, *, after: int = 0, limit: int = 100) -> list[StoredMessage]:
        """A page of the messages of an incident in the order of their arrival.

        Args:
            tenant: Whose.
            key: Of the incident.
            after: Id of the last message of the page before.
            limit: Of a page.

        Raises:
            NotFound: The tenant has no such incident.
        """
        with self._database.read() as connection:
            number = find(connection, tenant, key).id
            ids = sa.select(incident_messages.c.message_id).where(incident_messages.c.incident_id == number)
            named = sa.and_(messages.c.id.in_(ids), messages.c.id > after)
            query = select_named(tenant, named).order_by(messages.c.id).limit(limit)
            return [message for some in read_all(connection, query, limit) for message in some]


def _find(connection: Connection, tenant: str, key: str, *, is_locked: bool = False) -> IncidentRow | None:
    query = sa.select(*_COLUMNS).where(_C.tenant == tenant, _C.key == key)
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    return None if row is None else _row(row)


def _row(row: RowMapping) -> IncidentRow:
    return IncidentRow(**row)
