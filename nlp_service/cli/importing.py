"""A file of messages into the store: read ahead, recorded in its order, and what cannot be taken is named."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from nlp_service.cli.batch.records import Failure
from nlp_service.cli.chats.rows import Origin, Row
from nlp_service.errors import BadInput, NotReady, ServiceError
from nlp_service.intake.arrivals import Arrival, IncomingMessage, admit, read_message
from nlp_service.intake.moments import Time, read_time
from nlp_service.intake.taking import Delivery, Intake, Taken

BATCH = 256
"""Messages of one transaction."""

MOST_AHEAD = 8
"""Batches that are being read while one is written."""

ATTEMPTS = 2
"""How often workers may end over the same messages, having read others in between, before these are the cause."""

PATIENCE_S, PAUSE_S = 60.0, 0.5
"""How long workers or the database may be away, and how often is asked whether they are back."""


T = TypeVar("T")


class Came(NamedTuple):
    """A message and the line that it came in."""

    line: int
    arrival: Arrival


class Importer:
    """Takes a file in; made for one.

    Args:
        intake: Takes messages in.
        tenant: Whose they are.
        origin: What the command line says of them.
        failed: Told of every line that could not be taken.
        ahead: Batches to read while one is written.

    Attributes:
        counts: Messages by their state and by ``action:`` with what was decided, and ``failed``, ``skipped``,
            ``adjusted``.
    """

    def __init__(
        self, intake: Intake, tenant: str, origin: Origin, failed: Callable[[Failure], None], *, ahead: int = 2
    ) -> None:
        self._intake = intake
        self._tenant = tenant
        self._origin = origin
        self._failed = failed
        self._ahead = min(ahead, MOST_AHEAD)
        self.counts: Counter[str] = Counter()

    async def run(self, rows: Iterator[Row | Failure | None], watch: Callable[[Counter[str]], None]) -> None:
        """Take all rows in, in their order.

        Args:
            rows: What is in the file.
            watch: Told the counts after each batch.

        Raises:
            BadInput: The file cannot be read.
            NotReady: Workers or database are away, and stayed so; what was stored before stays, and a second run
                changes nothing of it.
        """
        reading: deque[asyncio.Task[tuple[list[Came], Delivery | None]]] = deque()
        try:
            # In a thread, because a pipe may have nothing for a while.
            while (some := await asyncio.to_thread(lambda: list(itertools.islice(rows, BATCH)))) or reading:
                came = self._admit(some)
                if came:
                    reading.append(asyncio.create_task(self._read(came)))
                while reading and (len(reading) > self._ahead or not some):
                    await self._write(*await reading.popleft())
                watch(self.counts)
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    def _admit(self, rows: Sequence[Row | Failure | None]) -> list[Came]:
        now = datetime.now(UTC)
        came = []
        for row in rows:
            found = arrival_of(row, self._origin, now) if isinstance(row, Row) else row
            if found is None:
                self.counts["skipped"] += 1
            elif isinstance(found, Failure):
                self._fail(found)
            else:
                came.append(found)
        return came

    async def _read(self, came: list[Came]) -> tuple[list[Came], Delivery | None]:
        """The messages with what the models say; None if the workers end over them."""
        empty = came[0].arrival._replace(text="", context=())
        for _ in range(ATTEMPTS):
            try:
                return came, await self._intake.analyse(self._tenant, [one.arrival for one in came])
            except NotReady:
                await _patiently(lambda: self._intake.analyse(self._tenant, [empty]))
        return came, None

    async def _write(self, came: list[Came], delivery: Delivery | None) -> None:
        try:
            if delivery is None:
                raise ServiceError("the models cannot read it")
            self._count(await _patiently(lambda: self._intake.record(delivery)))
        except NotReady:
            raise
        except ServiceError as error:
            if len(came) == 1:
                self._fail(Failure(came[0].line, came[0].arrival.id, error.code, error.message))
                return
            # One message that cannot be taken must not cost the others of its batch their verdicts.
            for one in came:
                await self._write(*await self._read([one]))

    def _count(self, taken: Sequence[Taken]) -> None:
        for one in taken:
            self.counts[one.state] += 1
            self.counts["adjusted"] += one.arrival.is_adjusted
            if one.analysis.verdict is not None:
                self.counts[f"action:{one.analysis.verdict.action}"] += 1

    def _fail(self, failure: Failure) -> None:
        self.counts["failed"] += 1
        self._failed(failure)


def arrival_of(row: Row, origin: Origin, now: datetime) -> Came | Failure:
    """A row as a message, or what is wrong with it.

    A message of the past was received when it, or this wording of it, was written, or when the file says so: what
    counts the last minutes and days must not take years of a community for one flood of today.
    """
    values = dict(row.values)
    if origin.platform:
        values["platform"] = origin.platform
    values["channel"] = origin.channel or values.get("channel") or ""
    try:
        given = read_message(values)
        return Came(row.line, admit(given, _received_at(given, values.get("received_at"), now)))
    except BadInput as error:
        id_: Any = values.get("id")
        known = id_ if isinstance(id_, str | int) and len(str(id_)) <= 200 else None
        return Failure(row.line, known, error.code, error.message, error.param)


def _received_at(given: IncomingMessage, received_at: object, now: datetime) -> datetime:
    times = [_moment(at) for at in (received_at, given.sent_at, given.edited_at)]
    return min(max((at for at in times if at is not None), default=now), now)


def _moment(at: Time | object | None) -> datetime | None:
    """A time that can be read; what cannot is found again at the door, which names it."""
    if not isinstance(at, str | int | float) or isinstance(at, bool):
        return None
    try:
        return read_time(at)
    except ValueError:
        return None


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again what is away.

    Raises:
        NotReady: It stayed away for `PATIENCE_S`.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await ask()
        except NotReady:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(PAUSE_S)
