"""One kind of text of every document (its wording, its answer ...) as a search reads it.

Of a base of usual size everything is held in memory. Of a very large one only what finds documents is: the few that
are ranked are read again for each question, which takes some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.postings import Packer, Postings
from nlp_service.knowledge.search.terms import Floats, Index, Scoring, TermField, TermReader, Terms, grams, sounds
from nlp_service.knowledge.search.vectors import HeldVectors, ReadVectors, Vectors
from nlp_service.knowledge.search.words import WordField, WordReader, Words
from nlp_service.text.normalise import Batch, normalise_batch, render

BLOCK = 16_384
"""Documents that are read at once."""

Want = Literal["terms", "postings", "sounds", "words", "vectors", "nearest"]
"""``terms`` and ``vectors`` of the few that are ranked; ``postings`` and ``nearest`` of all, to find these."""


class Kind:
    """Texts of one kind.

    Args:
        model: The search model.
        n: How many documents there are.
        text: Gives the text of one; empty where it has none.
        each_word_once: Whether a word that a text repeats counts once.
    """

    def __init__(self, model: SearchModel, n: int, text: Callable[[int], str], *, each_word_once: bool = False) -> None:
        self.model = model
        self.n = n
        self._text = text
        self._each_word_once = each_word_once
        # A question's candidates are read for their terms, then for their sounds, then for their words.
        self._read_again = lru_cache(maxsize=4)(self.read)

    def read(self, documents: Iterable[int]) -> Batch:
        """The texts of some documents, normalised."""
        return normalise_batch([self._text(document) for document in documents])

    def blocks(self) -> Iterator[Batch]:
        """All texts, normalised, `BLOCK` at a time."""
        for first in range(0, self.n, BLOCK):
            yield self.read(range(first, min(first + BLOCK, self.n)))

    def grams(self, documents: Index) -> Terms:
        """Terms of some documents."""
        return grams(self._read_again(tuple(documents.tolist())))

    def sounds(self, documents: Index) -> Terms:
        """Runs of syllables of some documents."""
        return sounds(self._read_again(tuple(documents.tolist())), self.model.syllables)

    def words(self, documents: Index) -> WordField:
        """Words of some documents."""
        return self.words_of(self._read_again(tuple(documents.tolist())))

    def words_of(self, batch: Batch) -> WordField:
        """Words of normalised texts."""
        rows = self.model.words(normalised(batch))
        return WordField([list(dict.fromkeys(each)) for each in rows] if self._each_word_once else rows)

    def vectors_of(self, words: WordField) -> Floats:
        """Projected vectors of documents from their words; (n, n_columns)."""
        return self.model.projector.project(words.means(self.model.table))


class Field(NamedTuple):
    """What is known of one kind of text of every document; ``nearest`` are the vectors of all, (n, n_columns)."""

    terms: Scoring
    postings: Postings
    sounds: Scoring
    words: Words
    vectors: Vectors
    nearest: npt.NDArray[np.floating]


def hold(kind: Kind, *wants: Want) -> Field:
    """Hold everything that is wanted; the rest is of no documents."""
    nothing = kind.read([])
    batch = kind.read(range(kind.n))
    terms = TermField(grams(batch if {"terms", "postings"} & {*wants} else nothing))
    words = kind.words_of(batch if {"words", "vectors", "nearest"} & {*wants} else nothing)
    vectors = kind.vectors_of(words)
    heard = TermField(sounds(batch if "sounds" in wants else nothing, kind.model.syllables))
    return Field(terms, Postings.of(terms), heard, words, HeldVectors(vectors), vectors)


def scan(kind: Kind, *wants: Want) -> Field:
    """Hold what finds documents, and read the rest again when it is needed.

    Raises:
        ValueError: There are more than 16 million documents.
    """
    terms, heard = Packer(), Packer()
    vectors = np.zeros((kind.n if "nearest" in wants else 0, kind.model.projector.n_columns), np.float16)
    first = 0
    for batch in kind.blocks():
        n = len(batch.offsets) - 1
        if {"terms", "postings"} & {*wants}:
            terms.add(grams(batch))
        if "sounds" in wants:
            heard.add(sounds(batch, kind.model.syllables))
        if "nearest" in wants:
            vectors[first : first + n] = kind.vectors_of(kind.words_of(batch))
        first += n
    postings = terms.postings() if "postings" in wants else Packer().postings()
    return Field(
        TermReader(postings.rarities if "postings" in wants else terms.rarities(), kind.grams),
        postings,
        TermReader(heard.rarities(), kind.sounds),
        WordReader(kind.words),
        HeldVectors(vectors) if "nearest" in wants else ReadVectors(lambda rows: kind.vectors_of(kind.words(rows))),
        vectors,
    )


def normalised(batch: Batch) -> list[str]:
    """The normalised texts of a batch."""
    return [render(batch.units[a:b]) for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]
