from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.explain import TOP, Drivers, Explainer, Question
from nlp_service.inference.heads import N_OUTPUTS, Calibration
from nlp_service.inference.ngrams import Known, LinearPart, grams
from nlp_service.text.normalise import normalise_batch

COLUMN, OTHER_COLUMN = 7, 11
"""Outputs that the directions 0 and 1 ask about; direction 2 asks for the first less the second."""


def directions() -> np.ndarray:
    rows = np.zeros((3, N_OUTPUTS), np.float32)
    rows[0, COLUMN] = rows[1, OTHER_COLUMN] = rows[2, COLUMN] = 1.0
    rows[2, OTHER_COLUMN] = -1.0
    return rows


def calibration(*, encoder: float = 1.0, linear: float = 1.0) -> Calibration:
    ones = np.ones(N_OUTPUTS, np.float32)
    return Calibration(encoder * ones, linear * ones, 0 * ones)


def linear_part(weights: Mapping[int, Mapping[int, float]]) -> LinearPart:
    """Features of equal rarity: for each key its weight on some outputs; a step is worth 1."""
    keys = sorted(weights)
    table = np.zeros((len(keys), N_OUTPUTS), np.int8)
    for i, key in enumerate(keys):
        for column, weight in weights[key].items():
            table[i, column] = weight
    ones = np.ones(N_OUTPUTS, np.float32)
    return LinearPart(np.array(keys, np.uint32), np.ones(len(keys), np.float32), table, ones, 0 * ones)


NO_FEATURES = linear_part({0: {}})
NONE_KNOWN = Known(
    np.zeros(0, np.intp), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.int32)
)


HEADS = np.eye(N_OUTPUTS, dtype=np.float32)
"""Heads that take each feature of a vector for the output of the same number."""


def run_of(moves: Sequence[Sequence[float]], *, first: int = 0) -> Encoded:
    """A run in which every unit of a message moves `COLUMN` by the number given."""
    n, offsets = len(moves), np.cumsum([0, *map(len, moves)])
    weighed = np.zeros((offsets[-1], N_OUTPUTS), np.float32)
    weighed[:, COLUMN] = np.concatenate(moves)
    of_messages, of_units = np.zeros((n, N_OUTPUTS), np.float32), np.zeros((offsets[-1], N_OUTPUTS), np.float32)
    return Encoded(
        first=first,
        offsets=offsets,
        logits=of_messages,
        vectors=of_messages,
        embeddings=of_messages,
        weighed=weighed,
        tags=of_units[:, :3],
        states=of_units,
    )


def told(drivers: Drivers) -> list[tuple[int, int, int]]:
    return list(zip(*(part.tolist() for part in drivers), strict=True))


def spans_of(moves: Sequence[float]) -> list[tuple[int, int]]:
    """What drove one message, by the encoder alone."""
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    return [(start, end) for _, start, end in told(explainer.drivers(run_of([moves]), NONE_KNOWN, [Question(0, 0)]))]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([0, 5, 0, 0], [(1, 2)]),
        ([5, 5, 5], [(0, 3)]),
        ([5, 0, 0, 5], [(0, 1), (3, 4)]),  # of equals the first comes first
        ([3, 0, 9, 0, 5], [(2, 3), (4, 5), (0, 1)]),  # strongest first
        ([2, 2, 0, 3], [(0, 2), (3, 4)]),  # a span is as strong as its units together
        ([5, 0, 6, 0, 7, 0, 8, 0, 9], [(8, 9), (6, 7), (4, 5)]),  # no more than three
        ([10, 0, 3.01, 0, 2.99], [(0, 1), (2, 3)]),  # the weakest has 0.3 of the strongest unit
        ([10, 2.99, 10], [(0, 1), (2, 3)]),  # which also parts neighbours
        ([10, 10, 10, 0, 2.99], [(0, 3)]),  # of the strongest unit, not of the strongest span
        ([10, 10, 10, 0, 3.01], [(0, 3), (4, 5)]),
        ([-9, 1, -9], [(1, 2)]),  # what speaks against it is no proof for it, however strong
        ([-9, -1, -9], []),
        ([0, 0, 0], []),
    ],
)
def test_spans_are_the_strongest_first(moves: list[float], expected: list[tuple[int, int]]) -> None:
    assert spans_of(moves) == expected


