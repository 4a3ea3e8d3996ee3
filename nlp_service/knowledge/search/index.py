"""The entries of a published version, made searchable; never changed afterwards."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.search import exact
from nlp_service.knowledge.search.fields import Kind, hold, normalised, scan
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.nearest import Nearest
from nlp_service.knowledge.search.synonyms import Synonyms

HELD_UP_TO = 100_000
"""Wordings of a base that is held in memory whole, about 8 KB each; of a larger one, what is ranked is read again for
each question."""

_TOGETHER = 40  # wordings of an entry that are read as one text; more of them say little that is new


class Wordings:
    """What is known of every wording of every entry.

    Attributes:
        entry: Index of the entry of each wording; (n,).
        number: Which of the entry's wordings it is; (n,).
        terms, postings: Of the wording.
        sounds, words, vectors: Of the wording with its entry's tags and category.
        nearest: All of these vectors; (n, n_columns).
        keyed: Rows of the wordings of each `exact.key`.
    """

    def __init__(self, entries: Sequence[Entry], model: SearchModel, *, is_large: bool) -> None:
        counts = np.array([len(entry.questions) for entry in entries], np.intp)
        self.entry = np.repeat(np.arange(len(entries)), counts)
        self.number = np.arange(len(self.entry)) - np.repeat(np.cumsum(counts) - counts, counts)
        n = len(self.entry)
        make = scan if is_large else hold

        def plain(row: int) -> str:
            return str(entries[self.entry[row]].questions[self.number[row]])

        def labelled(row: int) -> str:
            return f"{plain(row)} {_labels(entries[self.entry[row]])}"

        wording = Kind(model, n, plain)
        self.terms, self.postings, *_ = make(wording, "terms", "postings")
        *_, self.sounds, self.words, self.vectors, self.nearest = make(
            Kind(model, n, labelled), "sounds", "words", "nearest"
        )
        keys = (exact.key(text) for batch in wording.blocks() for text in normalised(batch))
        self.keyed = exact.Keyed(keys)


class Answers:
    """What is known of every entry.

    Attributes:
        terms, sounds, words, vectors: Of its answer.
        labels: Terms of its tags and category.
        whole, postings, all_words, all_vectors, nearest: Of all that it says: its wordings, its answer, its labels.
    """

    def __init__(self, entries: Sequence[Entry], model: SearchModel, *, is_large: bool) -> None:
        n = len(entries)
        make = scan if is_large else hold

        def said(row: int) -> str:
            entry = entries[row]
            return " ".join((*entry.questions[:_TOGETHER], entry.answer, _labels(entry)))

        answer = make(Kind(model, n, lambda row: entries[row].answer), "terms", "sounds", "words", "vectors")
        self.terms, _, self.sounds, self.words, self.vectors, _ = answer
        self.labels = make(Kind(model, n, lambda row: _labels(entries[row])), "terms").terms
        whole = make(Kind(model, n, said, each_word_once=True), "terms", "postings", "words", "nearest")
        self.whole, self.postings, _, self.all_words, self.all_vectors, self.nearest = whole


class Index:
    """Everything that a search reads. It is made when it is first needed, or by `build`.

    Args:
        entries: Of the version.
        model: The search model.
        version: Number of the version.
        synonyms: The operator's, read with every question.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        model: SearchModel,
        *,
        version: int = 0,
        synonyms: Synonyms | None = None,
    ) -> None:
        self.entries = list(entries)
        self.model = model
        self.version = version
        self.synonyms = synonyms or Synonyms(())

    def build(self) -> Index:
        """Make everything now that would be made by the first search, and return the index."""
        for part in (self.near_wordings, self.near_entries):
            assert part is not None
        return self

    @cached_property
    def wordings(self) -> Wordings:
        """What is known of every wording."""
        return Wordings(self.entries, self.model, is_large=self.n_wordings > HELD_UP_TO)

    @cached_property
    def answers(self) -> Answers:
        """What is known of every entry."""
        return Answers(self.entries, self.model, is_large=self.n_wordings > HELD_UP_TO)

    @cached_property
    def begins(self) -> npt.NDArray[np.intp]:
        """Row of the first wording of each entry, with their number at the end; (n_entries + 1,)."""
        return np.cumsum([0, *(len(entry.questions) for entry in self.entries)], dtype=np.intp)

    @cached_property
    def near_wordings(self) -> Nearest:
        """Finds wordings by vectors."""
        return Nearest(self.wordings.nearest)

    @cached_property
    def near_entries(self) -> Nearest:
        """Finds entries by vectors."""
        return Nearest(self.answers.nearest)

    def with_synonyms(self, synonyms: Synonyms) -> Index:
        """The same index, read with other synonyms."""
        twin = copy.copy(self)
        twin.synonyms = synonyms
        return twin

    @property
    def n_wordings(self) -> int:
        """Wordings of all entries."""
        return int(self.begins[-1])


def _labels(entry: Entry) -> str:
    return " ".join((entry.category, *entry.tags))
