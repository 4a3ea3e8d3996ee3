from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.pains import SHORTEST, PainFinder
from nlp_service.inference.targets import OTHER

WIDTH = 2
N_TARGETS = 3


def finder(*, threshold: float = 0.5, sure: float = 0.5) -> PainFinder:
    """States name the target: the first number speaks for target 1, the second for target 2."""
    weight = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    return PainFinder(weight, np.zeros(N_TARGETS, np.float32), threshold=threshold, sure=sure)


def tags_of(*rows: str) -> np.ndarray:
    """Clear logits for rows of O (outside), B (begin) and I (inside), padded with I to the longest."""
    longest = max(map(len, rows))
    tags = np.full((len(rows), longest, 3), -8.0, np.float32)
    for i, row in enumerate(rows):
        for position, tag in enumerate(row.ljust(longest, "I")):
            tags[i, position, "OBI".index(tag)] = 8.0
    return tags


def found_in(*rows: str, lengths: Sequence[int] | None = None) -> list[tuple[int, int, int]]:
    spans = finder().spans(tags_of(*rows), np.array(lengths or [len(row) for row in rows]))
    return list(zip(*(part.tolist() for part in spans), strict=True))


def run_of(*rows: str, states: Sequence[Sequence[Sequence[float]]] | None = None) -> Encoded:
    tags = tags_of(*rows)
    n, longest = tags.shape[:2]
    filled = np.zeros((n, longest, WIDTH), np.float32)
    for i, positions in enumerate(states or ()):
        filled[i, : len(positions)] = positions
    return Encoded(
        np.arange(n),
        np.array([len(row) for row in rows], np.int32),
        np.zeros((n, N_OUTPUTS), np.float32),
        np.zeros((n, WIDTH), np.float32),
        np.zeros((n, longest, N_OUTPUTS), np.float32),
        tags,
        filled,
    )


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("OOOO", []),
        ("OBIO", [(1, 3)]),
        ("BIII", [(0, 4)]),
        ("OOBI", [(2, 4)]),
        ("OIIO", [(1, 3)]),  # whoever begins inside has begun
        ("BIBI", [(0, 2), (2, 4)]),  # a position that begins one starts anew
        ("IIBI", [(0, 2), (2, 4)]),
        ("BIOBII", [(0, 2), (3, 6)]),
        ("OBO", []),  # one unit is too short
        ("BBI", [(1, 3)]),
        ("BBB", []),
        ("BIIBOI", [(0, 3)]),
    ],
)
def test_tags_become_spans(tags: str, expected: list[tuple[int, int]]) -> None:
    assert found_in(tags) == [(0, *span) for span in expected]


def test_the_shortest_pain_is_told_and_a_shorter_one_is_not() -> None:
    assert found_in("O" + "B" + "I" * (SHORTEST - 1), "O" + "B" + "I" * (SHORTEST - 2)) == [(0, 1, 1 + SHORTEST)]


def test_spans_are_in_the_order_of_rows_and_starts() -> None:
    assert found_in("OOBI", "OOOO", "BIBI") == [(0, 2, 4), (2, 0, 2), (2, 2, 4)]


@pytest.mark.parametrize(("length", "expected"), [(5, [(0, 5)]), (3, [(0, 3)]), (2, [(0, 2)]), (1, []), (0, [])])
def test_a_span_ends_with_its_message(length: int, expected: list[tuple[int, int]]) -> None:
    assert found_in("BIIII", lengths=[length]) == [(0, *span) for span in expected]


def test_a_message_never_runs_into_the_next() -> None:
    assert found_in("OBI", "IIO") == [(0, 1, 3), (1, 0, 2)]


@pytest.mark.parametrize(
    ("threshold", "is_inside"),
    [
        (0.49, True),
        (0.50, True),  # the bound itself is included
        (0.51, False),
    ],
)
def test_a_position_is_inside_from_the_threshold_on(threshold: float, is_inside: bool) -> None:
    tags = np.array([[[0.0, -200.0, 0.0]] * 2], np.float32)  # outside or inside, one as likely as the other
    rows, _, _ = finder(threshold=threshold).spans(tags, np.array([2]))
    assert len(rows) == is_inside


def test_beginning_and_being_inside_count_together() -> None:
    # Outside is the likeliest of the three with 0.4, but 0.6 say that it is some part of a pain.
    tags = np.log(np.array([[[0.4, 0.3, 0.3]] * 3], np.float32))
    starts, ends = finder().spans(tags, np.array([3]))[1:]
    assert (starts.tolist(), ends.tolist()) == ([0], [3])


def test_only_what_most_likely_begins_starts_anew() -> None:
    inside, begin = [0.1, 0.4, 0.5], [0.1, 0.5, 0.4]
    outside = [0.42, 0.38, 0.2]  # and yet more likely to be some part of a pain than none
    tags = np.log(np.array([[inside, outside, begin, inside]], np.float32))
    starts, ends = finder().spans(tags, np.array([4]))[1:]
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(0, 2), (2, 4)]


def test_pains_of_the_wanted_rows_only() -> None:
    found = finder().find(run_of("BIO", "OBI", "BII"), np.array([True, False, True]))
    assert (found.row.tolist(), found.start.tolist(), found.end.tolist()) == ([0, 2], [0, 0], [2, 3])


@pytest.mark.parametrize(("tags", "wanted"), [("OOO", True), ("BII", False)])
def test_where_there_is_nothing_nothing_is_found(tags: str, wanted: bool) -> None:
    found = finder().find(run_of(tags), np.array([wanted]))
    assert [len(part) for part in found] == [0, 0, 0, 0]


def test_a_target_is_named_by_the_mean_of_the_states() -> None:
    # Within the span (1, 3) the mean is (0, 4); the strong state before and after it has no part in that.
    states = [[90.0, 0.0], [8.0, 0.0], [-8.0, 8.0], [90.0, 0.0]]
    found = finder().find(run_of("OBIO", states=[states]), np.array([True]))
    assert found.target.tolist() == [2]


def test_each_span_has_a_target_of_its_own() -> None:
    states = [[[9, 0], [9, 0], [0, 9], [0, 9], [0, 0]], [[0, 0], [0, 9], [0, 9], [9, 0], [9, 0]]]
    found = finder().find(run_of("BIBIO", "OBIBI", states=states), np.array([True, True]))
    assert found.row.tolist() == [0, 0, 1, 1]
    assert found.target.tolist() == [1, 2, 2, 1]


def test_a_target_depends_on_its_own_span_whatever_else_is_wanted() -> None:
    states = [[[9, 0]] * 3, [[0, 9]] * 3]
    found = finder().find(run_of("BII", "BII", states=states), np.array([False, True]))
    assert (found.row.tolist(), found.target.tolist()) == ([1], [2])


@pytest.mark.parametrize(("sure", "target"), [(0.70, 2), (0.80, OTHER)])
def test_a_target_that_is_not_sure_is_another(sure: float, target: int) -> None:
    # softmax of (0, 0, log 6) gives the last one 6 / 8.
    states = [[[0.0, np.log(6)]] * 2]
    found = finder(sure=sure).find(run_of("BI", states=states), np.array([True]))
    assert found.target.tolist() == [target]


def test_the_bias_speaks_for_a_target_too() -> None:
    bias = np.array([0, 9, 0], np.float32)
    biased = PainFinder(np.zeros((WIDTH, N_TARGETS), np.float32), bias, threshold=0.5, sure=0.5)
    assert biased.find(run_of("BI"), np.array([True])).target.tolist() == [1]
