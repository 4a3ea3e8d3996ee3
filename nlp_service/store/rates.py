"""The rates of keys: a bucket of tokens for each, in the database, from which replicas take some at a time.

A bucket fills by ``rate`` tokens a second up to ``burst``. A replica takes a chunk under the lock of the bucket's row
and spends it from memory, so most requests cost no write; what it has not spent within `LEASE_S` is lost. A bucket
never holds more than ``burst`` less all that replicas may hold at that time, so there are never more than ``burst``
tokens in all, and in any ``t`` seconds no more than ``rate * t + burst`` requests pass.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.bases import insert_new
from nlp_service.store.database import Database
from nlp_service.store.schema import rate_buckets

LEASE_S = 1.0
"""How long a replica may spend what it took; afterwards others may have it."""


class Taken(NamedTuple):
    """What a replica got.

    Attributes:
        tokens: Whole requests; 0 if there are none now.
        wait_s: Then the least time until there may be one.
    """

    tokens: int
    wait_s: float = 0.0


class RateStore:
    """Buckets in a database, as one replica sees them.

    Args:
        database: Where they are.
        now: The time, in place of the clock of the database server. Replicas on several machines need the latter, for
            their own clocks differ; SQLite has no server, and its replicas share a machine.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._now = now
        self._replica = secrets.token_hex(4)

    def take(self, key_id: int, rate_per_s: float, burst: int, wanted: int = 1) -> Taken:
        """Take tokens, of which the first is for a request that waits and is spent at once.

        What this replica took before must be spent or lost by now.

        Args:
            key_id: Whose bucket.
            rate_per_s: Tokens that come in a second, over 0.
            burst: Most tokens at a time, at least 1.
            wanted: How many to take if there are so many; the bucket gives some to each replica, and all to none.
        """
        with self._database.write() as connection:
            row = self._locked(connection, key_id, burst)
            now = max(self._time(connection), row.at)
            tokens = _fill(row, rate_per_s, burst, now.timestamp())
            n_taken = min(int(tokens), wanted, _most(rate_per_s, burst))
            held = {name: lease for name, lease in row.lent.items() if lease[1] > now.timestamp()}
            held[self._replica] = [max(0, n_taken - 1), now.timestamp() + LEASE_S]
            values = {"tokens": tokens - n_taken, "at": now, "lent": held}
            connection.execute(sa.update(rate_buckets).where(rate_buckets.c.key_id == key_id).values(**values))
        return Taken(n_taken, 0.0 if n_taken else (1.0 - tokens) / rate_per_s)

    def _locked(self, connection: Connection, key_id: int, burst: int) -> Any:
        query = sa.select(rate_buckets).where(rate_buckets.c.key_id == key_id).with_for_update()
        row = connection.execute(query).first()
        if row is None:
            full = {"key_id": key_id, "tokens": float(burst), "at": self._time(connection), "lent": {}}
            connection.execute(insert_new(connection, rate_buckets).values(**full))
            row = connection.execute(query).one()
        return row

    def _time(self, connection: Connection) -> datetime:
        if self._now is not None:
            return self._now()
        if connection.dialect.name == "postgresql":
            found: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return found.astimezone(UTC)
        return datetime.now(UTC)


def _fill(row: Any, rate_per_s: float, burst: int, now: float) -> float:
    """The tokens of a bucket now: from the end of each lease on there is room for what was lent."""
    tokens: float = row.tokens
    at: float = row.at.timestamp()
    room = burst - sum(n for n, _ in row.lent.values())
    for n, ends in [*sorted(row.lent.values(), key=lambda lease: lease[1]), (0, now)]:
        until = min(max(ends, at), now)
        tokens = max(tokens, min(tokens + rate_per_s * (until - at), room))
        at, room = until, room + n
    return tokens


def _most(rate_per_s: float, burst: int) -> int:
    """So much that a key at its rate costs a few writes a second, and so little that other replicas find some."""
    return max(1, int(min(rate_per_s * LEASE_S / 2, burst / 4)))
