"""``keys`` and ``tenants``: who may do what, from the command line of the machine that has the database."""

from __future__ import annotations

import json as json_module
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlp_service.cli.databases import ACTOR, TENANT, opened_database, tell
from nlp_service.errors import BadInput

if TYPE_CHECKING:
    from nlp_service.store.keys import Issued, Key
    from nlp_service.store.tenants import Tenant

keys = typer.Typer(name="keys", help="API keys: made, listed, rotated, revoked.", no_args_is_help=True)
tenants = typer.Typer(name="tenants", help="Tenants and their settings.", no_args_is_help=True)

Db = Annotated[str | None, typer.Option(help="URL of the database; an SQLite file in the data folder by default.")]
Of = Annotated[str, typer.Option("--tenant", help="Whose keys.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its id, or its visible part.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the tenant.")]
Changes = Annotated[list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="Settings, VALUE as JSON.")]

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,9})([smhd])")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    scopes: Annotated[str, typer.Option(help="What it allows, with commas between: analyze,ingest; or all.")],
    expires: Annotated[str | None, typer.Option(help="When it ends: 90d, 12h, or a time with its zone.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a second; no bound by default.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once after a rest.")] = None,
    tenant: Of = TENANT,
    db: Db = None,
    json: Json = False,
) -> None:
    """Make a key and show it, the only time that it can be seen."""
    from nlp_service.store.keys import KeyStore, Wanted
    from nlp_service.store.scopes import OF_A_TENANT, SCOPES

    with opened_database(db) as database:
        everything = SCOPES if tenant == TENANT else OF_A_TENANT
        allowed = everything if scopes == "all" else [scope.strip() for scope in scopes.split(",")]
        wanted = Wanted(name, allowed, rate, burst, _read_time(expires))
        _tell_issued(KeyStore(database).create(tenant, wanted, actor=ACTOR), json)


@keys.command("list")
def list_keys(tenant: Of = TENANT, db: Db = None, json: Json = False) -> None:
    """List the keys of a tenant, those that are not good any more too."""
    from nlp_service.store.keys import KeyStore

    with opened_database(db) as database:
        found = KeyStore(database).list(tenant)
        tell({"keys": found}, "\n".join(map(_in_words, found)) or "no keys", as_json=json)


@keys.command("rotate")
def rotate_key(
    key: KeyId,
    grace: Annotated[str, typer.Option(help="How long the old key stays good: 0s, 12h, 7d.")] = "1d",
    tenant: Of = TENANT,
    db: Db = None,
    json: Json = False,
) -> None:
    """Make a key that is allowed the same, and let the old one end."""
    from nlp_service.store.keys import KeyStore

    with opened_database(db) as database:
        store = KeyStore(database)
        grace_s = _read_span(grace, "grace").total_seconds()
        _tell_issued(store.rotate(tenant, _find(store.list(tenant), key), grace_s=grace_s, actor=ACTOR), json)


@keys.command("revoke")
def revoke_key(key: KeyId, tenant: Of = TENANT, db: Db = None, json: Json = False) -> None:
    """End a key; replicas know it within two seconds."""
    from nlp_service.store.keys import KeyStore

    with opened_database(db) as database:
        store = KeyStore(database)
        revoked = store.revoke(tenant, _find(store.list(tenant), key), actor=ACTOR)
        tell({"key": revoked}, _in_words(revoked), as_json=json)


@tenants.command("create")
def create_tenant(name: Name, changes: Changes = None, db: Db = None, json: Json = False) -> None:
    """Make a tenant and show its first key, the only time that it can be seen."""
    from nlp_service.store.founding import found_tenant

    with opened_database(db) as database:
        tenant, issued = found_tenant(database, name, _read_changes(changes), actor=ACTOR)
        found = {"tenant": tenant, "key": issued.key, "secret": issued.secret}
        tell(found, f"tenant {name}; its first key, shown only this once: {issued.secret}", as_json=json)


@tenants.command("list")
def list_tenants(db: Db = None, json: Json = False) -> None:
    """List all tenants."""
    from nlp_service.store.tenants import TenantStore

    with opened_database(db) as database:
        found = TenantStore(database).list()
        tell({"tenants": found}, "\n".join(one.name for one in found), as_json=json)


@tenants.command("show")
def show_tenant(name: Name = TENANT, db: Db = None, json: Json = False) -> None:
    """Show what a tenant has settled."""
    from nlp_service.store.tenants import TenantStore

    with opened_database(db) as database:
        _tell_tenant(TenantStore(database).get(name), json)


@tenants.command("set")
def set_tenant(name: Name, changes: Changes = None, db: Db = None, json: Json = False) -> None:
    """Set some of the settings of a tenant: retention_days=180 'ugc_weights={"originality": 1, ...}'."""
    from nlp_service.store.tenants import TenantStore

    with opened_database(db) as database:
        store = TenantStore(database)
        store.update_settings(name, _read_changes(changes), actor=ACTOR)
        _tell_tenant(store.get(name), json)


def _tell_issued(issued: Issued, as_json: bool) -> None:
    words = f"{_in_words(issued.key)}\nshown only this once: {issued.secret}"
    tell({"key": issued.key, "secret": issued.secret}, words, as_json=as_json)


def _tell_tenant(tenant: Tenant, as_json: bool) -> None:
    import msgspec

    settings = msgspec.to_builtins(tenant.settings)
    words = [f"{field}={json_module.dumps(value)}" for field, value in settings.items()]
    tell({"tenant": tenant}, "\n".join([tenant.name, *words]), as_json=as_json)


def _in_words(key: Key) -> str:
    state = "good" if key.is_good(datetime.now(UTC)) else "revoked" if key.revoked_at else "expired"
    rate = f", {key.rate_per_s:g} requests a second" if key.rate_per_s is not None else ""
    ends = f", until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
    used = f"used {key.used_at:%Y-%m-%d %H:%M} UTC" if key.used_at else "never used"
    return f"{key.id}  nlp_{key.prefix}_…  {key.name}: {','.join(key.scopes)}{rate}; {state}{ends}, {used}"


def _find(found: Sequence[Key], text: str) -> int:
    """The id of a key that is named by its id or its visible part, with what stands around it or without."""
    visible = text.removeprefix("nlp_")[:8]
    return next((key.id for key in found if str(key.id) == text or key.prefix == visible), 0)


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    if _SPAN.fullmatch(text):
        return datetime.now(UTC) + _read_span(text, "expires")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("--expires is 90d, 12h, or a time such as 2027-01-31T00:00:00+08:00", param="expires") from error


def _read_span(text: str, param: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise BadInput(f"--{param} is a number and s, m, h or d, such as 12h", param=param)
    return timedelta(seconds=int(match[1]) * _UNITS_S[match[2]])


def _read_changes(changes: Sequence[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for change in changes or ():
        field, sign, value = change.partition("=")
        if not sign:
            raise BadInput("a setting is given as FIELD=VALUE", param=field)
        try:
            found[field] = json_module.loads(value)
        except ValueError:
            found[field] = value  # a word needs no quotes
    return found
