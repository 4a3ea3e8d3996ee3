"""``import``: a file of messages, or an export of a chat, into the store."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from nlp_service.cli.databases import TENANT, opened_database, tell
from nlp_service.cli.exits import SOME_FAILED
from nlp_service.cli.loading import load
from nlp_service.errors import BadInput

if TYPE_CHECKING:
    from nlp_service.cli.batch.records import Failure
    from nlp_service.cli.chats.rows import Origin
    from nlp_service.inference.process import Build
    from nlp_service.store.database import Database

Db = Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder by default.")]
Tenant = Annotated[str, typer.Option(help="Whose messages they are.")]
Model = Annotated[str | None, typer.Option(help="fast, or the folder of a model.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one for each usable core by default.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]

STATES = ("stored", "edited", "duplicate", "outdated", "deleted")
"""What becomes of a message."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to import.

    Attributes:
        source: The file; None for standard input.
        origin: What the command line says of it.
        tenant: Whose messages they are.
        n_workers: Processes.
    """

    source: Path | None
    origin: Origin
    tenant: str = TENANT
    n_workers: int = 1

    @property
    def errors(self) -> Path | None:
        """Where lines are named that could not be taken; None is standard error."""
        return None if self.source is None else Path(f"{self.source.name}.errors.jsonl")


def import_messages(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="JSONL, CSV, or an export of a chat; - is JSONL on standard input.")
    ],
    platform: Annotated[str, typer.Option(help="Where the messages come from; what the file says by default.")] = "",
    channel: Annotated[str, typer.Option(help="Where they were written; what the file says by default.")] = "",
    zone: Annotated[str, typer.Option(help="Of times that have none.")] = "Asia/Shanghai",
    tenant: Tenant = TENANT,
    model: Model = None,
    workers: Workers = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Analyze the messages of FILE, judge and store them. The same file twice changes nothing.

    Taken are messages as POST /v1/messages takes them, and exports of WeChat, QQ, Telegram, Discord and WeCom. Lines
    that cannot be taken are named in FILE.errors.jsonl in the working directory and make the exit code 1.
    """
    from nlp_service.cli.chats.rows import Origin
    from nlp_service.settings import read_settings

    with opened_database(db) as database:
        settings = read_settings(model=model, workers=workers)
        origin = Origin(platform, channel, _zone(zone))
        job = Job(None if source == "-" else Path(source), origin, tenant, settings.workers)
        found = run_import(job, database, partial(load, settings.model, settings.encoder))
        tell(found, _in_words(found), as_json=json)
        if found["failed"]:
            raise typer.Exit(SOME_FAILED)


def run_import(job: Job, database: Database, build: Build) -> dict[str, Any]:
    """Do an import, with its progress on a terminal; gives a summary.

    Raises:
        BadInput: The file cannot be read.
        NotReady: Workers or database are away; what was stored before stays.
        ServiceError: A worker could not be started.
    """
    begun = time.monotonic()
    with _failures(job.errors) as failed:
        counts = asyncio.run(_run(job, database, build, failed))
    seconds = time.monotonic() - begun
    n_messages = _n_messages(counts)
    return {
        "messages": n_messages,
        **{state: counts[state] for state in STATES},
        "actions": {name.removeprefix("action:"): n for name, n in counts.items() if name.startswith("action:")},
        "sent_at_adjusted": counts["adjusted"],
        "skipped": counts["skipped"],
        "failed": counts["failed"],
        "seconds": round(seconds, 3),
        "messages_per_s": round(n_messages / max(seconds, 1e-9), 1),
        "errors": str(job.errors) if job.errors and counts["failed"] else None,
    }


async def _run(job: Job, database: Database, build: Build, failed: Callable[[Failure], None]) -> Counter[str]:
    from nlp_service.cli.batch.chunks import Progress
    from nlp_service.cli.chats.files import read_messages
    from nlp_service.cli.importing import Importer
    from nlp_service.cli.intaking import running_intake
    from nlp_service.cli.progress import ProgressBar

    rows = iter(read_messages(job.source, job.origin))
    # A file that is not there, or nothing that is known, must not start workers.
    first = [] if job.source is None else list(itertools.islice(rows, 1))
    with ProgressBar(is_shown=sys.stderr.isatty()) as bar:
        async with running_intake(database, build, job.n_workers) as intake:
            importer = Importer(intake, job.tenant, job.origin, failed, ahead=job.n_workers + 1)
            await importer.run(
                itertools.chain(first, rows), lambda counts: bar.show(Progress({}, done=_n_messages(counts)), None)
            )
    return importer.counts


@contextlib.contextmanager
def _failures(path: Path | None) -> Iterator[Callable[[Failure], None]]:
    """Where failures go: a file that is made when there is a first one, or standard error for None."""
    from nlp_service.cli.batch.outputs import writing

    with contextlib.ExitStack() as files:
        opened: list[BinaryIO] = [] if path else [sys.stderr.buffer]
        if path:
            with writing(path):
                path.unlink(missing_ok=True)  # else it would still speak of the run before

        def failed(failure: Failure) -> None:
            with writing(path or "standard error"):
                if path and not opened:
                    opened.append(files.enter_context(path.open("wb")))
                opened[0].write(failure.encode())

        yield failed


def _n_messages(counts: Counter[str]) -> int:
    return sum(counts[state] for state in STATES)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput("there is no time zone of this name", param="zone") from error


def _in_words(found: dict[str, Any]) -> str:
    parts = [f"{found[state]:,} {state}" for state in STATES if found[state]]
    words = f"{found['messages']:,} messages in {found['seconds']:.1f} s: {', '.join(parts) or 'none'}"
    if found["skipped"]:
        words += f"; {found['skipped']:,} entries are no text"
    if found["failed"]:
        words += f"; {found['failed']:,} lines failed" + (f", see {found['errors']}" if found["errors"] else "")
    return words
