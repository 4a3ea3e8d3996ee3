from __future__ import annotations

import numpy as np
import pytest

from nlp_service.knowledge import rerank
from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.wiring import SEARCH
from training.bases import Base
from training.rerank import BEST, Listed, best_of, fit, fit_probability, gather, ways

N = len(rerank.FEATURES)


def listed(rng: np.random.Generator, planted: np.ndarray) -> Listed:
    values = rng.normal(size=(12, N)).astype(np.float32)
    return Listed(values, np.arange(12) == int((values @ planted).argmax()))


def test_planted_weights_are_found_up_to_their_scale() -> None:
    rng = np.random.default_rng(1)
    planted = np.array([3, 0, 2, 0, 1, 0, -2], np.float32)
    found = fit([listed(rng, planted) for _ in range(1000)])
    cosine = found @ planted / (np.linalg.norm(found) * np.linalg.norm(planted))
    assert cosine > 0.97


def test_questions_that_nothing_answers_do_not_count_for_the_order() -> None:
    rng = np.random.default_rng(2)
    planted = np.array([1, 0, 0, 0, 0, 0, 0], np.float32)
    lists = [listed(rng, planted) for _ in range(300)]
    outside = [Listed(np.full((12, N), 9, np.float32), np.zeros(12, np.bool_))] * 50
    np.testing.assert_allclose(fit([*lists, *outside]), fit(lists))


def test_a_planted_probability_is_found() -> None:
    rng = np.random.default_rng(3)
    sums = rng.normal(5, 3, 20_000).astype(np.float32)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(0.4 * sums - 3)))
    assert fit_probability(sums, right) == pytest.approx((0.4, -3), abs=0.15)


def test_the_best_are_those_with_the_highest_sums() -> None:
    values = np.zeros((30, N), np.float32)
    values[:, 0] = np.arange(30)
    sums, right = best_of([Listed(values, np.arange(30) == 29)], np.eye(N, dtype=np.float32)[0])
    assert sums.tolist() == list(range(29, 29 - BEST, -1))
    assert right.tolist() == [True, *[False] * (BEST - 1)]


def test_a_base_becomes_lists_of_its_entries_in_each_way() -> None:
    entries = [make_entry("a", ["怎么退款"], "在订单页申请。"), make_entry("b", ["几点开门"], "九点。")]
    base = Base("made-up", entries, ["钱怎么退"], [0], ["讲个笑话"])
    assert ways(entries[0]) == ("怎么退款", "在订单页申请。", "怎么退款\n在订单页申请。")
    asked, outside = gather(base, SearchModel.load(SEARCH), 0, [0], base.unanswerable)
    assert asked.features.shape == (2, N)
    assert (asked.right.tolist(), outside.right.tolist()) == ([True, False], [False, False])
    assert asked.features[0] @ rerank.WEIGHTS > asked.features[1] @ rerank.WEIGHTS
