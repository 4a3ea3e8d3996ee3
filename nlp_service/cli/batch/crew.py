"""Worker processes that answer chunks, and the order in which the answers come back.

Each worker has a pipe of its own and is given one chunk at a time by a thread that waits for it. A worker whose parent
is gone reads the end of its pipe and leaves, so that a killed run leaves no processes behind.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple

from nlp_service.cli.batch.chunks import Answers, Chunk
from nlp_service.cli.batch.reading import Desk, Manner
from nlp_service.errors import NotReady, ServiceError
from nlp_service.inference.process import Build


class Versions(NamedTuple):
    """What answers: name and version of the model and of the policy."""

    model: str
    policy: str


class Crew:
    """Worker processes behind one call: chunks in, answers out, in the same order.

    A worker that dies is replaced and its chunk read again; if that one dies too, the chunk is taken to be the cause.
    """

    def __init__(self, build: Build, n_workers: int, manner: Manner) -> None:
        """Start the workers and wait until each has its reader.

        Raises:
            ServiceError: A reader could not be built; the message is the builder's.
            NotReady: A worker died at the start.
        """
        self._build = build
        self._manner = manner
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._is_closed = False
        self._threads = ThreadPoolExecutor(n_workers)
        self._n_workers = n_workers
        try:
            for worker in [self._start() for _ in range(n_workers)]:
                self.versions = worker.wait_ready()
                self._free.put(worker)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer(self, chunks: Iterable[Chunk | None]) -> Iterator[tuple[Chunk, Answers]]:
        """Answer chunks, with a bounded number of them in flight; a None lets finished answers out.

        Raises:
            NotReady: Two workers died over the same chunk.
            ServiceError: A worker failed in a way that is no message's fault.
        """
        pending: deque[tuple[Chunk, Future[Answers]]] = deque()
        # One chunk with each worker and one waiting behind it: no worker idles while the parent writes.
        limit = 2 * self._n_workers
        for chunk in chunks:
            if chunk is not None:
                pending.append((chunk, self._threads.submit(self._ask, chunk)))
            while pending and (len(pending) >= limit or pending[0][1].done()):
                head, future = pending.popleft()
                yield head, future.result()
        while pending:
            head, future = pending.popleft()
            yield head, future.result()

    def close(self) -> None:
        """End the workers, at once and whatever they are doing."""
        with self._lock:
            self._is_closed = True
            workers = list(self._all)
        for worker in workers:
            worker.end()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> _Worker:
        with self._lock:
            if self._is_closed:
                raise NotReady("the run is over")
            worker = _Worker(self._build, self._manner)
            self._all.add(worker)
            return worker

    def _ask(self, chunk: Chunk) -> Answers:
        worker = self._free.get()
        try:
            return worker.answer(chunk)
        except _WorkerDied:
            with self._lock:
                self._all.discard(worker)
            worker.end()
            worker = self._start()
            worker.wait_ready()
            try:
                return worker.answer(chunk)
            except _WorkerDied as error:
                raise NotReady(
                    f"two workers died over the {len(chunk.payload)} bytes or records from line {chunk.first_line} on"
                ) from error
        finally:
            self._free.put(worker)


class _WorkerDied(Exception):
    """The other end of the pipe is gone."""


class _Worker:
    """One process with one reader."""

    def __init__(self, build: Build, manner: Manner) -> None:
        # Not fork: the parent has threads, and a child is not to inherit the open files of the run.
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, build, manner), daemon=True)
        self._process.start()
        other.close()

    def wait_ready(self) -> Versions:
        try:
            kind, what = self._receive()
        except _WorkerDied as error:
            self._process.join(timeout=5)
            raise NotReady(f"a worker died at the start, exit code {self._process.exitcode}") from error
        if kind == "failed":
            raise ServiceError(what)
        return Versions(*what)

    def answer(self, chunk: Chunk) -> Answers:
        try:
            self._pipe.send(chunk)
        except OSError as error:
            raise _WorkerDied from error
        kind, what = self._receive()
        if kind == "failed":
            raise ServiceError(what)
        return Answers(*what)

    def end(self) -> None:
        self._process.kill()
        self._process.join()

    def _receive(self) -> tuple[str, Any]:
        try:
            kind, what = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise _WorkerDied from error
        return kind, what


def _work(pipe: Connection, build: Build, manner: Manner) -> None:
    """Life of a worker: build a reader, then answer until the parent is gone."""
    # Ctrl-C reaches every process of the terminal; what it means is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            reader = build()
            pipe.send(("ready", (reader.model_version, reader.policy_version)))
            desk = Desk(reader, manner)
            while True:
                pipe.send(("answers", desk.answer(pipe.recv())))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except ServiceError as error:
            pipe.send(("failed", error.message))
        except Exception as error:
            # The message of a foreign error may hold text of users; its kind does not.
            pipe.send(("failed", f"a worker failed with {type(error).__name__}"))
    except OSError:
        return
