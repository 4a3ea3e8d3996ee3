from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.knowledge_app import SHOP, make_base, running_bases

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        yield client


async def test_entries_come_in_pages_by_id(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "pages")
    first = (await client.get(f"{path}/entries", params={"limit": 3})).json()
    assert [entry["id"] for entry in first["entries"]] == ["hours", "invoice", "parking"]
    assert (first["next"], first["version"]) == ("parking", None)
    rest = (await client.get(f"{path}/entries", params={"limit": 3, "after": first["next"]})).json()
    assert ([entry["id"] for entry in rest["entries"]], rest["next"]) == (["refund"], None)


async def test_an_entry_is_written_shown_and_taken_away(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "one")
    entry = {
        "id": "sale/spring",
        "questions": ["春季活动几折", "现在打折吗"],
        "answer": "八折。",
        "category": "活动",
        "tags": ["折扣"],
        "valid_from": "2026-03-01T00:00:00Z",
        "valid_to": "2026-04-01T00:00:00Z",
        "audience": ["vip"],
        "owner": "小王",
    }
    made = await client.put(f"{path}/entries/sale/spring", json=entry)
    assert (made.status_code, made.json()["created"], made.json()["entry_ids"]) == (201, 1, ["sale/spring"])
    assert (await client.get(f"{path}/entries/sale/spring")).json()["entry"] == entry
    again = await client.put(f"{path}/entries/sale/spring", json=entry)
    assert (again.status_code, again.json()["unchanged"]) == (200, 1)
    assert (await client.delete(f"{path}/entries/sale/spring")).json()["deleted"] == 1
    assert (await client.get(f"{path}/entries/sale/spring")).status_code == 404


async def test_a_version_keeps_the_entries_that_the_draft_has_no_more(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "kept")
    await client.delete(f"{path}/entries/hours")
    assert (await client.get(f"{path}/entries/hours")).status_code == 404
    for version in ("1", "published"):
        shown = (await client.get(f"{path}/entries/hours", params={"version": version})).json()
        assert (shown["version"], shown["entry"]["id"]) == (1, "hours")
        assert len((await client.get(f"{path}/entries", params={"version": version})).json()["entries"]) == 4


async def test_a_list_may_come_without_a_name_and_entries_without_an_id(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "bare", [])
    written = (await client.post(f"{path}/entries", json=[{"question": "几点开门", "answer": "九点。"}])).json()
    again = (await client.post(f"{path}/entries", json=[{"question": "几点开门", "answer": "九点。"}])).json()
    assert written["entry_ids"] == again["entry_ids"]
    assert (written["created"], again["unchanged"]) == (1, 1)


async def test_conflicts_are_found_on_write(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "conflicts")
    other = {"question": "请问几点开门呢", "answer": "每天八点到二十点。"}
    one = (await client.put(f"{path}/entries/hours-2", json=other)).json()
    assert one["conflicts_checked"]
    assert [(found["kind"], sorted(found["entry_ids"])) for found in one["conflicts"]] == [
        ("contradiction", ["hours", "hours-2"])
    ]
    several = [other | {"id": "hours-3"}, {"id": "card", "question": "可以刷卡吗", "answer": "可以。"}]
    found = (await client.post(f"{path}/entries", json={"entries": several})).json()["conflicts"]
    assert {tuple(sorted(conflict["entry_ids"])) for conflict in found} == {
        ("hours", "hours-3"),
        ("hours-2", "hours-3"),
    }


async def test_one_bad_entry_keeps_out_the_others(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "atomic", [])
    response = await client.post(f"{path}/entries", json={"entries": [*SHOP, {"question": "a", "answer": " "}]})
    assert response.status_code == 422
    assert (await client.get(path)).json()["entries"] == 0


