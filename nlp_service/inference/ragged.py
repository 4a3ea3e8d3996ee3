"""Rows of different lengths, one behind the other in flat arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]


def positions(starts: npt.NDArray[np.integer], sizes: npt.NDArray[np.integer]) -> tuple[Index, Index]:
    """Row and position of each item of ``starts[i] : starts[i] + sizes[i]``, row by row; (sum of sizes,) each."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    begins = np.cumsum(sizes) - sizes
    return row, np.arange(len(row)) + (starts - begins)[row]
