"""``lexicon``: word lists from the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.databases import ACTOR, TENANT, opened_database, tell
from nlp_service.cli.exits import SOME_FAILED

if TYPE_CHECKING:
    from nlp_service.moderation.lexicon import Hit
    from nlp_service.moderation.wordfiles import ImportReport, WordFile
    from nlp_service.store.lexicons import LexiconStore
    from nlp_service.store.wordlists import Lexicon

lexicon = typer.Typer(name="lexicon", help="Word lists: words in, words out, versions.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the list.")]
Db = Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder by default.")]
Tenant = Annotated[str, typer.Option(help="Whose list it is.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@lexicon.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Text with a word a line, CSV, XLSX or JSONL.")],
    name: Annotated[str, typer.Option("--list", help="Name of the list; made if it is not there and --kind is given.")],
    kind: Annotated[str | None, typer.Option(help="deny, allow or watch, for a new list.")] = None,
    category: Annotated[str, typer.Option(help="What its words stand for, for a new list.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Make FILE the whole list.")] = False,
    all_or_nothing: Annotated[bool, typer.Option("--all-or-nothing", help="Keep nothing if a row is bad.")] = False,
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Write the words of FILE into a list. The same file twice changes nothing.

    Rows that cannot be taken are named in FILE.errors.jsonl in the working directory and make the exit code 1.
    """
    from nlp_service.api.rules.tables import TABLES
    from nlp_service.moderation.wordfiles import Import, import_words, read_words
    from nlp_service.store.lexicons import LexiconStore

    with opened_database(db) as database:
        file = read_words(_load(source), TABLES, _format_of(source))
        errors = Path(source.name + ".errors.jsonl")
        _write_errors(errors, file)
        store = LexiconStore(database)
        # A file without a good row must not leave an empty list of a misspelt name behind.
        if kind is not None and file.words:
            _make_ready(store, tenant, name, kind, category)
        report = import_words(store, file, Import(tenant, name, ACTOR, note, replace, all_or_nothing))
        found = {"rows": file.n_rows, **report.written._asdict(), "failed": file.failed}
        found |= {"is_written": report.is_written, "ignored": file.ignored}
        tell(found, _in_words(file, report, errors), as_json=json)
        if file.failed:
            raise typer.Exit(SOME_FAILED)


@lexicon.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="TXT, CSV, XLSX or JSONL by its extension.")],
    version: Annotated[int | None, typer.Option(help="A version; the current one by default.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Write the words of a list to a file that import takes back."""
    from nlp_service.api.rules.tables import TABLES
    from nlp_service.errors import BadInput
    from nlp_service.moderation.wordfiles import encode_words
    from nlp_service.store.lexicons import LexiconStore

    with opened_database(db) as database:
        format = _format_of(output)
        if not format:
            raise BadInput(f"{output} must end with .txt, .csv, .xlsx or .jsonl", param="output")
        words = LexiconStore(database).words(tenant, name, version)
        _write_whole(output, encode_words(words, format, TABLES))
        tell({"words": len(words), "output": str(output)}, f"{len(words):,} words in {output}", as_json=json)


@lexicon.command("list")
def list_(db: Db = None, tenant: Tenant = TENANT, json: Json = False) -> None:
    """List the word lists of a tenant."""
    from nlp_service.store.lexicons import LexiconStore

    with opened_database(db) as database:
        found = LexiconStore(database).lists(tenant)
        tell({"lexicons": found}, "\n".join(map(_line_of, found)) or "no word lists", as_json=json)


@lexicon.command()
def show(name: Name, db: Db = None, tenant: Tenant = TENANT, json: Json = False) -> None:
    """Show a word list and its versions."""
    from nlp_service.store.lexicons import LexiconStore

    with opened_database(db) as database:
        store = LexiconStore(database)
        found, history = store.get(tenant, name), store.versions(tenant, name)
        lines = [_line_of(found)]
        lines += [
            f"version {one.version}, {one.at:%Y-%m-%d %H:%M} UTC {one.author} {one.n_words:,} words {one.note}".rstrip()
            for one in history
        ]
        tell({"lexicon": found, "versions": history}, "\n".join(lines), as_json=json)


@lexicon.command("test")
def find(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Texts to look in.")],
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Say which words of the lists are in texts, and where."""
    from datetime import UTC, datetime

    from nlp_service.moderation.rules import RuleStore
    from nlp_service.text.normalise import normalise_batch

    with opened_database(db) as database:
        rules = RuleStore(database).read(tenant)
        found = rules.matcher.find(texts, normalise_batch(texts), datetime.now(UTC))
        lines = [f"{place}: {_found_in_words(hit)}" for place, hits in enumerate(found, start=1) for hit in hits]
        tell({"results": [{"hits": hits} for hits in found]}, "\n".join(lines) or "nothing found", as_json=json)


def _load(source: Path) -> bytes:
    from nlp_service.errors import BadInput, TooLarge
    from nlp_service.moderation.wordfiles import MAX_FILE_BYTES

    try:
        if source.stat().st_size > MAX_FILE_BYTES:
            raise TooLarge(f"{source} has more than {MAX_FILE_BYTES} bytes", param="file")
        return source.read_bytes()
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror}", param="file") from error


def _format_of(path: Path) -> str:
    """What the extension says; empty if it says nothing."""
    from nlp_service.moderation.wordrows import FORMATS

    extension = path.suffix.lower().removeprefix(".")
    return extension if extension in FORMATS else ""


def _make_ready(store: LexiconStore, tenant: str, name: str, kind: str, category: str) -> None:
    """Make the list if it is not there."""
    from nlp_service.errors import BadInput, NotFound

    try:
        held = store.get(tenant, name)
    except NotFound:
        store.create(tenant, name, kind, category, actor=ACTOR)
    else:
        if held.kind != kind:
            raise BadInput(f"the list is there, and of the kind {held.kind}", param="kind")


def _write_errors(path: Path, file: WordFile) -> None:
    import msgspec

    from nlp_service.errors import BadInput, ServiceError

    lines = [
        {"line": row.row, "error": {"code": BadInput.code, "message": row.message, "param": row.field}}
        for row in file.failed
    ]
    try:
        if lines:
            path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        else:
            # Else it would still speak of the import before.
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from error


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    from nlp_service.errors import ServiceError

    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from error


def _line_of(lexicon: Lexicon) -> str:
    what = f"{lexicon.kind}, {lexicon.category}" if lexicon.category else lexicon.kind
    return f"{lexicon.name} ({what}): {lexicon.n_words:,} words, version {lexicon.version}"


def _found_in_words(hit: Hit) -> str:
    hidden = f", {hit.disguise.name.lower()}" if hit.disguise else ""
    return f"{hit.span.start}-{hit.span.end} {hit.span.text}: {hit.word} ({hit.kind}, list {hit.list_name}{hidden})"


def _in_words(file: WordFile, report: ImportReport, errors: Path) -> str:
    done = report.written
    words = f"{file.n_rows:,} rows: {done.added:,} words new, {done.changed:,} changed, {done.unchanged:,} same"
    if done.removed:
        words += f", {done.removed:,} removed"
    words += f"; version {done.version}"
    if file.failed:
        words += f"; {len(file.failed):,} rows failed, see {errors}"
    if not report.is_written:
        words += "; nothing was written"
    if file.ignored:
        words += f"; columns that no word has: {', '.join(file.ignored)}"
    return words
