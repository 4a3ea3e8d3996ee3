"""Rows of `versions`, and the step that makes a draft one. All take an open transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import NotFound
from nlp_service.store import bases
from nlp_service.store.records import Base, Version
from nlp_service.store.schema import versions

_COLUMNS = [versions.c[name] for name in Version.__struct_fields__]


def publish(connection: Connection, base: Base, published_at: datetime, values: dict[str, Any]) -> int:
    """Make the draft of a locked base a version, with `values` as its other columns, and give its number."""
    row = {"kb_id": base.id, "number": base.draft, "published_at": published_at, **values}
    connection.execute(sa.insert(versions).values(**row))
    bases.change(connection, base, published=base.draft, draft=base.draft + 1)
    return base.draft


def recalibrate(connection: Connection, base: Base, number: int, calibration: dict[str, Any]) -> None:
    """Give a version of a locked base another calibration, and say so in the version of the settings."""
    chosen = (versions.c.kb_id == base.id) & (versions.c.number == number)
    connection.execute(sa.update(versions).where(chosen).values(calibration=calibration))
    bases.change(connection, base, settings_version=base.settings_version + 1)


def read(connection: Connection, base: Base) -> list[Version]:
    """All versions, the first one first."""
    query = sa.select(*_COLUMNS).where(versions.c.kb_id == base.id).order_by(versions.c.number)
    return [Version(**row) for row in connection.execute(query).mappings()]


def read_one(connection: Connection, base: Base, number: int) -> Version:
    """One version.

    Raises:
        NotFound: There is no such version.
    """
    query = sa.select(*_COLUMNS).where(versions.c.kb_id == base.id, versions.c.number == number)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"there is no version {number}", param="version")
    return Version(**row)
