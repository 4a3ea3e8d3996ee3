"""Moderations and embeddings, asked by OpenAI's own library."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from nlp_service.api.analyze import Limits
from nlp_service.api.compat.moderations import CATEGORIES
from nlp_service.cli.loading import load
from nlp_service.moderation.lexicon import Entry, Matcher
from nlp_service.moderation.policy import Policy, UnsafeRule
from nlp_service.moderation.rules import Rules as TenantRules
from nlp_service.store.wordlists import Lexicon
from nlp_service.types import Action
from tests.api.compat_app import KEY, POOR_KEY, Rules, compat_app, only_loopback, running_compat, serving
from tests.fakes import BROKEN, CRASH


@pytest.fixture(autouse=True)
def _no_other_network(monkeypatch: pytest.MonkeyPatch) -> None:
    only_loopback(monkeypatch)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(compat_app(limits=Limits(max_messages=20, max_text=100))) as url:
        yield url


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=60) as client:
        yield client


def test_a_text_gets_all_thirteen_categories(sdk: openai.OpenAI) -> None:
    answer = sdk.moderations.create(input="abuse=.9 negative=.5", model="omni-moderation-latest")
    (result,) = answer.results
    assert answer.model == "omni-moderation-latest"
    assert answer.id.startswith("modr-")
    assert result.flagged
    flags = result.categories.model_dump(by_alias=True)
    assert set(flags) == set(CATEGORIES)
    assert [name for name, flag in flags.items() if flag] == ["harassment"]
    assert result.category_scores.harassment == pytest.approx(0.9)
    assert result.category_applied_input_types.harassment == ["text"]
    assert result.category_applied_input_types.sexual_minors == []  # no model tells it


def test_results_are_in_the_order_of_the_texts(sdk: openai.OpenAI) -> None:
    texts = ["porn_sexual=.9", "你好", "gambling=.6"]
    results = sdk.moderations.create(input=texts).results
    assert [result.flagged for result in results] == [True, False, True]
    assert results[0].categories.sexual
    assert results[2].categories.illicit


def test_the_parts_of_one_submission_are_judged_together(sdk: openai.OpenAI) -> None:
    parts: Any = [{"type": "text", "text": "abuse=.7"}, {"type": "text", "text": "porn_sexual=.9 abuse=.2"}]
    (result,) = sdk.moderations.create(input=parts).results
    assert result.categories.harassment
    assert result.categories.sexual
    assert result.category_scores.harassment == pytest.approx(0.7)
    assert result.verdict["action"] == "remove"  # type: ignore[attr-defined]  # a field of ours


@pytest.mark.parametrize(
    ("text", "flagged", "scores"),
    [
        ("abuse=.59", [], {"harassment": 0.59}),
        ("abuse=.60", ["harassment"], {"harassment": 0.60}),  # the policy's bound itself is included
        ("porn_sexual=.49", [], {"sexual": 0.49}),
        ("porn_sexual=.50", ["sexual"], {"sexual": 0.50}),  # from here on a person looks
        ("scam=.3 gambling=.6", ["illicit"], {"illicit": 0.6}),
        ("need:self_harm=.3", ["self-harm", "self-harm/intent"], {"self-harm": 0.3, "self-harm/intent": 0.3}),
        ("need:violence_threat=.5", ["violence"], {"violence": 0.5}),
        (
            "abuse=.7 need:violence_threat=.6",
            ["harassment", "harassment/threatening", "violence"],
            {"harassment": 0.7, "harassment/threatening": 0.6, "violence": 0.6},
        ),
        ("abuse=.5 need:violence_threat=.9", ["violence"], {"harassment": 0.5, "violence": 0.9}),
        # What has no category there is none of its flags, and stands in the verdict.
        ("ad=.9 contact_spam=.9 politics_sensitive=.9", [], {}),
        ("risk=3", [], {}),
    ],
)
def test_our_models_feed_their_categories(
    sdk: openai.OpenAI, text: str, flagged: list[str], scores: dict[str, float]
) -> None:
    (result,) = sdk.moderations.create(input=text).results
    flags = result.categories.model_dump(by_alias=True)
    assert [name for name, flag in flags.items() if flag] == sorted(flagged, key=CATEGORIES.index)
    assert result.flagged == bool(flagged)
    found = result.category_scores.model_dump(by_alias=True)
    assert {name: found[name] for name in scores} == pytest.approx(scores)


@pytest.mark.parametrize("head", ["abuse", "risk", "unsafe"])
def test_a_model_that_failed_is_flagged(sdk: openai.OpenAI, head: str) -> None:
    (result,) = sdk.moderations.create(input=f"fail={head}").results
    assert result.flagged
    assert not any(result.categories.model_dump().values())


def test_a_text_that_cannot_be_read_is_flagged(sdk: openai.OpenAI) -> None:
    good, bad = sdk.moderations.create(input=["你好", BROKEN]).results
    assert (good.flagged, bad.flagged) == (False, True)


async def test_policy_and_words_of_the_tenant_decide() -> None:
    words = [
        Entry("暗号", "ours", "deny", "porn_sexual"),
        Entry("对家", "ours", "deny", ""),
        Entry("看看", "w", "watch", ""),
    ]
    policy = Policy("*/1", abuse_warn=0.2, unsafe=(UnsafeRule("porn_sexual", 0.2, Action.PASS),))
    lists = (Lexicon(1, "ours", "deny", "", 1, 3, datetime.now(UTC)),)
    rules = TenantRules(3, policies={"": policy}, matcher=Matcher.build(words), lists=lists)
    texts = ["abuse=.2", "这是暗号", "对家来了", "看看", "你好", "porn_sexual=.9 gambling=.9"]
    async with running_compat(rules=Rules(rules)) as client:
        answer = (await client.post("/v1/moderations", json={"input": texts})).json()
    assert answer["policy_version"] == "*/1+lex3"
    # What the policy lets pass, or has no rule for, is not flagged.
    assert [result["flagged"] for result in answer["results"]] == [True, True, True, False, False, False]
    assert answer["results"][1]["category_scores"]["sexual"] == 1.0
    assert answer["results"][2]["verdict"]["action"] == "remove"
    assert answer["results"][5]["category_scores"]["sexual"] == pytest.approx(0.9)


def test_embeddings_are_the_same_as_numbers_and_as_base64(sdk: openai.OpenAI) -> None:
    texts = ["怎么退款", "几点开门呢"]
    packed = sdk.embeddings.create(input=texts, model="text-embedding-3-small")  # base64 is what the library asks for
    plain = sdk.embeddings.create(input=texts, model="text-embedding-3-small", encoding_format="float")
    assert [item.index for item in packed.data] == [0, 1]
    assert packed.model == "text-embedding-3-small"
    one, other = (np.array([item.embedding for item in answer.data]) for answer in (packed, plain))
    assert one.shape == (2, 128)
    np.testing.assert_allclose(one, other, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-3)
    assert packed.usage.prompt_tokens == packed.usage.total_tokens == 9


@pytest.mark.parametrize("columns", [32, 64, 128])
def test_fewer_columns_are_the_first_ones_brought_to_unit_length(sdk: openai.OpenAI, columns: int) -> None:
    whole = np.array(sdk.embeddings.create(input="怎么退款", model="m").data[0].embedding)
    short = np.array(sdk.embeddings.create(input="怎么退款", model="m", dimensions=columns).data[0].embedding)
    assert short.shape == (columns,)
    np.testing.assert_allclose(short, whole[:columns] / np.linalg.norm(whole[:columns]), atol=1e-6)


def test_a_list_longer_than_one_delivery_comes_back_whole_and_in_order(sdk: openai.OpenAI) -> None:
    texts = ["字" * (1 + number % 50) for number in range(110)]
    answer = sdk.embeddings.create(input=texts, model="m")
    first = {len(text): item.embedding for text, item in zip(texts[:50], answer.data[:50], strict=True)}
    assert len(answer.data) == 110
    assert all(item.embedding == first[len(text)] for text, item in zip(texts, answer.data, strict=True))


def test_a_text_of_which_nothing_can_be_read_has_a_zero_vector(sdk: openai.OpenAI) -> None:
    (item,) = sdk.embeddings.create(input="\u200b", model="m", dimensions=32).data
    assert item.embedding == [0.0] * 32


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_tokens_of_another_model_are_refused(sdk: openai.OpenAI, tokens: Any) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        sdk.embeddings.create(input=tokens, model="m")
    assert caught.value.body["param"] == "input[0]"  # type: ignore[index]


def test_errors_raise_the_classes_that_programs_catch(url: str, sdk: openai.OpenAI) -> None:
    image: Any = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        sdk.moderations.create(input=image)
    assert caught.value.body["param"] == "input[0].type"  # type: ignore[index]
    assert "image" in caught.value.body["message"]  # type: ignore[index]
    for key, kind, code in (
        ("wrong", openai.AuthenticationError, "unauthorized"),
        (POOR_KEY, openai.PermissionDeniedError, "forbidden"),
    ):
        with (
            openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as other,
            pytest.raises(kind) as refused,
        ):
            other.moderations.create(input="你好")
        assert refused.value.code == code
    with pytest.raises(openai.NotFoundError):
        sdk.models.list()


def test_a_full_queue_and_a_dead_worker_are_what_programs_retry() -> None:
    with (
        serving(compat_app(queue_messages=1)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as sdk,
    ):
        with pytest.raises(openai.RateLimitError) as full:
            sdk.moderations.create(input=["a", "b"])
        with pytest.raises(openai.InternalServerError) as dead:
            sdk.embeddings.create(input=CRASH, model="m")
    assert dead.value.status_code == 503
    assert min(int(error.value.response.headers["retry-after"]) for error in (full, dead)) >= 1


async def test_the_async_library_works_too(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as sdk:
        assert (await sdk.moderations.create(input="你好")).results[0].flagged is False


def test_the_shipped_model_tells_insults_and_obscenity_from_a_question() -> None:
    with (
        serving(compat_app(partial(load, "fast", ""))) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as sdk,
    ):
        texts = ["你个傻逼，滚出去别再回来", "快递三天没动了，帮我看看到哪了"]
        insult, question = sdk.moderations.create(input=texts).results
        vectors = np.array([item.embedding for item in sdk.embeddings.create(input=texts, model="m").data])
    assert insult.categories.harassment
    assert not question.flagged
    assert vectors.shape == (2, 128)
    assert vectors[0] @ vectors[1] < 0.9


REFUSED: dict[str, tuple[str, Any, int, str]] = {
    "no input": ("moderations", {}, 422, "input"),
    "null": ("moderations", {"input": None}, 422, "input"),
    "number": ("moderations", {"input": 7}, 422, "input"),
    "no text": ("moderations", {"input": []}, 422, "input"),
    "text among parts": ("moderations", {"input": [{"type": "text", "text": "a"}, "b"]}, 422, "input[1]"),
    "part without text": ("moderations", {"input": [{"type": "text"}]}, 422, "input[0].text"),
    "part of nothing": ("moderations", {"input": [{}]}, 422, "input[0].type"),
    "text of a part": ("moderations", {"input": [{"type": "text", "text": 1}]}, 422, "input[0].text"),
    "nested": ("moderations", {"input": [["a"]]}, 422, "input[0]"),
    "model a number": ("moderations", {"input": "a", "model": 1}, 422, "model"),
    "long text": ("moderations", {"input": ["a", "字" * 101]}, 413, "input[1]"),
    "long lone text": ("moderations", {"input": "字" * 101}, 413, "input"),
    "many texts": ("moderations", {"input": ["a"] * 21}, 413, "input"),
    "list": ("moderations", [], 422, "body"),
    "no embedding input": ("embeddings", {"model": "m"}, 422, "input"),
    "empty text": ("embeddings", {"input": ["a", ""]}, 422, "input[1]"),
    "empty lone text": ("embeddings", {"input": ""}, 422, "input"),
    "nothing to embed": ("embeddings", {"input": []}, 422, "input"),
    "an object": ("embeddings", {"input": [{"text": "a"}]}, 422, "input[0]"),
    "huge token": ("embeddings", {"input": [10**30]}, 422, "input[0]"),
    "long text to embed": ("embeddings", {"input": "字" * 101}, 413, "input"),
    "many to embed": ("embeddings", {"input": ["a"] * 2049}, 413, "input"),
    "another encoding": ("embeddings", {"input": "a", "encoding_format": "int8"}, 422, "encoding_format"),
    "no columns": ("embeddings", {"input": "a", "dimensions": 0}, 422, "dimensions"),
    "other columns": ("embeddings", {"input": "a", "dimensions": 100}, 422, "dimensions"),
    "more columns": ("embeddings", {"input": "a", "dimensions": 1536}, 422, "dimensions"),
    "half a column": ("embeddings", {"input": "a", "dimensions": 32.5}, 422, "dimensions"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_and_the_field_named(client: httpx.Client, name: str) -> None:
    door, body, status, param = REFUSED[name]
    response = client.post(f"/v1/{door}", json=body)
    assert response.status_code == status, response.text
    assert response.json()["error"]["param"] == param


TAKEN: dict[str, Any] = {
    "empty text": "",
    "NUL": "a\0b",
    "emoji": "😀" * 100,
    "right to left": "\u202eabc",
    "unknown fields": "a",
}


@pytest.mark.parametrize("name", TAKEN)
def test_odd_texts_are_judged(client: httpx.Client, name: str) -> None:
    body = {"input": TAKEN[name], "colour": [1, {"a": None}]}
    assert (client.post("/v1/moderations", json=body)).status_code == 200


def test_half_an_emoji_is_judged_and_embedded(client: httpx.Client) -> None:
    for door in ("moderations", "embeddings"):
        response = client.post(f"/v1/{door}", content=b'{"input":"a\\ud83d"}')
        assert response.status_code == 200


def test_a_text_that_cannot_be_read_has_no_vector(client: httpx.Client) -> None:
    response = client.post("/v1/embeddings", json={"input": ["a", BROKEN]})
    assert response.status_code == 503
    assert response.json()["error"]["param"] == "input[1]"


def test_base64_is_of_little_endian_floats(client: httpx.Client) -> None:
    answer = (client.post("/v1/embeddings", json={"input": "a", "encoding_format": "base64"})).json()
    raw = base64.b64decode(answer["data"][0]["embedding"])
    plain = (client.post("/v1/embeddings", json={"input": "a"})).json()["data"][0]["embedding"]
    np.testing.assert_allclose(np.frombuffer(raw, "<f4"), plain, atol=1e-7)
