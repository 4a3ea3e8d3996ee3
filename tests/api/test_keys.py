"""What a key opens over HTTP, and the routes of keys, tenants, settings and the log of changes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.types import Message

from nlp_service.api.access import Access
from nlp_service.api.app import Options, create_app
from nlp_service.errors import NotReady
from nlp_service.store.database import Database, open_database
from nlp_service.store.founding import found_tenant
from nlp_service.store.keys import Key, KeyStore, Wanted
from nlp_service.store.scopes import OF_A_TENANT, SCOPES
from nlp_service.store.tenants import TenantStore
from tests.api.full_app import bearer
from tests.fakes import build_obedient


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "keys.db")) as database:
        yield database


@asynccontextmanager
async def client_of(database: Database, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The application without its workers: nothing here is analysed."""
    access = Access(database, **options)
    transport = httpx.ASGITransport(create_app(build_obedient, Options(), access=access))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client
    await access.stop()


@pytest_asyncio.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(database) as client:
        yield client


@pytest.fixture
def admin(database: Database) -> dict[str, str]:
    return bearer(KeyStore(database).create("default", Wanted("admin", SCOPES)).secret)


async def test_nothing_of_the_body_is_read_before_the_key_is_known(database: Database) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was read")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    access = Access(database)
    app = create_app(build_obedient, Options(), access=access)
    for path in ("/v1/analyze", "/v1/keys"):
        scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode()}
        await app(scope | {"headers": [(b"content-length", b"9")], "query_string": b""}, receive, send)
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [401, 401]
    await access.stop()


async def test_the_log_names_tenant_and_actor_and_never_the_key(
    client: httpx.AsyncClient, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    issued = KeyStore(database).create("default", Wanted("robot", ["admin"]))
    with caplog.at_level(logging.DEBUG):
        await client.get("/v1/keys", headers=bearer(issued.secret))
        await client.get("/v1/keys", headers=bearer(issued.secret + "x"))
        await client.get("/v1alpha1/none", params={"key": issued.secret + "y"})
    fields = [record.fields for record in caplog.records if record.getMessage() == "request"]  # type: ignore[attr-defined]
    assert (fields[0]["tenant"], fields[0]["actor"]) == ("default", f"key:{issued.key.prefix}")
    assert [one.get("error_code") for one in fields] == [None, "unauthorized", "unauthorized"]
    ours = [record.__dict__ for record in caplog.records if record.name.startswith("nlp_service")]
    assert issued.secret.rpartition("_")[2] not in str(ours)


async def test_a_rate_that_is_reached_is_429_with_retry_after(client: httpx.AsyncClient, database: Database) -> None:
    key = bearer(KeyStore(database).create("default", Wanted("slow", ["admin"], 0.25)).secret)
    assert (await client.get("/v1/keys", headers=key)).status_code == 200
    refused = await client.get("/v1/keys", headers=key)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "4")
    assert refused.json()["error"]["type"] == "rate_limit_error"


async def test_a_key_is_made_used_rotated_and_revoked(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    asked = {"name": "robot", "scopes": ["admin"], "rate_per_s": 50, "expires_at": "2030-01-01T00:00:00+08:00"}
    made = await client.post("/v1/keys", json=asked, headers=admin)
    assert made.status_code == 201
    key_id, secret = made.json()["key"]["id"], made.json()["secret"]
    assert made.json()["key"] | asked | {"expires_at": "2029-12-31T16:00:00Z", "rate_per_s": 50.0} == made.json()["key"]
    assert (await client.get("/v1/keys", headers=bearer(secret))).status_code == 200
    rotated = await client.post(f"/v1/keys/{key_id}/rotate", json={"grace_s": 0}, headers=admin)
    assert rotated.status_code == 201
    assert (await client.get("/v1/keys", headers=bearer(secret))).status_code == 401
    new = rotated.json()
    shown = (await client.get(f"/v1/keys/{new['key']['id']}", headers=bearer(new["secret"]))).json()["key"]
    assert shown | {"used_at": None} == new["key"]
    revoked = await client.delete(f"/v1/keys/{new['key']['id']}", headers=admin)
    assert revoked.json()["key"]["revoked_at"]
    assert (await client.get("/v1/keys", headers=bearer(new["secret"]))).status_code == 401
    assert (await client.post(f"/v1/keys/{new['key']['id']}/rotate", headers=admin)).status_code == 409
    assert "secret" not in (await client.get("/v1/keys", headers=admin)).text


async def test_a_key_gives_no_scope_that_it_has_not(
    client: httpx.AsyncClient, database: Database, admin: dict[str, str]
) -> None:
    weak = bearer(KeyStore(database).create("default", Wanted("weak", ["admin", "analyze"])).secret)
    strong = (await client.get("/v1/keys", headers=admin)).json()["keys"][0]["id"]
    made = await client.post("/v1/keys", json={"name": "a", "scopes": ["analyze", "ingest"]}, headers=weak)
    assert (made.status_code, made.json()["error"]["type"]) == (403, "permission_error")
    assert (await client.post(f"/v1/keys/{strong}/rotate", headers=weak)).status_code == 403
    assert (await client.post("/v1/keys", json={"name": "a", "scopes": ["analyze"]}, headers=weak)).status_code == 201


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["root"]}, "scopes[0]"),
        ({"name": "a"}, "scopes"),
        ({"name": "a\0", "scopes": ["analyze"]}, "name"),
        ({"name": "a", "scopes": ["analyze"], "rate_per_s": -1}, "rate_per_s"),
        ({"name": "a", "scopes": ["analyze"], "rate_per_s": 10**400}, "rate_per_s"),
        ({"name": "a", "scopes": ["analyze"], "rate_per_s": 1, "burst": 10**30}, "burst"),
        ({"name": "a", "scopes": ["analyze"], "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "a", "scopes": ["analyze"], "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
    ],
)
async def test_a_key_that_cannot_be_made_names_the_field(
    client: httpx.AsyncClient, admin: dict[str, str], body: dict[str, Any], param: str
) -> None:
    response = await client.post("/v1/keys", json=body, headers=admin)
    assert (response.status_code, response.json()["error"]["param"]) == (422, param)


