"""``replay``: the watch over messages of the past, as if they came now."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from nlp_service.cli.databases import TENANT, tell
from nlp_service.cli.exits import SOME_FAILED, told
from nlp_service.cli.loading import load
from nlp_service.errors import BadInput, ServiceError

if TYPE_CHECKING:
    from nlp_service.cli.batch.records import Failure
    from nlp_service.crisis.incidents import Incident
    from nlp_service.crisis.sightings import Sighting


def replay(
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="Messages as JSONL in order of received_at, or facts as Parquet."),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="JSON lines, an incident each; - is standard output.")
    ] = "-",
    since: Annotated[str | None, typer.Option("--from", help="Stored messages from then on: a day or a time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Stored messages before that.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose they are.")] = TENANT,
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one for each usable core by default.")] = None,
    db: Annotated[str | None, typer.Option(help="URL of the database; that of the settings by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Summary for machines, on standard error if OUT is -.")] = False,
) -> None:
    """Show which incidents the watch would have opened, and when.

    Messages come from FILE, or without one from the store. Lines that cannot be taken are named in OUT.errors.jsonl
    (on standard error if OUT is -) and make the exit code 1.
    """
    with told(), contextlib.ExitStack() as open_things:
        failures: list[Failure] = []
        begun = time.monotonic()
        if source is None:
            parts = _from_store(open_things, db, tenant, _time(since, "from"), _time(until, "to"))
        elif since or until:
            raise BadInput("--from and --to are for stored messages; leave out FILE", param="from")
        else:
            parts = _from_file(Path(source), tenant, model, workers, failures)
        n_messages, found = watch(parts)
        write(found, output)
        _write_failures(failures, output)
        _sum_up(n_messages, failures, found, time.monotonic() - begun, output, as_json=json)
        if failures:
            raise typer.Exit(SOME_FAILED)


def watch(parts: Iterable[list[Sighting]]) -> tuple[int, list[Incident]]:
    """Feed a watch.

    Returns:
        How many messages there were, and the incidents as they ended, those that went into others left out, in the
        order in which they were noticed.
    """
    from nlp_service.crisis.watch import Watch

    guard, n_messages, last = Watch(), 0, {}
    for part in parts:
        n_messages += len(part)
        for change in guard.feed(part):
            last[change.incident.id] = change.incident
    for change in guard.finish():
        last[change.incident.id] = change.incident
    found = [incident for incident in last.values() if incident.merged_into is None]
    return n_messages, sorted(found, key=lambda each: (each.noticed_at, each.id))


def row(incident: Incident) -> dict[str, Any]:
    """An incident as a line of the output: the names that API.md promises, then all others of `Incident`."""
    import msgspec

    known = msgspec.to_builtins(incident)
    updates = known.pop("steps")
    messages = known.pop("messages")
    opened_at = known.pop("opened_at") or known["noticed_at"]
    first = ("id", "category", "severity", "channels")
    return {
        **{name: known.pop(name) for name in first},
        "opened_at": opened_at,
        "first_message_at": known.pop("first_message_at"),
        "closed_at": known.pop("closed_at"),
        "message_ids": [message["id"] for message in messages],
        "updates": updates,
        **known,
    }


def write(found: list[Incident], output: str) -> None:
    """Write incidents, whole or not at all.

    Raises:
        ServiceError: The file cannot be written.
    """
    import msgspec

    with _opened(output) as file:
        for incident in found:
            file.write(msgspec.json.encode(row(incident)) + b"\n")


def _from_file(
    source: Path, tenant: str, model: str | None, workers: int | None, failures: list[Failure]
) -> Iterator[list[Sighting]]:
    from nlp_service.cli import sighted
    from nlp_service.settings import read_settings

    if source.suffix.lower() == ".parquet":
        return sighted.of_facts(source, tenant)
    settings = read_settings(model=model, workers=workers)
    build = partial(load, settings.model, settings.encoder)
    return sighted.analysed(source, tenant, build, settings.workers, failures.append)


def _from_store(
    open_things: contextlib.ExitStack, db: str | None, tenant: str, since: datetime | None, until: datetime | None
) -> Iterator[list[Sighting]]:
    from nlp_service.cli import sighted
    from nlp_service.cli.databases import opened_database

    database = open_things.enter_context(opened_database(db))
    return sighted.stored(database, tenant, since, until)


def _write_failures(failures: list[Failure], output: str) -> None:
    lines = b"".join(failure.encode() for failure in failures)
    if output == "-":
        sys.stderr.buffer.write(lines)
        return
    path = Path(f"{output}.errors.jsonl")
    if lines:
        path.write_bytes(lines)
    else:
        path.unlink(missing_ok=True)  # else it would still speak of the run before


@contextlib.contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """The file, in its place when all is written; standard output for ``-``."""
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with file:
            yield file
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sum_up(
    n_messages: int, failures: list[Failure], found: list[Incident], seconds: float, output: str, *, as_json: bool
) -> None:
    """Say what was found, on standard error where standard output holds the incidents."""
    import msgspec

    summary = {
        "messages": n_messages,
        "failed": len(failures),
        "incidents": len(found),
        "severity": {str(level): sum(each.severity == level for each in found) for level in range(1, 5)},
        "seconds": round(seconds, 3),
        "output": None if output == "-" else output,
    }
    if output != "-":
        tell(summary, f"{n_messages:,} messages in {seconds:.1f} s: {len(found):,} incidents", as_json=as_json)
    elif as_json:
        typer.echo(msgspec.json.encode(summary), err=True)


def _time(text: str | None, name: str) -> datetime | None:
    """A day or a time; a day begins in UTC.

    Raises:
        BadInput: It is none, or a time without a zone.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--{name} must be a day as 2026-03-01 or a time with its zone", param=name) from error
    if at.tzinfo is None:
        if len(text) > len("2026-03-01"):
            raise BadInput(f"--{name} needs a zone, as in 2026-03-01T08:00+08:00", param=name)
        at = at.replace(tzinfo=UTC)
    return at
