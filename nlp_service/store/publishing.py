"""Rows of `versions`, and the step that makes a draft one. All take an open transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import Conflict, NotFound
from nlp_service.store import bases, revisions
from nlp_service.store.records import Base, Version
from nlp_service.store.schema import versions

_COLUMNS = [versions.c[name] for name in Version.__struct_fields__]


def check(connection: Connection, base: Base, draft: int | None) -> None:
    """Refuse a draft that is not to be published; `draft` is the one that was looked at, None for whichever it is.

    Raises:
        Conflict: The draft has no change, or is not the one that was looked at.
    """
    if draft is not None and draft != base.draft:
        raise Conflict(f"draft {draft} was published meanwhile, the draft is {base.draft} now")
    if not revisions.is_edited(connection, base):
        raise Conflict(f"nothing was changed since version {base.published}")


def publish(connection: Connection, base: Base, published_at: datetime, values: dict[str, Any]) -> int:
    """Make the draft of a locked base a version, with `values` as its other columns, and give its number."""
    row = {"kb_id": base.id, "number": base.draft, "published_at": published_at, **values}
    connection.execute(sa.insert(versions).values(**row))
    bases.change(connection, base, published=base.draft, draft=base.draft + 1)
    return base.draft


def bring_back(connection: Connection, base: Base, number: int, *, discard: bool) -> Version:
    """Make the draft of a locked base equal to an earlier version, and give that.

    Raises:
        NotFound: There is no such version.
        Conflict: The draft has changes and `discard` is not set, or the version is equal to the published one.
    """
    then = read_one(connection, base, number)
    if discard:
        revisions.discard(connection, base)
    elif revisions.is_edited(connection, base):
        raise Conflict("the draft has changes that are not published; publish or discard them first")
    revisions.restore(connection, base, number)
    if not revisions.is_edited(connection, base):
        raise Conflict(f"version {number} has the same entries as version {base.published}, which is published")
    return then


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
