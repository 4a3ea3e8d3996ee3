"""A place where a worker works: it is given batches, watched, and replaced when it ends or hangs.

start ─► ready ─► down ─► (wait) ─► starting ─► ready ...
         │  batches from the queue; a probe when there are none
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal, Protocol

from nlp_service.errors import NotReady, ServiceError
from nlp_service.inference.frames import Answer
from nlp_service.inference.process import Build
from nlp_service.inference.queue import Batch, JobQueue
from nlp_service.inference.workers import Worker
from nlp_service.types import Message

PROBE_EVERY_S = 2.0
"""A lane without traffic reads a message of its own this often, so that readiness rests on a real inference."""

STALE_AFTER_S = 4.5
"""A lane whose last inference is older is not ready. Readiness must notice a worker that hangs within 5 s."""

RESTART_AFTER_S = 1.5
"""Pause before a new worker, doubled at each loss in a row. It also makes an outage outlast a poll of readiness."""

MAX_RESTART_AFTER_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A worker that lived this long was not lost "in a row"."""

PROBE = Message(None, "快递到了，谢谢")

State = Literal["starting", "ready", "down"]

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who wants to know what happens in the lanes."""

    def batch_read(self, n_messages: int, n_failed: int, inference_s: float) -> None:
        """A worker read a batch of callers' messages, some of which it could not read; probes are not told."""
        ...

    def worker_lost(self) -> None:
        """A worker ended or was killed because it hung."""
        ...


@dataclass(frozen=True, slots=True)
class LaneHealth:
    """What a lane says of itself.

    Attributes:
        pid: Process of its worker; None while it has none.
        state: ``ready`` means that batches are given to it.
        last_inference_s: Age of its worker's last inference in seconds; None before the first.
        n_restarts: Workers started after the first one.
    """

    pid: int | None
    state: State
    last_inference_s: float | None
    n_restarts: int

    @property
    def is_ready(self) -> bool:
        """Whether a real inference has passed in it lately."""
        recent = self.last_inference_s is not None and self.last_inference_s <= STALE_AFTER_S
        return self.state == "ready" and recent


class Lane:
    """Runs one worker after another over a queue that it shares with other lanes.

    Args:
        build: Makes the reader inside a worker.
        queue: Where batches come from.
        listener: Told of batches and losses.
        hang_after_s: A worker that holds a batch longer is killed.
        on_down: Called when the lane has lost its worker.
    """

    def __init__(
        self, build: Build, queue: JobQueue, listener: Listener, *, hang_after_s: float, on_down: Callable[[], None]
    ) -> None:
        self._build = build
        self._queue = queue
        self._listener = listener
        self._hang_after_s = hang_after_s
        self._on_down = on_down
        self._wake = asyncio.Event()
        self._worker: Worker | None = None
        self._started_at = self._read_at = 0.0
        self._has_read = False
        self._n_starts = 0
        self.is_idle = False
        self.state: State = "starting"
        self.model_version = ""
        self.policy_version = ""

    @property
    def health(self) -> LaneHealth:
        """How it is now."""
        return LaneHealth(
            pid=self._worker.pid if self._worker else None,
            state=self.state,
            last_inference_s=round(monotonic() - self._read_at, 3) if self._has_read else None,
            n_restarts=max(self._n_starts - 1, 0),
        )

    def wake(self) -> None:
        """Make an idle lane look at the queue; it counts as busy from now on."""
        self.is_idle = False
        self._wake.set()

    async def open(self) -> None:
        """Start a worker and have it read a probe.

        Raises:
            ServiceError: As `Worker.start` raises; the lane has no worker then.
        """
        self.state = "starting"
        worker = await Worker.start(self._build, on_lost=self._wake.set)
        self._worker, self._n_starts, self._started_at = worker, self._n_starts + 1, monotonic()
        try:
            answer = await self._ask([PROBE], evidence=False)
            if answer.failures:
                raise NotReady(f"the first inference failed: {answer.failures[0]}")
        except BaseException:
            await self.close()
            raise
        self.model_version, self.policy_version = worker.model_version, worker.policy_version
        self.state = "ready"

    async def run(self) -> None:
        """Work until cancelled, with a new worker whenever one is lost."""
        pause_s = RESTART_AFTER_S
        while True:
            try:
                await self._work()
            except Exception as error:  # a lane that ended with one would leave its callers to their deadlines
                log.error("worker_lost", extra={"fields": {"pid": self.health.pid, "reason": _reason(error)}})
            if monotonic() - self._started_at > HEALTHY_AFTER_S:
                pause_s = RESTART_AFTER_S
            await self._go_down()
            pause_s = await self._reopen(pause_s)

    async def close(self) -> None:
        """End the worker, if there is one."""
        worker, self._worker = self._worker, None
        self._has_read = False
        if worker is not None:
            await worker.stop()

    async def _work(self) -> None:
        """Give batches to the worker until it is lost, which raises `NotReady`."""
        while True:
            if self._worker is None or not self._worker.is_alive:
                raise NotReady("the inference worker ended")
            batch = self._queue.take()
            if batch is not None:
                await self._read(batch)
            elif not await self._has_work():
                answer = await self._ask([PROBE], evidence=False)
                if answer.failures:
                    raise NotReady(f"a probe failed: {answer.failures[0]}")

    async def _has_work(self) -> bool:
        """Wait to be woken; False when it is time for a probe."""
        self._wake.clear()
        self.is_idle = True
        try:
            async with asyncio.timeout(PROBE_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            return False
        finally:
            self.is_idle = False
        return True

    async def _read(self, batch: Batch) -> None:
        messages = batch.messages
        try:
            answer = await self._ask(messages, evidence=batch.evidence, vectors=batch.vectors)
        except Exception as error:
            batch.fail(error if isinstance(error, ServiceError) else ServiceError("the batch could not be sent"))
            raise
        except asyncio.CancelledError:
            batch.fail(NotReady("the service is shutting down"))
            raise
        batch.finish(answer.analyses, answer.vectors)
        self._listener.batch_read(len(messages), len(answer.failures), answer.inference_s)
        if answer.failures:
            kinds = sorted(set(answer.failures))
            log.error("inference_failed", extra={"fields": {"n_messages": len(answer.failures), "errors": kinds}})

    async def _ask(self, messages: list[Message], *, evidence: bool, vectors: bool = False) -> Answer:
        assert self._worker is not None
        try:
            async with asyncio.timeout(self._hang_after_s):
                answer = await self._worker.read(messages, evidence=evidence, vectors=vectors)
        except TimeoutError as error:
            raise NotReady(f"the inference worker did not answer within {self._hang_after_s:.1f} s") from error
        self._read_at, self._has_read = monotonic(), True
        return answer

    async def _go_down(self) -> None:
        self.state = "down"
        self._listener.worker_lost()
        self._on_down()
        worker, self._worker, self._has_read = self._worker, None, False
        if worker is not None:
            await worker.kill()

    async def _reopen(self, pause_s: float) -> float:
        """Start anew until it succeeds; the pause before the next time."""
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_RESTART_AFTER_S)
            try:
                await self.open()
            except Exception as error:  # also that no process could be made
                self.state = "down"
                log.error("worker_start_failed", extra={"fields": {"reason": _reason(error), "next_s": pause_s}})
            else:
                log.warning("worker_restarted", extra={"fields": {"pid": self.health.pid}})
                return pause_s


def _reason(error: Exception) -> str:
    """What may be logged: the text of a foreign error may quote a message."""
    return error.message if isinstance(error, ServiceError) else type(error).__name__
