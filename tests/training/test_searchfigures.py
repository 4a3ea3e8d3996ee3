from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlp_service.inference.analyser import Analyser
from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.searching import Found, Hit
from training import corpora, searchfigures
from training.searchfigures import Searcher, _coverage, _ndcg, _ranks

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_the_rank_is_that_of_the_first_right_entry() -> None:
    assert _ranks([[3, 1, 2], [4], []], [{2, 1}, {4}, {0}]).tolist() == [1, 0, 99]


def test_ndcg_counts_an_entry_the_less_the_later_it_comes() -> None:
    assert _ndcg([[1, 2]], [{1, 2}]) == pytest.approx(1.0)
    assert _ndcg([[0, 1]], [{1}]) == pytest.approx(1 / np.log2(3))
    assert _ndcg([[0]], [{1}]) == 0.0


def sure(chance: float) -> Found:
    return Found([Hit(0, 0, 0.0, chance)], 1.0)


def test_coverage_is_at_the_lowest_bound_that_is_precise_enough() -> None:
    found = [sure(0.9 - i / 100) for i in range(20)]
    right = np.array([True] * 9 + [False] + [False] * 10)
    # The first nine are right and the tenth wrong: nine in ten. An outsider between them would be one too many.
    assert _coverage(found, right, [sure(0.1)]) == (0.5, 0.0)
    assert _coverage(found, right, [sure(0.95), sure(0.1)]) == (0.45, 0.5)
    assert _coverage(found, np.zeros(20, np.bool_), [sure(0.1)]) == (0.0, 0.0)


def test_bm25_and_the_search_answer_the_same_questions() -> None:
    searcher = Searcher(SearchModel.load(MODELS / "search"), Analyser.load(MODELS / "fast"))
    entries = [make_entry("hat", ["帽子怎么洗"], "冷水手洗。"), make_entry("ship", ["几天发货"], "两天。")]
    index = searcher.index(entries)
    assert [each.hits[0].entry for each in searcher.ask(index, ["洗帽子", "哪天发货"])] == [0, 1]
    assert [each[0] for each in searcher.bm25(index, ["洗帽子", "哪天发货"])] == [0, 1]


@pytest.mark.skipif(not (corpora.DATA / "faq").is_dir(), reason="the data folder is not beside the checkout")
def test_held_out_bases_are_found_as_the_card_says() -> None:
    card = (MODELS / "search" / "MODEL_CARD.md").read_text("utf-8")
    searcher = Searcher(SearchModel.load(MODELS / "search"), Analyser.load(MODELS / "fast"))
    for name in searchfigures.HELD_OUT:
        base = searchfigures.bases.load(corpora.DATA / "faq" / name)
        (_, hit_at_1, plain), *_ = searchfigures._as_given(searcher, base)
        assert f"{hit_at_1:.3f}".lstrip("0") in card
        assert hit_at_1 >= 0.6 > 0.5 > (plain or 0.0)
