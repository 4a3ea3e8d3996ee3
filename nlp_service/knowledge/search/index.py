"""The entries of a published version, made searchable; never changed afterwards."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.search import exact
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.nearest import Nearest
from nlp_service.knowledge.search.synonyms import Synonyms
from nlp_service.knowledge.search.terms import Postings, TermField, grams, sounds
from nlp_service.knowledge.search.words import WordField
from nlp_service.text.normalise import Batch, normalise_batch, render

Floats = npt.NDArray[np.float32]

_TOGETHER = 40  # wordings of an entry that are read as one text; more of them say little that is new


class Wordings:
    """What is held of every wording of every entry.

    Attributes:
        entry: Index of the entry of each wording; (n,).
        number: Which of the entry's wordings it is; (n,).
        terms, sounds, words: With the entry's tags and category, but for `terms`.
        vectors: Projected; (n, n_columns).
        keyed: Rows of the wordings of each `exact.key`.
    """

    def __init__(self, entries: Sequence[Entry], model: SearchModel) -> None:
        counts = [len(entry.questions) for entry in entries]
        self.entry = np.repeat(np.arange(len(entries)), counts)
        self.number = np.concatenate([np.arange(count) for count in counts] or [np.zeros(0, np.intp)])
        texts = [question for entry in entries for question in entry.questions]
        labels = [_labels(entry) for entry in entries]
        batch = normalise_batch(texts)
        labelled = normalise_batch([f"{text} {labels[i]}" for text, i in zip(texts, self.entry, strict=True)])
        self.terms = TermField(grams(batch))
        self.sounds = TermField(sounds(labelled, model.syllables))
        self.words = WordField(_words(model, labelled))
        self.vectors = model.projector.project(self.words.means(model.table))
        self.keyed: dict[str, list[int]] = {}
        for row, text in enumerate(normalised(batch)):
            self.keyed.setdefault(exact.key(text), []).append(row)


class Answers:
    """What is held of every entry.

    Attributes:
        terms, sounds, words, vectors: Of its answer.
        labels: Terms of its tags and category.
        whole, all_words, all_vectors: Of all that it says: its wordings, its answer, its labels.
    """

    def __init__(self, entries: Sequence[Entry], model: SearchModel) -> None:
        answers = [entry.answer for entry in entries]
        labels = [_labels(entry) for entry in entries]
        batch = normalise_batch(answers)
        together = zip(entries, answers, labels, strict=True)
        whole = [" ".join((*entry.questions[:_TOGETHER], answer, label)) for entry, answer, label in together]
        said = normalise_batch(whole)
        self.terms = TermField(grams(batch))
        self.labels = TermField(grams(normalise_batch(labels)))
        self.whole = TermField(grams(said))
        self.sounds = TermField(sounds(batch, model.syllables))
        self.words = WordField(_words(model, batch))
        self.vectors = model.projector.project(self.words.means(model.table))
        self.all_words = WordField([list(dict.fromkeys(rows)) for rows in _words(model, said)])
        self.all_vectors = model.projector.project(self.all_words.means(model.table))


class Index:
    """Everything that a search reads.

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
        self.wordings = Wordings(self.entries, model)
        self.answers = Answers(self.entries, model)
        counts = np.bincount(self.wordings.entry, minlength=len(self.entries))
        self.begins = np.concatenate(([0], np.cumsum(counts))).astype(np.intp)
        self.by_term = Postings(self.wordings.terms)
        self.by_whole = Postings(self.answers.whole)
        self.near_wordings = Nearest(self.wordings.vectors)
        self.near_entries = Nearest(self.answers.all_vectors)

    def with_synonyms(self, synonyms: Synonyms) -> Index:
        """The same index, read with other synonyms."""
        twin = copy.copy(self)
        twin.synonyms = synonyms
        return twin

    @property
    def n_wordings(self) -> int:
        """Wordings of all entries."""
        return len(self.wordings.entry)


def normalised(batch: Batch) -> list[str]:
    """The normalised texts of a batch."""
    return [render(batch.units[a:b]) for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]


def _labels(entry: Entry) -> str:
    return " ".join((entry.category, *entry.tags))


def _words(model: SearchModel, batch: Batch) -> list[list[int]]:
    return model.words(normalised(batch))
