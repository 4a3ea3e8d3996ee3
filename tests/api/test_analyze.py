from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from nlp_service.api.analyze import Limits
from nlp_service.api.app import Options
from tests.api.conftest import running_app
from tests.fakes import BROKEN, CRASH, HANG, SLOW

pytestmark = pytest.mark.asyncio(loop_scope="module")


def one(text: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"text": text, **fields}]}


def raw(text: bytes) -> bytes:
    """A request whose text is given as it stands within the quotation marks of JSON."""
    return b'{"messages":[{"text":"' + text + b'"}]}'


async def test_results_come_in_order_with_ids_and_versions(client: httpx.AsyncClient) -> None:
    messages = [{"id": "b", "text": "你好"}, {"id": 7, "text": "在吗"}, {"text": "谢谢"}, {"id": None, "text": ""}]
    response = await client.post("/v1/analyze", json={"messages": messages})
    answer = response.json()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert [result["id"] for result in answer["results"]] == ["b", 7, None, None]
    assert answer["model_version"] == "fake-1"
    assert answer["policy_version"] == "policy-1"
    assert answer["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("id_", ["", "7", "x" * 200, '"\\\n😀', 0, -(2**63), 2**63 - 1])
async def test_an_id_comes_back_as_it_was_sent_also_of_a_message_that_fails(
    client: httpx.AsyncClient, id_: Any
) -> None:
    messages = [{"id": id_, "text": "a"}, {"id": id_, "text": BROKEN}]
    results = (await client.post("/v1/analyze", json={"messages": messages})).json()["results"]
    assert [(result["id"], type(result["id"])) for result in results] == [(id_, type(id_))] * 2


async def test_evidence_can_be_left_out(client: httpx.AsyncClient) -> None:
    asked = (await client.post("/v1/analyze", json=one("你好"))).json()
    spared = (await client.post("/v1/analyze", json=one("你好") | {"evidence": False})).json()
    assert asked["results"][0]["evidence"][0]["span"] == {"start": 0, "end": 2, "text": "你好"}
    assert spared["results"][0]["evidence"] == []


async def test_a_sane_request_id_is_echoed(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/analyze", json=one("a"), headers={"x-request-id": "order-17.a:b_c"})
    assert response.json()["request_id"] == response.headers["x-request-id"] == "order-17.a:b_c"


@pytest.mark.parametrize("sent", ["", "a b", "<script>", "x" * 129, "a\tb"])
async def test_another_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    response = await client.post("/v1/analyze", json=one("a"), headers={"x-request-id": sent})
    assert response.headers["x-request-id"] != sent
    assert len(response.headers["x-request-id"]) == 32


TAKEN: dict[str, tuple[bytes, str]] = {
    "empty text": (raw(b""), ""),
    "blank text": (raw(b"  \\n\\t "), "  \n\t "),
    "NUL": (raw(b"a\\u0000b"), "a\0b"),
    "emoji only": (raw("😀👍🏽".encode()), "😀👍🏽"),
    "emoji as escapes": (raw(b"\\ud83d\\ude00"), "😀"),
    "lone high surrogate": (raw(b"a\\ud83d"), "a\ufffd"),
    "lone low surrogate": (raw(b"\\ude00b"), "\ufffdb"),
    "surrogates in wrong order": (raw(b"\\ude00\\ud83d"), "\ufffd\ufffd"),
    "invisible characters": (raw("\u200b\u202e\ufeff".encode()), "\u200b\u202e\ufeff"),
    "highest code point": (raw("\U0010ffff".encode()), "\U0010ffff"),
    "4,000 characters": (raw("字".encode() * 4000), "字" * 4000),
    "4,000 emoji": (raw("😀".encode() * 4000), "😀" * 4000),
    "duplicate keys": (b'{"messages":[{"text":"a","text":"b"}]}', "b"),
    "unknown fields": (b'{"messages":[{"text":"a","colour":{"x":[1e9,null]}}],"more":[]}', "a"),
    "white space around": (b' \n{"messages" : [ {"text":"a"} ]}\r\n', "a"),
    "context null": (b'{"messages":[{"text":"a","context":null}]}', "a"),
    "SQL": (raw(b"'; DROP TABLE messages; --"), "'; DROP TABLE messages; --"),
}


@pytest.mark.parametrize("name", TAKEN)
async def test_odd_messages_are_read(client: httpx.AsyncClient, name: str) -> None:
    body, text = TAKEN[name]
    response = await client.post("/v1/analyze", content=body)
    assert response.status_code == 200
    (result,) = response.json()["results"]
    assert [pain["span"]["text"] for pain in result["pain"]] == ([text] if text else [])


REFUSED: dict[str, tuple[bytes, str]] = {
    "no body": (b"", "body"),
    "blank": (b"   ", "body"),
    "cut": (b'{"messages":[{"text":"a', "body"),
    "single quotes": (b"{'messages':[]}", "body"),
    "trailing comma": (b'{"messages":[{"text":"a"},]}', "body"),
    "comment": (b'{"messages":[{"text":"a"}]}//', "body"),
    "two documents": (b'{"messages":[{"text":"a"}]}{}', "body"),
    "array": (b"[]", "body"),
    "string": (b'"messages"', "body"),
    "number": (b"1", "body"),
    "null": (b"null", "body"),
    "NaN": (b"NaN", "body"),
    "NaN within": (b'{"messages":[{"text":NaN}]}', "body"),
    "infinity within": (b'{"messages":[{"text":"a","id":Infinity}]}', "body"),
    "hexadecimal": (b'{"messages":[{"text":"a","id":0x1}]}', "body"),
    "binary": (bytes(range(256)), "body"),
    "byte order mark": (b'\xef\xbb\xbf{"messages":[{"text":"a"}]}', "body"),
    "UTF-16": ('{"messages":[{"text":"a"}]}'.encode("utf-16"), "body"),
    "GBK": ('{"messages":[{"text":"你好"}]}'.encode("gbk"), "body"),
    "bad UTF-8": (raw(b"\xff\xfe"), "body"),
    "surrogate in UTF-8": (raw(b"\xed\xa0\x80"), "body"),
    "overlong UTF-8": (raw(b"\xc0\x80"), "body"),
    "raw control character": (raw(b"a\x00b"), "body"),
    "raw line break": (raw(b"a\nb"), "body"),
    "bad escape": (raw(b"\\x41"), "body"),
    "short escape": (raw(b"\\u12"), "body"),
    "surrogate in a broken document": (b'{"messages":[{"text":"\\ud83d"}', "body"),
    "form": (b"messages=a", "body"),
    "deep arrays": (b"[" * 100_000, "body"),
    "deep arrays within": (b'{"x":' + b"[" * 100_000, "body"),
    "deep objects": (b'{"x":' * 100_000, "body"),
    "deep with a surrogate": (b'{"y":"\\ud800","x":' + b"[" * 100_000, "body"),
    "empty object": (b"{}", "messages"),
    "misspelt": (b'{"mesages":[{"text":"a"}]}', "messages"),
    "messages null": (b'{"messages":null}', "messages"),
    "messages a string": (b'{"messages":"a"}', "messages"),
    "messages an object": (b'{"messages":{"text":"a"}}', "messages"),
    "no messages": (b'{"messages":[]}', "messages"),
    "message null": (b'{"messages":[null]}', "messages[0]"),
    "message a string": (b'{"messages":["a"]}', "messages[0]"),
    "message an array": (b'{"messages":[["a"]]}', "messages[0]"),
    "no text": (b'{"messages":[{"id":"1"}]}', "messages[0].text"),
    "text null": (b'{"messages":[{"text":null}]}', "messages[0].text"),
    "text a number": (b'{"messages":[{"text":"a"},{"text":"b"},{"text":"c"},{"text":1}]}', "messages[3].text"),
    "text a boolean": (b'{"messages":[{"text":true}]}', "messages[0].text"),
    "text an array": (b'{"messages":[{"text":["a"]}]}', "messages[0].text"),
    "text an object": (b'{"messages":[{"text":{}}]}', "messages[0].text"),
    "id a fraction": (b'{"messages":[{"text":"a","id":1.5}]}', "messages[0].id"),
    "id a boolean": (b'{"messages":[{"text":"a","id":true}]}', "messages[0].id"),
    "id an object": (b'{"messages":[{"text":"a","id":{}}]}', "messages[0].id"),
    "id of 201 characters": (b'{"messages":[{"text":"a","id":"' + b"x" * 201 + b'"}]}', "messages[0].id"),
    "id beyond 64 bits": (b'{"messages":[{"text":"a","id":9223372036854775808}]}', "messages[0].id"),
    "id of 5,000 digits": (b'{"messages":[{"text":"a","id":' + b"9" * 5000 + b"}]}", "messages[0].id"),
    "context a string": (b'{"messages":[{"text":"a","context":"b"}]}', "messages[0].context"),
    "context with a number": (b'{"messages":[{"text":"a","context":["b",1]}]}', "messages[0].context[1]"),
    "evidence a string": (b'{"messages":[{"text":"a"}],"evidence":"yes"}', "evidence"),
    "evidence a number": (b'{"messages":[{"text":"a"}],"evidence":1}', "evidence"),
    "evidence null": (b'{"messages":[{"text":"a"}],"evidence":null}', "evidence"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_bad_input_is_refused_and_the_field_named(client: httpx.AsyncClient, name: str) -> None:
    body, param = REFUSED[name]
    response = await client.post("/v1/analyze", content=body)
    error = response.json()["error"]
    assert response.status_code == 422
    assert (error["code"], error["type"], error["param"]) == ("invalid_input", "invalid_request_error", param)
    assert error["message"]


def many(n: int) -> dict[str, Any]:
    return {"messages": [{"text": "a"}] * n}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (many(513), "messages"),
        (one("字" * 4001), "messages[0].text"),
        (one("😀" * 4001), "messages[0].text"),
        (one("a", context=["b"] * 21), "messages[0].context"),
        (one("a", context=["b", "c" * 4001]), "messages[0].context[1]"),
    ],
)
async def test_what_is_too_large_is_refused_and_the_field_named(
    client: httpx.AsyncClient, body: dict[str, Any], param: str
) -> None:
    response = await client.post("/v1/analyze", json=body)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"
    assert response.json()["error"]["param"] == param


async def test_the_bounds_themselves_are_taken(client: httpx.AsyncClient) -> None:
    body = many(511)
    body["messages"].append({"id": "x" * 200, "text": "字" * 4000, "context": ["字" * 4000] * 20})
    response = await client.post("/v1/analyze", json=body)
    assert response.status_code == 200
    assert len(response.json()["results"]) == 512


async def test_a_message_that_cannot_be_read_does_not_spoil_the_others(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/analyze", json={"messages": [{"text": "a"}, {"text": BROKEN}]})
    good, bad = response.json()["results"]
    assert response.status_code == 200
    assert good["intent"]["primary"] == "chat"
    assert bad["intent"] is None
    assert bad["verdict"] == {"action": "review", "reasons": ["analysis_failed"]}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/analyze", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/", 404, "not_found"),
        ("POST", "/v1/analyse", 404, "not_found"),
        ("POST", "/v1/analyze/", 404, "not_found"),
        ("GET", "/%00%ff/../x", 404, "not_found"),
    ],
)
async def test_wrong_paths_and_methods_have_the_same_shape_of_error(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert status != 405 or response.headers["allow"]


async def test_a_body_over_the_limit_is_refused_by_its_announcement_and_while_it_comes() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    options = Options(limits=Limits(max_body_bytes=1000))
    async with running_app(options=options) as client:
        announced = await client.post("/v1/analyze", content=b" " * 1001)
        streamed = await client.post("/v1/analyze", content=chunks())
        within = await client.post("/v1/analyze", content=json.dumps(one("a")).encode().ljust(1000))
    assert [announced.status_code, streamed.status_code, within.status_code] == [413, 413, 200]
    assert announced.json()["error"]["param"] == streamed.json()["error"]["param"] == "body"


async def test_a_full_queue_is_answered_with_429_and_when_to_come_back() -> None:
    async with running_app(options=Options(queue_messages=512)) as client:
        busy = asyncio.create_task(client.post("/v1/analyze", json=one(SLOW)))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(client.post("/v1/analyze", json=many(512)))
        await asyncio.sleep(0.1)
        refused = await client.post("/v1/analyze", json=one("a"))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert [(await task).status_code for task in (busy, waiting)] == [200, 200]
        assert (await client.post("/v1/analyze", json=one("a"))).status_code == 200


async def test_the_deadline_is_answered_with_503() -> None:
    async with running_app(options=Options(deadline_s=0.3)) as client:
        response = await client.post("/v1/analyze", json=one(HANG))
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "deadline_exceeded"


async def test_callers_of_a_worker_that_crashes_get_503() -> None:
    async with running_app() as client:
        response = await client.post("/v1/analyze", json=one(CRASH))
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "not_ready"
        red = await client.get("/readyz")
        assert red.status_code == 503
        assert red.json()["reasons"] == ["worker 0 is down"]
        assert red.json()["workers"][0]["state"] == "down"
        assert (await client.get("/healthz")).json() == {"status": "ok"}
