"""What the ranker reads of a question and each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search import exact
from nlp_service.knowledge.search.fields import normalised
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import FEATURES, SearchModel
from nlp_service.knowledge.search.ragged import distinct
from nlp_service.knowledge.search.synonyms import Synonyms
from nlp_service.knowledge.search.terms import Wanted, grams, sounds
from nlp_service.knowledge.search.words import align
from nlp_service.text.normalise import normalise_batch

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

MAX_UNITS = 400
"""Units of a question that are read: what comes after that does not change what is asked."""

MAX_WORDS = 48
"""Words of a question that are aligned, the rarest first."""

_SCALE = 10.0  # sums of BM25 weights come to some tens


class Question(NamedTuple):
    """A question as searches read it.

    Attributes:
        terms, sounds: Different terms with their counts.
        words: Vectors of its words; (n_words, dim).
        weights: What each word counts; (n_words,).
        vector: The projected mean of the words, of unit length or zero; (n_columns,).
        key: Its `exact.key`.
        text: Normalised, of at most `MAX_UNITS` units.
    """

    terms: Wanted
    sounds: Wanted
    words: Floats
    weights: Floats
    vector: Floats
    key: str
    text: str

    @property
    def length(self) -> float:
        """Logarithm of its number of words, and one."""
        return float(np.log1p(len(self.words)))


def read(model: SearchModel, texts: Sequence[str], synonyms: Synonyms) -> list[Question]:
    """Read questions.

    Args:
        model: The search model.
        texts: As they were asked.
        synonyms: Of the base.
    """
    batch = normalise_batch([text[: 4 * MAX_UNITS] for text in texts])
    plain = normalised(batch)
    said = [synonyms.extend(text[:MAX_UNITS]) for text in plain]
    if said != plain:
        batch = normalise_batch(said)
        said = normalised(batch)
    terms, heard = grams(batch), sounds(batch, model.syllables)
    return [_read(model, terms.of(i), heard.of(i), rows, plain[i]) for i, rows in enumerate(model.words(said))]


def _read(model: SearchModel, terms: Wanted, heard: Wanted, rows: list[int], text: str) -> Question:
    chosen = np.array(list(dict.fromkeys(rows)), np.intp)
    if len(chosen) > MAX_WORDS:
        chosen = chosen[np.sort(np.argsort(-model.table.weights[chosen], kind="stable")[:MAX_WORDS])]
    words, weights = model.table.vectors(chosen), model.table.weights[chosen]
    mean = weights @ words
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    vector = model.projector.project(mean[None])[0]
    return Question(terms, heard, words, weights, vector, exact.key(text), text[:MAX_UNITS])


class Overview(NamedTuple):
    """A question's BM25 over a whole base.

    Attributes:
        wordings: Of every wording; (n_wordings,).
        entries: Of all that each entry says; (n_entries,).
        of_wordings, of_entries: What the question's terms could about reach there.
        is_whole: Whether all terms were looked up; the commonest ones are not where there are very many wordings.
    """

    wordings: Floats
    entries: Floats
    of_wordings: float
    of_entries: float
    is_whole: bool


def survey(index: Index, question: Question) -> Overview:
    """Look at a whole base for a question's terms."""
    terms = question.terms
    wordings, every_wording = index.wordings.postings.scores(terms)
    entries, every_entry = index.answers.postings.scores(terms)
    return Overview(
        wordings,
        entries,
        max(index.wordings.terms.total(terms), 1e-6),
        max(index.answers.whole.total(terms), 1e-6),
        every_wording and every_entry,
    )


def features(index: Index, question: Question, candidates: Rows, seen: Overview) -> Floats:
    """Values of `FEATURES` for some wordings; (n_candidates, n_features).

    ``best`` is of the best among the candidates, so the values of one depend on which others there are.
    """
    wordings, answers = index.wordings, index.answers
    entries = wordings.entry[candidates]
    found = distinct(entries)
    at = np.searchsorted(found, entries)
    terms, heard = question.terms, question.sounds
    if seen.is_whole:
        wording, whole = seen.wordings[candidates], seen.entries[entries]
    else:
        wording, whole = wordings.terms.scores(terms, candidates), answers.whole.scores(terms, found)[at]
    answer = answers.terms.scores(terms, found)[at]
    sound = wordings.sounds.scores(heard, candidates)
    columns = {
        "terms.wording": wording / _SCALE,
        "terms.wording.share": wording / seen.of_wordings,
        "terms.wording.best": wording / (wording.max() + 1e-6),
        "terms.labels": answers.labels.scores(terms, found)[at] / _SCALE,
        "terms.answer": answer / _SCALE,
        "terms.answer.best": answer / (answer.max() + 1e-6),
        "terms.entry": whole / _SCALE,
        "terms.entry.share": whole / seen.of_entries,
        "terms.entry.best": whole / (whole.max() + 1e-6),
        "sounds.wording": sound / _SCALE,
        "sounds.wording.share": sound / max(wordings.sounds.total(heard), 1e-6),
        "sounds.answer": answers.sounds.scores(heard, found)[at] / _SCALE,
        "words.wording": wordings.vectors.of(candidates) @ question.vector,
        "words.answer": (answers.vectors.of(found) @ question.vector)[at],
        "words.entry": (answers.all_vectors.of(found) @ question.vector)[at],
        "entry.wordings": np.log1p(index.begins[found + 1] - index.begins[found])[at],
        **_aligned(index, question, candidates, found, at),
    }
    return np.stack([columns[name] for name in FEATURES], 1).astype(np.float32)


def _aligned(index: Index, question: Question, candidates: Rows, found: Rows, at: Rows) -> dict[str, Floats]:
    """How the words of the question and of each candidate find one another; 0 for a question without words."""
    if not len(question.words):
        nothing = np.zeros(len(candidates), np.float32)
        return dict.fromkeys((name for name in FEATURES if name.startswith("aligned.")), nothing)
    answers = index.answers
    parts = ((index.wordings.words, candidates), (answers.words, found), (answers.all_words, found))
    wording, answer, whole = align(index.model.table, question.words, parts)
    # No products of matrices: of ones as small as these BLAS sometimes warns of invalid values that are not there.
    share = question.weights / max(float(question.weights.sum()), 1e-9)
    return {
        "aligned.wording": (wording.forth * share).sum(1),
        "aligned.wording.back": wording.back,
        "aligned.answer": (answer.forth * share).sum(1)[at],
        "aligned.answer.back": answer.back[at],
        "aligned.entry": (whole.forth * share).sum(1)[at],
    }
