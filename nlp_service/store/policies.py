"""The repository of policies: documents by tenant and community, of which one version each holds at a time.

A community is a channel; the empty one stands for all channels without a policy of their own. Numbers of versions count
up for ever, also over a removal, so that ``policy_version`` in an old answer names one document and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, NotFound
from nlp_service.store import audit, tenants
from nlp_service.store.database import Database
from nlp_service.store.schema import policies

ALL = "*"
"""Names the policy for all channels without their own, where the empty name cannot stand."""

MAX_COMMUNITY = 200
"""Code points in the name of a community: as many as in that of a channel."""

RESERVED = (ALL, "default", "dry-run")
RESERVED_ENDS = ("/versions", "/activate")
"""What paths of requests need for something else: no community can be named, or end, so."""

# No channel has them in its name, and no path could say some of them.
_REFUSED = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

Document = Mapping[str, Any]


class PolicyVersion(msgspec.Struct, frozen=True):
    """A version of a community's policy.

    Attributes:
        community: The channel; empty for all without a policy of their own.
        version: Counts from 1.
        is_active: Whether it is the one that holds.
        document: What it says.
        created_at: In UTC.
    """

    community: str
    version: int
    is_active: bool
    document: dict[str, Any]
    created_at: datetime
    author: str
    note: str


_COLUMNS = [policies.c[name] for name in PolicyVersion.__struct_fields__]


def read_active(connection: Connection, tenant: str) -> list[PolicyVersion]:
    """The policies of a tenant that hold, by the code points of the communities; the one for all comes first."""
    query = sa.select(*_COLUMNS).where(policies.c.tenant == tenant, policies.c.is_active)
    found = [PolicyVersion(**row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda policy: policy.community)


class PolicyStore:
    """Policies in a database; each method is one transaction.

    The tenant comes first everywhere. Writers of one tenant wait for one another. `actor` is who does it, `note` says
    why, for the history.
    """

    def __init__(
        self,
        database: Database,
        check: Callable[[Document], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use a database.

        Args:
            database: Where they are.
            check: Raises BadInput for a document that is no policy; nothing else is ever stored or made active.
            now: Gives the time that is written down.
        """
        self._database = database
        self._check = check
        self._now = now

    def active(self, tenant: str) -> list[PolicyVersion]:
        """The policies that hold, see `read_active`."""
        with self._database.read() as connection:
            return read_active(connection, tenant)

    def get(self, tenant: str, community: str = "", version: int | None = None) -> PolicyVersion:
        """One version of a community's policy; what holds for None.

        Raises:
            NotFound: The community has no policy of its own, or no such version.
        """
        with self._database.read() as connection:
            return _find(connection, tenant, community, version)

    def versions(self, tenant: str, community: str = "") -> list[PolicyVersion]:
        """All versions of a community's policy, the first one first; none if it never had one of its own."""
        with self._database.read() as connection:
            query = _of(tenant, community).order_by(policies.c.version)
            return [PolicyVersion(**row) for row in connection.execute(query).mappings()]

    def put(
        self, tenant: str, community: str, document: Document, *, actor: str, note: str = ""
    ) -> tuple[PolicyVersion, bool]:
        """Make a document the policy of a community; what holds already makes no new version. Tells whether it is new.

        Raises:
            BadInput: It is no policy, or no community can have this name.
            NotFound: There is no such tenant.
        """
        self._check(document)
        _check_community(community)
        with self._database.write() as connection:
            tenants.find(connection, tenant, is_locked=True)
            before = [PolicyVersion(**row) for row in connection.execute(_of(tenant, community)).mappings()]
            held = next((policy for policy in before if policy.is_active), None)
            if held is not None and held.document == document:
                return held, False
            number = max((policy.version for policy in before), default=0) + 1
            _hold_none(connection, tenant, community)
            made = PolicyVersion(community, number, True, dict(document), self._now(), actor, note)
            connection.execute(sa.insert(policies).values(tenant=tenant, **msgspec.structs.asdict(made)))
            _tell(connection, tenant, actor, "put", community, version=number)
            return made, True

    def activate(self, tenant: str, community: str, version: int, *, actor: str) -> PolicyVersion:
        """Make an earlier version hold again.

        Raises:
            BadInput: The document is no policy for this version of the service any more.
            NotFound: There is no such version, or tenant.
        """
        with self._database.write() as connection:
            tenants.find(connection, tenant, is_locked=True)
            chosen = _find(connection, tenant, community, version)
            self._check(chosen.document)
            if not chosen.is_active:
                _hold_none(connection, tenant, community)
                row = (policies.c.tenant == tenant) & (policies.c.community == community)
                statement = sa.update(policies).where(row, policies.c.version == version)
                connection.execute(statement.values(is_active=True))
                _tell(connection, tenant, actor, "activate", community, version=version)
            return msgspec.structs.replace(chosen, is_active=True)

    def remove(self, tenant: str, community: str, *, actor: str) -> None:
        """Let a community go back to the policy for all, or that to the built-in one. The history stays.

        Raises:
            NotFound: The community has no policy of its own.
        """
        with self._database.write() as connection:
            tenants.find(connection, tenant, is_locked=True)
            held = _find(connection, tenant, community)
            _hold_none(connection, tenant, community)
            _tell(connection, tenant, actor, "remove", community, version=held.version)


def _check_community(community: str) -> None:
    if len(community) > MAX_COMMUNITY or _REFUSED.search(community):
        message = f"the name of a community has at most {MAX_COMMUNITY} characters, and none of control"
        raise BadInput(message, param="community")
    if community in RESERVED or community.endswith(RESERVED_ENDS):
        raise BadInput("paths need this name of a community for something else", param="community")


def name_of(community: str) -> str:
    """A community as versions, paths and the audit log name it."""
    return community or ALL


def stored_name(name: str) -> str:
    """A community as it is stored, of the name that `name_of` gives it."""
    return "" if name == ALL else name


def _of(tenant: str, community: str) -> sa.Select[Any]:
    return sa.select(*_COLUMNS).where(policies.c.tenant == tenant, policies.c.community == community)


def _find(connection: Connection, tenant: str, community: str, version: int | None = None) -> PolicyVersion:
    chosen = policies.c.is_active if version is None else policies.c.version == version
    row = connection.execute(_of(tenant, community).where(chosen)).mappings().first()
    if row is None and version is None:
        raise NotFound("this community has no policy of its own", param="community")
    if row is None:
        raise NotFound(f"there is no version {version}", param="version")
    return PolicyVersion(**row)


def _hold_none(connection: Connection, tenant: str, community: str) -> None:
    chosen = (policies.c.tenant == tenant) & (policies.c.community == community) & policies.c.is_active
    connection.execute(sa.update(policies).where(chosen).values(is_active=False))


def _tell(connection: Connection, tenant: str, actor: str, verb: str, community: str, **detail: object) -> None:
    audit.note(connection, tenant, actor, f"policy.{verb}", f"policy:{name_of(community)}", **detail)
    tenants.touch_rules(connection, tenant)
