"""``analyze``: read a file of messages, write one analysis a line."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.exits import SOME_FAILED, told
from nlp_service.cli.loading import load

if TYPE_CHECKING:
    from nlp_service.cli.batch.run import Job, Summary
    from nlp_service.inference.process import Build


def analyze(
    source: Annotated[str, typer.Argument(metavar="IN", help="JSONL, CSV or Parquet; - is JSONL on standard input.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="JSONL, CSV or Parquet by its extension; - is standard output.")
    ] = "-",
    format: Annotated[
        str | None, typer.Option(help="jsonl, csv or parquet, where the extension of IN is silent.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="fast, or the folder of a model.")] = None,
    evidence: Annotated[bool, typer.Option(help="Show the characters behind each label; slower.")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one for each usable core by default.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Messages that the model reads at once.")] = 256,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again instead of continuing an unfinished run.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Summary as JSON: on standard output, or on standard error if OUT is -.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> None:
    """Read messages from IN, a file of any size, and write one analysis for each, in order.

    A line of IN has at least id and text. A run that was stopped goes on where it was; a finished output is written
    anew. Lines that cannot be read are named in OUT.errors.jsonl (on standard error if OUT is -) and make the exit
    code 1.
    """
    from nlp_service.cli.batch.run import Job
    from nlp_service.settings import read_settings

    with told():
        settings = read_settings(model=model, workers=workers)
        job = Job(
            source=None if source == "-" else Path(source),
            output=None if output == "-" else Path(output),
            format=format,
            n_workers=settings.workers,
            evidence=evidence,
            batch=batch,
            is_fresh=fresh,
        )
        raise typer.Exit(answer(job, partial(load, settings.model, settings.encoder), as_json=json, is_quiet=quiet))


def answer(job: Job, build: Build, *, as_json: bool = False, is_quiet: bool = False) -> int:
    """Do a job, with its progress on a terminal and its summary at the end.

    Args:
        job: What to read and where to.
        build: Makes the reader of each worker.
        as_json: Give the summary as JSON, on standard output unless the analyses go there.
        is_quiet: Show neither progress nor summary in words.

    Returns:
        The exit code: 0, or 1 if some lines failed.

    Raises:
        ServiceError: As `run` does.
    """
    import msgspec

    from nlp_service.cli.batch.run import run
    from nlp_service.cli.progress import ProgressBar

    with ProgressBar(is_shown=sys.stderr.isatty() and not is_quiet) as bar:
        summary = run(job, build, bar.show)
    if as_json:
        typer.echo(msgspec.json.encode(summary), err=job.output is None)
    elif not is_quiet:
        typer.echo(_in_words(summary), err=True)
    return SOME_FAILED if summary.failed else 0


def _in_words(summary: Summary) -> str:
    words = f"{summary.messages:,} messages in {summary.seconds:.1f} s, {summary.messages_per_s:,.0f} a second"
    if summary.resumed_at:
        words += f", continued after line {summary.resumed_at:,}"
    if summary.failed:
        words += f"; {summary.failed:,} lines failed" + (f", see {summary.errors}" if summary.errors else "")
    return words
