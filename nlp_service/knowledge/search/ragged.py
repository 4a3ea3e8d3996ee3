"""Rows of different length, one behind the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]


def gather(offsets: Index, rows: npt.NDArray[np.integer]) -> tuple[Index, Index]:
    """Places of the elements of some rows, and where each of these rows begins among them.

    Args:
        offsets: Row ``i`` has the elements ``offsets[i]:offsets[i + 1]``.
        rows: Which rows, in any order, also several times.

    Returns:
        The places, (n,), and offsets into them, (n_rows + 1,).
    """
    lengths = offsets[rows + 1] - offsets[rows]
    begins = np.zeros(len(lengths) + 1, np.intp)
    np.cumsum(lengths, out=begins[1:])
    return np.arange(begins[-1]) + np.repeat(offsets[rows] - begins[:-1], lengths), begins


def distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The different values, ascending; a third of the time of `np.unique` for the short arrays of a search."""
    ordered = np.sort(values)
    return ordered[_firsts(ordered)]


def tally(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Index]:
    """The different values, ascending, and how often each is there."""
    ordered = np.sort(values)
    places = np.flatnonzero(_firsts(ordered))
    return ordered[places], np.diff(places, append=len(ordered))


def _firsts(ordered: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return is_first
