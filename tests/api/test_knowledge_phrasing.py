from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.knowledge.generation import Generator
from nlp_service.telemetry import JsonFormatter
from tests.api.knowledge_app import DANGER, SHOP, ask, make_base, running_bases
from tests.api.phrasing_app import (
    FIRST,
    KEY,
    SECOND,
    TIMEOUT_S,
    WRITTEN,
    afresh,
    counted,
    done,
    outcomes,
    running_with,
    stream,
)
from tests.fakes_llm import INVENTED_PRICE, FakeModel, language_model

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def served_model() -> Iterator[FakeModel]:
    with language_model() as fake:
        yield fake


@pytest.fixture
def model(served_model: FakeModel) -> FakeModel:
    return afresh(served_model)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(served_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_with(served_model, tmp_path_factory.mktemp("db")) as client:
        yield client


async def test_an_answer_is_phrased_and_says_what_it_cites(client: httpx.AsyncClient, model: FakeModel) -> None:
    before = await outcomes(client)
    answer = await ask(client, "shop", "怎么退款")
    assert (answer["answer"], answer["citations"], answer["phrased"]) == (FIRST + SECOND, ["refund"], True)
    assert (answer["decision"], answer["entry_id"]) == ("answer", "refund")
    assert await counted(client, before) == {"phrased": 1}


async def test_the_number_of_a_citation_is_the_place_among_the_alternatives(
    client: httpx.AsyncClient, model: FakeModel
) -> None:
    model.text = "付款后在订单页填写抬头[2]。"
    answer = await ask(client, "shop", "怎么退款")
    assert [found["entry_id"] for found in answer["alternatives"]][:2] == ["refund", "invoice"]
    assert answer["citations"] == ["invoice"]
    assert (await stream(client))[-1][1]["citations"] == ["invoice"]


async def test_the_model_sees_the_entry_that_answers_and_the_next_two(
    client: httpx.AsyncClient, model: FakeModel
) -> None:
    await make_base(client, "more", [*SHOP, {"question": "怎么换货", "answer": "见换货页。"}])
    answer = await ask(client, "more", "怎么退款")
    assert len(answer["alternatives"]) > 2
    shown = model.requests[-1]["messages"][1]["content"]
    assert shown.count("<资料 ") == 3
    places = [shown.index(f"问：{found['question']}\n") for found in answer["alternatives"][:3]]
    assert places == sorted(places)


async def test_an_invented_price_gives_the_written_answer(client: httpx.AsyncClient, model: FakeModel) -> None:
    model.text = INVENTED_PRICE
    before = await outcomes(client)
    answer = await ask(client, "shop", "怎么退款")
    assert (answer["answer"], answer["citations"], answer["phrased"]) == (WRITTEN, ["refund"], False)
    assert await counted(client, before) == {"written": 1}
    assert len(model.requests) == 1


@pytest.mark.parametrize("mode", ["error", "rubbish", "break_off"])
async def test_a_model_that_fails_gives_the_written_answer(
    client: httpx.AsyncClient, model: FakeModel, mode: str
) -> None:
    model.mode = mode
    answer = await ask(client, "shop", "怎么退款")
    assert (answer["answer"], answer["phrased"], len(model.requests)) == (WRITTEN, False, 1)


async def test_a_model_that_hangs_gives_the_written_answer_in_time(client: httpx.AsyncClient, model: FakeModel) -> None:
    model.mode = "hang"
    started = time.monotonic()
    answer = await ask(client, "shop", "怎么退款")
    assert TIMEOUT_S <= time.monotonic() - started < TIMEOUT_S + 2
    assert (answer["answer"], answer["phrased"]) == (WRITTEN, False)


async def test_what_nobody_foresaw_gives_the_written_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    class Broken(Generator):
        async def phrase(self, *args: Any) -> None:
            raise RuntimeError(WRITTEN)

        def stream(self, *args: Any) -> Any:
            raise RuntimeError(WRITTEN)

    broken = Broken("http://127.0.0.1:1/v1", "small")
    async with running_bases(tmp_path_factory.mktemp("db"), generator=broken) as client:
        await make_base(client, "shop")
        assert (await ask(client, "shop", "怎么退款"))["answer"] == WRITTEN
        assert (await stream(client))[-1] == ("done", done(WRITTEN))


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_caller_can_do_without(client: httpx.AsyncClient, model: FakeModel, is_stream: bool) -> None:
    response = await client.post(
        "/v1/reply", json={"question": "怎么退款", "kb": "shop", "phrase": False, "stream": is_stream}
    )
    assert json.dumps(WRITTEN, ensure_ascii=False) in response.text
    assert model.requests == []


@pytest.mark.parametrize("question", ["可以带宠物进店吗", DANGER + "怎么退款"])
async def test_only_an_answer_is_phrased(client: httpx.AsyncClient, model: FakeModel, question: str) -> None:
    answer = await ask(client, "shop", question)
    assert (answer["decision"], answer["answer"], answer["phrased"]) == ("handoff", None, False)
    assert [name for name, _ in await stream(client, question)] == ["reply", "done"]
    assert model.requests == []


async def test_personal_data_does_not_leave(client: httpx.AsyncClient, model: FakeModel) -> None:
    wording = "上个星期买的那件衣服不合适请问退掉以后钱什么时候可以打到这个手机号码对应的账户里"
    await make_base(client, "private", [{"question": wording, "answer": WRITTEN}])
    question = f"{wording} 13812345678"
    for is_stream in (False, True):
        body = {"question": question, "kb": "private", "context": ["写到 wang@example.com", "好"], "stream": is_stream}
        assert (await client.post("/v1/reply", json=body)).status_code == 200
    assert len(model.requests) == 2
    for sent in (json.dumps(request, ensure_ascii=False) for request in model.requests):
        assert "138****5678" in sent
        assert "13812345678" not in sent
        assert "wang@" not in sent
        assert "@example.com" in sent


async def test_neither_the_key_nor_a_text_is_in_logs_or_answers(
    client: httpx.AsyncClient, model: FakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [(await client.get("/openapi.json")).text, (await client.get("/metrics")).text]
    with caplog.at_level(logging.DEBUG):
        for mode, text in [("answer", FIRST), ("answer", INVENTED_PRICE), ("error", ""), ("rubbish", "")]:
            model.mode, model.text = mode, text
            for is_stream in (False, True):
                body = {"question": "怎么退款", "kb": "shop", "stream": is_stream}
                answers.append((await client.post("/v1/reply", json=body)).text)
    logged = "".join(map(JsonFormatter().format, caplog.records))
    assert model.headers[-1]["authorization"] == f"Bearer {KEY}"
    assert "phrasing_failed" in logged
    assert "sentences_refused" in logged
    assert KEY not in logged + "".join(answers)
    for text in ("退款", "1999", "订单"):
        assert text not in logged


async def test_the_document_names_the_events(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    content = document["paths"]["/v1/reply"]["post"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/event-stream"}
    assert {"ReplyPiece", "ReplyDone"} <= set(document["components"]["schemas"])
    assert {"phrase", "stream"} <= set(document["components"]["schemas"]["ReplyRequest"]["properties"])


async def test_the_generator_is_closed_with_the_application(tmp_path_factory: pytest.TempPathFactory) -> None:
    closed = []

    class Watched(Generator):
        async def aclose(self) -> None:
            closed.append(True)
            await super().aclose()

    async with running_bases(tmp_path_factory.mktemp("db"), generator=Watched("http://127.0.0.1:1/v1", "small")):
        assert closed == []
    assert closed == [True]
