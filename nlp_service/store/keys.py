"""The repository of API keys. A key is shown once, when it is made; what is stored is its hash."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store import tenants
from nlp_service.store.audit import note
from nlp_service.store.bases import insert_new
from nlp_service.store.database import Database
from nlp_service.store.keytext import digest_of, make_key, visible_part
from nlp_service.store.schema import api_keys
from nlp_service.store.scopes import check_scopes

MAX_NAME = 100
"""Code points in the name of a key."""

MOST_KEYS = 1_000
"""Keys of a tenant that are good at the same time."""

MAX_RATE = 1_000_000.0
"""Requests a second, and in a burst, that can be asked for: more is the same as no bound."""

USED_EVERY_S = 60
"""Least time between two writes of when a key was used."""

GRACE_S, MAX_GRACE_S = 86_400, 30 * 86_400
"""How long the old key stays good after a rotation, and the most that can be asked for."""

MAX_LIFE = timedelta(days=3660)
"""How far ahead a key may expire."""

_MAX_ID = 2**31 - 1  # of the column; PostgreSQL fails on more


class Key(msgspec.Struct, frozen=True):
    """A key without its secret.

    Attributes:
        id: Never used again.
        prefix: The visible part, which names the key in logs.
        scopes: What it allows, of `SCOPES`.
        rate_per_s: Requests a second that it is good for; None for no bound.
        burst: Requests at once after a rest; None where there is no bound.
        created_by: Actor who made it.
        expires_at: From then on it is not good any more.
        revoked_at: When it was ended by hand.
        used_at: When it was last used, to a minute or two.
    """

    id: int
    tenant: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    rate_per_s: float | None
    burst: int | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    def is_good(self, at: datetime) -> bool:
        """Whether it opens anything at a time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Wanted(NamedTuple):
    """A key that shall be made; as `Key`. Without `burst` one second's worth may come at once."""

    name: str
    scopes: Sequence[str]
    rate_per_s: float | None = None
    burst: int | None = None
    expires_at: datetime | None = None


class Issued(NamedTuple):
    """A new key and its secret, the only time that it can be seen."""

    key: Key
    secret: str


_COLUMNS = [api_keys.c[name] for name in Key.__struct_fields__]


def issue(connection: Connection, tenant: str, wanted: Wanted, *, actor: str, now: datetime) -> Issued:
    """Make a key, in a transaction that may do more.

    Raises:
        BadInput: A field cannot be taken; `param` names it.
        NotFound: There is no such tenant.
        Conflict: The tenant has too many keys.
    """
    row = _check(wanted, now)
    # Locked, so that keys that are made at once count one another.
    tenants.find(connection, tenant, is_locked=True)
    count = sa.select(sa.func.count()).where(api_keys.c.tenant == tenant, _is_good(now))
    if connection.execute(count).scalar_one() >= MOST_KEYS:
        raise Conflict(f"there are {MOST_KEYS} keys already; revoke some")
    row |= {"tenant": tenant, "created_at": now, "created_by": actor}
    key_id = None
    while key_id is None:  # a visible part that is taken, once in some 10^14 / keys
        made = make_key()
        values = row | {"prefix": made.prefix, "digest": made.digest}
        key_id = connection.scalar(insert_new(connection, api_keys).values(**values).returning(api_keys.c.id))
    key = _find(connection, tenant, key_id)
    detail = {"name": key.name, "prefix": key.prefix, "scopes": list(key.scopes), "rate_per_s": key.rate_per_s}
    note(connection, tenant, actor, "key.create", f"key:{key_id}", **detail)
    return Issued(key, made.text)


