"""The engine of several machines: actors of Ray, each with the model loaded once.

Only the descriptions of parts and what became of them travel through Ray; the rows go from the source to the work
folder, which all machines must see under one path. As with the embedded engine, an actor that dies is replaced and its
part read again; if that one dies too, the part is taken to be the cause. Ray's own restarts are not used: they go on
for ever, and a pool of Ray Data was seen to wait for ever for one (2.60).
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from nlp_service.errors import BadInput, NotReady, ServiceError
from nlp_service.insight.engine.mapping import Mapper, Task
from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.work import Done

_STORE_BYTES = 96 << 20  # some kilobytes travel; the least that Ray takes is 75 MB
_MOST_DEATHS = 2


def run_ray(task: Task, parts: Sequence[Part], n_workers: int, *, address: str = "") -> Iterator[Done]:
    """Do parts with actors of Ray.

    Args:
        task: What they have in common; sources and work folder are seen by all machines.
        parts: Those to do.
        n_workers: Actors, each of one core.
        address: Of a cluster; empty for one of this machine alone, which ends with the call.

    Yields:
        What became of each part, as soon as it is known.

    Raises:
        BadInput: Ray is not installed.
        NotReady: The cluster cannot be started or reached, or two workers died over the same part.
        ServiceError: A worker failed in a way that is no message's fault; files of finished parts stay.
    """
    if not parts:
        return
    with _cluster(min(n_workers, len(parts)), address) as ray:
        pool = _Pool(ray, task, min(n_workers, len(parts)))
        yield from pool.run(parts)


class _Pool:
    """Actors, each with one part at a time. Parts go only to actors that are up: a cluster may be slow, or small."""

    def __init__(self, ray: Any, task: Task, n_workers: int) -> None:
        self._ray = ray
        self._new = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Actor).remote
        self._task = task
        self._held: dict[Any, tuple[Any, Part | None]] = {}
        for _ in range(n_workers):
            self._start()

    def run(self, parts: Sequence[Part]) -> Iterator[Done]:
        """Do the parts."""
        waiting, n_left = deque(parts), len(parts)
        deaths: Counter[int] = Counter()
        while n_left:
            (ready,), _ = self._ray.wait(list(self._held), num_returns=1)
            actor, part = self._held.pop(ready)
            try:
                outcome = self._ray.get(ready)
            except self._ray.exceptions.RayError as error:
                number = -1 if part is None else part.number
                deaths[number] += 1
                if deaths[number] >= _MOST_DEATHS:
                    what = "at the start" if part is None else f"over part {number}"
                    raise NotReady(f"{_MOST_DEATHS} workers of Ray died {what} ({type(error).__name__})") from None
                if part is not None:
                    waiting.appendleft(part)
                self._start()
                continue
            if part is not None:
                n_left -= 1
                yield _done(outcome)
            if waiting:
                part = waiting.popleft()
                self._held[actor.do.remote(msgspec.json.encode(part))] = actor, part

    def _start(self) -> None:
        actor = self._new(self._task)
        self._held[actor.is_up.remote()] = actor, None


class _Actor:
    """One worker. It answers with the errors of the service too, which Ray would wrap together with its stack."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._mapper: Mapper | None = None

    def is_up(self) -> bool:
        """Ray answers when the actor runs."""
        return True

    def do(self, written: bytes) -> bytes:
        """Read a part, named in JSON; gives `Done` or an error in JSON."""
        outcome: dict[str, Any]
        try:
            if self._mapper is None:
                self._mapper = Mapper(self._task)
            outcome = {"done": self._mapper.do(msgspec.json.decode(written, type=Part))}
        except ServiceError as error:
            outcome = {"kind": type(error).__name__, "message": error.message, "param": error.param}
        except Exception as error:
            # The message of a foreign error may hold text of users; its kind does not.
            outcome = {"kind": "ServiceError", "message": f"a worker failed with {type(error).__name__}", "param": None}
        return msgspec.json.encode(outcome)


def _done(written: bytes) -> Done:
    outcome = msgspec.json.decode(written)
    if "done" in outcome:
        return msgspec.convert(outcome["done"], Done)
    kinds = {"BadInput": BadInput, "NotReady": NotReady}
    raise kinds.get(outcome["kind"], ServiceError)(outcome["message"], param=outcome["param"])


@contextlib.contextmanager
def _cluster(n_workers: int, address: str) -> Iterator[Any]:
    """Ray, connected or started, and left or ended."""
    # Read when Ray is imported: it is to tell nobody of its use, and to leave accelerators as they are.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise BadInput("the engine ray needs the extra .[ray]", param="engine") from error
    options: dict[str, Any] = {"address": address}
    if not address or address == "local":
        options = {"address": "local", "num_cpus": n_workers, "object_store_memory": _STORE_BYTES}
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    # The workers find this package where this process found it, installed or not.
    paths = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, paths))}}
    try:
        ray.init(**options, logging_level=logging.ERROR, log_to_driver=False, runtime_env=environment)
    except Exception as error:
        raise NotReady(f"Ray could not be started or reached ({type(error).__name__})") from error
    try:
        yield ray
    finally:
        ray.shutdown()
