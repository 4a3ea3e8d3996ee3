"""Where people are told, by which routes, and the links by which they take something on."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store.audit import note
from nlp_service.store.bases import insert_new
from nlp_service.store.database import Database
from nlp_service.store.schema.notify import channels, links, outbox, routings

_NAME = re.compile(r"[\w.-]{1,64}")
_C = channels.c


class NotifyChannel(msgspec.Struct, frozen=True):
    """Where people are told. Its secrets are not part of it.

    Attributes:
        id: Of the store.
        name: The tenant's own.
        kind: What it is (``wecom``, ``feishu``, ``dingtalk``, ``webhook``, ``apprise``).
        settings: What is no secret.
        is_active: Whether anything goes there.
        failures: Tries in a row that failed; 0 for one that works.
        next_at: When it is tried again.
    """

    id: int
    name: str
    kind: str
    settings: dict[str, str]
    is_active: bool
    created_at: datetime
    failures: int
    next_at: datetime | None


class RoutingVersion(msgspec.Struct, frozen=True):
    """The routes of a tenant as they were written; version 0 is none."""

    version: int
    document: dict[str, Any]
    created_at: datetime | None
    author: str


class Link(NamedTuple):
    """What a link is for."""

    tenant: str
    subject: str
    used_at: datetime | None
    used_by: str | None


_COLUMNS = [_C[name] for name in NotifyChannel.__struct_fields__]


class NotifyStore:
    """Channels, routes and links; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, tenant: str, name: str, kind: str, settings: Mapping[str, str], sealed: bytes | None, *, actor: str
    ) -> NotifyChannel:
        """Make a channel, or change it.

        Args:
            tenant: Whose.
            name: Letters, digits, ``.``, ``_`` and ``-``.
            kind: What it is; it never changes.
            settings: What is no secret.
            sealed: Its secrets; None keeps those that are there.
            actor: Who does it.

        Raises:
            BadInput: The name cannot be taken, or a new channel has no secrets.
            Conflict: There is one of this name of another kind.
        """
        if not _NAME.fullmatch(name):
            raise BadInput("the name of a channel has 1 to 64 letters, digits, ., _ and -", param="name")
        with self._database.write() as connection:
            row = _find(connection, tenant, name, is_locked=True)
            if row is None and sealed is None:
                raise BadInput("a new channel needs its secrets", param="secrets")
            if row is not None and row["kind"] != kind:
                raise Conflict(f"channel {name} is of kind {row['kind']}", param="kind")
            # What was changed by hand is tried at once.
            values: dict[str, Any] = {"settings": dict(settings), "is_active": True, "failures": 0, "next_at": None}
            if sealed is not None:
                values["secrets"] = sealed
            if row is None:
                values |= {"tenant": tenant, "name": name, "kind": kind, "created_at": datetime.now(UTC)}
                if (
                    connection.execute(insert_new(connection, channels).values(**values).returning(_C.id)).first()
                    is None
                ):
                    raise Conflict("a channel of this name was made just now", param="name")
            else:
                connection.execute(sa.update(channels).where(_C.id == row["id"]).values(**values))
            note(connection, tenant, actor, "channel.put", f"channel:{name}", kind=kind, secrets=sealed is not None)
            return _channel(_there(_find(connection, tenant, name)))

    def set_active(self, tenant: str, name: str, is_active: bool, *, actor: str) -> NotifyChannel:
        """Switch a channel on or off; what waits for it waits on.

        Raises:
            NotFound: There is no such channel.
        """
        with self._database.write() as connection:
            row = _there(_find(connection, tenant, name, is_locked=True))
            connection.execute(sa.update(channels).where(_C.id == row["id"]).values(is_active=is_active))
            note(connection, tenant, actor, "channel.active", f"channel:{name}", is_active=is_active)
            return _channel(_there(_find(connection, tenant, name)))

    def remove(self, tenant: str, name: str, *, actor: str) -> None:
        """Remove a channel with all that was and is to be told there.

        Raises:
            NotFound: There is no such channel.
        """
        with self._database.write() as connection:
            row = _there(_find(connection, tenant, name, is_locked=True))
            waiting = sa.select(sa.func.count()).where(outbox.c.channel_id == row["id"], outbox.c.state == "pending")
            n_waiting = connection.execute(waiting).scalar_one()
            connection.execute(sa.delete(channels).where(_C.id == row["id"]))
            note(connection, tenant, actor, "channel.remove", f"channel:{name}", n_waiting=n_waiting)

    def get(self, tenant: str, name: str) -> NotifyChannel:
        """One channel.

        Raises:
            NotFound: There is no such channel.
        """
        with self._database.read() as connection:
            return _channel(_there(_find(connection, tenant, name)))

    def list(self, tenant: str) -> list[NotifyChannel]:
        """All channels of a tenant by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*_COLUMNS).where(_C.tenant == tenant).order_by(_C.name)).mappings()
            return [_channel(row) for row in rows]

    def reseal(self, renew: Callable[[bytes], bytes]) -> int:
        """Seal the secrets of all channels anew, as after a change of the key; gives how many."""
        with self._database.write() as connection:
            rows = connection.execute(sa.select(_C.id, _C.secrets).with_for_update()).all()
            for number, sealed in rows:
                connection.execute(sa.update(channels).where(_C.id == number).values(secrets=renew(sealed)))
            return len(rows)

    def routing(self, tenant: str) -> RoutingVersion:
        """The routes that hold."""
        with self._database.read() as connection:
            return routing_of(connection, tenant)

    def put_routing(self, tenant: str, document: Mapping[str, Any], *, actor: str) -> RoutingVersion:
        """Make routes hold. That they can be read, and that their channels are there, is for the caller to check."""
        with self._database.write() as connection:
            held = routing_of(connection, tenant)
            if held.document == dict(document) and held.version:
                return held
            row = {"tenant": tenant, "version": held.version + 1, "document": dict(document), "author": actor}
            row["created_at"] = datetime.now(UTC)
            statement = insert_new(connection, routings).values(**row).returning(routings.c.version)
            if connection.execute(statement).first() is None:
                raise Conflict("the routes were changed just now")
            note(connection, tenant, actor, "routing.put", f"routing:{held.version + 1}")
            return routing_of(connection, tenant)

    def look_at_link(self, token: str, now: datetime) -> Link:
        """What a link is for.

        Raises:
            NotFound: There is no such link, or its time is over.
        """
        with self._database.read() as connection:
            return _link(connection, token, now)

    def use_link(self, connection: Connection, token: str, by: str, now: datetime) -> Link:
        """Use a link in an open transaction; the first use counts, and a later one is told who was first.

        Raises:
            NotFound: There is no such link, or its time is over.
        """
        found = _link(connection, token, now, is_locked=True)
        if found.used_at is None:
            used = sa.update(links).where(links.c.digest == _digest(token))
            connection.execute(used.values(used_at=now, used_by=by))
        return found


def make_link(connection: Connection, tenant: str, subject: str, expires_at: datetime) -> str:
    """Make a link for a subject; gives its token, which is kept nowhere."""
    token = secrets.token_urlsafe(24)
    row = {"digest": _digest(token), "tenant": tenant, "subject": subject, "expires_at": expires_at}
    connection.execute(sa.insert(links).values(**row))
    return token


def routing_of(connection: Connection, tenant: str) -> RoutingVersion:
    """The routes of a tenant that hold."""
    query = sa.select(routings).where(routings.c.tenant == tenant).order_by(routings.c.version.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    if row is None:
        return RoutingVersion(0, {}, None, "")
    return RoutingVersion(row["version"], row["document"], row["created_at"], row["author"])


def _find(connection: Connection, tenant: str, name: str, *, is_locked: bool = False) -> RowMapping | None:
    query = sa.select(channels).where(_C.tenant == tenant, _C.name == name)
    return connection.execute(query.with_for_update() if is_locked else query).mappings().first()


def _there(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise NotFound("there is no such channel", param="channel")
    return row


def _channel(row: RowMapping) -> NotifyChannel:
    return NotifyChannel(**{name: row[name] for name in NotifyChannel.__struct_fields__})


def _link(connection: Connection, token: str, now: datetime, *, is_locked: bool = False) -> Link:
    query = sa.select(links).where(links.c.digest == _digest(token), links.c.expires_at > now)
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    if row is None:
        raise NotFound("there is no such link, or its time is over", param="token")
    return Link(row["tenant"], row["subject"], row["used_at"], row["used_by"])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
