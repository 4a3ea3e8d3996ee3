from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.knowledge.search.words import Projector, WordField, WordTable, align
from tests.unit.knowledge.search.made_up import sensible

WORDS = ["退款", "退", "钱", "怎么", "办", "空"]
# The last one has no direction at all, as a word that quantisation has rounded away.
VECTORS = np.array([[90, 80, 0], [80, 90, 10], [70, 100, 0], [-60, 0, 127], [-50, 10, 120], [0, 0, 0]], np.int8)
WEIGHTS = np.array([1.0, 0.5, 0.8, 0.1, 0.2, 0.7], np.float32)


def packed(*words: str) -> np.ndarray:
    return np.frombuffer("\n".join(words).encode(), np.uint8)


TABLE = WordTable(packed(*WORDS), VECTORS, WEIGHTS)


def test_a_word_that_is_not_known_is_read_as_its_characters() -> None:
    assert TABLE.rows(["退款", "退钱", "😀", "款"]) == [0, 1, 2]  # 退钱 is 退 and 钱; 款 alone is not known


@pytest.mark.parametrize(
    ("words", "vectors", "weights"),
    [
        (WORDS[:-1], VECTORS, WEIGHTS),
        (WORDS, VECTORS[:-1], WEIGHTS),
        (WORDS, VECTORS, WEIGHTS[:-1]),
        ([*WORDS[:-1], "退"], VECTORS, WEIGHTS),  # one word twice
    ],
)
def test_arrays_that_do_not_fit_are_refused(words: list[str], vectors: np.ndarray, weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        WordTable(packed(*words), vectors, weights)


def test_vectors_have_unit_length_or_none() -> None:
    lengths = np.linalg.norm(TABLE.vectors(np.arange(6)), axis=1)
    assert lengths == pytest.approx([1, 1, 1, 1, 1, 0], abs=1e-6)


def test_means_are_weighed_and_of_unit_length() -> None:
    field = WordField([[0, 3, 3], [], [5], [2]])
    expected = WEIGHTS[0] * TABLE.vectors(np.array([0]))[0] + 2 * WEIGHTS[3] * TABLE.vectors(np.array([3]))[0]
    means = field.means(TABLE)
    assert means[0] == pytest.approx(expected / np.linalg.norm(expected), rel=1e-5)
    assert means[1:3].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert means[3] == pytest.approx(TABLE.vectors(np.array([2]))[0], rel=1e-5)


documents = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=6)


@given(documents, st.integers(1, 7))
def test_means_do_not_depend_on_the_blocks(rows: list[list[int]], block: int) -> None:
    field = WordField(rows)
    assert field.means(TABLE, block=block) == pytest.approx(field.means(TABLE), abs=1e-6)


@given(documents, st.lists(st.integers(0, 4), min_size=1, max_size=3), st.data())
def test_aligns_as_a_plain_loop_does(rows: list[list[int]], asked: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5))
    question = TABLE.vectors(np.array(asked))
    (found,) = align(TABLE, question, [(WordField(rows), np.array(chosen, np.intp))])
    assert (found.forth.shape, found.back.shape) == ((len(chosen), len(asked)), (len(chosen),))
    for place, document in enumerate(chosen):
        words = rows[document]
        cosines = [[float(TABLE.vectors(np.array([word]))[0] @ vector) for vector in question] for word in words]
        forth = [max((row[i] for row in cosines), default=0.0) for i in range(len(asked))]
        total = sum(float(WEIGHTS[word]) for word in words)
        weighed = sum(max(row) * float(WEIGHTS[word]) for row, word in zip(cosines, words, strict=True))
        assert found.forth[place] == pytest.approx(forth, abs=1e-5)
        assert found.back[place] == pytest.approx(weighed / total if words else 0.0, abs=1e-5)


def test_words_that_are_used_alike_lie_close() -> None:
    table = sensible().table
    near, refund, weather = table.vectors(np.array(table.rows(["退款", "退货", "天气"])))
    assert near @ refund > near @ weather


def test_the_shipped_words_are_those_of_the_segmenter() -> None:
    (rows,) = sensible().words(["怎么退款？😀 "])
    assert rows == sensible().table.rows(["怎么", "退款"])
    assert len(rows) == 2


def projector(**changes: np.ndarray) -> Projector:
    """From three columns by two hidden ones to four."""
    rng = np.random.default_rng(0)
    shapes = {"skip": (3, 4), "inner": (3, 2), "inner_bias": 2, "outer": (2, 4), "outer_bias": 4}
    return Projector(**{name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()} | changes)


def test_projects_to_unit_length_and_nothing_to_nothing() -> None:
    means = np.array([[1, 0, 0], [0, 0, 0], [0.6, 0.8, 0]], np.float32)
    found = projector().project(means)
    assert found.shape == (3, 4)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 0, 1], abs=1e-6)
    assert projector().project(means, block=2) == pytest.approx(found, abs=1e-6)
    assert projector().project(means[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "shape"), [("inner", (3, 3)), ("inner_bias", 3), ("outer", (3, 4)), ("outer_bias", 3)]
)
def test_a_projector_whose_arrays_do_not_fit_is_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        projector(**{name: np.zeros(shape, np.float32)})
