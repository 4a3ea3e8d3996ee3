"""Vectors nearest to another one, by FAISS: exact for few, approximate for many, with the recall measured."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

EXACT_UP_TO = 100_000
"""Vectors up to which every one is compared; 100,000 of 96 columns take 3 ms a question."""

WANTED_RECALL = 0.97
"""Share of the exact ten nearest that an approximate index must find on a sample of its own vectors."""

# A search of one question is done before threads have woken, and those of several searches fight for the cores.
faiss.omp_set_num_threads(1)

_SAMPLE = 500
_SAME = 1e-6  # cosines in 32 bits that differ by less are of the same words
_SEED = 7

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


class Nearest:
    """An index over vectors of unit length.

    Args:
        vectors: (n, dim); zero rows are found by nothing.

    Attributes:
        recall: Recall of the ten nearest against exact search, measured on a sample; 1 where the search is exact.
    """

    def __init__(self, vectors: Floats) -> None:
        self._n, dim = vectors.shape
        self.recall = 1.0
        filled: Mask = np.asarray(vectors.any(1), np.bool_)
        self._filled: Mask | None = None if filled.all() else filled
        if self._n <= EXACT_UP_TO:
            self._index: faiss.Index = faiss.IndexFlatIP(dim)
            self._index.add(np.ascontiguousarray(vectors))
        else:
            self._index = self._approximate(vectors)

    def best(self, vector: Floats, n: int, allowed: Mask | None = None) -> Index:
        """Indices of the `n` nearest at the most, the nearest first, only of those that are `allowed`; (<= n,)."""
        if not self._n or not vector.any():
            return np.zeros(0, np.intp)
        mask = allowed
        if self._filled is not None:
            mask = self._filled if allowed is None else np.asarray(allowed & self._filled, np.bool_)
        _, rows = self._index.search(np.ascontiguousarray(vector[None]), min(n, self._n), params=self._only(mask))
        return np.asarray(rows[0][rows[0] >= 0], np.intp)

    def _only(self, mask: Mask | None) -> Any:
        """What keeps the search to the vectors of a mask; to look at more and drop some would find too few."""
        if mask is None:
            return None
        library: Any = faiss  # its stubs do not know the constructors that it gives itself when it is imported
        chosen = library.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        if isinstance(self._index, faiss.IndexIVF):
            return library.SearchParametersIVF(sel=chosen, nprobe=self._index.nprobe)
        return library.SearchParameters(sel=chosen)

    def _approximate(self, vectors: Floats) -> faiss.Index:
        """Inverted lists of 8-bit vectors; as many lists are looked at as the wanted recall takes."""
        n, dim = vectors.shape
        lists = int(4 * np.sqrt(n))
        quantiser = faiss.IndexFlatIP(dim)
        index = faiss.IndexIVFScalarQuantizer(
            quantiser, dim, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        rng = np.random.default_rng(_SEED)
        # FAISS wants some forty vectors a list to learn from.
        index.train(vectors[rng.choice(n, min(n, 40 * lists), replace=False)])
        index.add(vectors)
        known = np.flatnonzero(vectors.any(1))
        asked = vectors[rng.choice(known, min(len(known), _SAMPLE), replace=False)]
        least = _tenth(vectors, asked)
        for probes in (8, 16, 32, 64, 128, 256):
            index.nprobe = probes
            _, found = index.search(asked, 10)
            similarities = np.einsum("skd,sd->sk", vectors[found], asked)
            # Of texts that are alike, any ten are the nearest ones; -1 stands where fewer were found.
            hits = (similarities >= least[:, None] - _SAME) & (found >= 0)
            self.recall = float(hits.mean()) if len(asked) else 1.0
            if self.recall >= WANTED_RECALL:
                break
        return index


def _tenth(vectors: Floats, asked: Floats) -> Floats:
    """Similarity of the tenth nearest of each by exact search; (n_asked,)."""
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    return np.asarray(flat.search(asked, 10)[0][:, -1], np.float32)
