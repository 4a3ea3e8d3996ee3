"""``mine``: what members suffer, want and talk about, from a file or from what is stored."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlp_service.cli.databases import TENANT, tell
from nlp_service.cli.exits import SOME_FAILED, told
from nlp_service.cli.mining import beside, engine_named, reads_with, show
from nlp_service.errors import BadInput
from nlp_service.wiring import build_embed, build_tools

if TYPE_CHECKING:
    from nlp_service.insight.engine.flow import Job, Read
    from nlp_service.insight.engine.local import Run
    from nlp_service.insight.mining import Parts
    from nlp_service.insight.results import Mining


def mine(
    source: Annotated[
        str | None, typer.Argument(metavar="FILE", help="JSONL, CSV or Parquet, or a folder of them; else the store.")
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="OUT.json, or a folder with / behind its name.")] = "",
    start: Annotated[str | None, typer.Option("--from", help="First day of the period, or an ISO time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First day behind the period, or an ISO time.")] = None,
    engine: Annotated[str, typer.Option(help="local (processes of this machine) or ray.")] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one for each usable core by default.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="Whose days count, such as Asia/Shanghai; by default that of the times of FILE.")
    ] = None,
    taxonomy: Annotated[Path | None, typer.Option(help="TOML of categories and targets in place of ours.")] = None,
    groups: Annotated[Path | None, typer.Option(help="TOML of rules for groups of members in place of ours.")] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for what is half done, kept afterwards.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again instead of continuing an unfinished run.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose messages of the store.")] = TENANT,
    db: Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Summary for machines.")] = False,
) -> None:
    """Find pain points, topics, keywords, segments and groups in the messages of a period, each with those behind it.

    Without FILE, the messages of the store are mined, and not read by the models again. Without --from and --to, a file
    of less than eight days is one period; of a longer one, the last seven full days are. Days are those of --zone, else
    UTC for a FILE whose times are all in UTC, else those of Asia/Shanghai. A run that was stopped goes on where it was.
    Lines that cannot be taken are named in OUT.errors.jsonl and make the exit code 1.
    """
    from nlp_service.insight.engine.choosing import read_bound
    from nlp_service.insight.engine.flow import Job
    from nlp_service.insight.engine.stored import Stored
    from nlp_service.insight.engine.zones import DEFAULT, zone_of
    from nlp_service.settings import read_settings

    with told():
        if not output:
            raise BadInput("where to? name a file with -o OUT.json, or a folder with -o OUT/", param="output")
        zone = zone or (zone_of(Path(source)) if source is not None else DEFAULT)
        settings = read_settings(model=model, workers=workers, db=db)
        is_stored = source is None
        job = Job(
            source=Path(source) if source is not None else Stored(settings.database, tenant),
            folder=work or beside(output, ".work"),
            build=partial(build_tools, settings.model, settings.encoder, taxonomy, is_stored),
            reads_with=reads_with(settings.model, settings.encoder, taxonomy, is_stored=is_stored),
            start=read_bound(start, zone, "from") if start else None,
            end=read_bound(end, zone, "to") if end else None,
            zone=zone,
            n_workers=settings.workers,
            is_fresh=fresh,
        )
        found = run_mine(job, output, engine_named(engine), partial(_parts, groups), keeps_work=work is not None)
        tell(found, _in_words(found), as_json=json)
        if found["failed"]:
            raise typer.Exit(SOME_FAILED)


def run_mine(
    job: Job, output: str, engine: Run, make_parts: Callable[[], Parts], *, keeps_work: bool = False
) -> dict[str, Any]:
    """Do a mining from a source to its output; gives a summary.

    Args:
        job: What to read.
        output: A file, or a folder where the name ends with ``/``.
        engine: What runs the workers.
        make_parts: Makes what mining needs beside the messages, when they are read.
        keeps_work: Whether the work folder stays.

    Raises:
        BadInput: The source, the period or the output does not allow it.
        ServiceError: A worker or the disk failed; what is done is continued by the next run.
    """
    from nlp_service.cli.batch.outputs import writing
    from nlp_service.insight.engine.flow import read_facts
    from nlp_service.insight.engine.work import Work
    from nlp_service.insight.mining import mine as mine_facts

    begun = time.monotonic()
    errors = beside(output, ".errors.jsonl")
    with writing(output):
        errors.parent.mkdir(parents=True, exist_ok=True)
    read = read_facts(job, engine, show, errors)
    read_at = time.monotonic()
    mining = mine_facts(
        read.facts, read.choice.period, make_parts(), notes=read.notes, model_version=read.model_version
    )
    with writing(output):
        _write(mining, output)
    if not keeps_work:
        Work(job.folder).remove()
    return _summary(mining, read, output, errors, read_at - begun, time.monotonic() - read_at)


def _parts(groups: Path | None) -> Parts:
    from nlp_service.insight.mining import Parts

    return Parts(build_embed(), groups)


def _write(mining: Mining, output: str) -> None:
    """Write the document, and for a folder the memberships beside it; each appears whole or not at all."""
    import pyarrow.parquet as pq

    from nlp_service.insight.mined import memberships, to_json

    target = Path(output) / "mining.json" if output.endswith("/") else Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.write_bytes(to_json(mining))
    os.replace(unfinished, target)
    if output.endswith("/"):
        pq.write_table(memberships(mining), unfinished, compression="zstd")
        os.replace(unfinished, target.with_name("memberships.parquet"))


def _summary(mining: Mining, read: Read, output: str, errors: Path, read_s: float, mine_s: float) -> dict[str, Any]:
    return {
        "from": mining.period.start,
        "to": mining.period.end,
        "zone": mining.period.zone,
        "read": read.messages,
        "failed": read.failed,
        "messages": mining.messages,
        "messages_before": mining.messages_before,
        "people": mining.people,
        "pain_points": len(mining.pain_points),
        "topics": len(mining.topics),
        "keywords": len(mining.keywords),
        "groups": len(mining.groups),
        "warnings": len(mining.warnings),
        "notes": mining.notes,
        "read_s": round(read_s, 3),
        "mine_s": round(mine_s, 3),
        "model_version": mining.model_version,
        "output": output,
        "errors": str(errors) if read.failed else None,
    }


def _in_words(found: dict[str, Any]) -> str:
    days = f"{found['from']:%Y-%m-%d %H:%M} to {found['to']:%Y-%m-%d %H:%M} UTC"
    words = (
        f"{found['messages']:,} messages of {found['people']:,} people, {days}: {found['pain_points']} pain points, "
    )
    words += f"{found['topics']} topics, {found['keywords']} keywords, {found['groups']} groups"
    words += f"; {found['read']:,} messages read in {found['read_s']:.0f} s, mined in {found['mine_s']:.0f} s"
    if found["notes"]:
        words += f"; {', '.join(found['notes'])}"
    return words + (f"; {found['failed']:,} lines failed, see {found['errors']}" if found["failed"] else "")
