"""Joins deliveries that wait into one transaction, as the batcher joins requests into one batch.

There is no waiting for more to come: a free lane takes what is there, and while it writes, the next ones gather. On a
database that commits some hundred times a second, that is what lets thousands of callers with one message each be
answered. Deliveries share a transaction, not their fate: if it fails for a reason that may be one delivery's own, each
is tried by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from nlp_service.errors import DeadlineExceeded, NotReady

MOST_AT_ONCE = 512
"""Messages of one transaction, unless one delivery alone has more."""

D = TypeVar("D")
R = TypeVar("R")

Record = Callable[[Sequence[D]], list[R]]
"""Writes deliveries of one kind in one transaction: all of them, or none and an error; one result for one."""


class Committer(Generic[D, R]):
    """A queue and a few threads that empty it; belongs to one event loop.

    Args:
        record: What a thread does.
        lanes: Transactions at once. SQLite writes one at a time.
        deadline_s: Longest time that `add` takes.
    """

    def __init__(self, record: Record[D, R], *, lanes: int = 1, deadline_s: float = 10.0) -> None:
        self._record = record
        self._threads = ThreadPoolExecutor(lanes, "intake")
        self._n_free = lanes
        self._deadline_s = deadline_s
        self._waiting: deque[_Job[D, R]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def add(self, kind: Hashable, delivery: D, size: int) -> R:
        """Write a delivery down; raises what the thread raises.

        Args:
            kind: Only deliveries of the same kind share a transaction.
            delivery: What is written.
            size: Messages in it.

        Raises:
            NotReady: The database cannot be used now; nothing of the delivery was written.
            DeadlineExceeded: It was not done in time. Unless it had begun, nothing was written and nothing will be.
        """
        if self._is_closed:
            raise NotReady("the service is shutting down")
        job = _Job[D, R](kind, delivery, size)
        self._waiting.append(job)
        if self._n_free:
            self._n_free -= 1
            task = asyncio.get_running_loop().create_task(self._drain())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await job.done
        except TimeoutError as error:
            raise DeadlineExceeded(f"not written within {self._deadline_s:g} s") from error
        finally:
            if job in self._waiting:
                self._waiting.remove(job)

    async def stop(self) -> None:
        """Finish what is being written; whoever still waits gets `NotReady`."""
        self._is_closed = True
        while self._waiting:
            self._waiting.popleft().fail(NotReady("the service is shutting down"))
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._write(self._take())
        finally:
            self._n_free += 1

    def _take(self) -> list[_Job[D, R]]:
        """The next jobs of one kind, in order; the others keep their places."""
        kind = self._waiting[0].kind
        jobs: list[_Job[D, R]] = []
        others: deque[_Job[D, R]] = deque()
        n_messages = 0
        while self._waiting:
            job = self._waiting.popleft()
            if job.kind != kind:
                others.append(job)
                continue
            if jobs and n_messages + job.size > MOST_AT_ONCE:
                self._waiting.appendleft(job)
                break
            jobs.append(job)
            n_messages += job.size
        self._waiting.extendleft(reversed(others))
        return jobs

    async def _write(self, jobs: Sequence[_Job[D, R]]) -> None:
        error = await self._try(jobs)
        if error is None:
            return
        if len(jobs) > 1 and not isinstance(error, NotReady):
            for job in jobs:
                await self._write([job])
            return
        for job in jobs:
            job.fail(error)

    async def _try(self, jobs: Sequence[_Job[D, R]]) -> Exception | None:
        loop = asyncio.get_running_loop()
        deliveries = [job.delivery for job in jobs]
        try:
            results = await loop.run_in_executor(self._threads, self._record, deliveries)
        except Exception as error:  # an edge: whatever it is, it belongs to those who wait
            return error
        for job, result in zip(jobs, results, strict=True):
            job.finish(result)
        return None


class _Job(Generic[D, R]):
    """One delivery, and the place where its result goes."""

    def __init__(self, kind: Hashable, delivery: D, size: int) -> None:
        self.kind = kind
        self.delivery = delivery
        self.size = size
        self.done: asyncio.Future[R] = asyncio.get_running_loop().create_future()

    def finish(self, result: R) -> None:
        if not self.done.done():
            self.done.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # counts as seen: the caller may be giving up at this very moment
