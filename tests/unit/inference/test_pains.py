from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.pains import MOST, SHORTEST, PainFinder
from nlp_service.inference.targets import OTHER

WIDTH = 2
N_TARGETS = 3


def finder(*, prior: float = 0.0, least: float = 1.0, begin: float = 0.5, sure: float = 0.5) -> PainFinder:
    """States name the target: the first number speaks for target 1, the second for target 2."""
    weight = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    return PainFinder(weight, np.zeros(N_TARGETS, np.float32), prior=prior, least=least, begin=begin, sure=sure)


def tags_of(*rows: str) -> np.ndarray:
    """Clear logits for rows of O (outside), B (begin) and I (inside), one behind the other."""
    tags = np.full((len("".join(rows)), 3), -8.0, np.float32)
    for unit, tag in enumerate("".join(rows)):
        tags[unit, "OBI".index(tag)] = 8.0
    return tags


def offsets_of(*rows: str) -> np.ndarray:
    return np.array([0, *itertools.accumulate(map(len, rows))])


def odds_of(*odds: float) -> np.ndarray:
    """Tags whose log-odds of being some part of a pain are those given."""
    inside = 1.0 / (1.0 + np.exp(-np.array(odds)))
    return np.log(np.stack((1.0 - inside, inside / 3, inside * 2 / 3), 1)).astype(np.float32)


def spans_of(finder: PainFinder, tags: np.ndarray, offsets: Sequence[int]) -> list[tuple[int, int, int]]:
    spans = finder.spans(tags, np.array(offsets), np.ones(len(offsets) - 1, bool))
    return list(zip(*(part.tolist() for part in spans), strict=True))


def found_in(*rows: str) -> list[tuple[int, int, int]]:
    return spans_of(finder(), tags_of(*rows), offsets_of(*rows).tolist())


def run_of(*rows: str, states: Sequence[Sequence[Sequence[float]]] | None = None) -> Encoded:
    """A run with these tags and the states of each of its rows."""
    n, tags = len(rows), tags_of(*rows)
    of_messages, of_units = np.zeros((n, WIDTH), np.float32), np.zeros((len(tags), WIDTH), np.float32)
    return Encoded(
        first=0,
        offsets=offsets_of(*rows),
        logits=np.zeros((n, N_OUTPUTS), np.float32),
        vectors=of_messages,
        embeddings=of_messages,
        weighed=of_units,
        tags=tags,
        states=of_units if states is None else np.concatenate(states).astype(np.float32),
    )


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("OOOO", []),
        ("OBIO", [(1, 3)]),
        ("BIII", [(0, 4)]),
        ("OOBI", [(2, 4)]),
        ("OIIO", [(1, 3)]),  # whoever begins inside has begun
        ("BIOOOOBII", [(0, 2), (6, 9)]),
        ("BIBI", [(0, 2), (2, 4)]),  # a unit that begins one starts anew
        ("IIBI", [(0, 2), (2, 4)]),
        ("BBI", [(1, 3)]),  # of a pain of one unit nothing is told
        ("OBO", []),  # one unit is too short
        ("BIOOO", [(0, 2)]),
    ],
)
def test_tags_become_spans(tags: str, expected: list[tuple[int, int]]) -> None:
    assert found_in(tags) == [(0, *span) for span in expected]


@pytest.mark.parametrize(
    ("odds", "expected"),
    [
        ((-3, 2, 2, -1, 2, 2, -3), [(1, 6)]),  # a doubtful unit between sure ones
        ((-3, 2, 2, -5, 2, 2, -3), [(1, 3), (4, 6)]),  # one that is surely outside parts them
        ((-3, 2, 2, -4.1, 2, 2, -3), [(1, 3), (4, 6)]),
        ((-3, 2, 2, -3.9, 2, 2, -3), [(1, 6)]),
        ((-3, 0.4, 0.4, -3), []),  # together less than is needed
        ((-3, 0.6, 0.6, -3), [(1, 3)]),
        ((-3, 0.6, 0.6, -0.3, -3), [(1, 3)]),  # a unit that only costs is left out at the end
        ((-3, -0.3, 0.6, 0.6, -3), [(2, 4)]),
    ],
)
def test_a_pain_is_the_stretch_that_adds_up_to_the_most(
    odds: tuple[float, ...], expected: list[tuple[int, int]]
) -> None:
    assert spans_of(finder(), odds_of(*odds), [0, len(odds)]) == [(0, *span) for span in expected]


