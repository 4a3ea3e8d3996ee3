from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.api.analyze import Limits
from nlp_service.api.schemas.messages import EXAMPLES
from nlp_service.store.database import Database, open_database
from tests.api.messages_app import (
    ADVERT,
    BROKEN,
    CRASH,
    HEADER,
    SLOW,
    STORY,
    as_tenant,
    empty_database,
    message,
    messages_app,
    running_messages,
    send,
)
from tests.api.schema import find_errors
from tests.api.test_knowledge_openapi import simple
from tests.unit.store.conftest import postgresql

__all__ = ["postgresql"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = "退款打13800138000"

_numbers = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with open_database(empty_database(request.param, request)) as opened:
        yield opened


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    """A database for an application of its own."""
    with open_database(str(tmp_path / "own.db")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """One application for all tests that need no other."""
    async with running_messages(database) as client:
        yield client


@pytest.fixture
def tenant() -> str:
    """A tenant that has nothing yet."""
    return f"t{next(_numbers)}"


@pytest_asyncio.fixture(loop_scope="module")
async def client(service: httpx.AsyncClient, tenant: str) -> AsyncIterator[httpx.AsyncClient]:
    async with as_tenant(service, tenant) as client:
        yield client


def error_of(response: httpx.Response) -> tuple[int, str, str | None]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["param"]


async def test_results_come_in_order_with_what_became_of_each(client: httpx.AsyncClient) -> None:
    sent = [message("b", "好"), message(7, ADVERT), message("a", "", platform="wechat")]
    response = await client.post("/v1/messages", json={"messages": sent})
    answer = response.json()
    assert response.status_code == 200
    assert answer["request_id"] == response.headers["x-request-id"]
    assert (answer["model_version"], answer["policy_version"]) == ("fake-1", "default-1")
    results = answer["results"]
    assert [(one["id"], one["platform"], one["state"]) for one in results] == [
        ("b", "qq", "stored"),
        (7, "qq", "stored"),
        ("a", "wechat", "stored"),
    ]
    assert [one["verdict"]["action"] for one in results] == ["pass", "warn", "pass"]
    assert len({one["message_id"] for one in results}) == 3
    assert {one["policy_version"] for one in results} == {"default-1"}


async def test_first_advert_warned_second_removed_third_blocked(client: httpx.AsyncClient) -> None:
    actions = [(await send(client, message(i, ADVERT)))[0]["verdict"]["action"] for i in range(3)]
    assert actions == ["warn", "remove", "block"]


async def test_who_sends_again_gets_what_was_stored(client: httpx.AsyncClient) -> None:
    (first,) = await send(client, message("1", ADVERT))
    (again,) = await send(client, message("1", ADVERT))
    assert again == first | {"state": "duplicate"}


async def test_times_that_are_not_believed_are_told(client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    times = [None, now.isoformat(), (now + timedelta(minutes=4)).isoformat(), (now + timedelta(hours=1)).isoformat()]
    results = await send(client, *(message(i, "好", sent_at=at) for i, at in enumerate(times)))
    assert [one["sent_at_adjusted"] for one in results] == [True, False, False, True]
    for one in results:
        stored = (await client.get(f"/v1/messages/{one['message_id']}")).json()["message"]
        assert stored["sent_at"] <= stored["received_at"]


async def test_pieces_are_those_of_the_text_as_it_was_sent_and_stored_covered(client: httpx.AsyncClient) -> None:
    (result,) = await send(client, message("1", PHONE))
    assert [span["text"] for span in result["pii"]] == ["13800138000"]
    stored = (await client.get(f"/v1/messages/{result['message_id']}")).json()["message"]
    assert stored["text"] == "退款打138****8000"
    assert [span["text"] for span in stored["analysis"]["pii"]] == ["138****8000"]


async def test_contributions_are_rated(client: httpx.AsyncClient) -> None:
    story, chat = await send(
        client, message("1", f"{STORY}我家的扫地机用了三个月，拖布要每周洗一次"), message("2", "好")
    )
    assert set(story["ugc_quality"]) == {"score", "originality", "usefulness", "spread", "compliance"}
    assert chat["ugc_quality"] is None


async def test_a_message_that_cannot_be_read_is_stored_for_a_person(client: httpx.AsyncClient) -> None:
    good, bad = await send(client, message("1", "好"), message("2", BROKEN))
    assert good["verdict"]["action"] == "pass"
    assert bad["verdict"]["action"] == "review"
    assert bad["verdict"]["reasons"][0] == "analysis_failed"
    listed = (await client.get("/v1/messages", params={"action": "review"})).json()["messages"]
    assert [one["id"] for one in listed] == ["2"]


REFUSED: list[tuple[Any, int, str]] = [
    ({}, 422, "messages"),
    ({"messages": []}, 422, "messages"),
    ({"messages": [{"id": "1", "text": "a"}]}, 422, "messages[0].platform"),
    ({"messages": [message("1", "a"), message("", "a")]}, 422, "messages[1].id"),
    ({"messages": [message(None, "a")]}, 422, "messages[0].id"),
    ({"messages": [message("x" * 201, "a")]}, 422, "messages[0].id"),
    ({"messages": [message("1", "a\0")]}, 422, "messages[0].text"),
    ({"messages": [message("1", "a", platform="a/b")]}, 422, "messages[0].platform"),
    ({"messages": [message("1", "a", sent_at="2026-01-01T00:00:00")]}, 422, "messages[0].sent_at"),
    ({"messages": [message("1", "a", edited_at=-1)]}, 422, "messages[0].edited_at"),
    ({"messages": [message("1", "a", context=["a\0"])]}, 422, "messages[0].context[0]"),
    ({"messages": [message("1", "a", meta={"a": "\0"})]}, 422, "messages[0].meta"),
    ({"messages": [message("1", "a", meta=[])]}, 422, "messages[0].meta"),
    ({"messages": [message("1", "字" * 4001)]}, 413, "messages[0].text"),
    ({"messages": [message("1", "a", context=["a"] * 21)]}, 413, "messages[0].context"),
    ({"messages": [message("1", "a", meta={"a": "x" * 20_000})]}, 413, "messages[0].meta"),
    ({"messages": [message(i, "a") for i in range(513)]}, 413, "messages"),
]


async def test_what_cannot_be_taken_is_refused_by_name_and_nothing_of_it_stored(client: httpx.AsyncClient) -> None:
    for body, status, param in REFUSED:
        response = await client.post("/v1/messages", json=body)
        assert error_of(response)[::2] == (status, param), param
    assert (await client.get("/v1/messages")).json()["messages"] == []


async def test_the_largest_delivery_is_taken(client: httpx.AsyncClient) -> None:
    results = await send(client, *(message(i, f"第{i}条", author=f"u{i % 7}") for i in range(512)))
    assert [one["id"] for one in results] == list(range(512))
    assert {one["state"] for one in results} == {"stored"}


async def test_half_an_emoji_is_read_as_elsewhere(client: httpx.AsyncClient) -> None:
    body = b'{"messages":[{"id":"1","text":"a\\ud83d","platform":"qq"}]}'
    response = await client.post("/v1/messages", content=body)
    stored = (await client.get(f"/v1/messages/{response.json()['results'][0]['message_id']}")).json()["message"]
    assert stored["text"] == "a\ufffd"


async def test_a_message_is_found_by_either_id(client: httpx.AsyncClient) -> None:
    (result,) = await send(client, message("a/b?c", "好", meta={"region": "华东", "n": 1}))
    stored = (await client.get(f"/v1/messages/{result['message_id']}")).json()["message"]
    assert (stored["id"], stored["text"], stored["meta"]) == ("a/b?c", "好", {"region": "华东", "n": 1})
    assert (await client.get("/v1/messages/qq/a%2Fb%3Fc")).json()["message"] == stored


@pytest.mark.parametrize("path", ["0", "x", "99999999999999999999", "9223372036854775808", "qq/nothing", "-1"])
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert error_of(await client.get(f"/v1/messages/{path}"))[:2] == (404, "not_found")


async def test_a_recalled_message_stays_away(client: httpx.AsyncClient) -> None:
    (result,) = await send(client, message("1", "好"))
    gone = (await client.delete("/v1/messages/qq/1")).json()
    assert (gone["message_id"], gone["id"], gone["state"]) == (result["message_id"], "1", "deleted")
    assert (await client.delete("/v1/messages/qq/1")).json()["state"] == "deleted"
    (late,) = await send(client, message("1", "好"))
    assert (late["state"], late["verdict"]) == ("deleted", {"action": "pass", "reasons": ["deleted"]})
    assert (await client.get("/v1/messages")).json()["messages"] == []
    stored = (await client.get("/v1/messages", params={"include_deleted": "true"})).json()["messages"]
    assert [(one["text"], one["analysis"]) for one in stored] == [("", None)]


async def test_a_message_that_was_recalled_before_it_came_stays_away(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/v1/messages/qq/1")).status_code == 200
    (late,) = await send(client, message("1", ADVERT))
    assert late["state"] == "deleted"


async def test_an_authors_history(client: httpx.AsyncClient) -> None:
    await send(client, *(message(i, ADVERT) for i in range(2)), message(2, "好"), message(3, "好", author="b"))
    answer = (await client.get("/v1/authors/qq/a")).json()
    author = answer["author"]
    assert (author["n_messages"], author["actions"]) == (3, {"pass": 1, "remove": 1, "warn": 1})
    assert author["n_strikes"] == {"ad": 2}
    assert [strike["offence"] for strike in author["strikes"]] == ["ad", "ad"]
    assert [one["id"] for one in answer["messages"]] == ["2", "1", "0"]
    assert error_of(await client.get("/v1/authors/qq/nobody")) == (404, "not_found", "author")


async def test_an_author_is_erased_with_a_receipt(client: httpx.AsyncClient) -> None:
    await send(client, message(1, ADVERT), message(2, BROKEN), message(3, "好", author="b"))
    receipt = (await client.delete("/v1/authors/qq/a")).json()["receipt"]
    assert receipt["erased"]["messages"] == 2
    assert receipt["erased"]["strikes"] == 1
    assert receipt["erased"]["reviews"] == 1
    assert (await client.get("/v1/authors/qq/a")).status_code == 404
    assert [one["id"] for one in (await client.get("/v1/messages")).json()["messages"]] == ["3"]
    assert (await client.delete("/v1/authors/qq/a")).json()["receipt"]["erased"]["messages"] == 0


SCOPES = {
    ("POST", "/v1/messages"): "ingest",
    ("GET", "/v1/messages"): "review",
    ("GET", "/v1/messages/1"): "review",
    ("GET", "/v1/messages/qq/1"): "review",
    ("DELETE", "/v1/messages/qq/1"): "ingest",
    ("GET", "/v1/authors/qq/a"): "review",
    ("DELETE", "/v1/authors/qq/a"): "admin",
}


@pytest.mark.parametrize(("method", "path"), SCOPES)
async def test_each_route_needs_its_scope(client: httpx.AsyncClient, tenant: str, method: str, path: str) -> None:
    needed = SCOPES[method, path]
    others = ",".join({"analyze", "ingest", "review", "admin"} - {needed})
    body = {"json": {"messages": [message("1", "好")]}} if method == "POST" else {}
    refused = await client.request(method, path, headers={HEADER: f"{tenant}:{others}"}, **body)
    allowed = await client.request(method, path, headers={HEADER: f"{tenant}:{needed}"}, **body)
    assert refused.status_code == 403
    assert allowed.status_code in (200, 404)


async def test_another_tenants_messages_are_not_there(client: httpx.AsyncClient, tenant: str) -> None:
    (mine,) = await send(client, message("1", ADVERT))
    other = {HEADER: f"{tenant}-other:ingest,review,admin"}
    (theirs,) = await send(client, message("1", ADVERT), **other)
    assert (mine["verdict"]["action"], theirs["verdict"]["action"]) == ("warn", "warn")
    assert mine["message_id"] != theirs["message_id"]
    assert (await client.get(f"/v1/messages/{mine['message_id']}", headers=other)).status_code == 404
    assert len((await client.get("/v1/messages", headers=other)).json()["messages"]) == 1
    assert (await client.delete("/v1/authors/qq/a", headers=other)).json()["receipt"]["erased"]["messages"] == 1
    assert (await client.get(f"/v1/messages/{mine['message_id']}")).status_code == 200


async def test_a_queue_that_is_full_is_answered_with_429_and_nothing_is_stored(own: Database) -> None:
    async with running_messages(own, queue_messages=4) as client:
        many = {"messages": [message(i, "好") for i in range(5)]}
        response = await client.post("/v1/messages", json=many)
        assert error_of(response)[:2] == (429, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
        assert (await client.get("/v1/messages")).json()["messages"] == []


async def test_a_worker_that_dies_is_answered_with_503_and_nothing_is_stored(own: Database) -> None:
    async with running_messages(own) as client:
        body = {"messages": [message("1", "好"), message("2", CRASH)]}
        response = await client.post("/v1/messages", json=body)
        assert error_of(response)[:2] == (503, "not_ready")
        assert int(response.headers["retry-after"]) >= 1
        assert (await client.get("/v1/messages")).json()["messages"] == []


async def test_the_deadline_is_answered_with_503(own: Database) -> None:
    async with running_messages(own, deadline_s=0.05) as client:
        response = await client.post("/v1/messages", json={"messages": [message("1", SLOW)]})
        assert error_of(response)[:2] == (503, "deadline_exceeded")


async def test_limits_are_the_operators(own: Database) -> None:
    async with running_messages(own, limits=Limits(max_messages=2, max_text=3)) as client:
        many = await client.post("/v1/messages", json={"messages": [message(i, "好") for i in range(3)]})
        long = await client.post("/v1/messages", json={"messages": [message(1, "好好好好")]})
        assert (error_of(many)[2], error_of(long)[2]) == ("messages", "messages[0].text")


async def test_what_the_document_says_is_what_is_answered(database: Database, client: httpx.AsyncClient) -> None:
    document = messages_app(database).openapi()
    components = {name: simple(schema) for name, schema in document["components"]["schemas"].items()}
    for name in {type(example).__name__ for example in EXAMPLES}:
        for example in components[name]["examples"]:
            assert find_errors(example, components[name], components) == [], name
    sent = [message(1, ADVERT), message("2", PHONE)]
    posted = (await client.post("/v1/messages", json={"messages": sent})).json()
    answers = {
        "MessagesResponse": posted,
        "MessagesPage": (await client.get("/v1/messages")).json(),
        "MessageResponse": (await client.get(f"/v1/messages/{posted['results'][0]['message_id']}")).json(),
        "AuthorResponse": (await client.get("/v1/authors/qq/a")).json(),
        "RemovedResponse": (await client.delete("/v1/messages/qq/1")).json(),
        "ErasureResponse": (await client.delete("/v1/authors/qq/a")).json(),
    }
    for name, answer in answers.items():
        assert find_errors(answer, components[name], components) == [], name