@pytest.mark.parametrize("key_id", ["0", "-1", "x", "9999999999", "99999999999", "1.0", "%00", "２"])
async def test_an_id_that_no_key_has_is_not_found(
    client: httpx.AsyncClient, admin: dict[str, str], key_id: str
) -> None:
    for method in ("GET", "DELETE"):
        response = await client.request(method, f"/v1/keys/{key_id}", headers=admin)
        assert response.status_code == 404, response.text


async def test_keys_and_changes_come_in_pages(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    for number in range(4):
        await client.post("/v1/keys", json={"name": f"k{number}", "scopes": ["analyze"]}, headers=admin)
    for path, name in (("/v1/keys", "keys"), ("/v1/audit", "changes")):
        found, after = [], None
        while True:
            page = (
                await client.get(path, params={"limit": 2} | ({"after": after} if after else {}), headers=admin)
            ).json()
            found += [one["id"] for one in page[name]]
            after = page["next"]
            if after is None:
                break
        assert found == sorted(found, reverse=name == "changes")
        assert len(set(found)) == len(found) == 5


async def test_changes_are_found_by_who_made_them(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    key_id = (await client.post("/v1/keys", json={"name": "a", "scopes": ["analyze"]}, headers=admin)).json()["key"][
        "id"
    ]
    await client.delete(f"/v1/keys/{key_id}", headers=admin)
    (change,) = (await client.get("/v1/audit", params={"action": "key.revoke"}, headers=admin)).json()["changes"]
    assert change["object"] == f"key:{key_id}"
    assert change["actor"].startswith("key:")
    of_system = (await client.get("/v1/audit", params={"actor": "system"}, headers=admin)).json()["changes"]
    assert [one["action"] for one in of_system] == ["key.create"]
    assert (await client.get("/v1/audit", params={"object": "\0"}, headers=admin)).status_code == 422
    assert (await client.get("/v1/audit", params={"after": "x"}, headers=admin)).status_code == 422


async def test_settings_are_shown_and_set_whole(
    client: httpx.AsyncClient, admin: dict[str, str], database: Database
) -> None:
    asked = {"retention_days": 90, "timezone": "Asia/Tokyo"}
    put = await client.put("/v1/tenant/settings", json=asked, headers=admin)
    assert put.json()["settings"] | asked == put.json()["settings"]
    assert (await client.get("/v1/tenant/settings", headers=admin)).json()["settings"] == put.json()["settings"]
    assert TenantStore(database).rules_versions() == {"default": 1}
    again = (await client.put("/v1/tenant/settings", json={}, headers=admin)).json()
    assert (again["tenant"], again["settings"]["retention_days"]) == ("default", None)


@pytest.mark.parametrize(
    ("body", "param"),
    [({"colour": 1}, "colour"), ({"ugc_weights": {"spread": 2}}, "ugc_weights.spread"), ({"mask": None}, "mask")],
)
async def test_a_setting_that_cannot_be_taken_is_named(
    client: httpx.AsyncClient, admin: dict[str, str], body: dict[str, Any], param: str
) -> None:
    response = await client.put("/v1/tenant/settings", json=body, headers=admin)
    assert (response.status_code, response.json()["error"]["param"]) == (422, param)


async def test_a_tenant_is_made_with_a_key_that_sees_only_itself(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    made = await client.post("/v1/tenants", json={"name": "acme", "settings": {"retention_days": 7}}, headers=admin)
    assert made.status_code == 201
    assert made.json()["key"]["scopes"] == list(OF_A_TENANT)
    theirs = bearer(made.json()["secret"])
    assert [key["tenant"] for key in (await client.get("/v1/keys", headers=theirs)).json()["keys"]] == ["acme"]
    assert (await client.get("/v1/tenant/settings", headers=theirs)).json()["settings"]["retention_days"] == 7
    assert (await client.get("/v1/tenants", headers=theirs)).status_code == 403
    assert (await client.post("/v1/tenants", json={"name": "acme"}, headers=admin)).status_code == 409
    names = [tenant["name"] for tenant in (await client.get("/v1/tenants", headers=admin)).json()["tenants"]]
    assert names == ["acme", "default"]


async def test_an_open_service_has_the_routes_and_asks_for_no_keys(database: Database) -> None:
    async with client_of(database, is_open=True) as client:
        assert (await client.get("/v1/keys")).status_code == 200
        assert (await client.get("/v1/none")).status_code == 404
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert "security" not in str(paths)


async def test_the_database_of_keys_gone_is_503_with_retry_after(
    client: httpx.AsyncClient, database: Database, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: KeyStore, secret: str) -> Key | None:
        raise NotReady("the database cannot be used now")

    monkeypatch.setattr(KeyStore, "authenticate", gone)
    response = await client.get("/v1/keys", headers=admin)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_two_tenants_with_keys_of_the_same_name_see_their_own(
    client: httpx.AsyncClient, database: Database, admin: dict[str, str]
) -> None:
    theirs = found_tenant(database, "acme").issued
    response = await client.get(f"/v1/keys/{theirs.key.id}", headers=admin)
    assert response.status_code == 404
    assert theirs.key.prefix not in (await client.get("/v1/keys", headers=admin)).text
    assert theirs.key.prefix not in (await client.get("/v1/audit", headers=admin)).text
