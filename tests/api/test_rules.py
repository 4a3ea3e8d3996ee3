from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from nlp_service.api.openapi import Schema
from nlp_service.store.database import Database, open_database
from nlp_service.store.tenants import TenantStore
from tests.api.knowledge_app import soon
from tests.api.rules_app import READER, ROBOT, STRANGER, rules_app, running_rules
from tests.api.schema import find_errors
from tests.api.test_knowledge_openapi import simple

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCUMENT = {"labels": {"ad": {"act": 0.7, "action": "remove"}}}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(str(tmp_path_factory.mktemp("db") / "rules.db")) as opened:
        TenantStore(opened).create("other")
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with running_rules(database) as client:
        yield client


async def make_list(client: httpx.AsyncClient, name: str, *words: Any, kind: str = "deny", category: str = "") -> str:
    """Make a list, and give its path."""
    asked = {"name": name, "kind": kind, "category": category, "words": list(words)}
    made = await client.post("/v1/lexicons", json=asked)
    assert made.status_code == 201, made.text
    return f"/v1/lexicons/{quote(name)}"


async def listed(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    response = await client.get(f"{path}/words", params=query)
    assert response.status_code == 200, response.text
    return [word["word"] for word in response.json()["words"]]


async def found_in(client: httpx.AsyncClient, text: str) -> list[str]:
    response = await client.post("/v1/lexicons/test", json={"texts": [text]})
    return [f"{hit['list']}:{hit['word']}" for hit in response.json()["results"][0]["hits"]]


async def test_a_list_is_made_shown_changed_and_removed(client: httpx.AsyncClient) -> None:
    path = await make_list(client, "一 号", "甲词", {"word": "乙词", "category": "scam", "note": "为什么"})
    shown = (await client.get(path)).json()["lexicon"]
    assert (shown["name"], shown["kind"], shown["version"], shown["n_words"]) == ("一 号", "deny", 1, 2)
    assert shown in (await client.get("/v1/lexicons")).json()["lexicons"]
    words = (await client.get(f"{path}/words")).json()
    assert words["version"] == 1
    assert words["words"][0] == {
        "word": "乙词", "category": "scam", "valid_from": None, "valid_to": None, "note": "为什么"
    }  # fmt: skip
    put = await client.put(path, json={"kind": "watch", "category": "ads"})
    assert (put.status_code, put.json()["lexicon"]["kind"], put.json()["lexicon"]["version"]) == (200, "watch", 1)
    assert (await client.delete(path)).json()["deleted"] == 1
    for response in (await client.get(path), await client.delete(path), await client.get(f"{path}/words")):
        assert (response.status_code, response.json()["error"]["param"]) == (404, "name")


async def test_a_list_is_put_whether_or_not_it_is_there(client: httpx.AsyncClient) -> None:
    asked = {"kind": "allow", "words": ["女装"]}
    assert [(await client.put("/v1/lexicons/put", json=asked)).status_code for _ in range(2)] == [201, 200]
    assert (await client.get("/v1/lexicons/put")).json()["lexicon"]["version"] == 1


async def test_a_second_list_of_a_name_is_a_conflict(client: httpx.AsyncClient) -> None:
    await make_list(client, "twice")
    again = await client.post("/v1/lexicons", json={"name": "twice", "kind": "deny"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


async def test_words_are_added_replaced_and_removed(client: httpx.AsyncClient) -> None:
    path = await make_list(client, "words")

    async def post(**asked: Any) -> dict[str, Any]:
        response = await client.post(f"{path}/words", json=asked)
        assert response.status_code == 200, response.text
        return {name: value for name, value in response.json().items() if name != "request_id"}

    assert await post(words=["甲词", "乙词"]) == {"version": 1, "added": 2, "changed": 0, "removed": 0, "unchanged": 0}
    assert (await post(words=["甲词"]))["version"] == 1  # nothing new
    assert (await post(words=[{"word": "甲词", "category": "scam"}]))["changed"] == 1
    assert await post(words=["丙词"], replace=True) == {
        "version": 3,
        "added": 1,
        "changed": 0,
        "removed": 2,
        "unchanged": 0,
    }
    assert (await post(words=[], replace=True))["removed"] == 1
    await post(words=["甲词", "乙词", "丙词"])
    gone = await client.request("DELETE", f"{path}/words", json={"words": [" 甲词 ", "没有", "a\0"]})
    assert gone.json()["removed"] == 1
    assert (await client.delete(f"{path}/words", params={"word": ["乙词", "丙词"]})).json()["removed"] == 2
    assert await listed(client, path) == []


async def test_words_come_in_pages_and_are_searched(client: httpx.AsyncClient) -> None:
    path = await make_list(client, "pages", "b词", "a词", {"word": "C号", "category": "scam"})
    page = (await client.get(f"{path}/words", params={"limit": 2})).json()
    assert ([word["word"] for word in page["words"]], page["next"]) == (["C号", "a词"], "a词")
    page = (await client.get(f"{path}/words", params={"limit": 2, "after": page["next"]})).json()
    assert ([word["word"] for word in page["words"]], page["next"]) == (["b词"], None)
    assert await listed(client, path, search="c") == ["C号"]
    assert await listed(client, path, category="scam") == ["C号"]
    assert await listed(client, path, version=0) == []


async def test_versions_are_shown_compared_and_gone_back_to(client: httpx.AsyncClient) -> None:
    path = await make_list(client, "history", "甲词", "乙词")
    await client.post(f"{path}/words", json={"words": ["丙词"], "replace": True, "note": "重来"})
    versions = (await client.get(f"{path}/versions")).json()
    assert versions["version"] == 2
    assert [(one["version"], one["n_words"], one["author"], one["note"]) for one in versions["versions"]] == [
        (1, 2, "key:test", ""), (2, 1, "key:test", "重来")
    ]  # fmt: skip
    diff = (await client.get(f"{path}/diff")).json()
    assert {name: diff[name] for name in ("old", "new", "added", "changed", "removed", "next")} == {
        "old": 1, "new": 2, "added": 1, "changed": 0, "removed": 2, "next": None
    }  # fmt: skip
    assert [change["word"] for change in diff["changes"]] == ["丙词", "乙词", "甲词"]
    page = (await client.get(f"{path}/diff", params={"limit": 1, "after": "丙词", "old": 0, "new": 1})).json()
    assert (page["old"], page["new"], page["added"], page["next"]) == (0, 1, 2, "乙词")
    back = await client.post(f"{path}/rollback", json={"version": 1, "note": "误伤"})
    assert (back.status_code, back.json()["version"], back.json()["added"]) == (201, 3, 2)
    assert (await client.post(f"{path}/rollback", json={"version": 1})).status_code == 409
    assert await listed(client, path) == ["乙词", "甲词"]
    assert await listed(client, path, version=2) == ["丙词"]


@pytest.mark.parametrize("format", ["txt", "csv", "xlsx", "jsonl"])
async def test_files_go_out_and_come_back(client: httpx.AsyncClient, format: str) -> None:
    path = await make_list(client, f"out-{format}", "=甲词", "乙词")
    file = await client.get(f"{path}/export", params={"format": format})
    assert file.status_code == 200
    assert re.search(rf'filename="lexicon-\d+-v1\.{format}"', file.headers["content-disposition"])
    back = await make_list(client, f"in-{format}")
    report = (await client.post(f"{back}/import", params={"format": format}, content=file.content)).json()
    assert (report["version"], report["rows"], report["added"], report["failed"]) == (1, 2, 2, [])
    assert await listed(client, back) == await listed(client, path)
    again = (await client.post(f"{back}/import", content=file.content)).json()
    assert (again["version"], again["unchanged"]) == (1, 2)  # the same file twice makes no version
    old = await client.get(f"{path}/export", params={"format": format, "version": 0})
    assert old.status_code == 200
    assert "v0" in old.headers["content-disposition"]


async def test_bad_rows_of_a_file_are_named(client: httpx.AsyncClient) -> None:
    path = await make_list(client, "bad rows", "旧词")
    data = "甲词\n\u200b\n".encode()
    report = (await client.post(f"{path}/import", params={"all_or_nothing": True}, content=data)).json()
    assert (report["is_written"], report["version"], report["n_failed"]) == (False, 1, 1)
    assert report["failed"][0]["row"] == 2
    report = (await client.post(f"{path}/import", params={"replace": "true"}, content=data)).json()
    assert (report["is_written"], await listed(client, path)) == (False, ["旧词"])
    report = (await client.post(f"{path}/import", params={"note": "三月"}, content=data)).json()
    assert (report["is_written"], report["added"], report["n_failed"]) == (True, 1, 1)
    assert (await client.get(f"{path}/versions")).json()["versions"][-1]["note"] == "三月"


async def test_a_test_says_what_the_lists_find_and_where(client: httpx.AsyncClient) -> None:
    await make_list(client, "sale", {"word": "出售发票", "category": "illegal_service"}, category="ads")

    async def is_found() -> bool:
        return await found_in(client, "这里出售发票") == ["sale:出售发票"]

    assert await soon(is_found)
    answer = (await client.post("/v1/lexicons/test", json={"texts": ["好", "这里出售发票"]}, headers=READER)).json()
    assert answer["results"][0] == {"hits": []}
    (hit,) = answer["results"][1]["hits"]
    assert hit == {
        "span": {"start": 2, "end": 6, "text": "出售发票"}, "word": "出售发票", "list": "sale", "kind": "deny",
        "category": "illegal_service", "normalised": "出售发票", "disguise": "none",
    }  # fmt: skip
    assert answer["rules_version"] > 0
    assert answer["words"] >= 1


async def test_words_are_tested_at_a_time(client: httpx.AsyncClient) -> None:
    timed = {"word": "办理假证", "valid_from": "2026-03-01T00:00:00+08:00", "valid_to": "2026-04-01T00:00:00+08:00"}
    await make_list(client, "timed", timed)

    async def is_found_then() -> bool:
        asked = {"texts": ["办理假证"], "at": "2026-03-31T23:59:59+08:00"}
        return bool((await client.post("/v1/lexicons/test", json=asked)).json()["results"][0]["hits"])

    assert await soon(is_found_then)
    asked = {"texts": ["办理假证"], "at": "2026-04-01T00:00:00+08:00"}
    assert (await client.post("/v1/lexicons/test", json=asked)).json()["results"] == [{"hits": []}]


async def test_policies_are_made_shown_and_removed(client: httpx.AsyncClient) -> None:
    made = await client.put("/v1/policies/room", json={"document": DOCUMENT, "note": "先试"})
    assert made.status_code == 201, made.text
    policy = made.json()["policy"]
    assert (policy["community"], policy["version"], policy["policy_version"]) == ("room", 1, "room/1")
    assert (policy["is_active"], policy["author"], policy["note"]) == (True, "key:test", "先试")
    assert (await client.put("/v1/policies/room", json={"document": DOCUMENT})).status_code == 200
    assert (await client.put("/v1/policies/*", json={"document": {}})).json()["policy"]["policy_version"] == "*/1"
    held = (await client.get("/v1/policies")).json()["policies"]
    assert [one["policy_version"] for one in held][:2] == ["*/1", "room/1"]
    assert (await client.get("/v1/policies/room", headers=READER)).json()["document"] == DOCUMENT
    assert (await client.delete("/v1/policies/room")).json()["deleted"] == 1
    assert (await client.get("/v1/policies/room")).status_code == 404
    versions = (await client.get("/v1/policies/room/versions")).json()
    assert (versions["active"], [one["version"] for one in versions["versions"]]) == (None, [1])
    assert (await client.get("/v1/policies/room?version=1")).json()["document"] == DOCUMENT


async def test_an_earlier_version_holds_again(client: httpx.AsyncClient) -> None:
    for act in (0.6, 0.7):
        await client.put("/v1/policies/again", json={"document": {"labels": {"ad": {"act": act}}}})
    activated = await client.post("/v1/policies/again/activate", json={"version": 1})
    assert (activated.status_code, activated.json()["policy"]["version"]) == (200, 1)
    versions = (await client.get("/v1/policies/again/versions")).json()
    assert (versions["active"], [one["is_active"] for one in versions["versions"]]) == (1, [True, False])
    assert (await client.post("/v1/policies/again/activate", json={"version": 9})).status_code == 404


@pytest.mark.parametrize("name", ["群 聊/二", "!a:matrix.org", "%", "a?b#c", "学习\u3000交流", "a/b/c"])
async def test_communities_have_the_names_that_channels_have(client: httpx.AsyncClient, name: str) -> None:
    path = f"/v1/policies/{quote(name, safe='')}"
    assert (await client.put(path, json={"document": DOCUMENT})).status_code == 201
    assert (await client.get(path)).json()["policy"]["community"] == name
    assert (await client.get(f"{path}/versions")).json()["community"] == name
    assert (await client.delete(path)).status_code == 200


async def test_the_built_in_policy_is_shown_and_can_be_put_whole(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/v1/policies/default")).json()
    assert shown["policy_version"] == "default-1"
    assert "ad" in shown["document"]["labels"]
    assert (await client.put("/v1/policies/whole", json={"document": shown["document"]})).status_code == 201


async def test_a_dry_run_of_nothing_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/policies/dry-run", json={"policy": {"document": DOCUMENT}}, headers=READER)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["policy"], told["against"], told["messages"], told["changes"]) == ("document", "active", 0, [])
    assert told["not_known"]


SCOPES: list[tuple[str, str, Any, bool]] = [
    ("GET", "/v1/lexicons", None, True),
    ("GET", "/v1/lexicons/x", None, True),
    ("POST", "/v1/lexicons/test", {"texts": ["a"]}, True),
    ("GET", "/v1/lexicons/x/export", None, True),
    ("GET", "/v1/policies", None, True),
    ("GET", "/v1/policies/default", None, True),
    ("POST", "/v1/policies/dry-run", {"policy": {"version": 0}}, True),
    ("POST", "/v1/lexicons", {"name": "x", "kind": "deny"}, False),
    ("PUT", "/v1/lexicons/x", {"kind": "deny"}, False),
    ("DELETE", "/v1/lexicons/x", None, False),
    ("POST", "/v1/lexicons/x/words", {"words": ["a"]}, False),
    ("DELETE", "/v1/lexicons/x/words", None, False),
    ("POST", "/v1/lexicons/x/import", {"word": "a"}, False),
    ("POST", "/v1/lexicons/x/rollback", {"version": 0}, False),
    ("PUT", "/v1/policies/x", {"document": {}}, False),
    ("DELETE", "/v1/policies/x", None, False),
    ("POST", "/v1/policies/x/activate", {"version": 1}, False),
]


@pytest.mark.parametrize(("method", "path", "body", "is_read"), SCOPES)
async def test_moderators_read_and_administrators_write(
    client: httpx.AsyncClient, method: str, path: str, body: Any, is_read: bool
) -> None:
    told = [(await client.request(method, path, json=body, headers=who)).status_code for who in (ROBOT, READER)]
    assert told[0] == 403
    assert (told[1] != 403) == is_read


async def test_what_is_of_another_tenant_is_not_there(client: httpx.AsyncClient) -> None:
    path = await make_list(client, "own", "只有我们的词")
    await client.put("/v1/policies/own", json={"document": DOCUMENT})
    for method, asked, body in (
        ("GET", path, None),
        ("GET", f"{path}/words", None),
        ("GET", f"{path}/export", None),
        ("GET", f"{path}/versions", None),
        ("GET", f"{path}/diff", None),
        ("POST", f"{path}/words", {"words": ["x词"]}),
        ("DELETE", f"{path}/words?word=只有我们的词", None),
        ("POST", f"{path}/import", {"word": "x词"}),
        ("POST", f"{path}/rollback", {"version": 0}),
        ("DELETE", path, None),
        ("GET", "/v1/policies/own", None),
        ("GET", "/v1/policies/own/versions", None),
        ("POST", "/v1/policies/own/activate", {"version": 1}),
        ("DELETE", "/v1/policies/own", None),
        ("POST", "/v1/policies/dry-run", {"policy": {"community": "own"}}),
    ):
        response = await client.request(method, asked, json=body, headers=STRANGER)
        assert response.status_code == 404, (method, asked)
    for asked in ("/v1/lexicons", "/v1/policies"):
        assert "own" not in (await client.get(asked, headers=STRANGER)).text
    answer = await client.post("/v1/lexicons/test", json={"texts": ["只有我们的词"]}, headers=STRANGER)
    assert answer.json()["results"] == [{"hits": []}]
    assert await listed(client, path) == ["只有我们的词"]


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "no name": ("POST", "/v1/lexicons", {"kind": "deny"}, 422, "name"),
    "empty name": ("POST", "/v1/lexicons", {"name": "", "kind": "deny"}, 422, "name"),
    "slash": ("POST", "/v1/lexicons", {"name": "a/b", "kind": "deny"}, 422, "name"),
    "reserved": ("POST", "/v1/lexicons", {"name": "test", "kind": "deny"}, 422, "name"),
    "kind": ("POST", "/v1/lexicons", {"name": "k", "kind": "ban"}, 422, "kind"),
    "unknown field": ("POST", "/v1/lexicons", {"name": "k", "kind": "deny", "colour": 1}, 422, "body"),
    "bad word": ("POST", "/v1/lexicons", {"name": "k", "kind": "deny", "words": ["好", " "]}, 422, "words[1]"),
    "bad category": (
        "POST", "/v1/lexicons/x/words", {"words": [{"word": "a", "category": "长" * 51}]}, 413, "words[0].category"
    ),
    "no zone": (
        "POST", "/v1/lexicons/x/words", {"words": [{"word": "a", "valid_from": "2026-03-01T00:00:00"}]}, 422,
        "words[0].valid_from",
    ),
    "before the first year": (
        "POST", "/v1/lexicons/x/words", {"words": [{"word": "a", "valid_from": "0001-01-01T00:00:00+08:00"}]}, 422,
        "words[0].valid_from",
    ),
    "invisible word": ("POST", "/v1/lexicons/x/words", {"words": ["好", "\u200b"]}, 422, "words[1]"),
    "no words": ("POST", "/v1/lexicons/x/words", {"words": []}, 422, "words"),
    "too many words": ("POST", "/v1/lexicons/x/words", {"words": ["a"] * 10_001}, 413, "words"),
    "no word to remove": ("DELETE", "/v1/lexicons/x/words", None, 422, "words"),
    "long note": ("POST", "/v1/lexicons/x/words", {"words": ["a"], "note": "长" * 2_001}, 413, "note"),
    "NUL in a note": ("POST", "/v1/lexicons/x/words", {"words": ["a"], "note": "\0"}, 422, "note"),
    "no text": ("POST", "/v1/lexicons/test", {"texts": []}, 422, "texts"),
    "too many texts": ("POST", "/v1/lexicons/test", {"texts": ["a"] * 513}, 413, "texts"),
    "long text": ("POST", "/v1/lexicons/test", {"texts": ["好", "长" * 4_001]}, 413, "texts[1]"),
    "no list": ("GET", "/v1/lexicons/none/words", None, 404, "name"),
    "no version": ("GET", "/v1/lexicons/x/words?version=9", None, 404, "version"),
    "huge version": ("GET", f"/v1/lexicons/x/words?version={'9' * 30}", None, 404, "version"),
    "odd version": ("GET", "/v1/lexicons/x/diff?old=draft", None, 422, "old"),
    "odd limit": ("GET", "/v1/lexicons/x/words?limit=0", None, 422, "limit"),
    "odd format": ("GET", "/v1/lexicons/x/export?format=pdf", None, 422, "format"),
    "broken policy": ("PUT", "/v1/policies/x", {"document": {"labels": {"ad": {"act": 2}}}}, 422, "labels.ad.act"),
    "unknown rule": ("PUT", "/v1/policies/x", {"document": {"colour": 1}}, 422, "colour"),
    "no document": ("PUT", "/v1/policies/x", {}, 422, "document"),
    "a bare document": ("PUT", "/v1/policies/x", {"labels": {}}, 422, "body"),
    "named default": ("PUT", "/v1/policies/default", {"document": {}}, 422, "community"),
    "named by nothing": ("PUT", "/v1/policies/", {"document": {}}, 422, "community"),
    "ends like a path": ("PUT", "/v1/policies/a/versions", {"document": {}}, 422, "community"),
    "long community": ("PUT", f"/v1/policies/{'a' * 201}", {"document": {}}, 422, "community"),
    "no community": ("GET", "/v1/policies/", None, 404, "community"),
    "two policies": ("POST", "/v1/policies/dry-run", {"policy": {"document": {}, "version": 1}}, 422, "policy.version"),
    "too many messages": ("POST", "/v1/policies/dry-run", {"policy": {}, "limit": 20_001}, 422, "limit"),
    "no such version": ("POST", "/v1/policies/dry-run", {"policy": {"version": 77}}, 404, "version"),
    "bad filter": (
        "POST", "/v1/policies/dry-run", {"policy": {"version": 0}, "filter": {"label": ["x"]}}, 422, "label"
    ),
    "bad intent": (
        "POST", "/v1/policies/dry-run", {"policy": {"version": 0}, "filter": {"intent": "x"}}, 422, "filter.intent"
    ),
    "bad time": (
        "POST", "/v1/policies/dry-run",
        {"policy": {"version": 0}, "filter": {"from": "0001-01-01T00:00:00+14:00"}}, 422, "filter.from",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_is_refused_with_the_field_that_is_at_fault(client: httpx.AsyncClient, name: str) -> None:
    await client.put("/v1/lexicons/x", json={"kind": "deny"})
    method, path, body, status, param = REFUSED[name]
    response = await client.request(method, path, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param), response.text


async def test_a_refused_policy_is_not_stored(client: httpx.AsyncClient) -> None:
    await client.put("/v1/policies/kept", json={"document": DOCUMENT})
    assert (await client.put("/v1/policies/kept", json={"document": {"colour": 1}})).status_code == 422
    versions = (await client.get("/v1/policies/kept/versions")).json()
    assert (versions["active"], len(versions["versions"])) == (1, 1)


WRITERS = {
    ("POST", "/v1/lexicons"): "name kind category words note",
    ("PUT", "/v1/lexicons/odd"): "kind category words note",
    ("POST", "/v1/lexicons/odd/words"): "words replace note",
    ("DELETE", "/v1/lexicons/odd/words"): "words note",
    ("POST", "/v1/lexicons/odd/rollback"): "version note",
    ("POST", "/v1/lexicons/test"): "texts at",
    ("PUT", "/v1/policies/odd"): "document note",
    ("POST", "/v1/policies/odd/activate"): "version",
    ("POST", "/v1/policies/dry-run"): "policy against filter limit examples",
}
"""Every route that takes JSON, with its fields."""

GOOD: dict[str, Any] = {
    "name": "odd-2", "kind": "deny", "words": ["odd"], "version": 1, "texts": ["a"], "document": {},
    "policy": {"version": 0},
}  # fmt: skip

BODIES = {
    "blank": b"   ",
    "cut": b'{"name":"a',
    "null": b"null",
    "number": b"1",
    "NaN": b'{"version":NaN,"limit":NaN}',
    "infinity": b'{"version":1e999,"limit":1e999}',
    "string": b'"a"',
    "list of lists": b"[[[]]]",
    "binary": bytes(range(256)),
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "surrogate in UTF-8": b'{"name":"\xed\xa0\x80","kind":"\xed\xa0\x80"}',
    "deep arrays": b"[" * 100_000,
    "deep document": b'{"document":' * 100_000,
    "deep words": b'{"words":' + b"[" * 100_000,
    "huge number": b'{"version":' + b"9" * 5000 + b"}",
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
    "list of texts": ["a\0b", "\u200b", "长" * 300, "=1+1", "\ud83d"],
    "list of objects": [{"word": "a", "category": 1}],
    "object": {"a": {"b": []}},
    "deep object": json.loads('{"a":' * 90 + "1" + "}" * 90),
    "policy": {"document": {"lexicon": {"deny": {"*": "explode"}}}},
    "filter": {"text": "\0", "from": "yesterday"},
    "odd filter": {"channel": "\0"},
    "odd community": {"community": "\0", "version": 1},
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_broken_body_is_refused_everywhere(client: httpx.AsyncClient, name: str) -> None:
    await client.put("/v1/lexicons/odd", json={"kind": "deny"})
    for method, path in WRITERS:
        response = await client.request(method, path, content=BODIES[name])
        assert response.status_code in (404, 413, 422), (path, response.text)


@pytest.mark.parametrize("name", VALUES)
async def test_an_odd_value_in_any_field_is_taken_or_refused(client: httpx.AsyncClient, name: str) -> None:
    await client.put("/v1/lexicons/odd", json={"kind": "deny"})
    for (method, path), fields in WRITERS.items():
        for field in fields.split():
            own = {key: value for key, value in GOOD.items() if key in fields.split()}
            body = json.dumps(own | {field: VALUES[name]}).encode()
            response = await client.request(method, path, content=body)
            assert response.status_code < 500, (path, field, response.text)
            if response.status_code >= 400:
                assert response.json()["error"]["message"], (path, field)


async def test_a_broken_file_is_refused_or_its_rows_are(client: httpx.AsyncClient) -> None:
    path = (await client.put("/v1/lexicons/files", json={"kind": "deny"})).url.path
    for name, data in {**BODIES, "bomb": bomb(), "empty": b""}.items():
        response = await client.post(f"{path}/import", content=data)
        assert response.status_code in (200, 413, 422), (name, response.text)


async def test_a_form_is_no_file(client: httpx.AsyncClient) -> None:
    path = (await client.put("/v1/lexicons/files", json={"kind": "deny"})).url.path
    form = await client.post(f"{path}/import", files={"file": b"a"})
    assert (form.status_code, form.json()["error"]["param"]) == (422, "body")


def bomb() -> bytes:
    """A sheet with a part that unpacks to a thousand times its size."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 30_000_000)
    return data.getvalue()


@pytest.mark.parametrize(
    "name", ["%00", "%ff%fe", "%ed%a0%80", "%2e%2e%2f", "a" * 5000, "'; DROP TABLE lexicons; --", "％", "-1", "%0a"]
)
async def test_an_odd_name_is_not_there(client: httpx.AsyncClient, name: str) -> None:
    for path in ("/v1/lexicons/{}", "/v1/lexicons/{}/words", "/v1/policies/{}", "/v1/policies/{}/versions"):
        assert (await client.get(path.format(name))).status_code == 404, path


@pytest.mark.parametrize("value", ["", "%00", "%ff", "-1", "1.5", "NaN", "9" * 400, "[]", "true", "０"])
async def test_an_odd_parameter_is_taken_or_refused(client: httpx.AsyncClient, value: str) -> None:
    await client.put("/v1/lexicons/odd", json={"kind": "deny"})
    names = ("version", "after", "limit", "search", "category", "format", "old", "new")
    for path in ("words", "export", "diff", "versions"):
        for name in names:
            response = await client.get(f"/v1/lexicons/odd/{path}?{name}={value}")
            assert response.status_code in (200, 404, 413, 422), (path, name, response.text)
    for name in ("format", "replace", "all_or_nothing", "note"):
        response = await client.post(f"/v1/lexicons/odd/import?{name}={value}", content=b"a")
        assert response.status_code in (200, 413, 422), (name, response.text)


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    for method, path in (("DELETE", "/v1/lexicons"), ("POST", "/v1/policies"), ("PATCH", "/v1/lexicons/x")):
        assert (await client.request(method, path)).status_code == 405


@pytest.fixture(scope="module")
def document(database: Database) -> Schema:
    return rules_app(database).openapi()


@pytest.fixture(scope="module")
def components(document: Schema) -> Schema:
    return {name: simple(schema) for name, schema in document["components"]["schemas"].items()}


async def test_every_schema_has_examples_that_conform_to_it(components: Schema) -> None:
    for name, component in components.items():
        assert component.get("examples"), name
        for example in component["examples"]:
            assert find_errors(example, component, components) == [], name


async def test_every_route_and_method_is_documented_and_nothing_else(database: Database, document: Schema) -> None:
    routes = {
        (re.sub(r":path}", "}", route.path), method.lower())
        for route in rules_app(database).routes
        for method in route.methods - {"HEAD"}
        if route.path.startswith("/v1/")
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert {(path, method) for path, method in described if path.startswith(("/v1/lex", "/v1/pol"))} == routes
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


async def test_real_answers_conform(client: httpx.AsyncClient, document: Schema, components: Schema) -> None:
    asked: list[tuple[str, str, Any]] = [
        ("post", "/v1/lexicons", {"name": "api", "kind": "deny", "words": ["甲词", "乙词"]}),
        ("get", "/v1/lexicons", None),
        ("get", "/v1/lexicons/{name}", None),
        ("put", "/v1/lexicons/{name}", {"kind": "watch"}),
        ("get", "/v1/lexicons/{name}/words", None),
        ("post", "/v1/lexicons/{name}/words", {"words": ["丙词"]}),
        ("delete", "/v1/lexicons/{name}/words", {"words": ["丙词"]}),
        ("post", "/v1/lexicons/{name}/import", {"word": "丁词", "by": "小王"}),
        ("get", "/v1/lexicons/{name}/versions", None),
        ("get", "/v1/lexicons/{name}/diff", None),
        ("post", "/v1/lexicons/{name}/rollback", {"version": 1}),
        ("post", "/v1/lexicons/test", {"texts": ["甲词"]}),
        ("delete", "/v1/lexicons/{name}", None),
        ("put", "/v1/policies/{community}", {"document": DOCUMENT}),
        ("get", "/v1/policies/{community}", None),
        ("get", "/v1/policies", None),
        ("get", "/v1/policies/default", None),
        ("get", "/v1/policies/{community}/versions", None),
        ("post", "/v1/policies/{community}/activate", {"version": 1}),
        ("post", "/v1/policies/dry-run", {"policy": {"community": "api", "version": 1}}),
        ("delete", "/v1/policies/{community}", None),
    ]
    for method, template, body in asked:
        response = await client.request(method, template.format(name="api", community="api"), json=body)
        told = document["paths"][template][method]["responses"][str(response.status_code)]
        assert response.status_code < 300, (template, response.text)
        name = told["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert find_errors(response.json(), components[name], components) == [], template