GOOD = {"question": "几点开门", "answer": "九点。"}
REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "no entries": ("POST", "", {}, 422, "entries"),
    "an empty list": ("POST", "", [], 422, "body"),
    "no entry": ("POST", "", {"entries": []}, 422, "entries"),
    "too many": ("POST", "", {"entries": [GOOD] * 1001}, 413, "entries"),
    "no answer": ("POST", "", {"entries": [GOOD, {"question": "a"}]}, 422, "entries[1].answer"),
    "no question": ("POST", "", {"entries": [{"answer": "a"}]}, 422, "entries[0].question"),
    "no question in a bare list": ("POST", "", [{"answer": "a"}], 422, "[0].question"),
    "question empty": ("POST", "", {"entries": [GOOD | {"question": " "}]}, 422, "entries[0].questions"),
    "question invisible": ("POST", "", {"entries": [GOOD | {"question": "\u200b"}]}, 422, "entries[0].questions"),
    "question of 501": ("POST", "", {"entries": [GOOD | {"question": "a" * 501}]}, 413, "entries[0].questions"),
    "answer of 20,001": ("POST", "", {"entries": [GOOD | {"answer": "a" * 20_001}]}, 413, "entries[0].answer"),
    "answer with NUL": ("POST", "", {"entries": [GOOD | {"answer": "a\0"}]}, 422, "entries[0].answer"),
    "id empty": ("POST", "", {"entries": [GOOD | {"id": ""}]}, 422, "entries[0].id"),
    "id of 129": ("POST", "", {"entries": [GOOD | {"id": "a" * 129}]}, 413, "entries[0].id"),
    "id twice": ("POST", "", {"entries": [GOOD | {"id": "a"}, GOOD | {"id": "a"}]}, 422, "entries[1].id"),
    "tags a string": ("POST", "", {"entries": [GOOD | {"tags": "a"}]}, 422, "entries[0].tags"),
    "tag with a comma": ("POST", "", {"entries": [GOOD | {"tags": ["a,b"]}]}, 422, "entries[0].tags"),
    "time without a zone": (
        "POST",
        "",
        {"entries": [GOOD | {"valid_to": "2026-03-01T00:00:00"}]},
        422,
        "entries[0].valid_to",
    ),
    "time before time": (
        "POST",
        "",
        {"entries": [GOOD | {"valid_to": "0001-01-01T00:00:00+23:00"}]},
        422,
        "entries[0].valid_to",
    ),
    "no time": ("POST", "", {"entries": [GOOD | {"valid_from": "soon"}]}, 422, "entries[0].valid_from"),
    "ends before it begins": (
        "POST",
        "",
        {"entries": [GOOD | {"valid_from": "2026-03-02T00:00:00Z", "valid_to": "2026-03-01T00:00:00Z"}]},
        422,
        "entries[0].valid_to",
    ),
    "another id than in the path": ("PUT", "/a", GOOD | {"id": "b"}, 422, "id"),
    "put without an answer": ("PUT", "/a", {"question": "a"}, 422, "answer"),
    "put a list": ("PUT", "/a", [GOOD], 422, "body"),
    "put under an id of 129": ("PUT", f"/{'a' * 129}", GOOD, 413, "id"),
    "put under no id": ("PUT", "/", GOOD, 422, "id"),
    "show none": ("GET", "/none", None, 404, "entry_id"),
    "show an id that cannot be": ("GET", "/%00", None, 404, "entry_id"),
    "show in no version": ("GET", "/hours?version=9", None, 404, "version"),
    "show in a version without end": ("GET", f"/hours?version={'9' * 30}", None, 404, "version"),
    "show in another word": ("GET", "/hours?version=latest", None, 422, "version"),
    "limit of none": ("GET", "?limit=0", None, 422, "limit"),
    "limit too large": ("GET", "?limit=1001", None, 422, "limit"),
    "limit without end": ("GET", f"?limit={'9' * 5000}", None, 422, "limit"),
    "limit in other digits": ("GET", "?limit=٣", None, 422, "limit"),
    "behind what cannot be": ("GET", "?after=%00", None, 404, "after"),
    "remove none": ("DELETE", "/none", None, 404, "entry_id"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_by_field(client: httpx.AsyncClient, name: str) -> None:
    if (await client.get("/v1/kb/there")).status_code == 404:
        await make_base(client, "there")
    method, end, body, status, param = REFUSED[name]
    response = await client.request(method, f"/v1/kb/there/entries{end}", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("POST", ""), ("GET", "/a"), ("PUT", "/a"), ("DELETE", "/a")])
async def test_entries_of_a_base_that_is_not_there_are_404(client: httpx.AsyncClient, method: str, end: str) -> None:
    body = [GOOD] if method == "POST" else GOOD
    response = await client.request(method, f"/v1/kb/none/entries{end}", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (404, "kb")
