from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.api.analyze import Limits
from nlp_service.api.app import Options
from tests.api.knowledge_app import DANGER, SHOP, THANKS, ask, make_base, running_bases, soon
from tests.fakes import CRASH

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        await make_base(client, "shop")
        yield client


async def test_a_known_question_is_answered_with_what_the_answer_rests_on(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/reply", json={"question": "钱什么时候退回来", "kb": "shop"})
    answer = response.json()
    assert response.status_code == 200
    assert (answer["decision"], answer["entry_id"], answer["wording"]) == ("answer", "refund", 1)
    assert answer["answer"] == SHOP[0]["answer"]
    assert answer["citations"] == ["refund"]
    assert answer["alternatives"][0] == {
        "entry_id": "refund",
        "question": "怎么退款",
        "probability": answer["probability"],
    }
    assert answer["reason"].startswith("probability>=")
    assert answer["probability"] >= answer["threshold"]
    assert (answer["kb_version"], answer["model_version"], answer["search_version"]) == (1, "fake-1", "planted-1")
    assert answer["request_id"] == response.headers["x-request-id"]
    assert answer["summary"] is None


async def test_what_the_base_does_not_know_goes_to_a_person_with_a_summary(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "shop", "宠物可以进来玩吗")
    assert (answer["decision"], answer["answer"], answer["entry_id"]) == ("handoff", None, None)
    assert answer["summary"]["intents"] == ["question"]


async def test_danger_goes_to_a_person_whatever_the_base_knows(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "shop", f"{DANGER}怎么退款")
    assert (answer["decision"], answer["reason"]) == ("handoff", "risk_level=2")
    assert answer["summary"]["categories"] == ["food_safety"]


async def test_thanks_get_nothing(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "shop", f"{THANKS}大家"))["decision"] == "none"


async def test_a_base_can_be_named_by_its_id(client: httpx.AsyncClient) -> None:
    kb_id = (await client.get("/v1/kb/shop")).json()["base"]["id"]
    for name in (kb_id, str(kb_id)):
        assert (await ask(client, name, "几点开门"))["entry_id"] == "hours"


async def test_an_entry_for_one_channel_comes_back_there_only(client: httpx.AsyncClient) -> None:
    entry = {"id": "vip", "question": "专属客服在哪里", "answer": "点右上角。", "audience": ["vip"]}
    await make_base(client, "channels", [entry])
    assert (await ask(client, "channels", "专属客服在哪里", channel="vip"))["entry_id"] == "vip"
    assert (await ask(client, "channels", "专属客服在哪里", channel="lobby"))["alternatives"] == []


async def test_a_base_without_a_version_answers_nothing(client: httpx.AsyncClient) -> None:
    await make_base(client, "drafted", is_published=False)
    answer = await ask(client, "drafted", "几点开门")
    assert (answer["decision"], answer["kb_version"], answer["probability"]) == ("handoff", 0, 0.0)


async def test_what_is_published_is_answered_from_without_a_restart(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "growing")
    assert (await ask(client, "growing", "可以刷卡吗"))["decision"] == "handoff"
    await client.put(f"{path}/entries/card", json={"question": "可以刷卡吗", "answer": "可以。"})
    assert (await client.post(f"{path}/publish")).status_code == 201

    async def is_answered() -> bool:
        answer = await ask(client, "growing", "可以刷卡吗")
        return (answer["entry_id"], answer["kb_version"]) == ("card", 2)

    assert await soon(is_answered)


async def test_synonyms_hold_without_a_publish(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "synonyms")

    async def is_found() -> bool:
        found = await client.post(f"{path}/search", json={"text": "抬头票据"})
        return [hit["entry_id"] for hit in found.json()["results"]][:1] == ["invoice"]

    await client.put(f"{path}/synonyms", json={"groups": [["抬头票据", "开发票"]]})
    assert await soon(is_found)


