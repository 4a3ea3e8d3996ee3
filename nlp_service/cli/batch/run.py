"""A whole run: open the input, start the workers, take up where an earlier run stopped, answer, finish.

Source ─ chunks ─► Crew ─ answers, in order ─► Ledger
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nlp_service.cli.batch.chunks import Progress
from nlp_service.cli.batch.crew import Crew, Versions
from nlp_service.cli.batch.ledger import FileLedger
from nlp_service.cli.batch.outputs import Paths, StreamLedger
from nlp_service.cli.batch.reading import Manner
from nlp_service.cli.batch.sources import FORMATS, Source, open_source
from nlp_service.inference.process import Build

_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Job:
    """What to read and where to.

    Attributes:
        source: The input; None for standard input.
        output: The output; None for standard output.
        format: jsonl, csv or parquet; None to go by the extension.
        n_workers: Processes at most; a small file takes fewer.
        evidence: Whether to look for the characters behind each label.
        batch: Messages of one model batch.
        is_fresh: Whether to forget an unfinished run.
    """

    source: Path | None
    output: Path | None
    format: str | None = None
    n_workers: int = 1
    evidence: bool = True
    batch: int = 256
    is_fresh: bool = False

    @property
    def output_format(self) -> str:
        """By the extension of the output; JSON lines for any other."""
        return FORMATS.get(self.output.suffix.lower(), "jsonl") if self.output else "jsonl"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished run did.

    Attributes:
        messages: Lines of the output.
        failed: Lines of the errors.
        resumed_at: Lines or rows of the input that an earlier run had done.
        seconds: Time of this run, with starting the workers.
        messages_per_s: Messages of this run by the time of reading them, starting not counted.
        output, errors: Files that were written; None for streams and when nothing failed.
    """

    messages: int
    failed: int
    resumed_at: int
    seconds: float
    messages_per_s: float
    model_version: str
    policy_version: str
    output: str | None
    errors: str | None


Watch = Callable[[Progress, int | None], None]
"""Told after each chunk how far the run is, and the size of the input in the unit of ``offset`` (None for a stream)."""


def run(job: Job, build: Build, watch: Watch) -> Summary:
    """Do a job from beginning to end.

    Raises:
        BadInput: The input, the output or an unfinished run does not allow it.
        ServiceError: The workers could not start, or the output could not be written.
        BrokenPipeError: The reader of the output has gone.
    """
    begun = time.monotonic()
    source = open_source(job.source, job.format)
    paths = _paths(job)
    manner = Manner(job.evidence, job.batch, as_csv=job.output_format != "jsonl")
    n_workers = max(1, min(job.n_workers, source.n_chunks or job.n_workers))
    with (
        Crew(build, n_workers, manner) as crew,
        _open_ledger(job, paths, source, crew.versions) as ledger,
    ):
        ready = time.monotonic()
        resumed_at, done_before = ledger.progress.line, ledger.progress.done
        watch(ledger.progress, source.total)
        for chunk, answers in crew.answer(source.chunks(ledger.progress.position)):
            ledger.add(chunk, answers)
            watch(ledger.progress, source.total)
        ledger.finish()
        progress = ledger.progress
    now = time.monotonic()
    return Summary(
        messages=progress.done,
        failed=progress.failed,
        resumed_at=resumed_at,
        seconds=round(now - begun, 3),
        messages_per_s=round((progress.done - done_before) / max(now - ready, 1e-9), 1),
        model_version=crew.versions.model,
        policy_version=crew.versions.policy,
        output=str(job.output) if job.output else None,
        errors=str(paths.errors) if paths and progress.failed else None,
    )


def _paths(job: Job) -> Paths | None:
    """The files to write; None for standard output, a pipe or a device."""
    if job.output is None or (job.output.exists() and not job.output.is_file()):
        return None
    paths = Paths(job.output, is_parquet=job.output_format == "parquet")
    if job.source is not None and job.source.exists():
        paths.refuse(job.source)
    return paths


def _open_ledger(job: Job, paths: Paths | None, source: Source, versions: Versions) -> FileLedger | StreamLedger:
    if paths is None:
        return StreamLedger(job.output)
    return FileLedger(
        paths,
        {"model": versions.model, "policy": versions.policy, **_identity(job)},
        is_table=job.output_format != "jsonl",
        is_resumable=source.total is not None,
        is_fresh=job.is_fresh,
    )


def _identity(job: Job) -> dict[str, str | int | bool]:
    """What must not change between an interrupted run and its continuation, by names that the user can read."""
    options: dict[str, str | int | bool] = {"evidence": job.evidence, "batch": job.batch, "format": job.format or ""}
    if job.source is None or not job.source.is_file():
        return options
    with job.source.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
        status = os.fstat(file.fileno())
    return {"input": f"{status.st_size} {status.st_mtime_ns} {head}", **options}
