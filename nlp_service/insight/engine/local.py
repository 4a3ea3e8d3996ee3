"""The embedded engine: worker processes of this machine, one a core.

A worker that dies is replaced and its part read again; if that one dies too, the part is taken to be the cause.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection

from nlp_service.errors import NotReady, ServiceError
from nlp_service.inference.process import keep_what_was_loaded
from nlp_service.insight.engine.mapping import Mapper, Task
from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.work import Done

Run = Callable[[Task, Sequence[Part], int], Iterator[Done]]
"""An engine: does parts with so many workers, and tells of each as it is done."""

_MOST_DEATHS = 2


def run_local(task: Task, parts: Sequence[Part], n_workers: int) -> Iterator[Done]:
    """Do parts with processes of this machine.

    Args:
        task: What they have in common.
        parts: Those to do, in any order.
        n_workers: Processes.

    Yields:
        What became of each, as soon as it is known.

    Raises:
        NotReady: Two workers died over the same part, or one at the start.
        ServiceError: A worker failed in a way that is no message's fault; files of finished parts stay.
    """
    left = {part.number: part for part in parts}
    deaths: Counter[int] = Counter()
    while left:
        pool = _pool(task, min(n_workers, len(left)))
        try:
            for done in _run(pool, list(left.values()), n_workers):
                del left[done.number]
                yield done
        except _Died as death:
            deaths.update(death.held)
            if len(death.held) == 0 or max(deaths.values()) >= _MOST_DEATHS:
                raise NotReady(f"two workers died over parts {sorted(death.held)}") from death
        finally:
            _end(pool)


class _Died(Exception):
    """A worker died; `held` are the parts that may have been in its hands."""

    def __init__(self, held: Sequence[int]) -> None:
        super().__init__()
        self.held = held


def _run(pool: ProcessPoolExecutor, parts: Sequence[Part], n_workers: int) -> Iterator[Done]:
    """Keep every worker busy with one part, and no more: what waits in a queue would be lost with the pool."""
    waiting = list(reversed(parts))
    held: dict[Future[Done], int] = {}
    while waiting or held:
        try:
            while waiting and len(held) < n_workers:
                part = waiting.pop()
                held[pool.submit(_do, part)] = part.number
        except BrokenProcessPool as error:
            raise _Died([*held.values(), part.number]) from error
        finished, _ = wait(held, return_when=FIRST_COMPLETED)
        for future in sorted(finished, key=held.__getitem__):
            try:
                done = future.result()
            except BrokenProcessPool as error:
                raise _Died(list(held.values())) from error
            del held[future]
            yield done


def _pool(task: Task, n_workers: int) -> ProcessPoolExecutor:
    # Not fork: the parent has threads, and a child is not to inherit the open files of the run.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(n_workers, mp_context=context, initializer=_begin, initargs=(task,))


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers at once, whatever they are doing."""
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=True, cancel_futures=True)


_task: Task
_mapper: Mapper | None = None


def _begin(task: Task) -> None:
    global _task
    # Ctrl-C reaches every process of the terminal; what it means is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _task = task


def _do(part: Part) -> Done:
    global _mapper
    try:
        if _mapper is None:
            # Not in the initialiser, whose errors the pool hides.
            _mapper = Mapper(_task)
            keep_what_was_loaded()
        return _mapper.do(part)
    except ServiceError:
        raise
    except Exception as error:
        # The message of a foreign error may hold text of users; its kind does not.
        raise ServiceError(f"a worker failed with {type(error).__name__}") from None


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
