"""The side of Redis: a consumer's place in its group, what it is given, and what it gives back."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from nlp_service.errors import BadInput, NotReady, ServiceError
from nlp_service.stream.entries import Entry, Refused

MOST_DEAD = 100_000
"""Entries that the dead-letter stream keeps, about."""


@dataclass(frozen=True, slots=True)
class Place:
    """A consumer's place in a group of a stream.

    Attributes:
        stream: Name of the stream.
        group: Name of the group; one that is not there begins with the oldest entry.
        consumer: Name of the consumer, its own in the group.
        batch: Entries that are given at once.
        block_s: Longest wait for new ones.
        claim_after_s: After so long without an acknowledgement, an entry is taken over from its consumer.
    """

    stream: str
    group: str
    consumer: str
    batch: int = 256
    block_s: float = 1.0
    claim_after_s: float = 60.0

    @property
    def dead(self) -> str:
        """Name of the stream of what could not be taken in."""
        return f"{self.stream}.dead"


class Group:
    """Gives entries to one consumer, each until it is acknowledged. Every method raises RedisError.

    Args:
        redis: The connection; answers in bytes.
        place: Which consumer of which group.
    """

    def __init__(self, redis: Redis, place: Place) -> None:
        # The library's types leave open whether a command is awaited.
        self._redis: Any = redis
        self._place = place
        self._has_backlog = True
        self._claim_at = monotonic()
        self._claim_from: bytes | str = "0-0"
        self.n_claimed = 0
        """Entries that were taken over from other consumers."""

    async def next(self) -> list[Entry]:
        """Entries to handle: what this consumer left when it ended, what others left, then new ones.

        Empty when nothing came for a while. An entry that was removed from the stream before it was acknowledged has
        no fields.
        """
        try:
            return await self._next()
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
        await self._make()
        return []

    def rewind(self) -> None:
        """Begin again with what this consumer was given and did not acknowledge, after the connection was lost."""
        self._has_backlog = True

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """Say that entries are done with."""
        await self._redis.xack(self._place.stream, self._place.group, *(entry.id for entry in entries))

    async def bury(self, refused: Refused) -> None:
        """Note an entry among the dead and acknowledge it, both or neither. What it says stays where it is."""
        place = self._place
        note = {"entry": refused.id, "code": refused.code, "reason": refused.reason, "field": refused.field}
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(place.dead, note, maxlen=MOST_DEAD, approximate=True)
            pipe.xack(place.stream, place.group, refused.id)
            await pipe.execute()

    async def _next(self) -> list[Entry]:
        if self._has_backlog:
            entries = await self._read("0", None)
            self._has_backlog = bool(entries)
            if entries:
                return entries
        if monotonic() >= self._claim_at:
            entries = await self._claim()
            if entries:
                return entries
        return await self._read(">", max(1, round(self._place.block_s * 1000)))

    async def _read(self, after: str, block_ms: int | None) -> list[Entry]:
        place = self._place
        found = await self._redis.xreadgroup(
            place.group, place.consumer, {place.stream: after}, count=place.batch, block=block_ms
        )
        return [entry for rows in _rows_of(found) for entry in _entries(rows)]

    async def _claim(self) -> list[Entry]:
        """Take over some of what other consumers have not acknowledged for too long."""
        place = self._place
        following, rows, *removed = await self._redis.xautoclaim(
            place.stream,
            place.group,
            place.consumer,
            round(place.claim_after_s * 1000),
            start_id=self._claim_from,
            count=place.batch,
        )
        self._claim_from = following
        if following == b"0-0":
            self._claim_at = monotonic() + place.claim_after_s / 2
        self.n_claimed += len(rows)
        return [*_entries(rows), *(Entry(id, {}) for id in (removed[0] if removed else ()))]

    async def _make(self) -> None:
        try:
            await self._redis.xgroup_create(self._place.stream, self._place.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # another consumer was first
                raise


@contextlib.asynccontextmanager
async def joined(url: str, place: Place) -> AsyncIterator[Group]:
    """A place in a group, at a server that answers; the connection is closed behind the block.

    Raises:
        BadInput: The address cannot be read.
        NotReady: The server does not answer, or does not let us in.
        ServiceError: It refuses what it is asked: a key of another type, a missing right.
    """
    try:
        redis = Redis.from_url(url)
    except ValueError as error:
        raise BadInput("the address must begin with redis://, rediss:// or unix://", param="url") from error
    # Messages of these errors may quote the address, and with it a password.
    try:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            raise NotReady(f"Redis cannot be used ({type(error).__name__})") from error
        yield Group(redis, place)
    except RedisError as error:
        raise ServiceError(f"Redis refuses ({type(error).__name__})") from error
    finally:
        await redis.aclose()


def _rows_of(found: Any) -> list[Any]:
    """Rows of each stream of an answer, which is a map in the newer protocol and a list in the older."""
    if isinstance(found, dict):
        return [rows for several in found.values() for rows in several]
    return [rows for _, rows in found or ()]


def _entries(rows: Sequence[tuple[bytes, dict[bytes, bytes] | None]]) -> list[Entry]:
    return [Entry(id, fields or {}) for id, fields in rows]