def test_a_message_of_many_separate_units_gets_the_top_ones_only() -> None:
    moves = [float(i % 2 * (i + 100)) for i in range(60)]
    assert spans_of(moves) == [(59, 60), (57, 58), (55, 56)]
    assert TOP == 3


def test_nothing_asked_is_nothing_told() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    drivers = explainer.drivers(run_of([[1, 2, 3]]), NONE_KNOWN, [])
    assert [part.dtype for part in drivers] == [np.dtype(np.intp)] * 3
    assert told(drivers) == []


def test_units_of_other_messages_do_not_count() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    run = run_of([[1, 1, 1, 1], [0, 2], [9, 9, 9], [0]])
    drivers = explainer.drivers(run, NONE_KNOWN, [Question(row, 0) for row in (0, 1, 3)])
    assert told(drivers) == [(0, 0, 4), (1, 1, 2)]


def test_a_span_ends_with_its_message() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    drivers = explainer.drivers(run_of([[0, 5], [5, 0], [5]]), NONE_KNOWN, [Question(row, 0) for row in range(3)])
    assert told(drivers) == [(0, 1, 2), (1, 0, 1), (2, 0, 1)]


def test_two_answers_about_one_message_are_not_joined() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    run = run_of([[5, 5]])
    run.weighed[:, OTHER_COLUMN] = 5.0
    asked = [Question(0, 0), Question(0, 1)]
    assert told(explainer.drivers(run, NONE_KNOWN, asked)) == [(0, 0, 2), (1, 0, 2)]


def test_each_question_is_answered_by_itself_in_the_order_asked() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    run = run_of([[4, 0, 1], [0, 7]])
    run.weighed[1, OTHER_COLUMN] = 2.0
    asked = [Question(1, 0), Question(0, 1), Question(0, 0), Question(1, 1)]
    assert told(explainer.drivers(run, NONE_KNOWN, asked)) == [(0, 1, 2), (1, 1, 2), (2, 0, 1)]


def test_a_direction_weighs_the_columns_against_each_other() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(), directions())
    run = run_of([[5, 0, 5]])
    run.weighed[:, OTHER_COLUMN] = (4.9, 0, -1)  # leaves 0.1, 0 and 6
    assert told(explainer.drivers(run, NONE_KNOWN, [Question(0, 2)])) == [(0, 2, 3)]


def test_heads_say_what_a_unit_adds_to_a_label() -> None:
    heads = np.zeros((N_OUTPUTS, N_OUTPUTS), np.float32)
    heads[COLUMN, OTHER_COLUMN] = -2.0
    explainer = Explainer(heads, NO_FEATURES, calibration(), directions())
    asked = [Question(0, 0), Question(0, 1)]
    assert told(explainer.drivers(run_of([[5, -2, 0]]), NONE_KNOWN, asked)) == [(1, 1, 2)]


def test_calibration_says_which_way_the_encoder_counts() -> None:
    explainer = Explainer(HEADS, NO_FEATURES, calibration(encoder=-1.0), directions())
    assert told(explainer.drivers(run_of([[5, -2, 0]]), NONE_KNOWN, [Question(0, 0)])) == [(0, 1, 2)]


def key_of(piece: str, text: str) -> int:
    """Key of the feature that `piece` is, ``<`` and ``>`` being the marks around a text."""
    found = grams(normalise_batch([text]))
    start = f"<{text}>".index(piece) - 1
    (key,) = found.keys[(found.start == start) & (found.length == len(piece))]
    return int(key)


def drivers_of(
    texts: Sequence[str],
    weights: Mapping[int, Mapping[int, float]],
    *,
    moves: Sequence[float] = (),
    run: slice = slice(None),
    rows: Sequence[int] | None = None,
    factor: float = 1.0,
) -> list[tuple[int, int, int]]:
    """What drove direction 0 of rows of a run, by the linear part and what the encoder adds to the first message."""
    part = linear_part(weights)
    known = part.find(grams(normalise_batch(texts)), len(texts))
    numbers = range(len(texts))[run]
    table = [[0.0] * len(texts[number]) for number in numbers]
    table[0][: len(moves)] = moves
    explainer = Explainer(HEADS, part, calibration(linear=factor), directions())
    asked = [Question(row, 0) for row in (range(len(table)) if rows is None else rows)]
    return told(explainer.drivers(run_of(table, first=numbers[0]), known, asked))


