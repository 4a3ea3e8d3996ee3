"""Documents as weighed terms, and BM25 of some of them.

A `TermField` holds one kind of text of every document (its wording, its answer ...) by document, so that a feature of
a few candidates costs nothing for the others; `postings.Postings` holds the same weights by term, so that a question
finds its documents. The weights are those of Lucene's BM25 (Robertson and Zaragoza 2009; Kamphuis et al. 2020) times
K1 + 1, so that a term that stands once in a document of the usual length weighs as much as it is rare.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
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


class Several(NamedTuple):
    """Terms of several questions, one question behind the other.

    Attributes:
        keys, counts: As in `Wanted`; (n_terms,).
        question: Which question each is of, ascending; (n_terms,).
        n: Questions, at least one.
    """

    keys: Keys
    counts: Floats
    question: Index
    n: int


def together(wanted: Sequence[Wanted]) -> Several:
    """Terms of some questions, at least one."""
    keys, counts = zip(*wanted, strict=True)
    owner = np.repeat(np.arange(len(wanted)), list(map(len, keys)))
    return Several(np.concatenate(keys), np.concatenate(counts), owner, len(wanted))


class Terms(NamedTuple):
    """Terms of texts, one text behind the other: ``keys[offsets[i]:offsets[i + 1]]`` are those of text ``i``."""

    keys: Keys
    offsets: Index

    def of(self, text: int) -> Wanted:
        """Terms of one text."""
        return self.each()[text]

    def each(self) -> list[Wanted]:
        """Terms of every text."""
        texts, keys, counts = pairs_of(self)
        ends = np.searchsorted(texts, np.arange(1, len(self.offsets) - 1))
        parts = zip(np.split(keys, ends), np.split(counts.astype(np.float32), ends), strict=True)
        return list(itertools.starmap(Wanted, parts))[: len(self.offsets) - 1]


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

    def totals(self, several: Several) -> npt.NDArray[np.float64]:
        """Sums of the rarities of each question's terms: what a document that holds them all once could about reach."""
        at, which = self.find(several.keys)
        rarities = np.full(len(several.keys), self._unseen)
        rarities[which] = self.rarity[at]
        return np.bincount(several.question, rarities * several.counts, several.n).astype(np.float64)

    def find(self, keys: Keys) -> tuple[Index, Index]:
        """Places in the vocabulary of those of the keys that are in it, and which of the keys these are."""
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
    """Terms of documents with their weights.

    Attributes:
        rarities: Of all documents; its vocabulary names the terms.
    """

    rarities: Rarities

    def of(self, documents: Index) -> tuple[Index, Floats, Index]:
        """Terms of some documents, one document behind the other.

        Returns:
            Their places in the vocabulary and their weights, (n_terms,), and how many each document has,
            (n_documents,).
        """
        ...


def score(field: Scoring, several: Several, questions: Index, documents: Index) -> Floats:
    """BM25 of pairs of a question and a document; (n_pairs,).

    Args:
        field: Terms of the documents.
        several: Terms of the questions.
        questions: Place of the question of each pair; (n_pairs,).
        documents: The document of each; (n_pairs,).
    """
    size = len(field.rarities.vocabulary)
    # How often each question has each term of the vocabulary: to look that up costs less than to search for it.
    counts = np.zeros(several.n * size, np.float32)
    at, which = field.rarities.find(several.keys)
    counts[several.question[which] * size + at] = several.counts[which]
    terms, weights, lengths = field.of(documents)
    met = weights * counts.take(terms + np.repeat(questions * size, lengths))
    return np.bincount(np.repeat(np.arange(len(documents)), lengths), met, len(documents)).astype(np.float32)


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

    def of(self, documents: Index) -> tuple[Index, Floats, Index]:
        """As `Scoring.of`."""
        places, begins = gather(self.offsets, documents)
        return self.at.take(places), self.weights.take(places), begins[1:] - begins[:-1]


class TermReader:
    """As a `TermField`, of documents that are read again each time: slower, for bases too large to hold.

    Args:
        rarities: Of all documents.
        read: Gives the terms of some documents.
    """

    def __init__(self, rarities: Rarities, read: Callable[[Index], Terms]) -> None:
        self.rarities = rarities
        self._read = read

    def of(self, documents: Index) -> tuple[Index, Floats, Index]:
        """As `Scoring.of`."""
        read = self._read(documents)
        rows, keys, counts = pairs_of(read)
        places, which = self.rarities.find(keys)
        rows, counts = rows[which], counts[which]
        weights = self.rarities.weights(places, counts, np.diff(read.offsets)[rows])
        return places, weights, np.bincount(rows, minlength=len(documents)).astype(np.intp)


def pairs_of(terms: Terms) -> tuple[Index, Keys, npt.NDArray[np.intp]]:
    """Each document with each of its different terms and how often it has it, by document and term ascending."""
    document = np.repeat(np.arange(len(terms.offsets) - 1, dtype=np.uint64), np.diff(terms.offsets))
    pairs, counts = tally(document << np.uint64(32) | terms.keys)
    return (pairs >> np.uint64(32)).astype(np.intp), (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32), counts
