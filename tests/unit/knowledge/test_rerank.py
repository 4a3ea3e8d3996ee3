from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.knowledge import rerank
from nlp_service.knowledge.rerank import MAX_DOCUMENT, Documents, features, rank
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.wiring import build_search_model

DOCUMENTS = [
    "审核通过后三天内原路退回。",
    "每天九点到二十一点营业。",
    "付款后在订单页填写抬头，就能开发票。",
    "会员卡每年一月清零积分。",
    "停车场前两小时免费。",
]
ASKED = {"钱什么时候退给我": 0, "你们几点关门": 1, "发票怎么开": 2, "积分会过期吗": 3, "停车要钱吗": 4}


@pytest.fixture(scope="module")
def model() -> SearchModel:
    return build_search_model()


def chances(model: SearchModel, query: str, texts: list[str]) -> list[float]:
    """In the order of the texts."""
    return [one.probability for one in sorted(rank(model, query, texts))]


@pytest.mark.parametrize("query", ASKED)
def test_the_document_that_answers_comes_first(model: SearchModel, query: str) -> None:
    assert rank(model, query, DOCUMENTS)[0].place == ASKED[query]


def test_results_fall_and_are_probabilities(model: SearchModel) -> None:
    found = rank(model, "积分会过期吗", DOCUMENTS)
    assert sorted(one.place for one in found) == [0, 1, 2, 3, 4]
    assert [one.logit for one in found] == sorted((one.logit for one in found), reverse=True)
    for one in found:
        assert 0.0 <= one.probability <= 1.0
        assert one.probability == pytest.approx(1 / (1 + np.exp(-one.logit)), abs=1e-4)


def test_the_question_itself_is_as_good_as_sure_and_nonsense_as_good_as_excluded(model: SearchModel) -> None:
    same, nonsense = chances(model, "发票怎么开", ["发票怎么开", "哈哈哈今天天气真好"])
    assert same > 0.95
    assert nonsense < 0.05


def test_a_score_depends_on_nothing_but_its_own_pair(model: SearchModel) -> None:
    alone = [rank(model, "你们几点关门", [text])[0].probability for text in DOCUMENTS]
    crowd = [f"第{number}件事和别的都没有关系。" for number in range(300)]
    assert chances(model, "你们几点关门", DOCUMENTS) == pytest.approx(alone, abs=2e-4)
    assert chances(model, "你们几点关门", [*crowd, *DOCUMENTS])[300:] == pytest.approx(alone, abs=2e-4)
    assert chances(model, "你们几点关门", DOCUMENTS[::-1]) == pytest.approx(alone[::-1], abs=2e-4)


def test_the_same_is_said_twice(model: SearchModel) -> None:
    assert rank(model, "停车要钱吗", DOCUMENTS) == rank(model, "停车要钱吗", DOCUMENTS)


def test_documents_that_are_alike_keep_their_order(model: SearchModel) -> None:
    assert [one.place for one in rank(model, "停车要钱吗", ["", DOCUMENTS[4], "", DOCUMENTS[4], ""])] == [1, 3, 0, 2, 4]


def test_a_wording_by_its_sound_is_nearer_than_none(model: SearchModel) -> None:
    heard, other = chances(model, "发票怎么开", ["发漂怎么开", "门票怎么买"])
    assert heard > other


def test_traditional_and_full_width_characters_are_the_same(model: SearchModel) -> None:
    plain, dressed = chances(model, "发票怎么开", ["开发票要填抬头ABC", "開發票要填抬頭ＡＢＣ"])
    assert plain == dressed


def test_punctuation_of_the_question_counts_for_nothing(model: SearchModel) -> None:
    bare = features("发票怎么开", Documents(model, DOCUMENTS))
    marked = features("发票怎么开？！", Documents(model, DOCUMENTS))
    np.testing.assert_allclose(bare, marked, atol=1e-5)


def test_a_long_document_is_found_by_one_of_its_passages(model: SearchModel) -> None:
    filler = "我们的店里有很多种类的商品，欢迎大家前来选购。" * 10
    long, other = chances(model, "停车要钱吗", [f"{filler}停车场前两小时免费。", filler])
    assert long > 2 * other


def test_what_is_behind_the_bound_is_not_read(model: SearchModel) -> None:
    start = "好" * MAX_DOCUMENT
    cut, whole = chances(model, "停车要钱吗", [start, f"{start}停车场前两小时免费。"])
    assert cut == whole


@pytest.mark.parametrize("query", ["", "？？", "   ", "😀", "\u200b", "[微笑]"])
def test_a_question_without_a_word_excludes_everything(model: SearchModel, query: str) -> None:
    assert max(chances(model, query, ["", *DOCUMENTS])) < 0.05


def test_no_documents_give_nothing(model: SearchModel) -> None:
    assert rank(model, "停车要钱吗", []) == []


def test_weights_are_those_of_the_features(model: SearchModel) -> None:
    assert features("停车要钱吗", Documents(model, DOCUMENTS)).shape == (5, len(rerank.FEATURES))
    assert len(rerank.WEIGHTS) == len(rerank.FEATURES)


@settings(max_examples=40)
@given(query=st.text(max_size=30), texts=st.lists(st.text(max_size=40), max_size=6))
def test_any_text_gets_probabilities(model: SearchModel, query: str, texts: list[str]) -> None:
    found = rank(model, query, texts)
    assert len(found) == len(texts)
    assert all(0.0 <= one.probability <= 1.0 for one in found)
