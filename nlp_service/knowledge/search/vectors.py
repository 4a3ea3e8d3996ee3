"""Vectors of documents, held or made again when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class Vectors(Protocol):
    """Vectors of documents, of unit length or zero."""

    def of(self, documents: Index) -> Floats:
        """Those of some documents; (n, n_columns)."""
        ...


class HeldVectors:
    """Vectors of every document.

    Args:
        rows: In 32 or 16 bits; (n_documents, n_columns).
    """

    def __init__(self, rows: npt.NDArray[np.floating]) -> None:
        self.rows = rows

    def of(self, documents: Index) -> Floats:
        """Those of some documents; (n, n_columns)."""
        return np.asarray(self.rows.take(documents, axis=0), np.float32)


class ReadVectors:
    """Vectors of documents that are read again each time.

    Args:
        read: Gives the vectors of some documents.
    """

    def __init__(self, read: Callable[[Index], Floats]) -> None:
        self._read = read

    def of(self, documents: Index) -> Floats:
        """Those of some documents; (n, n_columns)."""
        return self._read(documents)
