"""Vectors nearest to another one, by FAISS: exact for few, approximate for many, with the recall measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

EXACT_UP_TO = 100_000
"""Vectors up to which every one is compared; 100,000 of 96 columns take 3 ms a question."""

WANTED_RECALL = 0.97
"""Share of the exact ten nearest that an approximate index must find on a sample of its own vectors."""

MORE = 3
"""How many times as many as are wanted an approximate index gives, since its vectors of 8 bits confuse neighbours; the
vectors themselves then tell which are the nearest."""

# A search of one question is done before threads have woken, and those of several searches fight for the cores.
faiss.omp_set_num_threads(1)

_SAMPLE = 500
_BLOCK = 100_000  # vectors that are held in 32 bits at once
_SAME = 1e-6  # cosines in 32 bits that differ by less are of the same words
_SEED = 7

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]
Rows = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


class Nearest:
    """An index over vectors of unit length.

    Args:
        vectors: In 32 or 16 bits, (n, dim); zero rows are found by nothing.

    Attributes:
        recall: Recall of the ten nearest against exact search, measured on a sample; 1 where the search is exact.
    """

    def __init__(self, vectors: Rows) -> None:
        self._n, dim = vectors.shape
        self._vectors = vectors
        self._more = 1
        self.recall = 1.0
        filled: Mask = np.asarray(vectors.any(1), np.bool_)
        self._filled: Mask | None = None if filled.all() else filled
        if self._n <= EXACT_UP_TO:
            self._index: faiss.Index = faiss.IndexFlatIP(dim)
            self._index.add(np.ascontiguousarray(vectors, np.float32))
        else:
            self._index = self._approximate(vectors)

    def best(self, vector: Floats, n: int, allowed: Mask | None = None) -> Index:
        """Indices of the `n` nearest at the most, the nearest first, only of those that are `allowed`; (<= n,)."""
        return self.best_of(vector[None], n, [allowed])[0]

    def best_of(self, vectors: Floats, n: int, allowed: Sequence[Mask | None]) -> list[Index]:
        """As `best` for several vectors, (n_vectors, dim), each with a mask of its own."""
        if all(mask is allowed[0] for mask in allowed):
            return self._search(vectors, n, allowed[0])
        return [self._search(vector[None], n, mask)[0] for vector, mask in zip(vectors, allowed, strict=True)]

    def _search(self, vectors: Floats, n: int, allowed: Mask | None) -> list[Index]:
        nothing = np.zeros(0, np.intp)
        if not self._n:
            return [nothing] * len(vectors)
        mask = allowed
        if self._filled is not None:
            mask = self._filled if allowed is None else np.asarray(allowed & self._filled, np.bool_)
        wanted = min(self._more * n, self._n)
        _, rows = self._index.search(np.ascontiguousarray(vectors), wanted, params=self._only(mask))
        found = [np.asarray(each[each >= 0], np.intp) for each in rows]
        if self._more > 1:
            asked = zip(found, vectors, strict=True)
            found = [each[self._nearest(each[None], vector[None], n)[0]] for each, vector in asked]
        return [each if vector.any() else nothing for each, vector in zip(found, vectors, strict=True)]

    def _nearest(self, found: Index, asked: Floats, n: int) -> Index:
        """Columns of the `n` nearest of some that were found for each, by their own vectors, the nearest first."""
        similarities = np.einsum("skd,sd->sk", self._vectors[found].astype(np.float32), asked)
        similarities[found < 0] = -np.inf
        return np.argsort(-similarities, axis=1, kind="stable")[:, :n]

    def _only(self, mask: Mask | None) -> Any:
        """What keeps the search to the vectors of a mask; to look at more and drop some would find too few."""
        if mask is None:
            return None
        library: Any = faiss  # its stubs do not know the constructors that it gives itself when it is imported
        chosen = library.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        if isinstance(self._index, faiss.IndexIVF):
            return library.SearchParametersIVF(sel=chosen, nprobe=self._index.nprobe)
        return library.SearchParameters(sel=chosen)

    def _approximate(self, vectors: Rows) -> faiss.Index:
        """Inverted lists of 8-bit vectors; as many lists are looked at as the wanted recall takes."""
        n, dim = vectors.shape
        lists = int(4 * np.sqrt(n))
        self._more = MORE
        quantiser = faiss.IndexFlatIP(dim)
        index = faiss.IndexIVFScalarQuantizer(
            quantiser, dim, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        rng = np.random.default_rng(_SEED)
        # FAISS wants some forty vectors a list to learn from.
        index.train(vectors[rng.choice(n, min(n, 40 * lists), replace=False)].astype(np.float32))
        for first in range(0, n, _BLOCK):
            index.add(vectors[first : first + _BLOCK].astype(np.float32))
        known = np.flatnonzero(vectors.any(1))
        asked = vectors[rng.choice(known, min(len(known), _SAMPLE), replace=False)].astype(np.float32)
        least = _tenth(vectors, asked)
        for probes in (8, 16, 32, 64, 128, 256):
            index.nprobe = probes
            _, found = index.search(asked, 10 * MORE)
            found = np.take_along_axis(found, self._nearest(found, asked, 10), 1)
            similarities = np.einsum("skd,sd->sk", vectors[found].astype(np.float32), asked)
            # Of texts that are alike, any ten are the nearest ones; -1 stands where fewer were found.
            hits = (similarities >= least[:, None] - _SAME) & (found >= 0)
            self.recall = float(hits.mean()) if len(asked) else 1.0
            if self.recall >= WANTED_RECALL:
                break
        return index


def _tenth(vectors: Rows, asked: Floats) -> Floats:
    """Similarity of the tenth nearest of each by exact search; (n_asked,)."""
    nearest = np.full((len(asked), 10), -np.inf, np.float32)
    for first in range(0, len(vectors), _BLOCK):
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors[first : first + _BLOCK].astype(np.float32))
        both = np.concatenate((nearest, flat.search(asked, 10)[0]), 1)
        nearest = -np.partition(-both, 9, axis=1)[:, :10]
    return np.asarray(nearest.min(1), np.float32)
