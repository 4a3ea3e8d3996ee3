from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.knowledge.search.ragged import gather


@st.composite
def ragged(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Lengths of rows, empty ones among them, and numbers of rows, some of them twice."""
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=8))
    return lengths, draw(st.lists(st.integers(0, len(lengths) - 1), max_size=10))


@given(ragged())
def test_gathers_what_a_plain_loop_does(given_rows: tuple[list[int], list[int]]) -> None:
    lengths, rows = given_rows
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.intp)
    places, begins = gather(offsets, np.array(rows, np.intp))
    expected = [list(range(offsets[row], offsets[row + 1])) for row in rows]
    assert places.tolist() == [place for row in expected for place in row]
    assert [places[a:b].tolist() for a, b in itertools.pairwise(begins.tolist())] == expected


def test_of_no_rows_there_is_nothing() -> None:
    places, begins = gather(np.zeros(1, np.intp), np.zeros(0, np.intp))
    assert (places.tolist(), begins.tolist()) == ([], [0])
