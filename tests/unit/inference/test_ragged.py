from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.inference.ragged import positions


def said(starts: list[int], sizes: list[int]) -> list[tuple[int, int]]:
    row, position = positions(np.array(starts, np.int64), np.array(sizes, np.int64))
    return list(zip(row.tolist(), position.tolist(), strict=True))


@pytest.mark.parametrize(
    ("starts", "sizes", "expected"),
    [
        ([3], [2], [(0, 3), (0, 4)]),
        ([0, 2], [2, 1], [(0, 0), (0, 1), (1, 2)]),
        ([7, 0, 7], [1, 2, 1], [(0, 7), (1, 0), (1, 1), (2, 7)]),  # in any order, and one twice
        ([5, 5, 6, 0], [0, 1, 0, 0], [(1, 5)]),  # an empty row has no items
        ([4, 4], [0, 0], []),
        ([], [], []),
    ],
)
def test_rows_are_told_item_by_item(starts: list[int], sizes: list[int], expected: list[tuple[int, int]]) -> None:
    assert said(starts, sizes) == expected


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=8))
def test_any_rows_are_those_of_ranges(rows: list[tuple[int, int]]) -> None:
    expected = [(i, item) for i, (start, size) in enumerate(rows) for item in range(start, start + size)]
    assert said([start for start, _ in rows], [size for _, size in rows]) == expected


def test_what_comes_back_can_index_an_array() -> None:
    for starts in ([], [1]):
        row, position = positions(np.array(starts, np.int32), np.array(starts, np.int32))
        assert (row.dtype, position.dtype) == (np.dtype(np.intp), np.dtype(np.intp))
