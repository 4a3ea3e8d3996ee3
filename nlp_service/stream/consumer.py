"""A consumer of a stream: reads entries in its group, has them taken in, and acknowledges them.

    XREADGROUP, or XAUTOCLAIM of what a dead consumer left ─ read ─┬─ take in ─ commit ─ XACK
                                                                  └─ bad: dead-letter stream + XACK, in one transaction

It reads no more than it can take in, so what it cannot yet take waits in the stream. While the database or the workers
are away it asks again, later each time, and nothing is acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from redis.exceptions import RedisError, ResponseError

from nlp_service.errors import BadInput, NotReady, Overloaded, ServiceError
from nlp_service.intake.arrivals import MAX_TEXT, Arrival
from nlp_service.intake.taking import Delivery, Taken
from nlp_service.stream.entries import Entry, Refused, read_entry, refuse
from nlp_service.stream.group import Group
from nlp_service.telemetry import describe

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
"""Between two attempts while something is away; doubled from the one to the other."""

ATTEMPTS = 2
"""How often workers may end over the same messages, having read others in between, before these are the cause."""

LONE_ATTEMPTS = 6
"""How often a message by itself may fail for a reason that nobody foresaw, half a minute in all. Such a reason may be
everybody's (a full disk), and then the messages that follow must not all end among the dead."""

log = logging.getLogger(__name__)


class Take(Protocol):
    """What takes messages in, see `Intake`."""

    async def analyse(self, tenant: str, arrivals: Sequence[Arrival]) -> Delivery:
        """Have messages read."""
        ...

    async def record(self, delivery: Delivery) -> list[Taken]:
        """Judge and store them."""
        ...


class Came(NamedTuple):
    """A message and the entry that it came in."""

    entry: Entry
    arrival: Arrival


@dataclass(slots=True)
class Counts:
    """Entries so far: taken in, of these new or changed, and refused."""

    taken: int = 0
    stored: int = 0
    refused: int = 0


class Consumer:
    """Consumes until it is told to stop. Made for one run.

    Args:
        group: Gives entries.
        intake: Takes messages in.
        tenant: Whose messages they are.
        max_text: Code points in a text.
    """

    def __init__(self, group: Group, intake: Take, tenant: str, *, max_text: int = MAX_TEXT) -> None:
        self._group = group
        self._intake = intake
        self._tenant = tenant
        self._max_text = max_text
        self._stopping = asyncio.Event()
        self.counts = Counts()

    def stop(self) -> None:
        """End after what is being taken in; what was read and not taken in stays in the group."""
        self._stopping.set()

    async def run(self) -> Counts:
        """Consume until `stop`.

        Raises:
            RedisError: The server refuses what it is asked (a key of another type, a missing right).
        """
        pause_s = SHORTEST_PAUSE_S
        while not self._stopping.is_set():
            try:
                await self._handle(await self._group.next())
                pause_s = SHORTEST_PAUSE_S
            except ResponseError:
                raise
            except (RedisError, OSError) as error:
                log.warning("redis_away", extra={"fields": describe(error)})
                self._group.rewind()
                pause_s = await self._pause(pause_s)
        return self.counts

    async def _handle(self, entries: Sequence[Entry]) -> None:
        now = datetime.now(UTC)
        good: list[Came] = []
        for entry in entries:
            arrival = read_entry(entry, now, max_text=self._max_text)
            if isinstance(arrival, Refused):
                await self._bury(arrival)
            else:
                good.append(Came(entry, arrival))
        if good:
            await self._take(good)

    async def _take(self, some: Sequence[Came]) -> None:
        """Have messages taken in and acknowledge them; ask again until that is done or `stop` was called."""
        pause_s, n_failed = SHORTEST_PAUSE_S, 0
        while not self._stopping.is_set():
            try:
                delivery = await self._analyse(some)
                taken = await self._intake.record(delivery) if delivery else None
            except NotReady as error:
                _tell("cannot_store", some, error)
            except Exception as error:  # an edge: one message must not end the consumer
                _tell("cannot_take_in", some, error)
                n_failed += 1
                if len(some) > 1 or isinstance(error, BadInput) or n_failed >= LONE_ATTEMPTS:
                    await self._part(some, error)
                    return
            else:
                if taken is not None:
                    await self._acknowledge(some, taken)
                return
            pause_s = await self._pause(pause_s)

    async def _analyse(self, some: Sequence[Came]) -> Delivery | None:
        """Have messages read; None if they are dealt with otherwise, or `stop` was called."""
        n_failed = 0
        while not self._stopping.is_set():
            try:
                return await self._intake.analyse(self._tenant, [one.arrival for one in some])
            except Overloaded as error:
                await self._wait(error.retry_after_s)
            except NotReady as error:
                _tell("cannot_read", some, error)
                n_failed += 1
                await self._until_others_are_read(some[0].arrival)
                if n_failed >= ATTEMPTS and not self._stopping.is_set():
                    await self._part(some, error)
                    return None
        return None

    async def _until_others_are_read(self, one: Arrival) -> None:
        """Wait until the workers are back: then it is seen whether it was these messages that ended them."""
        empty = one._replace(text="", context=())
        pause_s = SHORTEST_PAUSE_S
        while not self._stopping.is_set():
            try:
                await self._intake.analyse(self._tenant, [empty])
            except ServiceError:
                pause_s = await self._pause(pause_s)
            else:
                return

    async def _part(self, some: Sequence[Came], error: Exception) -> None:
        """Try each message by itself; one that is alone already is given up."""
        if len(some) > 1:
            for one in some:
                await self._take([one])
            return
        if isinstance(error, ServiceError):
            code, reason = error.code, error.message
        else:
            code, reason = ServiceError.code, type(error).__name__
        await self._bury(refuse(some[0].entry, code, reason))

    async def _acknowledge(self, some: Sequence[Came], taken: Sequence[Taken]) -> None:
        await self._group.acknowledge([one.entry for one in some])
        self.counts.taken += len(taken)
        self.counts.stored += sum(one.state in ("stored", "edited") for one in taken)

    async def _bury(self, refused: Refused) -> None:
        await self._group.bury(refused)
        self.counts.refused += 1

    async def _pause(self, seconds: float) -> float:
        """Wait, and say how long to wait the next time."""
        await self._wait(seconds)
        return min(2 * seconds, LONGEST_PAUSE_S)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _tell(event: str, some: Sequence[Came], error: Exception) -> None:
    log.warning(event, extra={"fields": {"n_messages": len(some)} | describe(error)})
