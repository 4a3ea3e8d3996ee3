"""The whole way of the first stage: from a source to the FACTS of the period that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from nlp_service.insight.engine.choosing import Choice, choose, history_start, zone_named
from nlp_service.insight.engine.gathering import gather, gather_errors
from nlp_service.insight.engine.local import Run
from nlp_service.insight.engine.mapping import UNDATED, Task
from nlp_service.insight.engine.parts import Part, cut, find_files, fingerprint
from nlp_service.insight.engine.reading import BuildTools
from nlp_service.insight.engine.stored import Stored, cut_stored, look
from nlp_service.insight.engine.work import Done, Work
from nlp_service.insight.results import Period

Watch = Callable[[int, int, int], None]
"""Told after each part how many are done, how many there are, and how many messages this run has read."""


class Job(NamedTuple):
    """What to read, and how.

    Attributes:
        source: A file, a folder of files, or messages of the store.
        folder: The work folder.
        build: Makes what a worker reads with.
        reads_with: What changes when `build` makes something else, by names that the user can read.
        start: First moment of the period, where one is given.
        end: First moment behind it, where one is given.
        zone: Whose days count, and of times that have none.
        n_workers: Processes or actors.
        is_fresh: Whether to forget what an earlier run had done.
        part_bytes: Of a part of a JSONL or CSV file; by the size of all if None.
    """

    source: Path | Stored
    folder: Path
    build: BuildTools
    reads_with: Mapping[str, str]
    start: datetime | None = None
    end: datetime | None = None
    zone: str = "Asia/Shanghai"
    n_workers: int = 1
    is_fresh: bool = False
    part_bytes: int | None = None


class Read(NamedTuple):
    """What the first stage gives.

    Attributes:
        facts: FACTS of the period, the one before, and the five weeks before it.
        choice: The period.
        notes: Codes of `Mining.notes`.
        model_version: Of the model that read them; several are joined by a comma.
        messages: Messages that were read, of whatever time.
        failed: Records that could not be taken.
    """

    facts: pa.Table
    choice: Choice
    notes: tuple[str, ...]
    model_version: str
    messages: int
    failed: int


def read_facts(job: Job, run: Run, watch: Watch, errors: Path | None = None) -> Read:
    """Read a source part by part, those that an earlier run has done left out, and gather what is needed of it.

    Args:
        job: What to do.
        run: The engine.
        watch: Told of the progress.
        errors: Where to name the records that could not be taken, if there are any.

    Raises:
        BadInput: The source, the period or the work folder does not allow it.
        NotReady: The database or a worker cannot be used now.
        ServiceError: A worker or the work folder failed; what is done stays done.
    """
    zone_named(job.zone)  # refused here rather than by a worker
    job, notes = _settle(job)
    since, until = _bounds(job)
    work = Work(job.folder)
    parts, task, made_of = _prepare(job, since, until)
    with work.opened(made_of, parts, is_fresh=job.is_fresh):
        left = work.left(parts)
        n_done, n_read = len(parts) - len(left), 0
        watch(n_done, len(parts), n_read)
        for done in run(task, left, job.n_workers):
            n_done, n_read = n_done + 1, n_read + done.rows
            watch(n_done, len(parts), n_read)
        dones = work.done(parts)
        if errors is not None:
            gather_errors([work.errors(part.number) for part in parts], errors)
        return _gathered(job, work, dones, notes)


def _settle(job: Job) -> tuple[Job, tuple[str, ...]]:
    """The job with its period, where the store can say which without being read; and how it came about."""
    if not isinstance(job.source, Stored) or job.end is not None:
        return job, ()
    extent = look(job.source, None, None)
    if extent.last is None:
        return job, ()
    choice = choose(extent.first, extent.last, job.start, None, job.zone)
    return job._replace(start=choice.period.start, end=choice.period.end), choice.notes


def _bounds(job: Job) -> tuple[datetime | None, datetime | None]:
    """What has to be read for the period that is given; no bounds where the messages are to say which."""
    if job.end is None:
        return None, None
    choice = choose(None, None, job.start, job.end, job.zone)
    return history_start(choice.period), choice.period.end


def _prepare(job: Job, since: datetime | None, until: datetime | None) -> tuple[list[Part], Task, dict[str, str]]:
    bounds = {"period": f"{since or ''} {until or ''}", "zone": job.zone}
    if isinstance(job.source, Stored):
        extent = look(job.source, since, until)
        made_of = {"input": f"{job.source.tenant} {extent.state}", **bounds, **job.reads_with}
        return cut_stored(extent), Task(job.build, job.folder, job.zone, stored=job.source), made_of
    files = find_files(job.source)
    task = Task(job.build, job.folder, job.zone, since, until, names_files=len(files) > 1)
    return cut(files, job.part_bytes), task, {"input": fingerprint(files), **bounds, **job.reads_with}


def _gathered(job: Job, work: Work, dones: Sequence[Done], notes: tuple[str, ...]) -> Read:
    first = min((done.first for done in dones if done.first), default=None)
    last = max((done.last for done in dones if done.last), default=None)
    undated = sum(done.undated for done in dones)
    messages = sum(done.rows for done in dones)
    failed = sum(done.failed for done in dones)
    choice = _choose(first, last, job, is_undated=undated > 0)
    files = [work.table(done.number) for done in dones if _touches(done, choice.period)]
    facts, n_doubles = gather(files, history_start(choice.period), choice.period.end)
    counted = {"duplicates": n_doubles, "undated": undated, "failed": failed}
    notes = (*notes, *choice.notes, *(f"{name}:{number}" for name, number in counted.items() if number))
    versions = sorted({version for done in dones for version in done.versions})
    return Read(facts, choice, notes, ", ".join(versions), messages, failed)


def _choose(first: datetime | None, last: datetime | None, job: Job, *, is_undated: bool) -> Choice:
    choice = choose(first, last, job.start, job.end, job.zone)
    if first is None and not is_undated and "undated_all" in choice.notes:
        return choice._replace(notes=())  # there is no message at all
    return choice


def _touches(done: Done, period: Period) -> bool:
    """Whether a part has anything of the time that is looked at."""
    since = history_start(period)
    if done.undated and since <= UNDATED < period.end:
        return True
    return done.first is not None and done.last is not None and done.first < period.end and done.last >= since
