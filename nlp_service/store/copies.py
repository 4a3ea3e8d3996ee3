"""Copies and near-copies of messages: found by the keys that they share, and counted."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.bulk import Lookup, append, as_parameter
from nlp_service.store.incoming import Incoming
from nlp_service.store.lookback import newest, spans, window
from nlp_service.store.schema import copies, messages

_COLUMNS = ("tenant", "key", "received_ms", "message_id")


class Counts(NamedTuple):
    """Copies of a message by its author, wherever on the platform, and by others in the same channel."""

    by_author: int
    by_others: int


class _Copy(NamedTuple):
    platform: str
    author: str
    channel: str
    received_ms: int


class Copies:
    """What shares keys with the messages of a delivery, as it stands while that is worked through."""

    def __init__(self, connection: Connection, tenant: str, asked: Iterable[Incoming], window_s: float) -> None:
        """Read what was received within `window_s` seconds before any of the messages."""
        self._by_key: dict[int, dict[int, _Copy]] = defaultdict(dict)
        times = ((key, message.received_at) for message in asked for key in message.keys)
        rows = [
            {"key": key, "since": to_ms(span.since), "until": to_ms(span.until)}
            for key, span in spans(times, window_s).items()
        ]
        if rows:
            parameters = {"tenant": tenant, "given": as_parameter(rows)}
            for key, message_id, *known in connection.execute(_statement(connection.dialect.name), parameters):
                self._by_key[key][message_id] = _Copy(*known)

    def count(self, message: Incoming, window_s: float) -> Counts:
        """Count the copies of a message within the seconds before it, each once however many keys it shares."""
        found: dict[int, _Copy] = {}
        for key in message.keys:
            found |= self._by_key.get(key, {})
        if not found:
            return Counts(0, 0)
        since, until = (to_ms(at) for at in window(message.received_at, window_s))
        by_author = by_others = 0
        for copy in found.values():
            if not since < copy.received_ms <= until or copy.platform != message.platform:
                continue
            if copy.author == message.author and message.author:
                by_author += 1
            elif copy.channel == message.channel:
                by_others += 1
        return Counts(by_author, by_others)

    def add(self, message: Incoming, message_id: int) -> None:
        """Count a message as one that others may be copies of."""
        copy = _Copy(message.platform, message.author, message.channel, to_ms(message.received_at))
        for key in message.keys:
            self._by_key[key][message_id] = copy

    def forget(self, message_id: int) -> None:
        """Take a wording out that holds no more."""
        for found in self._by_key.values():
            found.pop(message_id, None)


def write(connection: Connection, tenant: str, written: Iterable[tuple[int, Incoming]]) -> None:
    """Make messages known by their keys; those that are there already must be forgotten first."""
    rows = [
        (tenant, key, to_ms(message.received_at), message_id)
        for message_id, message in written
        for key in dict.fromkeys(message.keys)
    ]
    # Neighbours in the index go in one after the other.
    append(connection, copies, _COLUMNS, sorted(rows))


def remove(connection: Connection, message_ids: Sequence[int]) -> int:
    """Forget the keys of messages; gives how many rows that were."""
    if not message_ids:
        return 0
    return connection.execute(sa.delete(copies).where(copies.c.message_id.in_(message_ids))).rowcount


@functools.lru_cache(maxsize=1_024)
def to_ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


@functools.cache
def _statement(dialect: str) -> sa.Select[Any]:
    names = ("key", "message_id", "received_ms")
    found = newest(dialect, copies, "received_ms", {"key": sa.BigInteger()}, names).subquery()
    columns = (found.c.key, found.c.message_id, messages.c.platform, messages.c.author, messages.c.channel)
    rows = Lookup(found, messages, messages.c.id == found.c.message_id)
    return sa.select(*columns, found.c.received_ms).select_from(rows)
