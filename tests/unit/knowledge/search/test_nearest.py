from __future__ import annotations

import numpy as np
import pytest

from nlp_service.knowledge.search import nearest
from nlp_service.knowledge.search.nearest import WANTED_RECALL, Nearest

DIM = 32


def clouds(n: int, *, seed: int = 0) -> nearest.Floats:
    """Unit vectors around some centres, as the wordings of a base lie around its subjects."""
    centres = np.random.default_rng(5).normal(size=(40, DIM))
    rng = np.random.default_rng(seed)
    vectors = centres[rng.integers(40, size=n)] + 0.6 * rng.normal(size=(n, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def exactly(vectors: nearest.Floats, vector: nearest.Floats, n: int) -> list[int]:
    return np.argsort(-(vectors @ vector), kind="stable")[:n].tolist()


@pytest.fixture
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "EXACT_UP_TO", 1000)


def test_few_are_compared_one_by_one() -> None:
    vectors = clouds(500)
    index = Nearest(vectors)
    assert index.recall == 1.0
    for asked in clouds(20, seed=1):
        assert index.best(asked, 10).tolist() == exactly(vectors, asked, 10)


@pytest.mark.usefixtures("_few_are_many")
def test_of_many_nearly_all_of_the_nearest_are_found() -> None:
    vectors = clouds(4000)
    index = Nearest(vectors)
    asked = clouds(200, seed=1)
    hits = [len({*index.best(each, 10).tolist()} & {*exactly(vectors, each, 10)}) for each in asked]
    assert np.mean(hits) / 10 >= 0.95
    assert index.recall >= WANTED_RECALL


@pytest.mark.usefixtures("_few_are_many")
def test_texts_that_say_the_same_do_not_lower_the_recall() -> None:
    # 80 different vectors, each fifty times: which ten of the fifty come back is all the same.
    index = Nearest(np.repeat(clouds(80), 50, axis=0))
    assert index.recall >= WANTED_RECALL


@pytest.mark.usefixtures("_few_are_many")
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_texts_without_words_do_not_lower_the_recall(share: float) -> None:
    vectors = clouds(2000)
    vectors[: int(2000 * share)] = 0
    index = Nearest(vectors)
    assert index.recall >= WANTED_RECALL
    assert set(index.best(clouds(1, seed=1)[0], 10).tolist()).isdisjoint(range(int(2000 * share)))


@pytest.mark.usefixtures("_few_are_many")
@pytest.mark.parametrize("n", [900, 2000])  # compared one by one, and not
def test_the_few_that_are_allowed_are_found_among_many(n: int) -> None:
    vectors = clouds(n)
    index = Nearest(vectors)
    asked = clouds(1, seed=1)[0]
    # The farthest of all: whoever takes the nearest and drops those that are not allowed is left with none.
    allowed = np.zeros(n, np.bool_)
    allowed[exactly(-vectors, asked, 5)] = True
    found = index.best(asked, 3, allowed).tolist()
    assert allowed[found].all()
    if n <= 1000:
        assert found == [row for row in exactly(vectors, asked, n) if allowed[row]][:3]


@pytest.mark.parametrize("n", [1, 7, 8, 9])  # a mask is packed into bytes
def test_masks_hold_at_their_ends(n: int) -> None:
    vectors = clouds(n)
    allowed = np.zeros(n, np.bool_)
    assert Nearest(vectors).best(vectors[0], n, allowed).tolist() == []
    allowed[-1] = True
    assert Nearest(vectors).best(vectors[0], n, allowed).tolist() == [n - 1]


def test_a_vector_without_direction_finds_nothing_and_is_found_by_nothing() -> None:
    vectors = clouds(5)
    vectors[2] = 0
    index = Nearest(vectors)
    assert index.best(np.zeros(DIM, np.float32), 3).tolist() == []
    assert sorted(index.best(vectors[0], 5).tolist()) == [0, 1, 3, 4]
    assert sorted(index.best(vectors[0], 5, np.array([1, 1, 1, 0, 0], np.bool_)).tolist()) == [0, 1]


def test_nothing_is_found_among_nothing() -> None:
    assert Nearest(np.zeros((0, DIM), np.float32)).best(clouds(1)[0], 3).tolist() == []
