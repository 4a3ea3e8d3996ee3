"""A question to the entries that may answer it: gather candidates by several ways, then rank them by one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.features import Question, features
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import FEATURES

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

CANDIDATES = 24
"""Wordings or entries that each of the four ways may bring."""

SAME_LEAD, SAME_COVER = 5.0, 0.98
"""How far a wording that is the question itself leads, and the least probability that the base then answers.
Two entries with the same wording lead together, so that neither is sure."""

_SHARE, _ALIGNED = FEATURES.index("terms.entry.share"), FEATURES.index("aligned.entry")


class Hit(NamedTuple):
    """An entry that was found.

    Attributes:
        entry: Its place among the entries of the index.
        wording: Which of its wordings matched best.
        score: Of the ranker; it only ranks.
        probability: That this is the entry that answers; calibrated on the bases that the model learnt from.
    """

    entry: int
    wording: int
    score: float
    probability: float


class Found(NamedTuple):
    """What a search gives: the hits, best first, and the probability that the base answers the question at all."""

    hits: list[Hit]
    cover: float


def search(
    index: Index,
    question: Question,
    intents: Mapping[str, float],
    *,
    allowed: Mask | None = None,
    joined: tuple[Question, float] | None = None,
    n: int = 10,
) -> Found:
    """Find the entries that may answer a question.

    Args:
        index: Of the base.
        question: As `features.read` gives it.
        intents: Probabilities of its intents by name.
        allowed: Which entries may come back; (n_entries,). None is all.
        joined: The question together with what was said before it, and how much that counts, 0 to 1.
        n: Hits at the most.
    """
    same = _same(index, question, allowed)
    wordings = np.union1d(candidates(index, question, allowed), same)
    if joined is not None:
        wordings = np.union1d(wordings, candidates(index, joined[0], allowed))
    if not len(wordings):
        return Found([], 0.0)
    values = features(index, question, wordings)
    if joined is not None:
        values = (1.0 - joined[1]) * values + joined[1] * features(index, joined[0], wordings)
    scores = index.model.ranker.scores(values)
    entries = index.wordings.entry[wordings]
    best, shares = order(scores, entries)
    signs = signs_of(values, scores, int(best[0]), float(shares[0]), question.length, intents)
    cover = index.model.ranker.cover(signs)
    if len(same):
        # The operator has said which entry this question is for; the ranker never saw such a one while it learnt.
        scores[np.isin(wordings, same)] = scores.max() + SAME_LEAD
        cover = max(cover, SAME_COVER)
        best, shares = order(scores, entries)
    chosen = best[:n]
    rows = zip(wordings[chosen].tolist(), scores[chosen].tolist(), (shares * cover).tolist(), strict=False)
    numbers = index.wordings.number
    hits = [Hit(int(index.wordings.entry[i]), int(numbers[i]), score, chance) for i, score, chance in rows]
    return Found(hits, cover)


def _same(index: Index, question: Question, allowed: Mask | None) -> Rows:
    """Wordings that are the question itself, but for how it is dressed."""
    rows = np.array(index.wordings.keyed.get(question.key, []) if question.key else [], np.intp)
    return rows if allowed is None else rows[allowed[index.wordings.entry[rows]]]


def signs_of(
    values: Floats, scores: Floats, top: int, share: float, length: float, intents: Mapping[str, float]
) -> tuple[float, ...]:
    """Values of `COVER`.

    Args:
        values: Features of the candidates; (n, n_features), at least one.
        scores: Of the ranker; (n,).
        top: The best of them, as `order` gives it.
        share: Its softmax among the best of each entry.
        length: Logarithm of the question's number of words, and one.
        intents: Probabilities of its intents by name.
    """
    found = (float(scores[top]), float(np.log(share)), float(values[top, _SHARE]), float(values[top, _ALIGNED]))
    return (*found, length, *(intents.get(name, 0.0) for name in ("question", "chat", "ad")))


def order(scores: Floats, entries: Rows) -> tuple[Rows, Floats]:
    """The best candidate of each entry, best entry first, and the softmax of their scores."""
    falling = np.argsort(-scores, kind="stable")
    _, first = np.unique(entries[falling], return_index=True)
    best = falling[np.sort(first)]
    shares = np.exp(scores[best] - scores[best[0]])
    return best, shares / shares.sum()


def candidates(index: Index, question: Question, allowed: Mask | None = None) -> Rows:
    """Wordings that may match, each once: found by terms and by words, in wordings and in what entries say."""
    open_wordings = None if allowed is None else allowed[index.wordings.entry]
    found = [
        index.by_term.best(question.terms, CANDIDATES, open_wordings),
        index.near_wordings.best(question.vector, CANDIDATES, open_wordings),
    ]
    entries = [
        index.by_whole.best(question.terms, CANDIDATES, allowed),
        index.near_entries.best(question.vector, CANDIDATES, allowed),
    ]
    # An entry that was found by what it says is judged by its standard wording, unless another one was found too.
    standard = index.begins[np.concatenate(entries)]
    return np.unique(np.concatenate((*found, standard)))
