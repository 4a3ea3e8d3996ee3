"""The documents of each term, so that a question finds those that have its terms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.ragged import gather
from nlp_service.knowledge.search.terms import (
    Floats,
    Index,
    Keys,
    Rarities,
    Several,
    TermField,
    Terms,
    Wanted,
    pairs_of,
    together,
)

MOST = 200_000
"""Documents that the terms of a question are looked up in, the rarest terms first; only bases of more than some ten
thousand wordings have terms that common, and those terms tell little."""

BLOCK = 1 << 22

_DOCUMENT_BITS, _COUNT_BITS = np.uint64(24), np.uint64(8)
_DOCUMENTS = np.uint64((1 << 24) - 1)
_KEY_SHIFT = _DOCUMENT_BITS + _COUNT_BITS
_MOST_COUNTED = 255

Mask = npt.NDArray[np.bool_]
Packed = npt.NDArray[np.uint64]


class Postings:
    """Documents and weights of each term.

    Args:
        rarities: Of the documents; its vocabulary names the terms.
        documents: Of the first term, then of the second, and so on; int32, (n,).
        weights: Of the term in each; (n,).
        offsets: Where each term begins; (n_terms + 1,).
    """

    def __init__(
        self,
        rarities: Rarities,
        documents: npt.NDArray[np.int32],
        weights: npt.NDArray[np.floating],
        offsets: Index,
    ) -> None:
        self.rarities = rarities
        self._documents, self._weights, self._offsets = documents, weights, offsets

    @classmethod
    def of(cls, field: TermField) -> Postings:
        """Those of documents that are held already."""
        order = np.argsort(field.at, kind="stable")
        n = field.rarities.n_documents
        documents = np.repeat(np.arange(n, dtype=np.int32), np.diff(field.offsets))[order]
        counts = np.bincount(field.at, minlength=len(field.rarities.vocabulary))
        return cls(field.rarities, documents, field.weights[order], _offsets(counts))

    def scores(self, terms: Wanted, most: int = MOST) -> tuple[Floats, bool]:
        """BM25 of every document for a question's terms, and whether all of the terms were looked up."""
        scores, is_whole = self.scores_of(together([terms]), most)
        return scores[0], bool(is_whole[0])

    def scores_of(self, several: Several, most: int = MOST) -> tuple[Floats, Mask]:
        """The same for several questions; (n_questions, n_documents) and (n_questions,)."""
        at, which = self.rarities.find(several.keys)
        sizes = self._offsets[at + 1] - self._offsets[at]
        is_whole: Mask = np.bincount(several.question[which], sizes, several.n) <= most
        if not is_whole.all():
            chosen = _rarest(sizes, several.question[which], most)
            at, which = at[chosen], which[chosen]
        places, begins = gather(self._offsets, at)
        lengths, n = begins[1:] - begins[:-1], self.rarities.n_documents
        weights = self._weights.take(places) * np.repeat(several.counts[which], lengths)
        cells = self._documents.take(places) + np.repeat(several.question[which] * n, lengths)
        scores = np.bincount(cells, weights, several.n * n).astype(np.float32)
        return scores.reshape(several.n, n), is_whole


def _rarest(sizes: Index, questions: Index, most: int) -> Index:
    """Which terms are looked up: of each question the rarest, as long as they have no more documents than `most`."""
    order = np.lexsort((sizes, questions))
    first = np.searchsorted(questions[order], questions[order])
    ends = np.cumsum(sizes[order])
    reach = ends - (ends - sizes[order])[first]
    # At least one, however common: a question of common terms alone has no others.
    is_taken: Mask = (reach <= most) | (np.arange(len(order)) == first)
    return np.asarray(order[is_taken], np.intp)


