"""Bodies, paths and queries that are sent to break things: each gets an answer with a reason, and none is a 500."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.api.knowledge_app import ask, make_base, running_bases

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        await make_base(client, "shop")
        yield client


WRITERS: dict[tuple[str, str], str] = {
    ("POST", "/v1/reply"): "question kb context channel author",
    ("POST", "/v1/reply/feedback"): "reply_id helpful entry_id answer by",
    ("POST", "/v1/kb"): "name settings",
    ("PUT", "/v1/kb/shop/synonyms"): "groups",
    ("POST", "/v1/kb/shop/entries"): "entries",
    ("PUT", "/v1/kb/shop/entries/a"): "id question questions answer category tags valid_from valid_to audience owner",
    ("POST", "/v1/kb/shop/publish"): "author note draft force reason",
    ("POST", "/v1/kb/shop/rollback"): "version discard author note",
    ("POST", "/v1/kb/shop/search"): "text n channel version",
    ("POST", "/v1/kb/shop/calibrate"): "precision",
    ("POST", "/v1/kb/shop/gaps/a/entry"): "answer id category tags owner",
}
"""Every route that takes JSON, with its fields."""

BODIES = {
    "blank": b"   ",
    "cut": b'{"question":"a',
    "null": b"null",
    "number": b"1",
    "NaN": b'{"precision":NaN,"n":NaN}',
    "infinity": b'{"precision":1e999,"n":1e999,"version":1e999,"draft":1e999}',
    "string": b'"a"',
    "list of lists": b"[[[]]]",
    "list of nulls": b"[null]",
    "binary": bytes(range(256)),
    "UTF-16": '{"question":"a"}'.encode("utf-16"),
    "surrogate in UTF-8": b'{"question":"\xed\xa0\x80","precision":"\xed\xa0\x80"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"settings":' * 100_000,
    "deep entries": b'{"entries":' + b"[" * 100_000,
    "huge number": b'{"kb":' + b"9" * 5000 + b',"precision":' + b"9" * 5000 + b"}",
}
VALUES: dict[str, object] = {
    "NUL": "a\0b",
    "lone surrogate": "a\ud83d",
    "control characters": "\x01\x1b[31m\x7f",
    "private and last code points": "\ue000\U0010ffff\uffff",
    "invisible": "\u200b\u202e\ufeff",
    "long": "长" * 100_000,
    "empty": "",
    "minus": -1,
    "beyond 64 bits": 2**64,
    "fraction": 1.5,
    "true": True,
    "list": ["a\0", 1, None],
    "object": {"a": {"b": []}},
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_broken_body_is_refused_everywhere(client: httpx.AsyncClient, name: str) -> None:
    for method, path in WRITERS:
        response = await client.request(method, path, content=BODIES[name])
        # What is broken within a field that nobody knows is passed over; then the draft has no change, and so on.
        assert response.status_code in (404, 409, 422), (path, response.text)


@pytest.mark.parametrize("name", BODIES)
async def test_a_broken_file_is_refused_or_its_rows_are(client: httpx.AsyncClient, name: str) -> None:
    response = await client.post("/v1/kb/shop/import", content=BODIES[name])
    assert response.status_code == 422 or response.json()["n_failed"] == response.json()["rows"] == 1


@pytest.mark.parametrize("name", VALUES)
async def test_an_odd_value_in_any_field_is_taken_or_refused(client: httpx.AsyncClient, name: str) -> None:
    good = {"question": "几点关门", "answer": "九点。", "kb": "shop", "text": "a", "name": "odd", "groups": []}
    good |= {"reply_id": "r", "helpful": True, "version": 1}
    for (method, path), fields in WRITERS.items():
        for field in fields.split():
            response = await client.request(method, path, content=json.dumps(good | {field: VALUES[name]}).encode())
            assert response.status_code < 500, (path, field, response.text)
            if response.status_code >= 400:
                assert response.json()["error"]["message"], (path, field)


@pytest.mark.parametrize(
    "name",
    ["%00", "%ff%fe", "%ed%a0%80", "..", "%2e%2e%2f", "a" * 5000, "'; DROP TABLE versions; --", "％", "-1", "1e9"],
)
async def test_an_odd_name_is_not_there(client: httpx.AsyncClient, name: str) -> None:
    for path in ("/v1/kb/{}/entries", "/v1/kb/shop/entries/{}", "/v1/kb/{}/gaps", "/v1/kb/shop/gaps/{}/entry"):
        method = "POST" if path.endswith("/entry") else "GET"
        response = await client.request(method, path.format(name), content=b"{}" if method == "POST" else None)
        assert response.status_code == 404 or (name in ("..", "%2e%2e%2f") and response.status_code < 500), path


@pytest.mark.parametrize("value", ["", "%00", "%ff", "-1", "1.5", "NaN", "9" * 400, "[]", "true", "０"])
async def test_an_odd_parameter_is_taken_or_refused(client: httpx.AsyncClient, value: str) -> None:
    names = ("version", "after", "limit", "days", "format", "old", "new")
    query = "&".join(f"{name}={value}" for name in names)
    for path in ("entries", "entries/hours", "export", "diff", "gaps", "usage", "conflicts", "alerts"):
        response = await client.get(f"/v1/kb/shop/{path}?{query}")
        assert response.status_code in (404, 422), path
        assert response.json()["error"]["param"] in (*names, "version"), path


async def test_the_service_still_answers(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "shop", "停车收费吗"))["entry_id"] == "parking"
    assert (await client.get("/readyz")).status_code == 200
