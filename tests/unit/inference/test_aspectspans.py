from __future__ import annotations

import itertools

import numpy as np
import pytest

from nlp_service.inference.aspectspans import (
    N_FEATURES,
    NEVER,
    REACH,
    Spans,
    best_tags,
    candidates,
    means,
    pair_features,
    spans_of,
)

NO_STEPS = np.zeros((2, 3, 3), np.float32)


def spans(*rows: tuple[int, int, int]) -> Spans:
    """Of (message, start, end)."""
    return Spans(*np.array(rows, np.intp).reshape(-1, 3).T)


def tags_of(text: str) -> np.ndarray:
    return np.array(["OBI".index(tag) for tag in text], np.int8)


def best_by_trying(emissions: np.ndarray, steps: np.ndarray) -> float:
    """Score of the best of all sequences of one message and chain."""

    def score(tags: tuple[int, ...]) -> float:
        total = sum(float(emissions[t, tag]) for t, tag in enumerate(tags)) + (NEVER if tags[0] == 2 else 0.0)
        return total + sum(float(steps[a, b]) for a, b in itertools.pairwise(tags))

    return max(score(tags) for tags in itertools.product(range(3), repeat=len(emissions)))


def test_the_sequence_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    offsets = np.array([0, 3, 4, 9, 11])
    emissions = rng.normal(size=(11, 2, 3)).astype(np.float32)
    steps = rng.normal(size=(2, 3, 3)).astype(np.float32)
    steps[:, 0, 2] = NEVER
    tags = best_tags(emissions, offsets, steps)
    for a, b in itertools.pairwise(offsets.tolist()):
        for chain in range(2):
            own, row = emissions[a:b, chain], tags[a:b, chain]
            score = sum(own[t, tag] for t, tag in enumerate(row)) + sum(
                steps[chain, x, y] for x, y in itertools.pairwise(row)
            )
            assert score == pytest.approx(best_by_trying(own, steps[chain]), abs=1e-4)


def test_no_span_begins_inside() -> None:
    emissions = np.zeros((4, 2, 3), np.float32)
    emissions[:, :, 2] = 5.0
    steps = NO_STEPS.copy()
    steps[:, 0, 2] = NEVER
    tags = best_tags(emissions, np.array([0, 1, 4]), steps)
    assert tags[:, 0].tolist()[2:] == [2, 2]
    assert (tags[[0, 1]] != 2).all()


def test_no_messages_have_no_tags() -> None:
    assert best_tags(np.zeros((0, 2, 3), np.float32), np.array([0]), NO_STEPS).shape == (0, 2)


def test_spans_end_at_the_next_one_outside_and_at_the_end_of_a_message() -> None:
    tags = tags_of("OBIBOB" + "B" + "BII")
    found = spans_of(tags, np.array([0, 6, 7, 10]))
    assert list(zip(*(part.tolist() for part in found), strict=True)) == [
        (0, 1, 3),
        (0, 3, 4),
        (0, 5, 6),
        (1, 6, 7),
        (2, 7, 10),
    ]


def test_means_are_over_the_units_of_each_span() -> None:
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    found = means(values, spans((0, 0, 1), (0, 2, 5)))
    np.testing.assert_allclose(found, [values[0], values[2:5].mean(0)])


def test_no_spans_have_no_means() -> None:
    assert means(np.zeros((3, 4), np.float32), spans()).shape == (0, 4)


def test_only_spans_of_one_message_that_are_near_may_belong_together() -> None:
    aspects = spans((0, 0, 2), (0, 2 + REACH + 3, 2 + REACH + 4), (1, 100, 101))
    opinions = spans((0, 2, 3), (1, 102, 103))
    assert [part.tolist() for part in candidates(aspects, opinions)] == [[0, 2], [0, 1]]


def test_the_longest_reach_is_included() -> None:
    aspects = spans((0, 0, 1))
    assert len(candidates(aspects, spans((0, 1 + REACH, 2 + REACH)))[0]) == 1
    assert len(candidates(aspects, spans((0, 2 + REACH, 3 + REACH)))[0]) == 0


def test_features_tell_order_distance_and_what_is_between() -> None:
    aspects, opinions = spans((0, 0, 2), (0, 5, 6)), spans((0, 2, 4), (0, 7, 9))
    marks = np.array([0, 0, 0, 0, 1, 0, 2, 0, 0], np.int8)
    pairs = np.array([0, 1]), np.array([1, 0])
    far, back = pair_features(aspects, opinions, *pairs, marks)
    assert far.shape == (N_FEATURES,)
    assert far[:3].tolist() == [1, 0, 0]  # the aspect stands first
    assert back[:3].tolist() == [0, 1, 0]
    # From 2 to 7: two marks, one of which ends a sentence, an aspect and an opinion.
    assert far[11:].tolist() == [0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0]
    # From 4 to 5: one mark that ends none.
    assert back[11:].tolist() == [0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0]
    assert (far[3:10] <= back[3:10]).all()  # nearer is within more bounds


def test_spans_that_overlap_have_nothing_between_them() -> None:
    (row,) = pair_features(spans((0, 3, 5)), spans((0, 1, 5)), np.array([0]), np.array([0]), np.ones(6, np.int8))
    assert row[:3].tolist() == [0, 0, 1]
    assert row[10] == 0.0
    assert row[[11, 15, 17, 20]].tolist() == [1, 1, 1, 1]