class Packer:
    """Gathers the terms of documents that come in blocks, in order.

    Term, document and count of each pair are held in one number, so that they are sorted where they are: eight bytes
    for each different term of each document, and six more for each when postings are made of them.
    """

    def __init__(self) -> None:
        self._parts: list[Packed] = []
        self._lengths: list[npt.NDArray[np.int32]] = []
        self._n = 0

    def add(self, terms: Terms) -> None:
        """Take the next documents.

        Raises:
            ValueError: There are more than 16 million.
        """
        rows, keys, counts = pairs_of(terms)
        numbers = (rows + self._n).astype(np.uint64) << _COUNT_BITS
        packed: Packed = keys.astype(np.uint64) << _KEY_SHIFT
        packed |= numbers
        packed |= np.minimum(counts, _MOST_COUNTED).astype(np.uint64)
        self._parts.append(packed)
        self._lengths.append(np.diff(terms.offsets).astype(np.int32))
        self._n += len(self._lengths[-1])
        if self._n > 1 << int(_DOCUMENT_BITS):
            raise ValueError(f"{self._n} documents are more than {1 << int(_DOCUMENT_BITS)}")

    def rarities(self) -> Rarities:
        """What is known of all terms together; the packer is empty afterwards."""
        _, lengths, starts, vocabulary = self._sorted()
        return Rarities(vocabulary, np.diff(starts), len(lengths), int(lengths.sum()))

    def postings(self) -> Postings:
        """The documents of each term, with weights of 16 bits; the packer is empty afterwards."""
        packed, lengths, starts, vocabulary = self._sorted()
        rarities = Rarities(vocabulary, np.diff(starts), len(lengths), int(lengths.sum()))
        documents, weights = np.empty(len(packed), np.int32), np.empty(len(packed), np.float16)
        for first in range(0, len(packed), BLOCK):
            part = packed[first : first + BLOCK]
            rows = ((part >> _COUNT_BITS) & _DOCUMENTS).astype(np.int32)
            places = np.searchsorted(starts, np.arange(first, first + len(part)), side="right") - 1
            counts = (part & np.uint64(_MOST_COUNTED)).astype(np.int32)
            documents[first : first + BLOCK] = rows
            weights[first : first + BLOCK] = rarities.weights(places, counts, lengths[rows])
        return Postings(rarities, documents, weights, starts)

    def _sorted(self) -> tuple[Packed, npt.NDArray[np.int32], Index, Keys]:
        """The pairs by term, the lengths of the documents, where each term begins, and the terms."""
        packed = np.empty(sum(map(len, self._parts)), np.uint64)
        end = len(packed)
        while self._parts:  # from the end, so that each part is let go of as soon as it is copied
            part = self._parts.pop()
            packed[end - len(part) : end] = part
            end -= len(part)
        packed.sort()
        lengths = np.concatenate(self._lengths or [np.zeros(0, np.int32)])
        self._lengths, self._n = [], 0
        firsts = [np.zeros(min(1, len(packed)), np.intp)]
        for first in range(1, len(packed), BLOCK):
            keys = packed[first - 1 : first + BLOCK] >> _KEY_SHIFT
            firsts.append((np.flatnonzero(keys[1:] != keys[:-1]) + first).astype(np.intp))
        starts = np.concatenate(firsts)
        return packed, lengths, np.append(starts, len(packed)), (packed[starts] >> _KEY_SHIFT).astype(np.uint32)


def best(scores: Floats, n: int, allowed: Mask | None = None) -> Index:
    """Documents with the highest scores above 0, at most `n`, in no order; only of those that are `allowed`."""
    if allowed is not None:
        scores = scores * allowed
    rows = np.arange(len(scores))
    if len(scores) > 64 * n:
        # The n-th highest of some is a bound for the n-th highest of all, and leaves few to be looked at.
        sample = scores[::16]
        rows = np.flatnonzero(scores >= max(np.partition(sample, -n)[-n], np.finfo(np.float32).tiny))
        scores = scores[rows]
    if n < len(scores):
        found = np.argpartition(scores, -n)[-n:]
        return rows[found[scores[found] > 0]]
    return rows[scores > 0]


def _offsets(counts: npt.NDArray[np.integer]) -> Index:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.intp)