async def test_a_search_gives_the_nearest_entries_first_and_no_more_than_asked(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/v1/kb/shop/search", json={"text": "怎么开发票", "n": 2})).json()
    chances = [hit["probability"] for hit in answer["results"]]
    assert answer["results"][0]["entry_id"] == "invoice"
    assert len(chances) == 2
    assert chances == sorted(chances, reverse=True)
    assert (answer["kb_version"], answer["search_version"]) == (1, "planted-1")


async def test_an_older_version_can_be_searched(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "older")
    await client.delete(f"{path}/entries/parking")
    assert (await client.post(f"{path}/publish")).status_code == 201
    answer = (await client.post(f"{path}/search", json={"text": "停车收费吗", "version": 1})).json()
    assert (answer["kb_version"], answer["results"][0]["entry_id"]) == (1, "parking")


async def test_calibration_fits_thresholds_or_says_why_not(client: httpx.AsyncClient) -> None:
    few = (await client.post("/v1/kb/shop/calibrate", json={"precision": 0.95})).json()
    assert few["thresholds"]["precision"] == 0.95
    assert (few["asked"], bool(few["reason"])) == (0, True)
    assert (await client.post("/v1/kb/shop/calibrate")).json()["thresholds"]["precision"] == 0.9


REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "no question": ("/v1/reply", {"kb": "shop"}, 422, "question"),
    "question a number": ("/v1/reply", {"kb": "shop", "question": 1}, 422, "question"),
    "question too long": ("/v1/reply", {"kb": "shop", "question": "字" * 4001}, 413, "question"),
    "no kb": ("/v1/reply", {"question": "a"}, 422, "kb"),
    "kb not there": ("/v1/reply", {"question": "a", "kb": "none"}, 404, "kb"),
    "kb an id that is not there": ("/v1/reply", {"question": "a", "kb": 99999}, 404, "kb"),
    "kb an id without end": ("/v1/reply", {"question": "a", "kb": 10**18}, 404, "kb"),
    "kb empty": ("/v1/reply", {"question": "a", "kb": ""}, 404, "kb"),
    "context a string": ("/v1/reply", {"question": "a", "kb": "shop", "context": "b"}, 422, "context"),
    "context too many": ("/v1/reply", {"question": "a", "kb": "shop", "context": ["b"] * 21}, 413, "context"),
    "context too long": ("/v1/reply", {"question": "a", "kb": "shop", "context": ["", "b" * 4001]}, 413, "context[1]"),
    "channel too long": ("/v1/reply", {"question": "a", "kb": "shop", "channel": "b" * 101}, 413, "channel"),
    "channel with NUL": ("/v1/reply", {"question": "a", "kb": "shop", "channel": "\0"}, 422, "channel"),
    "author too long": ("/v1/reply", {"question": "a", "kb": "shop", "author": "b" * 201}, 413, "author"),
    "author a list": ("/v1/reply", {"question": "a", "kb": "shop", "author": []}, 422, "author"),
    "search without a text": ("/v1/kb/shop/search", {}, 422, "text"),
    "search for none": ("/v1/kb/shop/search", {"text": "a", "n": 0}, 422, "n"),
    "search for too many": ("/v1/kb/shop/search", {"text": "a", "n": 101}, 422, "n"),
    "search in no version": ("/v1/kb/shop/search", {"text": "a", "version": 9}, 404, "version"),
    "search before the first": ("/v1/kb/shop/search", {"text": "a", "version": -1}, 422, "version"),
    "search in no base": ("/v1/kb/none/search", {"text": "a"}, 404, "kb"),
    "precision of one": ("/v1/kb/shop/calibrate", {"precision": 1}, 422, "precision"),
    "precision a word": ("/v1/kb/shop/calibrate", {"precision": "high"}, 422, "precision"),
    "calibration of no base": ("/v1/kb/none/calibrate", {}, 404, "kb"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_by_field(client: httpx.AsyncClient, name: str) -> None:
    path, body, status, param = REFUSED[name]
    response = await client.post(path, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


async def test_a_worker_that_crashes_is_503(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with running_bases(tmp_path_factory.mktemp("db"), Options(limits=Limits(max_text=100))) as client:
        await make_base(client, "shop")
        response = await client.post("/v1/reply", json={"question": CRASH, "kb": "shop"})
        too_long = await client.post("/v1/reply", json={"question": "字" * 101, "kb": "shop"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
    assert too_long.status_code == 413


async def test_replies_are_counted_by_decision(client: httpx.AsyncClient) -> None:
    await ask(client, "shop", "几点开门")
    figures = (await client.get("/metrics")).text
    assert 'nlp_replies_total{decision="answer"}' in figures
    assert 'route="/v1/reply"' in figures
    assert "nlp_replies_dropped_total 0.0" in figures
