"""Word vectors: words that are used alike lie close, so that 咋整 finds 怎么办.

Learnt from unlabelled text (`training/words.py`); a word that is not in the table is read as its characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.ragged import gather

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class WordTable:
    """Words with their vectors.

    Args:
        words: The words as the normaliser writes them, UTF-8, joined by line ends; uint8.
        vectors: 8 bits; shape (n, dim).
        weights: What a word counts: the rarer, the more (SIF; Arora et al. 2017); shape (n,).

    Raises:
        ValueError: The arrays do not fit together.
    """

    def __init__(self, words: npt.NDArray[np.uint8], vectors: npt.NDArray[np.int8], weights: Floats) -> None:
        names = words.tobytes().decode().split("\n")
        if not len(names) == len(set(names)) == len(vectors) == len(weights):
            raise ValueError("the word table's arrays do not fit together")
        self._rows = {name: row for row, name in enumerate(names)}
        # Held in 32 bits: a search reads some thousand rows, and to scale them each time costs more than the rest.
        self._vectors = vectors.astype(np.float32)
        self._vectors /= np.maximum(np.linalg.norm(self._vectors, axis=1, keepdims=True), 1e-9)
        self.weights = weights.astype(np.float32)

    @property
    def dim(self) -> int:
        """Columns of a vector."""
        return int(self._vectors.shape[1])

    def rows(self, words: Sequence[str]) -> list[int]:
        """Row of each word that is known, in order; of each known character of a word that is not."""
        found = []
        for word in words:
            row = self._rows.get(word)
            if row is not None:
                found.append(row)
            else:
                found += [self._rows[char] for char in word if char in self._rows]
        return found

    def vectors(self, rows: npt.NDArray[np.integer]) -> Floats:
        """Vectors of unit length, zero for a word that has none; (n, dim)."""
        return self._vectors.take(rows, axis=0)  # a tenth of the time of indexing


class Words(Protocol):
    """The words of documents, as rows of a table."""

    def of(self, documents: Index) -> tuple[npt.NDArray[np.int32], Index]:
        """Words of some documents, one behind the other, and how many each has; (n,) and (n_documents,)."""
        ...


class WordField:
    """The words of every document, as rows of a table: ``rows[offsets[i]:offsets[i + 1]]`` are those of document i."""

    def __init__(self, documents: Sequence[Sequence[int]]) -> None:
        lengths = np.fromiter(map(len, documents), np.intp, len(documents))
        self.offsets: Index = np.concatenate(([0], np.cumsum(lengths))).astype(np.intp)
        self.rows = np.fromiter((row for words in documents for row in words), np.int32, int(self.offsets[-1]))

    def of(self, documents: Index) -> tuple[npt.NDArray[np.int32], Index]:
        """Words of some documents, one behind the other, and how many each has; (n,) and (n_documents,)."""
        places, begins = gather(self.offsets, documents)
        return self.rows.take(places), begins[1:] - begins[:-1]

    def means(self, table: WordTable, block: int = 8192) -> Floats:
        """Weighed mean of the words of each document, of unit length, zero for one without words; (n, dim)."""
        n = len(self.offsets) - 1
        result = np.zeros((n, table.dim), np.float32)
        for first in range(0, n, block):
            last = min(first + block, n)
            rows = self.rows[self.offsets[first] : self.offsets[last]]
            filled = np.flatnonzero(np.diff(self.offsets[first : last + 1]))
            begins = self.offsets[first:last][filled] - self.offsets[first]
            sums = result[first:last]
            if len(filled):
                sums[filled] = np.add.reduceat(table.vectors(rows) * table.weights[rows, None], begins, axis=0)
            sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        return result


class WordReader:
    """As a `WordField`, of documents that are read again each time.

    Args:
        read: Gives the words of some documents.
    """

    def __init__(self, read: Callable[[Index], WordField]) -> None:
        self._read = read

    def of(self, documents: Index) -> tuple[npt.NDArray[np.int32], Index]:
        """As `WordField.of`."""
        field = self._read(documents)
        return field.rows, np.diff(field.offsets)


class Projector:
    """The mean of a text's words to a vector in which a question is close to what answers it.

    ``unit(3 x skip + tanh(3 x inner + inner_bias) outer + outer_bias)`` with ``x`` the mean: a deep averaging network
    (Iyyer et al. 2015), learnt on questions with their answers (`training/dense.py`).

    Args:
        skip: (dim, n_columns).
        inner, inner_bias: (dim, n_hidden) and (n_hidden,).
        outer, outer_bias: (n_hidden, n_columns) and (n_columns,).

    Raises:
        ValueError: The arrays do not fit together.
    """

    def __init__(self, skip: Floats, inner: Floats, inner_bias: Floats, outer: Floats, outer_bias: Floats) -> None:
        if inner.shape != (len(skip), len(inner_bias)) or outer.shape != (len(inner_bias), skip.shape[1]):
            raise ValueError("the projector's arrays do not fit together")
        if outer_bias.shape != skip.shape[1:]:
            raise ValueError("the projector's arrays do not fit together")
        self._skip, self._inner, self._inner_bias = skip, inner, inner_bias
        self._outer, self._outer_bias = outer, outer_bias

    @property
    def n_columns(self) -> int:
        """Columns of a vector."""
        return int(self._skip.shape[1])

    def project(self, means: Floats, block: int = 8192) -> Floats:
        """Vectors of unit length, zero for a zero mean; (n, dim) gives (n, n_columns)."""
        result = np.zeros((len(means), self._skip.shape[1]), np.float32)
        for first in range(0, len(means), block):
            x = 3.0 * means[first : first + block]
            y = x @ self._skip + np.tanh(x @ self._inner + self._inner_bias) @ self._outer + self._outer_bias
            y /= np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-9)
            result[first : first + block] = np.where(x.any(1, keepdims=True), y, 0.0)
        return result


class Aligned(NamedTuple):
    """How the words of a question and of each of some documents find one another, as the mean of the best cosines.

    Attributes:
        forth: For each of the question's words the best of the document's; (n_documents, n_words).
        back: Mean over the document's words, by weight, of the best of the question's; (n_documents,).
    """

    forth: Floats
    back: Floats


Part = tuple[Words, Index, Index]
"""A field, questions by their places, and for each of these a document; both (n,)."""


def align(table: WordTable, question: Floats, parts: Sequence[tuple[Words, Index]]) -> list[Aligned]:
    """Align a question with some documents of several fields.

    Args:
        table: Of the fields' rows.
        question: Vectors of the question's words; (n_words, dim), at least one.
        parts: Fields, each with the documents of it that are wanted; (n,).
    """
    return align_all(table, [question], [(field, np.zeros(len(rows), np.intp), rows) for field, rows in parts])


def align_all(table: WordTable, questions: Sequence[Floats], parts: Sequence[Part]) -> list[Aligned]:
    """Align pairs of a question and a document of several fields.

    Args:
        table: Of the fields' rows.
        questions: Vectors of the words of each; (n_words, dim).
        parts: The pairs. Of a question with fewer words than the longest, the first word stands for those that it lacks
            in `Aligned.forth`.
    """
    gathered = [field.of(documents) for field, _, documents in parts]
    rows = np.concatenate([rows for rows, _ in gathered])
    lengths = np.concatenate([lengths for _, lengths in gathered])
    asked = np.concatenate([asked for _, asked, _ in parts])
    # Each word is compared once with a question, however many documents have it.
    size = len(table.weights)
    codes = rows + np.repeat(asked * size, lengths)
    needed = np.zeros(len(questions) * size, np.bool_)
    needed[codes] = True
    different = np.flatnonzero(needed)
    place = np.empty(len(needed), np.int32)
    place[different] = np.arange(len(different), dtype=np.int32)
    cosines = _cosines(table, questions, different)
    places = place.take(codes)
    forth = np.zeros((len(lengths), cosines.shape[1]), np.float32)
    back = np.zeros(len(lengths), np.float32)
    filled = np.flatnonzero(lengths)
    if len(filled):
        begins = (np.cumsum(lengths) - lengths)[filled]
        forth[filled] = np.maximum.reduceat(cosines.take(places, axis=0), begins, axis=0)
        weights = table.weights.take(rows)
        back[filled] = np.add.reduceat(cosines.max(1).take(places) * weights, begins)
        back[filled] /= np.maximum(np.add.reduceat(weights, begins), 1e-9)
    ends = np.cumsum([len(documents) for _, _, documents in parts])[:-1]
    return list(map(Aligned, np.split(forth, ends), np.split(back, ends)))


def _cosines(table: WordTable, questions: Sequence[Floats], words: Index) -> Floats:
    """Cosines of words to those of their questions.

    Args:
        table: Of the words.
        questions: As in `align_all`.
        words: Row in the table and, times its size, the place of the question; ascending; (n,).
    """
    size = len(table.weights)
    vectors = table.vectors(words % size)
    cosines = np.zeros((len(words), max(1, *map(len, questions))), np.float32)
    begins = np.searchsorted(words, np.arange(len(questions) + 1) * size)
    for question, first, last in zip(questions, begins[:-1], begins[1:], strict=True):
        if len(question):
            cosines[first:last, : len(question)] = vectors[first:last] @ question.T
            cosines[first:last, len(question) :] = cosines[first:last, :1]
    return cosines
