"""Documents as weighed terms, and BM25 of some of them.

A `TermField` holds one kind of text of every document (its wording, its answer ...) by document, so that a feature of
a few candidates costs nothing for the others; `postings.Postings` holds the same weights by term, so that a question
finds its documents. The weights are those of Lucene's BM25 (Robertson and Zaragoza 2009; Kamphuis et al. 2020) times
K1 + 1, so that a term that stands once in a document of the usual length weighs as much as it is rare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.ragged import gather, tally
from nlp_service.text.normalise import Batch

K1, B = 1.5, 0.75
"""Saturation of a repeated term and weight of a document's length, as Lucene and bm25s have them."""

Keys = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

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


class Rarities:
    """What is known of the terms of all documents together.

    Args:
        vocabulary: The different terms, ascending; (n_terms,).
        frequency: Documents that have each; (n_terms,).
        n_documents: Documents in all.
        n_terms: Terms of all documents together, repetitions included.
    """

    def __init__(self, vocabulary: Keys, frequency: npt.NDArray[np.integer], n_documents: int, n_terms: int) -> None:
        self.n_documents = n_documents
        self.vocabulary = vocabulary
        self.rarity: Floats = np.log1p((n_documents - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
        self._unseen = float(np.log1p((n_documents + 0.5) / 0.5))
        self._usual = n_terms / n_documents if n_documents and n_terms else 1.0

    def total(self, terms: Wanted) -> float:
        """Sum of the rarities of a question's terms: what a document that holds them all once could about reach."""
        at, which = self.find(terms.keys)
        unseen = float(terms.counts.sum() - terms.counts[which].sum())
        return float(self.rarity[at] @ terms.counts[which]) + self._unseen * unseen

    def find(self, keys: Keys) -> tuple[Index, Index]:
        """Places in the vocabulary of those of the different keys that are in it, and which of the keys these are."""
        at = np.searchsorted(self.vocabulary, keys)
        which = np.flatnonzero(at < len(self.vocabulary))
        which = which[self.vocabulary[at[which]] == keys[which]]
        return at[which].astype(np.intp), which.astype(np.intp)

    def weights(
        self, places: npt.NDArray[np.integer], counts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]
    ) -> Floats:
        """What terms weigh in documents.

        Args:
            places: Of each term in the vocabulary.
            counts: How often it is in the document.
            lengths: Terms of the document.
        """
        saturation = K1 * (1 - B + B * (lengths / self._usual))
        weights: Floats = (self.rarity[places] * counts * (K1 + 1) / (counts + saturation)).astype(np.float32)
        return weights


class Scoring(Protocol):
    """BM25 of some documents."""

    def total(self, terms: Wanted) -> float:
        """As `Rarities.total`."""
        ...

    def scores(self, terms: Wanted, documents: Index) -> Floats:
        """BM25 of some documents for a question's terms; shape of `documents`."""
        ...


class TermField:
    """Terms of every document with their weights, held in memory.

    Args:
        terms: Of the documents.
    """

    def __init__(self, terms: Terms) -> None:
        n = len(terms.offsets) - 1
        documents, self.keys, counts = pairs_of(terms)
        self.offsets: Index = np.searchsorted(documents, np.arange(n + 1)).astype(np.intp)
        vocabulary, self.at, frequency = np.unique(self.keys, return_inverse=True, return_counts=True)
        self.rarities = Rarities(vocabulary, frequency, n, len(terms.keys))
        self.weights = self.rarities.weights(self.at, counts, np.diff(terms.offsets)[documents])

    def total(self, terms: Wanted) -> float:
        """As `Rarities.total`."""
        return self.rarities.total(terms)

    def scores(self, terms: Wanted, documents: Index) -> Floats:
        """BM25 of some documents for a question's terms; shape of `documents`."""
        places, offsets = gather(self.offsets, documents)
        n = len(documents)
        if not len(terms.keys):
            return np.zeros(n, np.float32)
        keys = self.keys[places]
        at = np.minimum(np.searchsorted(terms.keys, keys), len(terms.keys) - 1)
        met = np.where(terms.keys[at] == keys, self.weights[places] * terms.counts[at], np.float32(0))
        return np.bincount(np.repeat(np.arange(n), offsets[1:] - offsets[:-1]), met, n).astype(np.float32)


class TermReader:
    """As a `TermField`, of documents that are read again each time: slower, for bases too large to hold.

    Args:
        rarities: Of all documents.
        read: Gives the terms of some documents.
    """

    def __init__(self, rarities: Rarities, read: Callable[[Index], Terms]) -> None:
        self._rarities = rarities
        self._read = read

    def total(self, terms: Wanted) -> float:
        """As `Rarities.total`."""
        return self._rarities.total(terms)

    def scores(self, terms: Wanted, documents: Index) -> Floats:
        """BM25 of some documents for a question's terms; shape of `documents`."""
        read = self._read(documents)
        rows, keys, counts = pairs_of(read)
        places, which = self._rarities.find(terms.keys)
        known = terms.keys[which]
        if not len(known):
            return np.zeros(len(documents), np.float32)
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        met = np.flatnonzero(known[at] == keys)
        weights = self._rarities.weights(places[at[met]], counts[met], np.diff(read.offsets)[rows[met]])
        weights *= terms.counts[which][at[met]]
        return np.bincount(rows[met], weights, len(documents)).astype(np.float32)


def pairs_of(terms: Terms) -> tuple[Index, Keys, npt.NDArray[np.intp]]:
    """Each document with each of its different terms and how often it has it, by document and term ascending."""
    document = np.repeat(np.arange(len(terms.offsets) - 1, dtype=np.uint64), np.diff(terms.offsets))
    pairs, counts = tally(document << np.uint64(32) | terms.keys)
    return (pairs >> np.uint64(32)).astype(np.intp), (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32), counts
