"""``kb``: knowledge bases, their entries and versions, from the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nlp_service.cli.databases import ACTOR, TENANT, opened_database, tell
from nlp_service.cli.exits import SOME_FAILED

if TYPE_CHECKING:
    from nlp_service.knowledge.importing import ImportReport
    from nlp_service.store.knowledge import KnowledgeStore

kb = typer.Typer(name="kb", help="Knowledge bases: entries in, entries out, versions.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the base.")]
Db = Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder by default.")]
Tenant = Annotated[str, typer.Option(help="Whose base it is.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
Author = Annotated[str, typer.Option(help="Who does it, for the history.")]
Note = Annotated[str, typer.Option(help="Why, for the history.")]


@kb.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX or JSONL.")],
    kb: Annotated[str, typer.Option(help="Name of the base; made if it is not there.")],
    all_or_nothing: Annotated[bool, typer.Option("--all-or-nothing", help="Keep nothing if a row is bad.")] = False,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Write the entries of FILE into the draft of a base. The same file twice changes nothing.

    Rows that cannot be taken are named in FILE.errors.jsonl in the working directory and make the exit code 1.
    """
    from nlp_service.knowledge.importing import import_file

    with opened(db) as store:
        report = import_file(store, tenant, kb, source, all_or_nothing=all_or_nothing, actor=ACTOR)
        errors = Path(source.name + ".errors.jsonl")
        _write_errors(errors, report)
        tell(report, _in_words(report, errors), as_json=json)
        if report.failed:
            raise typer.Exit(SOME_FAILED)


@kb.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="JSONL, CSV or XLSX by its extension.")],
    version: Annotated[int | None, typer.Option(help="A published version; the draft by default.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Write the entries of a base to a file that import takes back."""
    from nlp_service.knowledge.exporting import export_file

    with opened(db) as store:
        n_entries = export_file(store, tenant, name, output, version)
        tell({"entries": n_entries, "output": str(output)}, f"{n_entries:,} entries in {output}", as_json=json)


@kb.command()
def rollback(
    name: Name,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The version to go back to.")],
    discard: Annotated[bool, typer.Option("--discard", help="Lose the changes of the draft.")] = False,
    author: Author = "",
    note: Note = "",
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Publish the entries of an earlier version as a new one; the history stays."""
    with opened(db) as store:
        told = {"author": author, "note": note, "actor": ACTOR}
        number = store.roll_back(tenant, name, version, discard=discard, **told)
        tell({"version": number}, f"version {number} is published, equal to version {version}", as_json=json)


@kb.command()
def diff(
    name: Name,
    old: Annotated[int | None, typer.Option("--from", help="A version; the published one by default.")] = None,
    new: Annotated[int | None, typer.Option("--to", help="A version; the draft by default.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Say which entries differ between two versions of a base, and in which fields."""
    from nlp_service.knowledge import versions

    with opened(db) as store:
        start = store.get(tenant, name).published if old is None else old
        found = versions.diff(store, tenant, name, start, new)
        lines = [f"+ {entry_id}" for entry_id in found.added] + [f"- {entry_id}" for entry_id in found.removed]
        lines += [f"~ {change.entry_id}: {', '.join(change.fields)}" for change in found.changed]
        tell(found, "\n".join(lines) or "no difference", as_json=json)


@kb.command("list")
def list_(db: Db = None, tenant: Tenant = TENANT, json: Json = False) -> None:
    """List the bases of a tenant."""
    with opened(db) as store:
        bases = store.bases(tenant)
        lines = [f"{base.name}: version {base.published}" for base in bases]
        tell({"bases": bases}, "\n".join(lines) or "no knowledge bases", as_json=json)


@kb.command()
def show(name: Name, db: Db = None, tenant: Tenant = TENANT, json: Json = False) -> None:
    """Show a base: its entries, the changes of its draft, its versions."""
    from nlp_service.knowledge import versions

    with opened(db) as store:
        base = store.get(tenant, name)
        n_entries = store.count(tenant, base.id)
        changes = versions.diff(store, tenant, base.id, base.published)
        history = store.versions(tenant, base.id)
        n_changes = len(changes.added) + len(changes.removed) + len(changes.changed)
        lines = [f"{base.name} (id {base.id}): {n_entries:,} entries in the draft, {n_changes:,} not published as such"]
        lines += [
            f"version {one.number}, {one.published_at:%Y-%m-%d %H:%M} UTC {one.author} {one.note}" for one in history
        ]
        found = {"base": base, "entries": n_entries, "unpublished": n_changes, "versions": history}
        tell(found, "\n".join(line.rstrip() for line in lines), as_json=json)


@contextlib.contextmanager
def opened(db: str | None) -> Iterator[KnowledgeStore]:
    """The store behind a URL, or that of the settings; what stops the command in here is told as `told` does."""
    with opened_database(db) as database:
        from nlp_service.store.knowledge import KnowledgeStore

        yield KnowledgeStore(database)


def _write_errors(path: Path, report: ImportReport) -> None:
    import msgspec

    from nlp_service.errors import BadInput, ServiceError

    lines = [
        {"line": error.row, "error": {"code": BadInput.code, "message": error.message, "param": error.field}}
        for error in report.failed
    ]
    try:
        if lines:
            path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        else:
            # Else it would still speak of the import before.
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from error


def _in_words(report: ImportReport, errors: Path) -> str:
    words = (
        f"{report.rows:,} rows: {report.created:,} entries new, {report.changed:,} changed, {report.unchanged:,} same"
    )
    if report.failed:
        words += f"; {len(report.failed):,} rows failed, see {errors}"
    if not report.is_written:
        words += "; nothing was written"
    if report.ignored:
        words += f"; columns that no entry has: {', '.join(report.ignored)}"
    return words
