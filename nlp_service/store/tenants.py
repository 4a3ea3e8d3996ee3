"""The repository of tenants: who there is, what each has settled, and the number that tells replicas of a change."""

from __future__ import annotations

import math
import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store.audit import note
from nlp_service.store.bases import insert_new
from nlp_service.store.database import Database
from nlp_service.store.schema import tenants

DEFAULT = "default"
"""The tenant that is always there: the migration that makes the table makes it too."""

MAX_NAME = 64
"""Characters in the name of a tenant."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")

Weight = Annotated[float, msgspec.Meta(ge=0, le=1)]


class UgcWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each part counts in the score of a message's worth; they add up to 1."""

    originality: Weight = 0.4
    usefulness: Weight = 0.2
    spread: Weight = 0.3
    compliance: Weight = 0.1


class TenantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tenant decides for all of its communities.

    Attributes:
        retention_days: Age at which messages are removed; None keeps them.
        mask: Where personal data in a message is masked: ``stored`` before it is stored, ``none`` nowhere.
        ugc_weights: What counts how much in the worth of a message.
        timezone: Where days begin and quiet hours are, as a name of IANA.
    """

    retention_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    mask: Literal["stored", "none"] = "stored"
    ugc_weights: UgcWeights = UgcWeights()
    timezone: str = "Asia/Shanghai"


class Tenant(msgspec.Struct, frozen=True):
    """A tenant.

    Attributes:
        name: Never changes.
        created_at: In UTC.
        rules_version: Counts the changes of its policies, lexicons and settings.
    """

    name: str
    created_at: datetime
    settings: TenantSettings
    rules_version: int


def read_settings(document: Mapping[str, Any]) -> TenantSettings:
    """Make settings of what JSON holds; what is missing is the default.

    Raises:
        BadInput: A field is unknown or its value cannot be taken; `param` names it.
    """
    try:
        settings = msgspec.convert(document, TenantSettings)
    except msgspec.ValidationError as error:
        raise _bad_field(error) from error
    if not math.isclose(sum(msgspec.structs.astuple(settings.ugc_weights)), 1.0, abs_tol=1e-6):
        raise BadInput("the weights must add up to 1", param="ugc_weights")
    if not _is_zone(settings.timezone):
        raise BadInput("there is no time zone of this name", param="timezone")
    return settings


def touch_rules(connection: Connection, tenant: str) -> None:
    """Tell replicas that a policy, a lexicon or a setting changes in this transaction.

    The row of the tenant stays locked until the transaction ends, so changes of one tenant's rules follow one another.

    Raises:
        NotFound: There is no such tenant.
    """
    values = {"rules_version": tenants.c.rules_version + 1}
    if connection.execute(sa.update(tenants).where(tenants.c.name == tenant).values(**values)).rowcount == 0:
        raise _missing()


def make(connection: Connection, name: str, settings: Mapping[str, Any], actor: str) -> None:
    """Make a tenant.

    Raises:
        BadInput: The name or a setting cannot be taken.
        Conflict: There is one of this name.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"the name of a tenant has 1 to {MAX_NAME} characters of a-z, 0-9, ., _ and -", param="name")
    read_settings(settings)
    row = {"name": name, "created_at": datetime.now(UTC), "settings": dict(settings), "rules_version": 0}
    # Two at once must not both find nothing and then both insert, so the database decides.
    if connection.execute(insert_new(connection, tenants).values(**row).returning(tenants.c.name)).first() is None:
        raise Conflict("a tenant of this name is there already", param="name")
    note(connection, name, actor, "tenant.create", f"tenant:{name}")


def find(connection: Connection, name: str, *, is_locked: bool = False) -> Tenant:
    """Read a tenant; locked, no other transaction changes it until this one ends.

    Raises:
        NotFound: There is no such tenant.
    """
    query = sa.select(tenants).where(tenants.c.name == name)
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    if row is None:
        raise _missing()
    return _tenant(row)


class TenantStore:
    """Tenants in a database; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, settings: Mapping[str, Any] | None = None, *, actor: str = "system") -> Tenant:
        """Make a tenant.

        Raises:
            BadInput: The name or a setting cannot be taken.
            Conflict: There is one of this name.
        """
        with self._database.write() as connection:
            make(connection, name, settings or {}, actor)
            return find(connection, name)

    def get(self, name: str) -> Tenant:
        """One tenant.

        Raises:
            NotFound: There is no such tenant.
        """
        with self._database.read() as connection:
            return find(connection, name)

    def list(self) -> list[Tenant]:
        """All tenants by name."""
        with self._database.read() as connection:
            return [_tenant(row) for row in connection.execute(sa.select(tenants).order_by(tenants.c.name)).mappings()]

    def settings(self, tenant: str) -> TenantSettings:
        """What a tenant has settled.

        Raises:
            NotFound: There is no such tenant.
        """
        return self.get(tenant).settings

    def update_settings(self, tenant: str, changes: Mapping[str, Any], *, actor: str = "system") -> TenantSettings:
        """Set the settings that are named and leave the others; gives all of them.

        Raises:
            BadInput: A field is unknown or its value cannot be taken; `param` names it.
            NotFound: There is no such tenant.
        """
        with self._database.write() as connection:
            before = msgspec.to_builtins(find(connection, tenant, is_locked=True).settings)
            settings = read_settings(before | dict(changes))
            after = msgspec.to_builtins(settings)
            if after != before:
                connection.execute(sa.update(tenants).where(tenants.c.name == tenant).values(settings=after))
                changed = {name: value for name, value in after.items() if value != before[name]}
                note(connection, tenant, actor, "tenant.settings", f"tenant:{tenant}", **changed)
                touch_rules(connection, tenant)
            return settings

    def rules_versions(self) -> dict[str, int]:
        """How often the rules of each tenant changed. Cheap enough for every second."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tenants.c.name, tenants.c.rules_version))
            return {row.name: row.rules_version for row in rows}


def _tenant(row: RowMapping) -> Tenant:
    # A newer version may have stored fields that this one does not know; while both run, they count for nothing here.
    known = {name: value for name, value in row["settings"].items() if name in TenantSettings.__struct_fields__}
    return Tenant(row["name"], row["created_at"], msgspec.convert(known, TenantSettings), row["rules_version"])


def _missing() -> NotFound:
    return NotFound("there is no such tenant", param="tenant")


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _bad_field(error: msgspec.ValidationError) -> BadInput:
    match = _AT.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    unknown = _UNKNOWN.search(what)
    if unknown:
        path = f"{path}.{unknown['name']}".lstrip(".")
    return BadInput(what, param=path or "settings")
