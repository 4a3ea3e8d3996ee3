from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from training.metrics import average_precision, calibration_error, interval, macro_f1, span_f1


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guess = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    assert macro_f1(truth, guess, 5) == pytest.approx(f1_score(truth, guess, average="macro"))


def test_macro_f1_leaves_out_classes_that_never_occur() -> None:
    truth, guess = np.array([0, 0, 2, 2]), np.array([0, 1, 2, 0])
    expected = f1_score(truth, guess, labels=[0, 2], average="macro")
    assert macro_f1(truth, guess, 4) == pytest.approx(expected)


def test_macro_f1_counts_a_class_that_was_never_found_as_zero() -> None:
    assert macro_f1(np.array([0, 1]), np.array([0, 0]), 2) == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("decimals", [8, 1, 0], ids=["no ties", "ties", "two steps"])
def test_average_precision_is_that_of_scikit_learn(share: float, decimals: int) -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(400) < share).astype(float)
    scores = np.round(0.3 * truth + 0.7 * rng.random(400), decimals)
    assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


def test_equal_scores_for_all_give_the_share_of_positives_in_any_order() -> None:
    truth = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    for order in ([0, 1, 2, 3, 4], [1, 2, 4, 0, 3]):
        assert average_precision(truth[order], np.full(5, 0.5)) == pytest.approx(0.4)


def test_average_precision_goes_by_rank_alone() -> None:
    truth, scores = np.array([1.0, 0.0, 1.0, 0.0]), np.array([3.0, 1.0, 0.5, -2.0])
    assert average_precision(truth, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(truth, np.exp(scores)) == average_precision(truth, scores)


def test_average_precision_needs_a_positive() -> None:
    assert math.isnan(average_precision(np.zeros(3), np.array([0.1, 0.2, 0.3])))


def test_probabilities_that_come_true_have_no_calibration_error() -> None:
    confidence = np.repeat([0.25, 0.75], 4)
    correct = np.array([1, 0, 0, 0, 1, 1, 1, 0], float)
    assert calibration_error(correct, confidence) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("correct", "confidence", "expected"),
    [
        ([0, 0, 0, 0], [1.0, 1.0, 1.0, 1.0], 1.0),  # sure and wrong; 1 itself belongs to the last bin
        ([1, 1, 1, 1], [0.0, 0.0, 0.0, 0.0], 1.0),
        ([1, 0, 1, 0], [0.9, 0.9, 0.9, 0.9], 0.4),
        ([1, 1, 1, 0], [0.9, 0.9, 0.9, 0.1], 0.75 * 0.1 + 0.25 * 0.1),  # bins count by their size
    ],
)
def test_calibration_error_of_known_cases(correct: list[int], confidence: list[float], expected: float) -> None:
    assert calibration_error(np.array(correct, float), np.array(confidence)) == pytest.approx(expected)


def test_errors_of_opposite_bins_do_not_cancel_out() -> None:
    confidence, correct = np.array([0.2, 0.2, 0.8, 0.8]), np.array([1.0, 0.0, 1.0, 0.0])
    assert calibration_error(correct, confidence, bins=2) == pytest.approx(0.3)
    assert calibration_error(correct, confidence, bins=1) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("truth", "guess", "expected"),
    [
        ([[(0, 4)]], [[(0, 4)]], 1.0),
        ([[(0, 4)]], [[(0, 2)]], 1.0),  # half of the longer one is enough
        ([[(0, 5)]], [[(0, 2)]], 0.0),
        ([[(0, 2)]], [[(0, 5)]], 0.0),  # whichever is longer
        ([[(0, 4)]], [[(4, 8)]], 0.0),  # ends are exclusive
        ([[(0, 4)]], [[]], 0.0),
        ([[]], [[(0, 4)]], 0.0),
        ([[(0, 4)], []], [[], [(0, 4)]], 0.0),  # a span of another message
        ([[(0, 4), (6, 9)]], [[(6, 9)]], 2 / 3),
        ([[(0, 4)]], [[(0, 4), (0, 4)]], 2 / 3),  # each matches once
        ([[(0, 4), (3, 7)]], [[(3, 7), (0, 4)]], 1.0),
        ([[], [(1, 2)]], [[], [(1, 2)]], 1.0),
    ],
)
def test_span_f1(truth: list[list[tuple[int, int]]], guess: list[list[tuple[int, int]]], expected: float) -> None:
    assert span_f1(truth, guess) == pytest.approx(expected)


def test_spans_match_from_the_overlap_that_is_asked_for() -> None:
    truth, guess = [[(0, 4)]], [[(0, 3)]]
    assert span_f1(truth, guess, overlap=0.75) == 1.0
    assert span_f1(truth, guess, overlap=0.76) == 0.0


def test_spans_of_another_number_of_messages_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        span_f1([[], []], [[]])


def test_an_interval_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(10.0, 2.0, 400)
    low, high = interval(lambda chosen: float(values[chosen].mean()), 400)
    error = 1.96 * values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + error, abs=0.15 * error)


def test_a_figure_that_never_varies_has_no_width() -> None:
    assert interval(lambda _: 0.25, 50, rounds=20) == (0.25, 0.25)


def test_an_interval_draws_as_many_as_there_are_with_repeats() -> None:
    drawn: list[np.ndarray] = []
    interval(lambda chosen: drawn.append(chosen) or 0.0, 30, rounds=50)
    assert len(drawn) == 50
    assert all(len(chosen) == 30 and chosen.min() >= 0 and chosen.max() < 30 for chosen in drawn)
    assert any(len(set(chosen.tolist())) < 30 for chosen in drawn)


def test_an_interval_is_the_same_for_the_same_seed_alone() -> None:
    values = np.random.default_rng(1).random(60)
    one, again, other = (
        interval(lambda chosen: float(values[chosen].mean()), 60, rounds=100, seed=seed) for seed in (4, 4, 5)
    )
    assert one == again != other


def test_an_interval_leaves_out_draws_without_a_figure() -> None:
    # With one positive in five, a third of the draws has none.
    truth = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    scores = np.array([0.9, 0.1, 0.2, 0.3, 0.4])
    assert interval(lambda chosen: average_precision(truth[chosen], scores[chosen]), 5, rounds=100) == (1.0, 1.0)
