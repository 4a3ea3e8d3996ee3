"""Rerank, asked by Cohere's own library, in both versions of its interface, and as Jina's programs ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError

from nlp_service.api.analyze import Limits
from tests.api.compat_app import KEY, POOR_KEY, compat_app, only_loopback, running_compat, serving

QUERY = "钱什么时候退给我"
DOCUMENTS = ["每天九点到二十一点营业。", "审核通过后三天内原路退款。", "前两小时停车免费。"]


@pytest.fixture(autouse=True)
def _no_other_network(monkeypatch: pytest.MonkeyPatch) -> None:
    only_loopback(monkeypatch)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(compat_app(has_worker=False, has_model=True, limits=Limits(max_text=100))) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=60) as client:
        yield client


def test_the_second_version_of_the_interface(url: str) -> None:
    with cohere.ClientV2(api_key=KEY, base_url=url) as sdk:
        answer = sdk.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=2)
    assert answer.results[0].index == 1
    assert len(answer.results) == 2
    assert 0.0 <= answer.results[1].relevance_score <= answer.results[0].relevance_score <= 1.0
    assert answer.id
    assert answer.meta is not None
    assert answer.meta.api_version is not None
    assert answer.meta.api_version.version == "2"


def test_the_first_version_with_objects_that_come_back(url: str) -> None:
    documents: Any = [{"text": text, "page": number} for number, text in enumerate(DOCUMENTS)]
    with cohere.Client(api_key=KEY, base_url=url) as sdk:
        answer = sdk.rerank(query=QUERY, documents=documents, model="rerank-multilingual-v3.0", return_documents=True)
        without = sdk.rerank(query=QUERY, documents=documents, model="rerank-multilingual-v3.0")
    assert answer.results[0].index == 1
    assert len(answer.results) == 3
    assert answer.results[0].document is not None
    assert answer.results[0].document.text == DOCUMENTS[1]
    assert answer.results[0].document.page == 1  # type: ignore[attr-defined]
    assert without.results[0].document is None
    assert [one.relevance_score for one in without.results] == [one.relevance_score for one in answer.results]


def test_other_fields_of_objects_are_read_where_they_are_named(url: str) -> None:
    documents: Any = [{"title": "停车", "body": DOCUMENTS[2]}, {"title": "退款", "body": DOCUMENTS[1]}]
    with cohere.Client(api_key=KEY, base_url=url) as sdk:
        answer = sdk.rerank(query=QUERY, documents=documents, rank_fields=["title", "body"])
    assert answer.results[0].index == 1


async def test_the_async_library_works_too(url: str) -> None:
    async with cohere.AsyncClientV2(api_key=KEY, base_url=url) as sdk:
        answer = await sdk.rerank(model="m", query=QUERY, documents=DOCUMENTS)
    assert answer.results[0].index == 1


def test_errors_raise_the_classes_that_programs_catch(url: str) -> None:
    for key, kind in (("wrong", cohere.UnauthorizedError), (POOR_KEY, cohere.ForbiddenError)):
        with cohere.ClientV2(api_key=key, base_url=url) as sdk, pytest.raises(kind):
            sdk.rerank(model="m", query=QUERY, documents=DOCUMENTS)
    with cohere.ClientV2(api_key=KEY, base_url=url) as sdk:
        with pytest.raises(cohere.UnprocessableEntityError) as caught:
            sdk.rerank(model="m", query=" ", documents=DOCUMENTS)
        with pytest.raises(ApiError) as large:
            sdk.rerank(model="m", query=QUERY, documents=["a"] * 1001)
    assert caught.value.body["error"]["param"] == "query"
    assert large.value.status_code == 413


def test_programs_of_jina_get_documents_and_usage(client: httpx.Client) -> None:
    body = {"model": "jina-reranker-v2-base-multilingual", "query": QUERY, "documents": DOCUMENTS, "top_n": 1}
    answer = (client.post("/v1/rerank", json=body)).json()
    assert answer["model"] == "jina-reranker-v2-base-multilingual"
    (result,) = answer["results"]
    assert (result["index"], result["document"]) == (1, {"text": DOCUMENTS[1]})
    assert answer["usage"]["total_tokens"] == len(QUERY) + sum(map(len, DOCUMENTS))
    without = (client.post("/v1/rerank", json=body | {"return_documents": False})).json()
    assert "document" not in without["results"][0]


def test_a_thousand_documents_are_ranked_like_each_alone(client: httpx.Client) -> None:
    documents = [f"第{number}号{DOCUMENTS[number % 3]}" for number in range(1000)]
    answer = (client.post("/v2/rerank", json={"query": QUERY, "documents": documents})).json()
    scores = {result["index"]: result["relevance_score"] for result in answer["results"]}
    assert sorted(scores) == list(range(1000))
    for place in (0, 1, 500, 999):
        alone = (client.post("/v2/rerank", json={"query": QUERY, "documents": [documents[place]]})).json()
        assert scores[place] == pytest.approx(alone["results"][0]["relevance_score"], abs=2e-4)


def test_fewer_characters_of_a_document_are_read_where_that_is_asked(client: httpx.Client) -> None:
    documents = ["好" * 10 + DOCUMENTS[1], "好" * 10]
    body = {"query": QUERY, "documents": documents, "max_tokens_per_doc": 10}
    one, other = (client.post("/v2/rerank", json=body)).json()["results"]
    assert one["relevance_score"] == other["relevance_score"]


REFUSED: dict[str, tuple[Any, int, str]] = {
    "nothing": ({}, 422, "query"),
    "no documents": ({"query": "a"}, 422, "documents"),
    "empty list": ({"query": "a", "documents": []}, 422, "documents"),
    "null": ({"query": "a", "documents": None}, 422, "documents"),
    "text in place of a list": ({"query": "a", "documents": "b"}, 422, "documents"),
    "a number": ({"query": "a", "documents": ["b", 1]}, 422, "documents[1]"),
    "an object without a text": ({"query": "a", "documents": [{"body": "b"}]}, 422, "documents[0]"),
    "an image": ({"query": "a", "documents": [{"image": "data:"}]}, 422, "documents[0]"),
    "a text that is none": ({"query": "a", "documents": [{"text": 1}]}, 422, "documents[0]"),
    "both": ({"query": "a", "documents": ["b"], "texts": ["b"]}, 422, "texts"),
    "no question": ({"query": None, "documents": ["b"]}, 422, "query"),
    "empty question": ({"query": "", "documents": ["b"]}, 422, "query"),
    "several questions": ({"query": ["a"], "documents": ["b"]}, 422, "query"),
    "none of them": ({"query": "a", "documents": ["b"], "top_n": 0}, 422, "top_n"),
    "half of one": ({"query": "a", "documents": ["b"], "top_n": 0.5}, 422, "top_n"),
    "no characters": ({"query": "a", "documents": ["b"], "max_tokens_per_doc": 0}, 422, "max_tokens_per_doc"),
    "many fields": ({"query": "a", "documents": [{"text": "b"}], "rank_fields": ["x"] * 33}, 422, "rank_fields"),
    "long question": ({"query": "字" * 101, "documents": ["b"]}, 413, "query"),
    "many documents": ({"query": "a", "documents": ["b"] * 1001}, 413, "documents"),
    "many texts": ({"query": "a", "texts": ["b"] * 1001}, 413, "texts"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
def test_bad_input_is_refused_and_the_field_named(client: httpx.Client, path: str, name: str) -> None:
    body, status, param = REFUSED[name]
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    assert response.json()["error"]["param"] == param


ODD = ["", " ", "\0", "😀" * 50, "\u202e\u200b", "a" * 100_000, "[" * 500, "。" * 3000, "，" * 3000, "[微笑]" * 200]


def test_odd_documents_are_ranked(client: httpx.Client) -> None:
    answer = (client.post("/v1/rerank", json={"query": QUERY, "documents": ODD})).json()
    assert sorted(result["index"] for result in answer["results"]) == list(range(len(ODD)))


async def test_without_a_search_model_there_is_no_such_path() -> None:
    async with running_compat(has_worker=False) as client:
        assert (await client.post("/v1/rerank", json={"query": "a", "documents": ["b"]})).status_code == 404