TEXT = "退款真的很慢"


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("退", (0, 1)),
        ("退款", (0, 2)),
        ("款真的很", (1, 5)),
        ("慢", (5, 6)),
        ("<退", (0, 1)),  # the marks around a text are no units of it
        ("<退款真", (0, 3)),
        ("很慢>", (4, 6)),
        ("慢>", (5, 6)),
    ],
)
def test_a_feature_of_the_linear_part_speaks_for_the_units_that_it_covers(
    piece: str, expected: tuple[int, int]
) -> None:
    assert drivers_of([TEXT], {key_of(piece, TEXT): {COLUMN: 100}}) == [(0, *expected)]


def test_the_marks_around_a_text_are_no_units_of_its_neighbours() -> None:
    texts = ["慢", "退款", "慢"]
    weights = {key_of("<退款", "退款"): {COLUMN: 100}, key_of("退款>", "退款"): {COLUMN: 100}}
    assert drivers_of(texts, weights) == [(1, 0, 2)]


@pytest.mark.parametrize(
    ("piece", "peak", "is_told"),
    [
        # The feature adds 12 in all; a unit of it is told from 0.3 of the peak.
        ("退", 39.0, True),
        ("退", 41.0, False),
        ("退款", 19.5, True),
        ("退款", 20.5, False),
        ("退款真的", 9.75, True),
        ("退款真的", 10.25, False),
    ],
)
def test_a_feature_is_shared_out_in_equal_parts(piece: str, peak: float, is_told: bool) -> None:
    moves = [0, 0, 0, 0, 0, peak]
    found = drivers_of([TEXT], {key_of(piece, TEXT): {COLUMN: 12}}, moves=moves)
    assert ((0, 0, len(piece)) in found) is is_told
    assert (0, 5, 6) in found


def test_both_parts_add_up() -> None:
    # Alone, 2 of the encoder would be too little beside 10; with 8 of the linear part both are as strong.
    moves = [10, 0, 0, 0, 0, 2]
    assert drivers_of([TEXT], {key_of("慢", TEXT): {COLUMN: 8}}, moves=moves) == [(0, 0, 1), (0, 5, 6)]
    assert drivers_of([TEXT], {key_of("慢", TEXT): {COLUMN: -3}}, moves=moves) == [(0, 0, 1)]


def test_calibration_says_which_way_the_linear_part_counts() -> None:
    weights = {key_of("退款", TEXT): {COLUMN: 100}, key_of("很慢", TEXT): {COLUMN: -100}}
    assert drivers_of([TEXT], weights) == [(0, 0, 2)]
    assert drivers_of([TEXT], weights, factor=-1.0) == [(0, 4, 6)]
    assert drivers_of([TEXT], weights, factor=0.0) == []


def test_a_feature_of_another_output_is_no_proof() -> None:
    assert drivers_of([TEXT], {key_of("退款", TEXT): {OTHER_COLUMN: 100}}) == []


def test_features_are_those_of_the_message_whatever_the_order_of_the_questions() -> None:
    texts = ["很慢很慢", "退款", "我要退款", "好"]
    weights = {key_of("退款", "退款"): {COLUMN: 100}, key_of("很慢", "很慢"): {COLUMN: 100}}
    assert drivers_of(texts, weights, rows=[2, 0, 3, 1]) == [(0, 2, 4), (1, 0, 2), (3, 0, 2)]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (slice(0, 1), [(0, 0, 2)]),
        (slice(1, 3), [(1, 1, 3)]),
        (slice(2, 4), [(0, 1, 3), (1, 2, 4)]),
        (slice(4, 5), []),
    ],
)
def test_a_run_of_some_messages_leaves_the_features_of_the_others(
    run: slice, expected: list[tuple[int, int, int]]
) -> None:
    texts = ["退款慢", "好", "慢退款", "太慢退款", "慢"]
    assert drivers_of(texts, {key_of("退款", "退款"): {COLUMN: 100}}, run=run) == expected
