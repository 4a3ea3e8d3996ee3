"""``policy``: policies from the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlp_service.cli.databases import ACTOR, TENANT, opened_database, tell

if TYPE_CHECKING:
    from nlp_service.moderation.comparing import Comparison
    from nlp_service.moderation.dry_run import Choice
    from nlp_service.store.policies import PolicyStore, PolicyVersion

policy = typer.Typer(name="policy", help="Policies: documents, versions, dry runs.", no_args_is_help=True)

ALL = "*"
Community = Annotated[str, typer.Option(help="The channel; * is all channels without a policy of their own.")]
Db = Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder by default.")]
Tenant = Annotated[str, typer.Option(help="Whose policies.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@policy.command()
def show(
    community: Community = ALL,
    version: Annotated[int | None, typer.Option(help="0 is the built-in policy; what holds by default.")] = None,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Show a document, as it was put; the built-in one has all fields that there are."""
    import msgspec

    from nlp_service.moderation.documents import default_document

    with _opened(db) as store:
        if version == 0:
            document = default_document()
            found: dict[str, Any] = {"policy": None, "document": document}
        else:
            held = store.get(tenant, _stored(community), version)
            document = held.document
            found = {"policy": _summary(held), "document": document}
        tell(found, msgspec.json.format(msgspec.json.encode(document), indent=2).decode(), as_json=json)


@policy.command()
def put(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The document, as JSON.")],
    community: Community = ALL,
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Make a document the policy that holds. What holds already makes no new version."""
    with _opened(db) as store:
        held, is_new = store.put(tenant, _stored(community), _read(source), actor=ACTOR, note=note)
        words = f"{_name(held)} holds now" if is_new else f"{_name(held)} says the same and holds already"
        tell({"policy": _summary(held), "is_new": is_new}, words, as_json=json)


@policy.command()
def versions(community: Community = ALL, db: Db = None, tenant: Tenant = TENANT, json: Json = False) -> None:
    """List all versions of a community's policy."""
    with _opened(db) as store:
        found = store.versions(tenant, _stored(community))
        lines = [
            f"{_name(one)}{' (holds)' if one.is_active else ''}, {one.created_at:%Y-%m-%d %H:%M} UTC {one.author} "
            f"{one.note}".rstrip()
            for one in found
        ]
        told = {"versions": [_summary(one) for one in found]}
        tell(told, "\n".join(lines) or "this community never had a policy of its own", as_json=json)


@policy.command("list")
def list_(db: Db = None, tenant: Tenant = TENANT, json: Json = False) -> None:
    """List the policies that hold."""
    with _opened(db) as store:
        found = store.active(tenant)
        words = "\n".join(map(_name, found)) or "no policies: the built-in one holds"
        tell({"policies": [_summary(one) for one in found]}, words, as_json=json)


@policy.command()
def activate(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The one that shall hold.")],
    community: Community = ALL,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Make an earlier version hold again."""
    with _opened(db) as store:
        held = store.activate(tenant, _stored(community), version, actor=ACTOR)
        tell({"policy": _summary(held)}, f"{_name(held)} holds now", as_json=json)


@policy.command("dry-run")
def dry_run(
    source: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The document to try, as JSON.")] = None,
    version: Annotated[int | None, typer.Option(help="Or the version to try; 0 is the built-in policy.")] = None,
    community: Community = ALL,
    against: Annotated[str | None, typer.Option(help="What to compare it with: a file or a version.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Only messages of then on, with a zone.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only messages before then, with a zone.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only messages of this channel.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="Messages, the newest first.")] = 2_000,
    examples: Annotated[int, typer.Option(min=0, max=100, help="Ids for each change.")] = 10,
    db: Db = None,
    tenant: Tenant = TENANT,
    json: Json = False,
) -> None:
    """Say what another policy would have done with stored messages. Nothing is changed."""
    from nlp_service.errors import BadInput
    from nlp_service.moderation.comparing import compare
    from nlp_service.moderation.dry_run import NOT_KNOWN, DryRun, Trial
    from nlp_service.moderation.rules import RuleStore
    from nlp_service.store.browsing import Filters

    with opened_database(db) as database:
        if (source is None) == (version is None):
            raise BadInput("a dry run tries a file or a --version", param="policy")
        filters = Filters(sent_from=_time("from", since), sent_to=_time("to", until), channel=channel)
        other = None if against is None else _choice(against, community)
        trial = Trial(_choice(source if source else str(version), community), other, filters, limit)
        store = RuleStore(database)
        steps = list(DryRun(database, store.policies, tenant, store.read(tenant)).steps(trial))
        found = compare((one for step in steps for one in step.decided), n_examples=examples)
        n_left_out = sum(step.n_left_out for step in steps)
        names = {"policy": trial.tried.name, "against": other.name if other else "active"}
        tell(_result(names, n_left_out, found, NOT_KNOWN), _in_words(names, n_left_out, found), as_json=json)


@contextlib.contextmanager
def _opened(db: str | None) -> Iterator[PolicyStore]:
    with opened_database(db) as database:
        from nlp_service.moderation.rules import RuleStore

        yield RuleStore(database).policies


def _stored(community: str) -> str:
    from nlp_service.store.policies import stored_name

    return stored_name(community)


def _choice(named: Path | str, community: str) -> Choice:
    """A policy by the path of its document, or by digits, which are a version."""
    from nlp_service.moderation.dry_run import Choice

    if isinstance(named, str) and named.isascii() and named.isdigit() and len(named) < 10:
        return Choice(None, _stored(community), int(named))
    return Choice(_read(Path(named)), _stored(community))


def _read(source: Path) -> dict[str, Any]:
    import msgspec

    from nlp_service.errors import BadInput

    try:
        return msgspec.json.decode(source.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror}", param="file") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{source} is no JSON object", param="file") from error


def _time(name: str, text: str | None) -> datetime | None:
    from nlp_service.errors import BadInput
    from nlp_service.intake.moments import read_time

    try:
        return None if text is None else read_time(text)
    except ValueError as error:
        raise BadInput(f"--{name} {error}", param=name) from error


def _summary(policy: PolicyVersion) -> dict[str, Any]:
    from nlp_service.store.policies import name_of

    return {
        "community": name_of(policy.community),
        "version": policy.version,
        "policy_version": _name(policy),
        "is_active": policy.is_active,
        "created_at": policy.created_at,
        "author": policy.author,
        "note": policy.note,
    }


def _name(policy: PolicyVersion) -> str:
    from nlp_service.store.policies import name_of

    return f"{name_of(policy.community)}/{policy.version}"


def _result(names: dict[str, str], n_left_out: int, found: Comparison, not_known: tuple[str, ...]) -> dict[str, Any]:
    """The same fields as over HTTP."""
    import msgspec

    return {**names, "left_out": n_left_out, **msgspec.structs.asdict(found), "not_known": not_known}


def _in_words(names: dict[str, str], n_left_out: int, found: Comparison) -> str:
    lines = [
        f"{names['policy']} against {names['against']}: {found.messages:,} messages",
        f"{found.stricter:,} stricter, {found.milder:,} milder",
        f"{found.reviews_before:,} reviews before, {found.reviews_after:,} after",
    ]
    if n_left_out:
        lines.append(f"{n_left_out:,} messages of channels with a policy of their own were left out")
    for change in found.changes:
        ids = f": {', '.join(map(str, change.examples))}" if change.examples else ""
        lines.append(f"{change.before} -> {change.after}: {change.count:,}{ids}")
    lines += [f"{one.reason}: {one.before:,} before, {one.after:,} after" for one in found.reasons]
    return "\n".join(lines)
