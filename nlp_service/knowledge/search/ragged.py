"""Rows of different length, one behind the other."""

from __future__ import annotations

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
    ends = np.cumsum(lengths)
    begins = np.concatenate(([0], ends))
    n = int(begins[-1])
    return np.arange(n) + np.repeat(offsets[rows] - begins[:-1], lengths), begins.astype(np.intp)
