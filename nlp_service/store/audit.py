"""The log of changes: who changed what, and when. Lines are added and read; none is ever changed or removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.database import Database
from nlp_service.store.schema import audit_log


class AuditLine(msgspec.Struct, frozen=True):
    """One change.

    Attributes:
        id: Counts changes of all tenants, so those of one have gaps.
        at: In UTC.
        actor: Who did it: ``key:`` and the visible part of a key, ``cli``, ``system``, ``anonymous``.
        action: What was done, as ``subject.verb`` (``key.revoke``).
        object: What it was done to, as ``subject:id``.
        detail: Ids, counts and names; never a text of users or a key.
    """

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]


_COLUMNS = [audit_log.c[name] for name in AuditLine.__struct_fields__]


def note(connection: Connection, tenant: str, actor: str, action: str, object: str, **detail: Any) -> None:
    """Write a change down in the transaction that makes it, so that neither is there without the other.

    Args:
        connection: The open transaction of the change.
        tenant: Whose data changed.
        actor: Who changed it.
        action: What was done, as ``subject.verb``.
        object: What it was done to, as ``subject:id``.
        detail: What JSON can hold: ids, counts, names; never texts of users and never keys.
    """
    row = {"tenant": tenant, "at": datetime.now(UTC), "actor": actor, "action": action, "object": object}
    connection.execute(sa.insert(audit_log).values(**row, detail=detail))


class AuditStore:
    """Reads the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def browse(
        self,
        tenant: str,
        *,
        before: int | None = None,
        limit: int = 100,
        actor: str | None = None,
        action: str | None = None,
        object: str | None = None,
    ) -> list[AuditLine]:
        """A page of the changes of a tenant, the newest first.

        Args:
            tenant: Whose changes.
            before: Id of the last line of the page before this one; None begins.
            limit: Lines of a page.
            actor: Only changes by this one.
            action: Only these; one that ends in ``.`` stands for all of its subject (``key.``).
            object: Only changes of this.
        """
        columns = audit_log.c
        query = sa.select(*_COLUMNS).where(columns.tenant == tenant)
        if before is not None:
            query = query.where(columns.id < before)
        if actor is not None:
            query = query.where(columns.actor == actor)
        if action is not None:
            is_subject = action.endswith(".")
            query = query.where(
                columns.action.startswith(action, autoescape=True) if is_subject else columns.action == action
            )
        if object is not None:
            query = query.where(columns.object == object)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(columns.id.desc()).limit(limit)).mappings()
            return [AuditLine(**row) for row in rows]
