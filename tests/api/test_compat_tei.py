"""Rerank as the programs of Text Embeddings Inference ask: `texts` in, a bare list out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.compat_app import compat_app, running_compat
from tests.api.schema import find_errors

QUERY = "几点关门"
TEXTS = ["前两小时停车免费。", "每天九点到二十一点营业。", "审核通过后三天内原路退款。"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with running_compat(has_worker=False, has_model=True) as client:
        yield client


async def ask(client: httpx.AsyncClient, path: str = "/rerank", **fields: Any) -> Any:
    response = await client.post(path, json={"query": QUERY, "texts": TEXTS} | fields)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
async def test_texts_are_answered_with_a_bare_list(client: httpx.AsyncClient, path: str) -> None:
    found = await ask(client, path, truncate=True, truncation_direction="Right")
    assert [set(one) for one in found] == [{"index", "score"}] * 3
    assert found[0]["index"] == 1
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)


async def test_texts_come_back_where_that_is_asked(client: httpx.AsyncClient) -> None:
    found = await ask(client, return_text=True)
    assert [one["text"] for one in found] == [TEXTS[one["index"]] for one in found]


async def test_raw_scores_are_the_log_odds_of_the_others(client: httpx.AsyncClient) -> None:
    found, raw = await ask(client), await ask(client, raw_scores=True)
    assert [one["index"] for one in found] == [one["index"] for one in raw]
    for one, other in zip(found, raw, strict=True):
        assert one["score"] == pytest.approx(1 / (1 + math.exp(-other["score"])), abs=1e-4)


async def test_the_end_is_read_where_the_beginning_is_left_out(client: httpx.AsyncClient) -> None:
    texts = ["好" * 2000 + TEXTS[1], "好" * 2000]
    (first, *_), left = await ask(client, texts=texts), await ask(client, texts=texts, truncation_direction="left")
    assert first["index"] == 0  # alike, so in their order
    assert left[0]["score"] > left[1]["score"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query": QUERY, "texts": []}, "texts"),
        ({"query": QUERY, "texts": [{"text": "a"}]}, "texts[0]"),
        ({"query": QUERY, "texts": ["a", None]}, "texts[1]"),
        ({"query": QUERY, "texts": TEXTS, "truncation_direction": "up"}, "truncation_direction"),
        ({"query": QUERY, "texts": TEXTS, "raw_scores": "yes"}, "raw_scores"),
        ({"texts": TEXTS}, "query"),
    ],
)
async def test_bad_input_is_refused_and_the_field_named(
    client: httpx.AsyncClient, body: dict[str, Any], param: str
) -> None:
    response = await client.post("/rerank", json=body)
    assert response.status_code == 422
    assert response.json()["error"]["param"] == param


async def test_more_requests_than_may_wait_are_told_to_come_back(client: httpx.AsyncClient) -> None:
    texts = ["停车场前两小时免费，之后每小时五元。"] * 300
    answers = await asyncio.gather(*(client.post("/rerank", json={"query": QUERY, "texts": texts}) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    refused = answers[statuses.index(429)]
    assert int(refused.headers["retry-after"]) >= 1


async def test_the_document_describes_both_answers_and_examples_conform(client: httpx.AsyncClient) -> None:
    document = compat_app(has_model=True).openapi()
    components = document["components"]["schemas"]
    content = document["paths"]["/rerank"]["post"]["responses"]["200"]["content"]["application/json"]
    whole = (await client.post("/rerank", json={"query": QUERY, "documents": TEXTS})).json()
    for answer in (await ask(client, return_text=True), whole):
        assert find_errors(answer, content["schema"], components) == []
    for name, component in components.items():
        assert component.get("examples"), name
        for example in component["examples"]:
            assert find_errors(example, component, components) == [], name


async def test_every_route_is_documented_with_its_scope() -> None:
    app = compat_app(has_model=True)
    document = app.openapi()
    own = {route.path: route for route in app.routes if getattr(route, "scopes", None) is not None}
    assert set(document["paths"]) >= set(own)
    for path, route in own.items():
        for method, scope in route.scopes.items():
            assert document["paths"][path][method.lower()]["security"] == [{"key": [scope]}]
