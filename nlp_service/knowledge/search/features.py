"""What the ranker reads of a question and each candidate."""

from __future__ import annotations

import itertools
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
from nlp_service.knowledge.search.terms import Wanted, grams, score, sounds, together
from nlp_service.knowledge.search.words import WordField, WordTable, align_all
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
    chosen = WordField([_chosen(model.table, rows) for rows in model.words(said)])
    vectors, weights = model.table.vectors(chosen.rows), model.table.weights[chosen.rows]
    means = model.projector.project(chosen.means(model.table))
    ends = chosen.offsets[1:-1]
    parts = zip(
        grams(batch).each(),
        sounds(batch, model.syllables).each(),
        np.split(vectors, ends),
        np.split(weights, ends),
        means,
        map(exact.key, plain),
        (text[:MAX_UNITS] for text in plain),
        strict=False,
    )
    return list(itertools.starmap(Question, parts))


def _chosen(table: WordTable, rows: list[int]) -> list[int]:
    """Different words of a question, in order, `MAX_WORDS` at the most."""
    chosen = list(dict.fromkeys(rows))
    if len(chosen) <= MAX_WORDS:
        return chosen
    rarest = np.argsort(-table.weights[chosen], kind="stable")[:MAX_WORDS]
    return [chosen[place] for place in sorted(rarest.tolist())]


class Overview(NamedTuple):
    """BM25 of questions over a whole base.

    Attributes:
        wordings: Of every wording; (n_questions, n_wordings).
        entries: Of all that each entry says; (n_questions, n_entries).
        of_wordings, of_entries: What the questions' terms could about reach there; (n_questions,).
        is_whole: Whether all terms of a question were looked up; the commonest ones are not where there are very many
            wordings; (n_questions,).
    """

    wordings: Floats
    entries: Floats
    of_wordings: Floats
    of_entries: Floats
    is_whole: npt.NDArray[np.bool_]

    def of(self, questions: slice) -> Overview:
        """Of some of the questions."""
        return Overview(
            self.wordings[questions],
            self.entries[questions],
            self.of_wordings[questions],
            self.of_entries[questions],
            self.is_whole[questions],
        )


def survey(index: Index, *questions: Question) -> Overview:
    """Look at a whole base for the terms of questions, at least one."""
    terms = together([question.terms for question in questions])
    wordings, every_wording = index.wordings.postings.scores_of(terms)
    entries, every_entry = index.answers.postings.scores_of(terms)
    return Overview(
        wordings,
        entries,
        np.maximum(index.wordings.terms.rarities.totals(terms), 1e-6).astype(np.float32),
        np.maximum(index.answers.whole.rarities.totals(terms), 1e-6).astype(np.float32),
        every_wording & every_entry,
    )


class Pairs(NamedTuple):
    """Questions by their places, ascending, and for each of these a wording that may match; both (n,)."""

    question: Rows
    wording: Rows


def features(index: Index, question: Question, candidates: Rows, seen: Overview) -> Floats:
    """Values of `FEATURES` for some wordings; (n_candidates, n_features).

    ``best`` is of the best among the candidates, so the values of one depend on which others there are.
    """
    return features_of(index, [question], Pairs(np.zeros(len(candidates), np.intp), candidates), seen)


def features_of(index: Index, questions: Sequence[Question], pairs: Pairs, seen: Overview) -> Floats:
    """The same for the candidates of several questions; (n_pairs, n_features).

    What numpy does costs as much for one question as for several, as long as they are few.
    """
    wordings, answers = index.wordings, index.answers
    asked, rows = pairs
    entries = wordings.entry.take(rows)
    codes = asked * len(index.entries) + entries
    found = distinct(codes)
    at = np.searchsorted(found, codes)
    asking, said = np.divmod(found, max(1, len(index.entries)))
    terms, heard = (together([getattr(each, name) for each in questions]) for name in ("terms", "sounds"))
    if seen.is_whole.all():
        wording, whole = seen.wordings[asked, rows], seen.entries[asked, entries]
    else:
        wording, whole = score(wordings.terms, terms, asked, rows), score(answers.whole, terms, asking, said)[at]
    answer = score(answers.terms, terms, asking, said)[at]
    sound = score(wordings.sounds, heard, asked, rows)
    vectors = np.stack([question.vector for question in questions])
    of_pairs, of_found = vectors.take(asked, axis=0), vectors.take(asking, axis=0)
    columns = {
        "terms.wording": wording / _SCALE,
        "terms.wording.share": wording / seen.of_wordings[asked],
        "terms.wording.best": _of_best(wording, asked),
        "terms.labels": score(answers.labels, terms, asking, said)[at] / _SCALE,
        "terms.answer": answer / _SCALE,
        "terms.answer.best": _of_best(answer, asked),
        "terms.entry": whole / _SCALE,
        "terms.entry.share": whole / seen.of_entries[asked],
        "terms.entry.best": _of_best(whole, asked),
        "sounds.wording": sound / _SCALE,
        "sounds.wording.share": sound / np.maximum(wordings.sounds.rarities.totals(heard), 1e-6)[asked],
        "sounds.answer": score(answers.sounds, heard, asking, said)[at] / _SCALE,
        "words.wording": products(wordings.vectors.of(rows), of_pairs),
        "words.answer": products(answers.vectors.of(said), of_found)[at],
        "words.entry": products(answers.all_vectors.of(said), of_found)[at],
        "entry.wordings": np.log1p(index.begins[said + 1] - index.begins[said])[at],
        **_aligned(index, questions, pairs, (asking, said), at),
    }
    return np.stack([columns[name] for name in FEATURES], 1).astype(np.float32)


def products(some: Floats, others: Floats) -> Floats:
    """Inner product of each row with that of the others; (n,)."""
    return np.asarray(np.einsum("nd,nd->n", some, others), np.float32)


def _of_best(scores: Floats, asked: Rows) -> Floats:
    """Scores as shares of the highest one of their questions."""
    highest = np.zeros(int(asked[-1]) + 1 if len(asked) else 0, np.float32)
    np.maximum.at(highest, asked, scores)
    return np.asarray(scores / (highest[asked] + 1e-6), np.float32)


def _aligned(
    index: Index, questions: Sequence[Question], pairs: Pairs, found: tuple[Rows, Rows], at: Rows
) -> dict[str, Floats]:
    """How the words of each question and of each candidate find one another; 0 for a question without words."""
    answers = index.answers
    parts = ((index.wordings.words, *pairs), (answers.words, *found), (answers.all_words, *found))
    wording, answer, whole = align_all(index.model.table, [question.words for question in questions], parts)
    shares = np.zeros((len(questions), wording.forth.shape[1]), np.float32)
    for share, question in zip(shares, questions, strict=True):
        share[: len(question.weights)] = question.weights / max(float(question.weights.sum()), 1e-9)
    # No products of matrices: of ones as small as these BLAS sometimes warns of invalid values that are not there.
    of_found = shares.take(found[0], axis=0)
    return {
        "aligned.wording": (wording.forth * shares.take(pairs.question, axis=0)).sum(1),
        "aligned.wording.back": wording.back,
        "aligned.answer": (answer.forth * of_found).sum(1)[at],
        "aligned.answer.back": answer.back[at],
        "aligned.entry": (whole.forth * of_found).sum(1)[at],
    }
