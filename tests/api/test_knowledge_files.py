from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openpyxl
import pytest
import pytest_asyncio

from nlp_service.knowledge.files import MAX_FILE_BYTES
from tests.api.knowledge_app import SHOP, make_base, running_bases

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV = "编号,问题,答案,备注\nhours,几点开门,九点。,旧\n,停车收费吗,免费。,\n".encode()
BAD = "question,answer\n几点开门,九点。\n停车收费吗,\n".encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        yield client


def sheet(rows: list[list[Any]]) -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("csv", CSV),
        ("gbk", CSV.decode().encode("gbk")),
        ("utf16", CSV.decode().encode("utf-16")),
        (
            "xlsx",
            sheet(
                [["编号", "问题", "答案", "备注"], ["hours", "几点开门", "九点。", "旧"], ["", "停车收费吗", "免费。"]]
            ),
        ),
    ],
)
async def test_a_file_is_taken_and_a_second_time_changes_nothing(
    client: httpx.AsyncClient, name: str, data: bytes
) -> None:
    path = await make_base(client, f"in-{name}", [])
    first = await client.post(f"{path}/import", content=data)
    assert first.status_code == 200
    assert (first.json()["rows"], first.json()["created"], first.json()["ignored"]) == (2, 2, ["备注"])
    again = (await client.post(f"{path}/import", content=data)).json()
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 2)
    assert (await client.get(f"{path}/entries/hours")).json()["entry"]["answer"] == "九点。"


async def test_a_bad_row_is_named_and_costs_the_others_nothing_unless_asked(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "bad-row", [])
    strict = (await client.post(f"{path}/import", params={"all_or_nothing": "true"}, content=BAD)).json()
    assert (strict["is_written"], strict["created"], strict["n_failed"]) == (False, 0, 1)
    report = (await client.post(f"{path}/import", content=BAD)).json()
    assert (report["is_written"], report["created"], report["n_failed"]) == (True, 1, 1)
    assert [(error["row"], error["field"]) for error in report["failed"]] == [(3, "answer")]


@pytest.mark.parametrize("format", ["jsonl", "csv", "xlsx"])
async def test_what_is_given_out_can_be_taken_back_unchanged(client: httpx.AsyncClient, format: str) -> None:
    path = await make_base(client, f"round-{format}", [*SHOP, {"id": "=1+1", "question": "=A1", "answer": "a\nb|c"}])
    out = await client.get(f"{path}/export", params={"format": format})
    assert out.status_code == 200
    assert out.headers["content-disposition"].endswith(f'-draft.{format}"')
    back = await client.post(f"{path}/import", params={"format": format}, content=out.content)
    assert (back.json()["unchanged"], back.json()["changed"], back.json()["n_failed"]) == (5, 0, 0)


async def test_a_version_is_given_out_as_it_was(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "out")
    await client.delete(f"{path}/entries/hours")
    draft = await client.get(f"{path}/export")
    published = await client.get(f"{path}/export", params={"version": "published"})
    assert (draft.content.count(b"\n"), published.content.count(b"\n")) == (3, 4)
    assert published.headers["content-disposition"].endswith('-v1.jsonl"')


async def test_a_file_of_thousands_of_bad_rows_gets_an_answer_of_bounded_size(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "bad-rows", [])
    report = (await client.post(f"{path}/import", content=b"question,answer\n" + b"a,\n" * 3000)).json()
    assert (report["n_failed"], len(report["failed"])) == (3000, 1000)


REFUSED: dict[str, tuple[str, str, bytes, dict[str, str], int, str]] = {
    "empty": ("POST", "/import", b"", {}, 422, "file"),
    "blank": ("POST", "/import", b" \n ", {}, 422, "file"),
    "no columns": ("POST", "/import", b"a,b\n1,2\n", {}, 422, "file"),
    "a JSON list": ("POST", "/import", b'[{"question":"a","answer":"b"}]', {}, 422, "file"),
    "a PDF": ("POST", "/import", b"%PDF-1.7", {}, 422, "file"),
    "a broken spreadsheet": ("POST", "/import", b"PK\x03\x04" + b"x" * 100, {}, 422, "file"),
    "no known encoding": ("POST", "/import", b"question,answer\n\xff\xff\xff\xff,\x81\n", {}, 422, "file"),
    "said to be a spreadsheet": ("POST", "/import?format=xlsx", CSV, {}, 422, "format"),
    "said to be text": ("POST", "/import?format=csv", sheet([["问题", "答案"]]), {}, 422, "format"),
    "a format of its own": ("POST", "/import?format=pdf", CSV, {}, 422, "format"),
    "perhaps all or nothing": ("POST", "/import?all_or_nothing=maybe", CSV, {}, 422, "all_or_nothing"),
    "a form": ("POST", "/import", CSV, {"content-type": "multipart/form-data; boundary=x"}, 422, "body"),
    "said to be too large": ("POST", "/import", b"", {"content-length": str(MAX_FILE_BYTES + 1)}, 413, "body"),
    "out in a format of its own": ("GET", "/export?format=pdf", b"", {}, 422, "format"),
    "out in no version": ("GET", "/export?version=9", b"", {}, 404, "version"),
    "out in a word": ("GET", "/export?version=now", b"", {}, 422, "version"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_by_field(client: httpx.AsyncClient, name: str) -> None:
    if (await client.get("/v1/kb/there")).status_code == 404:
        await make_base(client, "there", [])
    method, end, data, headers, status, param = REFUSED[name]
    response = await client.request(method, f"/v1/kb/there{end}", content=data, headers=headers)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert (await client.get("/v1/kb/there")).json()["entries"] == 0


async def test_a_base_that_is_not_there_does_not_become_one_by_an_import(client: httpx.AsyncClient) -> None:
    for response in (await client.post("/v1/kb/misspelt/import", content=CSV), await client.get("/v1/kb/none/export")):
        assert (response.status_code, response.json()["error"]["param"]) == (404, "kb")
    assert "misspelt" not in [base["name"] for base in (await client.get("/v1/kb")).json()["bases"]]


async def test_a_body_may_be_larger_here_than_elsewhere(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "large", [])
    # 17 MiB, more than any other route takes; most of it is one row that is too long.
    data = CSV + b",a," + b"b" * (17 * 2**20) + b"\n"
    report = (await client.post(f"{path}/import", content=data)).json()
    assert (report["created"], report["failed"][0]["field"]) == (2, "answer")
    assert (await client.post(f"{path}/entries", content=data)).status_code == 413