def test_no_message_has_more_than_the_most_pains_and_those_are_its_strongest() -> None:
    odds = [part for strength in (1, 4, 2, 3, 5) for part in (strength, strength, -20)]
    assert spans_of(finder(), odds_of(*odds), [0, len(odds)]) == [(0, 3, 5), (0, 9, 11), (0, 12, 14)]
    assert MOST == 3


@pytest.mark.parametrize(("begin", "expected"), [(0.29, [(0, 2), (2, 4)]), (0.31, [(0, 4)])])
def test_a_unit_begins_a_pain_above_the_bound(begin: float, expected: list[tuple[int, int]]) -> None:
    inside, opening = (0.05, 0.05, 0.9), (0.05, 0.3, 0.65)
    tags = np.log(np.array([inside, inside, opening, inside], np.float32))
    assert spans_of(finder(begin=begin), tags, [0, 4]) == [(0, *span) for span in expected]


def test_the_prior_speaks_for_every_unit() -> None:
    odds = odds_of(-0.4, -0.4, -3.0, -0.4)
    assert spans_of(finder(), odds, [0, 4]) == []
    assert spans_of(finder(prior=1.0), odds, [0, 4]) == [(0, 0, 2)]


def test_the_shortest_pain_is_told_and_a_shorter_one_is_not() -> None:
    assert found_in("O" + "B" + "I" * (SHORTEST - 1), "O" + "B" + "I" * (SHORTEST - 2)) == [(0, 1, 1 + SHORTEST)]


def test_spans_are_in_the_order_of_rows_and_starts() -> None:
    assert found_in("OOBI", "OOOO", "BIOOOOBII") == [(0, 2, 4), (2, 0, 2), (2, 6, 9)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("OBI", "IIO"), [(0, 1, 3), (1, 0, 2)]),
        (("BII", "III", "BII"), [(0, 0, 3), (1, 0, 3), (2, 0, 3)]),
        (("OBI", "I", "IIO"), [(0, 1, 3), (2, 0, 2)]),  # of a message of one unit, one unit is left
        (("OOB", "IOO"), []),  # one unit on each side of the border is no span of two
        (("B", "I"), []),
        (("II", "O"), [(0, 0, 2)]),
        (("O", "II"), [(1, 0, 2)]),
    ],
)
def test_a_message_never_runs_into_the_next(rows: tuple[str, ...], expected: list[tuple[int, int, int]]) -> None:
    assert found_in(*rows) == expected


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_a_run_are_read_as_each_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *rng.integers(1, 40, 12)])
    odds = rng.normal(-1.0, 3.0, int(offsets[-1]))
    together = spans_of(finder(), odds_of(*odds), offsets.tolist())
    alone = [
        (row, start, end)
        for row in range(12)
        for _, start, end in spans_of(
            finder(), odds_of(*odds[offsets[row] : offsets[row + 1]]), [0, int(offsets[row + 1] - offsets[row])]
        )
    ]
    assert together == alone
    assert together


def test_no_stretch_of_a_message_adds_up_to_more_than_its_first_choice() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        odds = rng.normal(-0.5, 2.0, 12)
        spans = spans_of(finder(least=1e-6), odds_of(*odds), [0, 12])
        best = max((odds[a:b].sum() for a in range(12) for b in range(a + 2, 13)), default=0.0)
        if spans and best > max(odds):  # else a single unit came first and was too short to tell
            assert max(odds[a:b].sum() for _, a, b in spans) == pytest.approx(best, abs=1e-4)


def test_beginning_and_being_inside_count_together() -> None:
    # Outside is the likeliest of the three with 0.4, but 0.6 say that it is some part of a pain.
    tags = np.log(np.array([[0.4, 0.3, 0.3]] * 3, np.float32))
    assert spans_of(finder(), tags, [0, 3]) == [(0, 0, 3)]


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
    nothing = [[0, 0]] * 3
    states = [[[9, 0], [9, 0], *nothing, [0, 9], [0, 9]], [[0, 9], [0, 9], *nothing, [9, 0], [9, 0]]]
    found = finder().find(run_of("BIOOOBI", "BIOOOBI", states=states), np.array([True, True]))
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
    biased = PainFinder(np.zeros((WIDTH, N_TARGETS), np.float32), bias, prior=0.0, least=1.0, begin=0.5, sure=0.5)
    assert biased.find(run_of("BI"), np.array([True])).target.tolist() == [1]
