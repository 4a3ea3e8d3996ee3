"""A part to its file: what a worker of either engine does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from nlp_service.errors import ServiceError
from nlp_service.insight.engine.parts import Part, read
from nlp_service.insight.engine.reading import PART_SCHEMA, BuildTools, Known, analyse, to_table
from nlp_service.insight.engine.rows import Failure, Row
from nlp_service.insight.engine.stored import Stored, read_stored
from nlp_service.insight.engine.work import Done, Work

BATCH = 4_096
"""Messages that are in memory at a time in a worker."""

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a time that nothing says; `Done.undated` counts them."""


class Task(NamedTuple):
    """What all parts of a run have in common; travels to every worker.

    Attributes:
        build: Makes the tools.
        folder: The work folder; for workers on several machines, on all of them.
        zone: Of times that have none.
        since, until: What was written outside is passed over and costs no analysis; None is no bound.
        names_files: Whether failures name their file, because there are several.
        stored: Where parts of the store come from.
    """

    build: BuildTools
    folder: Path
    zone: str = "Asia/Shanghai"
    since: datetime | None = None
    until: datetime | None = None
    names_files: bool = False
    stored: Stored | None = None


class Mapper:
    """Turns parts into files. One for a process: what it builds is large."""

    def __init__(self, task: Task) -> None:
        """Load the model.

        Raises:
            ServiceError: What `build` raises.
        """
        self._task = task
        self._tools = task.build()
        self._zone = ZoneInfo(task.zone)

    def do(self, part: Part) -> Done:
        """Read a part and write its file, which appears whole or not at all.

        Raises:
            BadInput: The source is damaged there, or gone.
            NotReady: The database cannot be used now.
            ServiceError: The file cannot be written.
        """
        done = Done(part.number)
        versions = {self._tools.analyser.version} if self._tools.analyser and part.kind != "store" else set[str]()
        failures: list[bytes] = []
        work = Work(self._task.folder)
        try:
            with work.writing(part.number) as paths:
                with pq.ParquetWriter(paths.table, PART_SCHEMA, compression="zstd") as writer:
                    for known, failed in self._batches(part):
                        self._count(done, known)
                        versions.update(one.version for one in known if one.version)
                        failures += [self._encode(part, failure) for failure in failed]
                        writer.write_table(self._table(known))
                    done.failed = len(failures)
                    done.versions = sorted(versions)
                    writer.add_key_value_metadata({"done": msgspec.json.encode(done).decode()})
                paths.errors.write_bytes(b"".join(failures))
        except OSError as error:
            raise ServiceError(f"cannot write to {self._task.folder}: {error.strerror}") from error
        return done

    def _batches(self, part: Part) -> Iterator[tuple[list[Known], list[Failure]]]:
        if part.kind == "store":
            assert self._task.stored is not None
            for known in read_stored(self._task.stored, part, BATCH):
                yield known, []
            return
        rows = self._within(read(part, self._zone))
        while batch := list(itertools.islice(rows, BATCH)):
            good = [row for row in batch if isinstance(row, Row)]
            answers: list[Known | Failure] = analyse(good, self._tools)
            failed = [row for row in (*batch, *answers) if isinstance(row, Failure)]
            failed.sort(key=lambda failure: failure.line)
            yield [answer for answer in answers if isinstance(answer, Known)], failed

    def _within(self, rows: Iterable[Row | Failure]) -> Iterator[Row | Failure]:
        since, until = self._task.since, self._task.until
        for row in rows:
            at = None if isinstance(row, Failure) else row.at
            if at is None or ((since is None or at >= since) and (until is None or at < until)):
                yield row

    def _count(self, done: Done, known: Sequence[Known]) -> None:
        times = [one.row.at for one in known if one.row.at is not None]
        done.rows += len(known)
        done.undated += len(known) - len(times)
        if times:
            done.first = min(times) if done.first is None else min(done.first, *times)
            done.last = max(times) if done.last is None else max(done.last, *times)

    def _table(self, known: Sequence[Known]) -> pa.Table:
        dated = [one if one.row.at else one._replace(row=one.row._replace(at=UNDATED)) for one in known]
        return to_table(dated, self._tools)

    def _encode(self, part: Part, failure: Failure) -> bytes:
        return failure.encode(Path(part.path).name if self._task.names_files else None)


def describe(done: Iterable[Done]) -> dict[str, Any]:
    """Sums over parts: rows, failed, undated, and the first and last time."""
    parts = list(done)
    return {
        "rows": sum(part.rows for part in parts),
        "failed": sum(part.failed for part in parts),
        "undated": sum(part.undated for part in parts),
        "first": min((part.first for part in parts if part.first), default=None),
        "last": max((part.last for part in parts if part.last), default=None),
    }
