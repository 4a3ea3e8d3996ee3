from __future__ import annotations

from math import log2

import msgspec
import numpy as np
import pytest

from nlp_service.errors import BadInput
from nlp_service.knowledge.evaluation import (
    MAX_NAMED,
    Errors,
    Figures,
    Outcome,
    Ranking,
    evaluate,
    evaluate_own,
    expected_calibration_error,
    ranking,
    summarise,
)
from nlp_service.knowledge.probes import ASKING, NOWHERE, Query
from nlp_service.knowledge.reply import Decision
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.types import Risk
from tests.unit.knowledge.small_shop import SHOP, by_words

ANSWER, CLARIFY, HANDOFF, NONE = Decision.ANSWER, Decision.CLARIFY, Decision.HANDOFF, Decision.NONE

OUTCOMES = [
    Outcome("right", 0, 1, 0.9, ANSWER),
    Outcome("second", 1, 2, 0.8, ANSWER),
    Outcome("shy", 2, 1, 0.3, CLARIFY),
    Outcome("removed", NOWHERE, 0, 0.2, HANDOFF),
    Outcome("near", None, 0, 0.7, ANSWER),
    Outcome("far", None, 0, 0.1, HANDOFF),
    Outcome("hello", None, 0, 0.1, NONE),
]


def test_figures_of_the_search_leave_out_what_nothing_answers() -> None:
    figures = summarise(OUTCOMES, Thresholds(), "m")
    assert (figures.n, figures.n_answerable) == (7, 4)
    assert (figures.hit_at_1, figures.hit_at_3) == (2 / 4, 3 / 4)
    assert figures.mrr_at_10 == pytest.approx((1 + 1 / 2 + 1 + 0) / 4)
    assert figures.ndcg_at_10 == pytest.approx((1 + 1 / log2(3) + 1 + 0) / 4)


def test_figures_of_the_decision() -> None:
    figures = summarise(OUTCOMES, Thresholds(), "m")
    assert figures.n_answered == 3
    # Not to be answered are near, far and hello; not answered were shy, removed, far and hello.
    assert figures.abstention_f1 == pytest.approx(2 * 2 / (3 + 4))
    assert figures.answer_precision == pytest.approx(1 / 3)
    assert figures.answer_coverage == pytest.approx(2 / 4)
    assert figures.false_answers == pytest.approx(1 / 3)
    assert figures.decisions == {"answer": 3, "clarify": 1, "handoff": 2, "none": 1}


def test_calibration_counts_a_sure_answer_to_nothing_as_an_error() -> None:
    # Fewer queries than bins: each is a bin of its own.
    assert summarise(OUTCOMES, Thresholds(), "m").calibration_error == pytest.approx(
        (0.1 + 0.8 + 0.7 + 0.2 + 0.7 + 0.1 + 0.1) / 7
    )


def test_the_queries_behind_the_figures_are_named() -> None:
    assert summarise(OUTCOMES, Thresholds(), "m").errors == Errors(
        not_first=("second",),
        unknown=("removed",),
        wrong_answers=("second",),
        false_answers=("near",),
        held_back=("shy",),
    )
    many = [Outcome(i, 0, 0, 0.1, HANDOFF) for i in range(MAX_NAMED + 5)]
    assert summarise(many, Thresholds(), "m").errors.not_found == tuple(range(MAX_NAMED))


def test_what_could_not_be_measured_is_none() -> None:
    figures = summarise([], Thresholds(), "m")
    assert [getattr(figures, name) for name in Ranking.__struct_fields__] == [None] * 4
    assert figures.abstention_f1 is figures.answer_precision is figures.calibration_error is None
    only_answerable = summarise(OUTCOMES[:1], Thresholds(), "m")
    assert only_answerable.abstention_f1 is only_answerable.false_answers is None
    assert only_answerable.answer_precision == 1.0


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (1, Ranking(1.0, 1.0, 1.0, 1.0)),
        (3, Ranking(0.0, 1.0, 1 / 3, 0.5)),
        (4, Ranking(0.0, 0.0, 1 / 4, 1 / log2(5))),
        (10, Ranking(0.0, 0.0, 1 / 10, 1 / log2(11))),
        (11, Ranking(0.0, 0.0, 0.0, 0.0)),  # behind the tenth is as good as not found
        (0, Ranking(0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_ranking_of_one_rank(rank: int, expected: Ranking) -> None:
    found = ranking([rank])
    for name in Ranking.__struct_fields__:
        assert getattr(found, name) == pytest.approx(getattr(expected, name))


def test_calibration_error_is_over_bins_of_as_many_queries_each() -> None:
    chances, right = np.array([0.8, 0.1, 0.6, 0.3]), np.array([True, False, True, True])
    # Lower half: 0.2 said, 0.5 true; upper half: 0.7 said, 1.0 true.
    assert expected_calibration_error(chances, right, 2) == pytest.approx(0.3)
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([True, False]), 1) == 0.0


def test_queries_are_asked_and_compared() -> None:
    queries = [
        Query("hit", "怎么退款", "refund"),
        Query("other", "几点开门", "parking"),
        Query("gone", "怎么开发票", "no-such-entry"),
        Query("free", "今晚月亮好圆", None),
    ]
    figures = evaluate(Index(SHOP, by_words()), by_words().thresholds, queries)
    assert (figures.n, figures.n_answerable, figures.n_answered) == (4, 3, 3)
    assert figures.hit_at_1 == pytest.approx(1 / 3)
    assert figures.errors.unknown == ("gone",)
    assert set(figures.errors.wrong_answers) == {"other", "gone"}
    assert figures.false_answers == 0.0
    assert (figures.model, figures.thresholds) == ("planted-1", by_words().thresholds)


def test_what_the_models_say_of_a_query_decides_with() -> None:
    index, queries = Index(SHOP, by_words()), [Query("a", "怎么退款", "refund")]
    urgent = msgspec.structs.replace(ASKING, risk=Risk(3, 0.99, 0.99))
    assert evaluate(index, by_words().thresholds, queries).decisions == {"answer": 1}
    assert evaluate(index, by_words().thresholds, queries, [urgent]).decisions == {"handoff": 1}


def test_as_many_analyses_as_queries_are_needed() -> None:
    with pytest.raises(BadInput, match="1 queries have 0 analyses"):
        evaluate(Index(SHOP, by_words()), by_words().thresholds, [Query("a", "怎么退款", "refund")], [])


def test_no_queries_and_no_entries_are_measured_as_nothing() -> None:
    assert evaluate(Index(SHOP, by_words()), by_words().thresholds, []).n == 0
    empty = evaluate(Index([], by_words()), by_words().thresholds, [Query("a", "怎么退款", "refund")])
    assert (empty.hit_at_1, empty.errors.unknown) == (0.0, ("a",))
    assert evaluate_own(Index([], by_words()), by_words().thresholds).n == 0


def test_own_wordings_are_asked_with_and_without_their_entry() -> None:
    figures = evaluate_own(Index(SHOP, by_words()), by_words().thresholds)
    assert (figures.n, figures.n_answerable, figures.n_single) == (16, 8, 2)
    assert figures.hit_at_1 is not None
    # By its terms alone no wording of this shop is like another of its entry, so the sure hit on itself is gone.
    assert figures.n_answered < 8


def test_figures_survive_being_stored() -> None:
    figures = evaluate_own(Index(SHOP, by_words()), by_words().thresholds)
    stored = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(figures)))
    assert msgspec.convert(stored, Figures) == figures
