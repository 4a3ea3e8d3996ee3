"""Joins the requests of many callers into batches for the worker processes.

`Batcher.read` is what the doors of the service call. It refuses at once what has no room, gives up what is not read in
time, and never waits for a worker that has ended. There is no waiting for a batch to fill: a free worker takes what is
there, and while it reads, the next batch gathers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from nlp_service.errors import DeadlineExceeded, NotReady
from nlp_service.inference.frames import read_analysis
from nlp_service.inference.lane import STALE_AFTER_S, Lane, LaneHealth, Listener
from nlp_service.inference.process import Build
from nlp_service.inference.queue import MAX_BATCH, Job, JobQueue
from nlp_service.types import Analysis, Message

HANG_GRACE_S = 2.0
"""A worker may hold a batch this much longer than any caller waits for it; then it hangs and is killed."""

PATIENCE_S = 0.02
"""How long a message is left to a busy lane while another one is idle."""


class Kept(NamedTuple):
    """What is kept of a message.

    Attributes:
        analysis: In JSON.
        vector: Embedding of unit length as float16, see `vectors.unpack`; empty for a message that could not be
            read.
    """

    analysis: bytes
    vector: bytes


class Batcher:
    """A queue and the lanes that empty it; belongs to one event loop.

    Args:
        build: Makes the reader inside a worker.
        listener: Told of batches and lost workers.
        workers: Worker processes.
        queue_messages: Messages that may wait.
        deadline_s: Longest time that `read` takes.
    """

    def __init__(
        self,
        build: Build,
        listener: Listener,
        *,
        workers: int = 1,
        queue_messages: int = 4096,
        deadline_s: float = 10.0,
    ) -> None:
        self._queue = JobQueue(queue_messages)
        self._deadline_s = deadline_s
        hang_after_s = deadline_s + HANG_GRACE_S
        self._lanes = [
            Lane(build, self._queue, listener, hang_after_s=hang_after_s, on_down=self._lane_is_down)
            for _ in range(workers)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._look_again: asyncio.TimerHandle | None = None

    @property
    def n_queued(self) -> int:
        """Messages that wait for a worker."""
        return self._queue.n_messages

    @property
    def model_version(self) -> str:
        """Name and version of the model that the workers loaded; empty before `start`."""
        return self._lanes[0].model_version

    @property
    def policy_version(self) -> str:
        """Version of the policy that the workers decide by; empty before `start`."""
        return self._lanes[0].policy_version

    @property
    def lanes(self) -> list[LaneHealth]:
        """How each worker is now."""
        return [lane.health for lane in self._lanes]

    async def start(self) -> None:
        """Start all workers; returns when each has passed an inference.

        Raises:
            ArtifactError: The model cannot be loaded; the message names the file.
            ServiceError: A worker could not be started otherwise.
        """
        opened = await asyncio.gather(*(lane.open() for lane in self._lanes), return_exceptions=True)
        for outcome in opened:
            if outcome is not None:
                await self.stop()
                raise outcome
        self._tasks = [asyncio.create_task(lane.run()) for lane in self._lanes]

    async def stop(self) -> None:
        """End all workers; whoever still waits gets `NotReady`."""
        if self._look_again is not None:
            self._look_again.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._queue.fail_all(NotReady("the service is shutting down"))
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    async def read(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        """Have messages read; one answer for one message, in order. Raises what `read_json` raises."""
        return [read_analysis(written) for written in await self.read_json(messages, evidence=evidence)]

    async def read_json(self, messages: Sequence[Message], *, evidence: bool = True) -> list[bytes]:
        """As `read`, with each analysis as it is written in JSON.

        A message that the models cannot read gets an analysis that knows nothing and asks for review.

        Raises:
            Overloaded: The queue has no room for them; nothing was done.
            DeadlineExceeded: They were not all read in time.
            NotReady: No worker is there, or the one that had them ended.
        """
        if not messages:
            return []
        return await self._do(Job(messages, evidence=evidence))

    async def read_kept(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Kept]:
        """As `read_json`, with the vector of each message from the same pass."""
        if not messages:
            return []
        job = Job(messages, evidence=evidence, vectors=True)
        analyses = await self._do(job)
        return list(map(Kept, analyses, job.vectors or ()))

    async def _do(self, job: Job) -> list[bytes]:
        if not any(lane.state == "ready" for lane in self._lanes):
            raise NotReady("no inference worker is running")
        self._queue.put(job)
        self._wake_lanes()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await job.done
        except TimeoutError as error:
            raise DeadlineExceeded(f"not read within {self._deadline_s:g} s") from error
        finally:
            self._queue.drop(job)

    def find_faults(self) -> list[str]:
        """Why the service is not ready, one reason a worker; empty when a real inference passed lately in each."""
        faults = []
        for number, lane in enumerate(self.lanes):
            if lane.state != "ready":
                faults.append(f"worker {number} is {lane.state}")
            elif not lane.is_ready:
                faults.append(f"worker {number} has not passed an inference for {STALE_AFTER_S:g} s")
        return faults

    def _wake_lanes(self) -> None:
        """Wake an idle lane if all are, and more while what waits is more than the busy ones take next.

        Batches are cheaper by the message the larger they are. So what a busy lane will soon take is left to it, but
        for no longer than `PATIENCE_S`: it may be reading something long, or hang.
        """
        n_busy = sum(1 for lane in self._lanes if lane.state == "ready" and not lane.is_idle)
        for lane in self._lanes:
            if lane.is_idle and self._queue.n_messages > MAX_BATCH * n_busy:
                lane.wake()
                n_busy += 1
        if self._look_again is None and any(lane.is_idle for lane in self._lanes):
            self._look_again = asyncio.get_running_loop().call_later(PATIENCE_S, self._wake_for_late)

    def _wake_for_late(self) -> None:
        """Wake an idle lane if something has waited too long, and look again as long as anything waits."""
        self._look_again = None
        idle = [lane for lane in self._lanes if lane.is_idle]
        since = self._queue.waiting_since
        if since is None or not idle:
            return
        waited = monotonic() - since
        if waited >= PATIENCE_S:
            idle.pop().wake()
        if idle:
            left_s = max(PATIENCE_S - waited, 0.001) if waited < PATIENCE_S else PATIENCE_S
            self._look_again = asyncio.get_running_loop().call_later(left_s, self._wake_for_late)

    def _lane_is_down(self) -> None:
        # Whoever waits could only wait for a restart; the caller knows better whether that is worth while.
        if not any(lane.state == "ready" for lane in self._lanes):
            self._queue.fail_all(NotReady("no inference worker is running"))
