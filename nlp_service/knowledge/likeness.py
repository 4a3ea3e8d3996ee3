"""How alike two wordings are in their characters, for what the weak encodings of short questions cannot tell alone."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.entries import fold

Floats = npt.NDArray[np.float32]

N_COLUMNS = 384
"""Columns of `spell`. The noise of hashing is 1 / sqrt(384) = 0.05, a third of what wordings of a question share."""

# Not between digits: "3.5" is not "35".
_LOOSE = re.compile(r"(?<!\d)\W+|\W+(?!\d)")


def keys(wordings: Sequence[str]) -> list[str]:
    """Normalise each wording and leave out blanks and punctuation: those with one key are the same question.

    Empty only for a wording of which normalisation leaves nothing; one of mere punctuation is its own key.
    """
    return [_LOOSE.sub("", folded) or folded for folded in fold(wordings)]


def pairs(key: str) -> frozenset[str]:
    """Pairs of neighbouring characters; the character itself of a key of one."""
    return frozenset(key[i : i + 2] for i in range(max(1, len(key) - 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of their pairs that two wordings have in common, in [0, 1]."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def spell(texts: Sequence[str]) -> Floats:
    """Characters and pairs of characters of each key as a vector of unit length; (n, `N_COLUMNS`).

    The rarer among `texts`, the more one counts (inverse document frequency), so that "怎么" is no likeness. Signed
    hashing keeps the columns few; sums are taken in the order of code points, so that equal texts give equal bits.
    """
    grams = [sorted({*text, *pairs(text)}) for text in texts]
    frequency = Counter(gram for some in grams for gram in some)
    digests = {gram: zlib.crc32(gram.encode("utf-8", "surrogatepass")) for gram in frequency}
    flat = [gram for some in grams for gram in some]
    hashed = np.array([digests[gram] for gram in flat], np.int64)
    weights = np.log1p(len(texts) / np.array([frequency[gram] for gram in flat], np.float64))
    rows = np.repeat(np.arange(len(texts)), [len(some) for some in grams])
    cells = rows * N_COLUMNS + hashed % N_COLUMNS
    signed = np.where(hashed >> 31, weights, -weights)
    sums = np.bincount(cells, signed, len(texts) * N_COLUMNS).reshape(len(texts), N_COLUMNS)
    result = sums.astype(np.float32)
    result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-9)
    return result
