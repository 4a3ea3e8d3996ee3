from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from nlp_service.api.messages import export, stored
from nlp_service.api.messages.records import COLUMNS, guard, unguard
from nlp_service.store.browsing import MAX_PAGE
from nlp_service.store.database import Database, open_database
from tests.api.messages_app import ADVERT, BROKEN, as_tenant, empty_database, message, running_messages, send
from tests.unit.store.conftest import postgresql

__all__ = ["postgresql"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with open_database(empty_database(request.param, request)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with running_messages(database) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def client(service: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    async with as_tenant(service, f"t{next(_numbers)}") as client:
        yield client


FEW = [
    message("1", "好", meta={"region": "华东", "vip": True}, sent_at="2026-01-01T00:00:00Z"),
    message("2", ADVERT, channel="vip", author="b", sent_at="2026-01-02T00:00:00Z"),
    message("3", "电话Abc_50%", platform="wechat", sent_at="2026-01-03T00:00:00Z"),
    message("4", BROKEN, meta={"region": "华北"}, sent_at="2026-01-04T00:00:00Z"),
]


async def listed(client: httpx.AsyncClient, **query: Any) -> list[str]:
    response = await client.get("/v1/messages", params=query)
    assert response.status_code == 200, response.text
    return [one["id"] for one in response.json()["messages"]]


async def test_messages_are_found_by_what_they_are_like(client: httpx.AsyncClient) -> None:
    await send(client, *FEW)
    assert await listed(client) == ["4", "3", "2", "1"]
    assert await listed(client, order="oldest") == ["1", "2", "3", "4"]
    assert await listed(client, platform="wechat") == ["3"]
    assert await listed(client, channel="vip") == ["2"]
    assert await listed(client, author="b") == ["2"]
    assert await listed(client, label="ad") == ["2"]
    assert await listed(client, label="ad,chat") == ["3", "2", "1"]
    assert await listed(client, label=["ad", "scam"]) == ["2"]
    assert await listed(client, action="review") == ["4"]
    assert await listed(client, intent="ad") == ["2"]
    assert await listed(client, risk=1) == []
    assert await listed(client, risk=0) == ["4", "3", "2", "1"]
    assert await listed(client, text="abc_") == ["3"]
    assert await listed(client, text="50%") == ["3"]
    assert await listed(client, text="_") == ["3"]
    assert await listed(client, **{"meta.region": "华东"}) == ["1"]
    assert await listed(client, **{"meta.vip": "true", "meta.region": "华东"}) == ["1"]
    assert await listed(client, **{"meta.region": "x"}) == []
    assert await listed(client, **{"from": "2026-01-02T00:00:00Z", "to": "2026-01-03T00:00:00Z"}) == ["2"]
    assert await listed(client, **{"from": 1767312000, "to": "2026-01-03T08:00:00+08:00"}) == ["2"]


async def test_a_plus_that_was_not_escaped_is_understood(client: httpx.AsyncClient) -> None:
    await send(client, *FEW)
    found = (await client.get("/v1/messages?from=2026-01-04T08:00:00+08:00")).json()["messages"]
    assert [one["id"] for one in found] == ["4"]


async def test_pages_meet_each_message_once(client: httpx.AsyncClient) -> None:
    await send(client, *(message(i, "好") for i in range(7)))
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = (await client.get("/v1/messages", params=query)).json()
        seen += [one["id"] for one in page["messages"]]
        if page["next_cursor"] is None:
            break
        await send(client, message(f"new{len(seen)}", "好"))  # what comes meanwhile moves nothing
        query["cursor"] = page["next_cursor"]
    assert seen == [str(i) for i in reversed(range(7))]


BAD = [
    ({"chanel": "x"}, "query"),  # what is misspelt must not select all
    ({"limit": 0}, "limit"),
    ({"limit": 1001}, "limit"),
    ({"cursor": "x"}, "cursor"),
    ({"label": "advert"}, "label"),
    ({"action": "ban"}, "action"),
    ({"intent": "spam"}, "intent"),
    ({"risk": 4}, "risk"),
    ({"order": "random"}, "order"),
    ({"format": "xlsx"}, "format"),
    ({"from": "yesterday"}, "from"),
    ({"to": "2026-01-01"}, "to"),
    ({"text": "a\0"}, "text"),
    ({"author": "x" * 201}, "author"),
    ({"meta.": "x"}, "meta"),
    ({f"meta.{i}": "x" for i in range(9)}, "meta"),
    ({"include_deleted": "maybe"}, "include_deleted"),
    ({"format": "csv", "limit": 1}, "limit"),
    ({"format": "csv", "cursor": "x"}, "cursor"),
]


@pytest.mark.parametrize(("query", "param"), BAD)
async def test_what_cannot_be_asked_is_named(service: httpx.AsyncClient, query: dict[str, Any], param: str) -> None:
    response = await service.get("/v1/messages", params=query)
    assert response.status_code == (413 if query.get("author") else 422)
    assert response.json()["error"]["param"] == param


async def test_a_cursor_belongs_to_its_filters(client: httpx.AsyncClient) -> None:
    await send(client, *FEW)
    cursor = (await client.get("/v1/messages", params={"limit": 1})).json()["next_cursor"]
    response = await client.get("/v1/messages", params={"limit": 1, "cursor": cursor, "platform": "qq"})
    assert (response.status_code, response.json()["error"]["param"]) == (422, "cursor")


async def exported(client: httpx.AsyncClient, format: str, **query: Any) -> bytes:
    response = await client.get("/v1/messages", params={"format": format, **query})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == export.FORMATS[format]
    assert f"messages.{format}" in response.headers["content-disposition"]
    return response.content


async def test_lines_are_what_the_service_shows_and_takes_back(client: httpx.AsyncClient) -> None:
    await send(client, *FEW)
    lines = [json.loads(line) for line in (await exported(client, "jsonl", order="oldest")).splitlines()]
    assert lines == (await client.get("/v1/messages", params={"order": "oldest"})).json()["messages"]
    again = await send(client, *lines)
    assert [one["state"] for one in again] == ["duplicate"] * 4


async def test_a_table_shows_the_same_in_both_formats(client: httpx.AsyncClient) -> None:
    await send(client, *FEW)
    rows = list(csv.DictReader(io.StringIO((await exported(client, "csv", order="oldest")).decode("utf-8-sig"))))
    table = pq.read_table(io.BytesIO(await exported(client, "parquet", order="oldest"))).to_pylist()
    assert tuple(rows[0]) == tuple(table[0]) == COLUMNS
    for row, line in zip(rows, table, strict=True):
        assert int(row["message_id"]) == line["message_id"]
        for name in ("id", "platform", "channel", "author", "text", "meta", "action", "intent", "analysis"):
            assert unguard(row[name]) == (line[name] or ""), name
        assert row["labels"].split("|") == (line["labels"] or [""])
        assert row["reasons"].split("|") == (line["reasons"] or [""])
        assert row["sent_at"] == line["sent_at"].isoformat().replace("+00:00", "Z")
        assert float(row["sentiment"] or 0) == (line["sentiment"] or 0)
    assert [line["intent"] for line in table] == ["chat", "ad", "chat", None]
    assert json.loads(table[0]["analysis"])["verdict"] == {"action": "pass", "reasons": []}


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
async def test_nothing_gives_an_empty_file(client: httpx.AsyncClient, format: str) -> None:
    content = await exported(client, format)
    if format == "parquet":
        assert pq.read_table(io.BytesIO(content)).num_rows == 0
    else:
        assert content == (b"" if format == "jsonl" else b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n")


FORMULAS = ["=1+1", "+86", "-1", "@here", "\t=1", "\r=1", " =1", "＝1", "'=1", "''=1"]


async def test_no_cell_of_a_table_is_a_formula(client: httpx.AsyncClient) -> None:
    sent = [message(f"{text}{i}", text, channel=text, author=text) for i, text in enumerate(FORMULAS)]
    await send(client, *sent)
    content = (await exported(client, "csv", order="oldest")).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    for row in rows:
        for name in ("id", "text", "channel", "author"):
            assert row[name].startswith("'"), row[name]
    assert [unguard(row["text"]) for row in rows] == FORMULAS


@pytest.mark.parametrize("text", ["", "好", "a=1", "'", "'a", "1-1", *FORMULAS])
async def test_what_is_guarded_can_be_read_again(text: str) -> None:
    assert unguard(guard(text)) == text


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
async def test_many_messages_are_exported_page_after_page(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(stored, "MAX_PAGE", 10)
    monkeypatch.setattr(export, "ROW_GROUP", 30)
    await send(client, *(message(i, f"第{i}条") for i in range(75)))
    content = await exported(client, format)
    if format == "jsonl":
        ids = [json.loads(line)["id"] for line in content.splitlines()]
    elif format == "csv":
        ids = [row["id"] for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]
    else:
        file = pq.ParquetFile(io.BytesIO(content))
        assert file.num_row_groups == 3
        ids = file.read(["id"]).column("id").to_pylist()
    assert ids == [str(i) for i in reversed(range(75))]


async def test_too_many_exports_at_once_are_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_EXPORTS", 0)
    response = await client.get("/v1/messages", params={"format": "csv"})
    assert (response.status_code, response.json()["error"]["code"]) == (429, "overloaded")


async def test_a_page_of_an_export_is_one_that_the_store_gives() -> None:
    assert stored.MAX_PAGE <= MAX_PAGE
