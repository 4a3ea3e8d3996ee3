"""``export``: what is stored as files: labels that people gave, to learn from, and messages."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from nlp_service.cli.databases import TENANT, opened_database, tell
from nlp_service.errors import BadInput, ServiceError

if TYPE_CHECKING:
    from nlp_service.store.database import Database
    from nlp_service.store.review_history import Labelled

export = typer.Typer(name="export", help="What is stored, as files.", no_args_is_help=True)

Output = Annotated[str, typer.Option("--output", "-o", help="File of JSON lines; - is standard output.")]
Since = Annotated[str | None, typer.Option(help="Only from then on: 2026-03-01, or a time with its zone.")]
Tenant = Annotated[str, typer.Option(help="Whose they are.")]
Db = Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder by default.")]
Json = Annotated[bool, typer.Option("--json", help="Summary for machines, on standard error if it is -.")]

EXPERT_WEIGHT = 2.0
"""What a label of an expert counts; one of a moderator counts 1."""

_LABELS = ("intent", "sentiment", "risk", "risk_categories", "abuse", "unsafe", "pain")


@export.command()
def labels(
    output: Output,
    since: Since = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also messages of which nobody has set or confirmed a label.")
    ] = False,
    tenant: Tenant = TENANT,
    db: Db = None,
    json: Json = False,
) -> None:
    """Write what people say of messages, in the form of annotated data: the last record of each.

    Fields that nobody has set or confirmed are the machine's own reading; `confirmed` names the others. Messages that
    were deleted or erased are not there. With --since, those that somebody looked at from then on.
    """
    with opened_database(db) as database:
        rows = _labelled(database, tenant, _time(since), is_all=everything)
        _write(rows, output, "labels", as_json=json)


@export.command()
def messages(
    output: Output,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many, the newest; 0 for all.")] = 0,
    tenant: Tenant = TENANT,
    db: Db = None,
    json: Json = False,
) -> None:
    """Write the texts of stored messages, the newest first: what `train adapt` needs to forget nothing."""
    with opened_database(db) as database:
        _write(_messages(database, tenant, _time(since), limit), output, "messages", as_json=json)


def _labelled(database: Database, tenant: str, since: datetime | None, *, is_all: bool) -> Iterator[dict[str, Any]]:
    from nlp_service.store.review_history import HistoryStore
    from nlp_service.store.tenants import TenantStore

    TenantStore(database).get(tenant)  # a misspelt name must not be an empty file
    for found in HistoryStore(database).labelled(tenant, since):
        if found.labels.confirmed or is_all:
            yield label_row(found)


def label_row(found: Labelled) -> dict[str, Any]:
    """A message as a line of annotated data; labels that are not known are left out."""
    from msgspec import to_builtins

    from nlp_service.store.review_records import EXPERT

    known = to_builtins(found.labels)
    return {
        "id": str(found.message_id),
        "text": found.text,
        "source": "review",
        **{name: known[name] for name in _LABELS if known[name] is not None},
        "confirmed": known["confirmed"],
        "weight": EXPERT_WEIGHT if found.line >= EXPERT else 1.0,
    }


def _messages(database: Database, tenant: str, since: datetime | None, limit: int) -> Iterator[dict[str, Any]]:
    from nlp_service.store.browsing import MAX_PAGE, Filters
    from nlp_service.store.messages import MessageStore
    from nlp_service.store.tenants import TenantStore

    TenantStore(database).get(tenant)
    store, filters, cursor = MessageStore(database), Filters(sent_from=since), None
    left = limit or sys.maxsize
    while left:
        page = store.browse(tenant, filters, cursor, min(left, MAX_PAGE))
        for message in page.messages:
            yield {"id": str(message.id), "text": message.text}
        left -= len(page.messages)
        cursor = page.next_cursor
        if cursor is None:
            return


def _write(rows: Iterator[dict[str, Any]], output: str, what: str, *, as_json: bool) -> None:
    """Write rows, whole or not at all, and say how many there were."""
    from msgspec.json import Encoder

    encoder, n_rows = Encoder(), 0
    with _opened(output) as file:
        for row in rows:
            file.write(encoder.encode(row) + b"\n")
            n_rows += 1
    if output != "-":
        tell({what: n_rows, "output": output}, f"{n_rows:,} {what} in {output}", as_json=as_json)
    elif as_json:
        typer.echo(encoder.encode({what: n_rows, "output": output}), err=True)


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


def _time(text: str | None) -> datetime | None:
    """A day or a time; a day begins in UTC.

    Raises:
        BadInput: It is none, or a time without a zone.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("--since must be a day as 2026-03-01 or a time with its zone", param="since") from error
    if at.tzinfo is None:
        if len(text) > len("2026-03-01"):
            raise BadInput("--since needs a zone, as in 2026-03-01T08:00+08:00", param="since")
        at = at.replace(tzinfo=UTC)
    return at
