"""Rows of `knowledge_bases`: found for their tenant, locked for a change, made. All take an open transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, NotFound
from nlp_service.store.records import Base, Standing
from nlp_service.store.schema import knowledge_bases

MAX_NAME = 100
"""Code points in the name of a base: it stands in paths of requests and in headings."""

_bases = knowledge_bases


def find(connection: Connection, tenant: str, kb: int | str, *, is_locked: bool = False) -> Base:
    """Read a base by id or name; locked, no other transaction changes it or its entries until this one ends.

    Raises:
        NotFound: The tenant has no such base.
    """
    named = _bases.c.id == kb if isinstance(kb, int) else _bases.c.name == kb
    query = sa.select(_bases).where(_bases.c.tenant == tenant, named)
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    if row is None:
        raise NotFound("there is no such knowledge base", param="kb")
    return Base(**row)


def find_all(connection: Connection, tenant: str) -> list[Base]:
    """All bases of a tenant, by id."""
    query = sa.select(_bases).where(_bases.c.tenant == tenant).order_by(_bases.c.id)
    return [Base(**row) for row in connection.execute(query).mappings()]


def standings(connection: Connection, tenant: str | None) -> dict[int, Standing]:
    """What replicas compare, by the id of the base; of all tenants for None."""
    query = sa.select(_bases.c.id, _bases.c.published, _bases.c.settings_version)
    if tenant is not None:
        query = query.where(_bases.c.tenant == tenant)
    return {kb_id: Standing(*numbers) for kb_id, *numbers in connection.execute(query)}


def number_of(base: Base, version: int | None) -> int:
    """The number of a version, or of the draft for None.

    Raises:
        NotFound: There is no such version.
    """
    if version is None:
        return base.draft
    if not 0 <= version <= base.published:
        raise NotFound(f"there is no version {version}", param="version")
    return version


def make(connection: Connection, tenant: str, name: str, settings: dict[str, Any], created_at: datetime) -> bool:
    """Make an empty base; False if there is one of this name.

    Raises:
        BadInput: The name is empty, too long, or holds what is not printed.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"the name of a knowledge base has 1 to {MAX_NAME} printable characters", param="kb")
    row = {"tenant": tenant, "name": name, "published": 0, "draft": 1, "settings": settings, "settings_version": 0}
    # Two at once must not both find nothing and then both insert, so the database decides.
    statement = insert_new(connection, _bases).values(**row, created_at=created_at).returning(_bases.c.id)
    return connection.execute(statement).first() is not None


def insert_new(connection: Connection, table: sa.Table) -> sa.Insert:
    """An insert that leaves rows alone which are there already; both dialects spell it in their own class."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def change(connection: Connection, base: Base, **values: object) -> None:
    """Set columns of a base."""
    connection.execute(sa.update(_bases).where(_bases.c.id == base.id).values(**values))


def remove(connection: Connection, base: Base) -> None:
    """Remove a base with its versions and the replies that were given from it."""
    connection.execute(sa.delete(_bases).where(_bases.c.id == base.id))
