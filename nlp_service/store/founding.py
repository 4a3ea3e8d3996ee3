"""How a tenant comes to its first key: on the first start of a service, and when a tenant is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from nlp_service.store import tenants
from nlp_service.store.database import Database
from nlp_service.store.keys import Issued, Wanted, issue
from nlp_service.store.schema import api_keys
from nlp_service.store.scopes import OF_A_TENANT, SCOPES

FIRST_NAME = "admin"
"""The name of a tenant's first key."""


class Founded(NamedTuple):
    """A new tenant and its first key."""

    tenant: tenants.Tenant
    issued: Issued


def found_tenant(
    database: Database, name: str, settings: Mapping[str, Any] | None = None, *, actor: str = "system"
) -> Founded:
    """Make a tenant and its first key, which may do all that concerns the tenant; both or neither.

    Raises:
        BadInput: The name or a setting cannot be taken; `param` names it.
        Conflict: There is a tenant of this name.
    """
    with database.write() as connection:
        tenants.make(connection, name, settings or {}, actor)
        issued = issue(connection, name, Wanted(FIRST_NAME, OF_A_TENANT), actor=actor, now=datetime.now(UTC))
        return Founded(tenants.find(connection, name), issued)


def make_first_key(database: Database, show: Callable[[str], None]) -> bool:
    """Make a key with all scopes if the database has none at all; gives whether it did.

    Several processes that start at once make one key.

    Args:
        database: Where the keys are.
        show: Shows the new key to whoever started the service. It is called before the key is stored: a process that
            is killed in between has shown a key that opens nothing, and the next start makes another one. The other
            way round there would be a key that nobody knows, and no next one.
    """
    with database.read() as connection:
        if _has_keys(connection):
            return False
    with database.write() as connection:
        tenants.find(connection, tenants.DEFAULT, is_locked=True)
        if _has_keys(connection):  # another process made one meanwhile
            return False
        issued = issue(connection, tenants.DEFAULT, Wanted(FIRST_NAME, SCOPES), actor="system", now=datetime.now(UTC))
        show(issued.secret)
        return True


def _has_keys(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(api_keys.c.id).limit(1)) is not None