class KeyStore:
    """Keys in a database; each method is one transaction.

    The tenant comes first where one is named. NotFound is raised if it has no such key.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use `database`; `now` gives the time that is written down and compared with."""
        self._database = database
        self._now = now

    def create(self, tenant: str, wanted: Wanted, *, actor: str = "system") -> Issued:
        """Make a key; raises what `issue` raises."""
        with self._database.write() as connection:
            return issue(connection, tenant, wanted, actor=actor, now=self._now())

    def list(self, tenant: str, *, after: int = 0, limit: int | None = None) -> list[Key]:
        """Keys of a tenant by id, those that are not good any more too: those behind `after`, at most `limit`."""
        query = sa.select(*_COLUMNS).where(api_keys.c.tenant == tenant, api_keys.c.id > min(after, _MAX_ID))
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query.order_by(api_keys.c.id).limit(limit)).mappings()]

    def get(self, tenant: str, key_id: int) -> Key:
        """One key."""
        with self._database.read() as connection:
            return _find(connection, tenant, key_id)

    def rotate(self, tenant: str, key_id: int, *, grace_s: float = GRACE_S, actor: str = "system") -> Issued:
        """Make a key that is allowed the same, for as long as the old one was made for; the old one ends soon.

        Args:
            tenant: Whose key it is.
            key_id: The old one.
            grace_s: How long the old one stays good, in seconds; no longer than it would have anyway.
            actor: Who does it.

        Raises:
            BadInput: `grace_s` is out of range.
            Conflict: The old one is not good any more.
        """
        if not 0 <= grace_s <= MAX_GRACE_S:
            raise BadInput(f"grace_s must be from 0 to {MAX_GRACE_S}", param="grace_s")
        now = self._now()
        with self._database.write() as connection:
            old = _find(connection, tenant, key_id, is_locked=True)
            if not old.is_good(now):
                raise Conflict("the key is not good any more; make another one")
            # Ended first, so that it does not count among those that are good.
            end = now + timedelta(seconds=grace_s)
            end = min(end, old.expires_at) if old.expires_at else end
            connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(expires_at=end))
            expires_at = now + (old.expires_at - old.created_at) if old.expires_at else None
            wanted = Wanted(old.name, old.scopes, old.rate_per_s, old.burst, expires_at)
            issued = issue(connection, tenant, wanted, actor=actor, now=now)
            note(connection, tenant, actor, "key.rotate", f"key:{key_id}", to=issued.key.id, grace_s=grace_s)
            return issued

    def revoke(self, tenant: str, key_id: int, *, actor: str = "system") -> Key:
        """End a key; one that is revoked already stays as it is."""
        with self._database.write() as connection:
            key = _find(connection, tenant, key_id, is_locked=True)
            if key.revoked_at is None:
                chosen = api_keys.c.id == key_id
                connection.execute(sa.update(api_keys).where(chosen).values(revoked_at=self._now()))
                note(connection, tenant, actor, "key.revoke", f"key:{key_id}", prefix=key.prefix)
            return _find(connection, tenant, key_id)

    def authenticate(self, secret: str) -> Key | None:
        """The key that a caller shows; None if there is none such that is good now."""
        prefix = visible_part(secret)
        if prefix is None:
            return None
        query = sa.select(*_COLUMNS, api_keys.c.digest).where(api_keys.c.prefix == prefix)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not hmac.compare_digest(row["digest"], digest_of(secret)):
            return None
        key = _key(row)
        return key if key.is_good(self._now()) else None

    def mark_used(self, key_id: int, at: datetime) -> None:
        """Write down when a key was used, unless that was written less than `USED_EVERY_S` before."""
        before = at - timedelta(seconds=USED_EVERY_S)
        is_due = api_keys.c.used_at.is_(None) | (api_keys.c.used_at <= before)
        with self._database.write() as connection:
            connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id, is_due).values(used_at=at))


def _check(wanted: Wanted, now: datetime) -> dict[str, Any]:
    name, rate, burst, expires_at = wanted.name, wanted.rate_per_s, wanted.burst, wanted.expires_at
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"the name of a key has 1 to {MAX_NAME} printable characters", param="name")
    # Written so that NaN is refused too.
    if rate is not None and not 0 < rate <= MAX_RATE:
        raise BadInput(f"rate_per_s must be over 0 and at most {MAX_RATE:.0f}", param="rate_per_s")
    if burst is not None and (rate is None or not 1 <= burst <= MAX_RATE):
        raise BadInput(f"burst goes with rate_per_s and is 1 to {MAX_RATE:.0f}", param="burst")
    if expires_at is not None and (expires_at.tzinfo is None or not now < expires_at <= now + MAX_LIFE):
        raise BadInput("expires_at must be a time of the next ten years, with its zone", param="expires_at")
    if rate is not None and burst is None:
        burst = math.ceil(rate)
    scopes = list(check_scopes(wanted.scopes))
    return {"name": name, "scopes": scopes, "rate_per_s": rate, "burst": burst, "expires_at": expires_at}


def _find(connection: Connection, tenant: str, key_id: int, *, is_locked: bool = False) -> Key:
    query = sa.select(*_COLUMNS).where(api_keys.c.tenant == tenant, api_keys.c.id == min(key_id, _MAX_ID))
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    if row is None:
        raise NotFound("there is no such key", param="id")
    return _key(row)


def _is_good(now: datetime) -> sa.ColumnElement[bool]:
    return api_keys.c.revoked_at.is_(None) & (api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > now))


def _key(row: Mapping[Any, Any]) -> Key:
    values = {name: row[name] for name in Key.__struct_fields__}
    return Key(**values | {"scopes": tuple(row["scopes"])})
