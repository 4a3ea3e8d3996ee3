"""Contestants of a throughput race: each has a process a core, and all run over the same messages in turn."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from nlp_service.cli.loading import load
from nlp_service.errors import NotReady, ServiceError
from nlp_service.types import Message

READER_BATCH = 256

Lap = Callable[[Sequence[str]], None]
"""Reads all texts once."""


def make_reader(model: str, evidence: bool) -> Lap:
    """The whole way from a text to its Analysis, in batches of `READER_BATCH`."""
    reader = load(model)

    def lap(texts: Sequence[str]) -> None:
        for begin in range(0, len(texts), READER_BATCH):
            batch = [Message(None, text) for text in texts[begin : begin + READER_BATCH]]
            reader.read(batch, evidence=evidence)

    return lap


def time_singles(model: str, texts: Sequence[str]) -> list[float]:
    """Time of each text alone, with evidence, one after the other in this process; in milliseconds."""
    reader = load(model)
    reader.read([Message(None, texts[0])])
    times_ms: list[float] = []
    for text in texts:
        begun = time.perf_counter()
        reader.read([Message(None, text)])
        times_ms.append((time.perf_counter() - begun) * 1000)
    return times_ms


class Racer:
    """Processes of one contestant; they wait until it is their turn."""

    def __init__(self, make: Callable[[], Lap], texts: Sequence[str], n_processes: int) -> None:
        """Start the processes and let each run once, so that no turn pays for a first one.

        Args:
            make: Makes what runs in each process; picklable.
            texts: Shared out, every `n_processes`-th to a process.
            n_processes: One a core.

        Raises:
            ServiceError: A process could not get ready.
        """
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        for index in range(n_processes):
            pipe, other = context.Pipe()
            share = list(texts[index::n_processes])
            process = context.Process(target=_race, args=(other, make, share), daemon=True)
            process.start()
            other.close()
            self._pipes.append(pipe)
            self._processes.append(process)
        try:
            for pipe in self._pipes:
                _receive(pipe)
        except ServiceError:
            self.close()
            raise

    def run(self, seconds: float) -> float:
        """Run for about so many seconds on all cores; give messages a second."""
        for pipe in self._pipes:
            pipe.send(seconds)
        return sum(float(_receive(pipe)) for pipe in self._pipes)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.join()


def time_apart(model: str, texts: Sequence[str]) -> list[float]:
    """As `time_singles`, in a process that is used for nothing else."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=_send, args=(other, partial(time_singles, model, list(texts))), daemon=True)
    process.start()
    other.close()
    try:
        times_ms: list[float] = _receive(pipe)
    finally:
        process.kill()
        process.join()
    return times_ms


def _race(pipe: Connection, make: Callable[[], Lap], texts: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    laps: list[Lap] = []

    def get_ready() -> None:
        laps.append(make())
        laps[0](texts[:READER_BATCH])

    _send(pipe, get_ready)
    try:
        while laps:
            seconds = pipe.recv()
            pipe.send(("done", _turn(laps[0], texts, seconds)))
    except (EOFError, OSError):
        return


def _turn(lap: Lap, texts: Sequence[str], seconds: float) -> float:
    begun = time.perf_counter()
    n = 0
    while (elapsed := time.perf_counter() - begun) < seconds:
        lap(texts)
        n += len(texts)
    return n / elapsed


def _send(pipe: Connection, work: Callable[[], Any]) -> None:
    try:
        result = ("done", work())
    except ServiceError as error:
        result = ("failed", error.message)
    except Exception as error:
        # The message of a foreign error may hold text of users.
        result = ("failed", f"{type(error).__name__} in a process of the benchmark")
    pipe.send(result)


def _receive(pipe: Connection) -> Any:
    try:
        kind, what = pipe.recv()
    except EOFError as error:
        raise NotReady("a process of the benchmark died") from error
    if kind == "failed":
        raise ServiceError(what)
    return what
