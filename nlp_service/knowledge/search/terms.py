"""Documents as weighed terms, and BM25 over them.

A `TermField` holds one kind of text of every document (its wording, its answer ...) by document, so that a feature of
a few candidates costs nothing for the others; `Postings` holds the same weights by term, so that a question finds its
documents. The weights are those of Lucene's BM25 (Robertson and Zaragoza 2009; Kamphuis et al. 2020) times K1 + 1, so
that a term that stands once in a document of the usual length weighs as much as it is rare.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.ragged import gather, tally
from nlp_service.text.normalise import Batch

K1, B = 1.5, 0.75
"""Saturation of a repeated term and weight of a document's length, as Lucene and bm25s have them."""

Keys = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_MIX = np.uint64(0x9E3779B97F4A7C15)


class Wanted(NamedTuple):
    """Different terms of a question, ascending, and how often it has each: a long message repeats what it is about."""

    keys: Keys
    counts: Floats


class Terms(NamedTuple):
    """Terms of texts, one text behind the other: ``keys[offsets[i]:offsets[i + 1]]`` are those of text ``i``."""

    keys: Keys
    offsets: Index

    def of(self, text: int) -> Wanted:
        """Terms of one text."""
        keys, counts = tally(self.keys[self.offsets[text] : self.offsets[text + 1]])
        return Wanted(keys, counts.astype(np.float32))


def grams(batch: Batch) -> Terms:
    """Every unit and every pair of neighbours that is no white space."""
    units = batch.units.astype(np.uint64)
    return _runs(units, batch.offsets, units != 32, (1, 2))


def sounds(batch: Batch, syllables: npt.NDArray[np.uint16]) -> Terms:
    """Pairs and triples of neighbouring syllables, so that a word written by its sound is found.

    Args:
        batch: The texts.
        syllables: Code of the syllable of each code point from 0 on, 0 where it has none; shape (n,).
    """
    inside = batch.units < len(syllables)
    codes = np.where(inside, syllables[np.where(inside, batch.units, 0)], 0).astype(np.uint64)
    return _runs(codes, batch.offsets, codes != 0, (2, 3))


def _runs(
    codes: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int32], known: npt.NDArray[np.bool_], sizes: tuple[int, ...]
) -> Terms:
    """Hashed runs of neighbouring codes, all of them known, of each size."""
    n = len(offsets) - 1
    text = np.repeat(np.arange(n), np.diff(offsets))
    keys, texts = [], []
    for size in sizes:
        reach = max(0, len(codes) - size + 1)
        state = np.full(reach, size, np.uint64)
        whole = text[:reach] == text[len(text) - reach :]
        for step in range(size):
            state = (state ^ codes[step : step + reach]) * _MIX
            state ^= state >> np.uint64(29)
            whole &= known[step : step + reach]
        keys.append((state[whole] >> np.uint64(32)).astype(np.uint32))
        texts.append(text[:reach][whole])
    order = np.argsort(np.concatenate(texts), kind="stable")
    counts = np.bincount(np.concatenate(texts), minlength=n)
    return Terms(np.concatenate(keys)[order], np.concatenate(([0], np.cumsum(counts))).astype(np.intp))


class TermField:
    """Terms of every document with their weights.

    Args:
        terms: Of the documents.
    """

    def __init__(self, terms: Terms) -> None:
        n = len(terms.offsets) - 1
        document = np.repeat(np.arange(n, dtype=np.uint64), np.diff(terms.offsets))
        pairs, counts = np.unique(document << np.uint64(32) | terms.keys, return_counts=True)
        self.n_documents = n
        self.keys: Keys = (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        documents = (pairs >> np.uint64(32)).astype(np.intp)
        self.offsets: Index = np.searchsorted(documents, np.arange(n + 1)).astype(np.intp)
        self.vocabulary, at, frequency = np.unique(self.keys, return_inverse=True, return_counts=True)
        self.rarity: Floats = np.log1p((n - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
        self.unseen = float(np.log1p((n + 0.5) / 0.5))
        lengths = np.diff(terms.offsets)
        relative = lengths / (lengths.mean() or 1.0) if n else lengths
        saturation = K1 * (1 - B + B * relative[documents])
        self.weights: Floats = (self.rarity[at] * counts * (K1 + 1) / (counts + saturation)).astype(np.float32)

    def total(self, terms: Wanted) -> float:
        """Sum of the rarities of a question's terms: what a document that holds them all once could about reach."""
        at, which = self.find(terms.keys)
        unseen = float(terms.counts.sum() - terms.counts[which].sum())
        return float(self.rarity[at] @ terms.counts[which]) + self.unseen * unseen

    def find(self, keys: Keys) -> tuple[Index, Index]:
        """Places in the vocabulary of those of the different keys that are in it, and which of the keys these are."""
        at = np.searchsorted(self.vocabulary, keys)
        which = np.flatnonzero(at < len(self.vocabulary))
        which = which[self.vocabulary[at[which]] == keys[which]]
        return at[which].astype(np.intp), which.astype(np.intp)

    def scores(self, terms: Wanted, documents: Index) -> Floats:
        """BM25 of some documents for a question's terms; shape of `documents`."""
        if not len(terms.keys):
            return np.zeros(len(documents), np.float32)
        places, offsets = gather(self.offsets, documents)
        keys = self.keys[places]
        at = np.minimum(np.searchsorted(terms.keys, keys), len(terms.keys) - 1)
        weights = np.where(terms.keys[at] == keys, self.weights[places] * terms.counts[at], np.float32(0))
        owner = np.repeat(np.arange(len(documents)), offsets[1:] - offsets[:-1])
        return np.bincount(owner, weights, len(documents)).astype(np.float32)


class Postings:
    """The documents of each term of a `TermField`, for finding the best ones."""

    def __init__(self, field: TermField) -> None:
        at = np.searchsorted(field.vocabulary, field.keys)
        order = np.argsort(at, kind="stable")
        self._field = field
        self._documents = np.repeat(np.arange(field.n_documents, dtype=np.int32), np.diff(field.offsets))[order]
        self._weights = field.weights[order]
        self._offsets = np.concatenate(([0], np.cumsum(np.bincount(at, minlength=len(field.vocabulary)))))

    def scores(self, terms: Wanted) -> Floats:
        """BM25 of every document for a question's terms."""
        at, which = self._field.find(terms.keys)
        places, begins = gather(self._offsets, at)
        weights = self._weights[places] * np.repeat(terms.counts[which], begins[1:] - begins[:-1])
        return np.bincount(self._documents[places], weights, self._field.n_documents).astype(np.float32)


def best(scores: Floats, n: int, allowed: Mask | None = None) -> Index:
    """Documents with the highest scores above 0, at most `n`, in no order; only of those that are `allowed`."""
    if allowed is not None:
        scores = scores * allowed
    if n < len(scores):
        found = np.argpartition(scores, -n)[-n:]
        return found[scores[found] > 0]
    return np.flatnonzero(scores > 0)
