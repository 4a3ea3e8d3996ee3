"""A question to the entries that may answer it: gather candidates by several ways, then rank them by one model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.features import Overview, Question, features, survey
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import FEATURES, Crossing
from nlp_service.knowledge.search.postings import best
from nlp_service.knowledge.search.ragged import distinct

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

CANDIDATES = 24
"""Wordings or entries that each of the four ways may bring."""

KEPT, KEPT_BY_WHOLE = 32, 12
"""Candidates that are ranked, and how many of them at least are of the entries with the highest BM25 of all that they
say. With 32 every figure of the model's card is what it is with all eighty that the four ways bring; with 20 as well,
but for long messages, whose right entry only that BM25 finds."""

KEPT_OF_ENTRY = 4
"""Wordings of one entry that are ranked, so that an entry of hundreds does not hide the others."""

_SHARES = (1.0, 1.5, 0.5, 0.5)
"""What counts for being kept: shares of the terms in the wording and in the whole entry, cosines to both."""

CROSSED = 10
"""Entries that a cross-encoder ranks anew."""

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
    seen = survey(index, question)
    found = [candidates(index, question, allowed, seen), same]
    if joined is not None:
        seen_joined = survey(index, joined[0])
        found.append(candidates(index, joined[0], allowed, seen_joined))
    wordings = distinct(np.concatenate(found))
    if not len(wordings):
        return Found([], 0.0)
    values = features(index, question, wordings, seen)
    if joined is not None:
        values = (1.0 - joined[1]) * values + joined[1] * features(index, joined[0], wordings, seen_joined)
    scores = index.model.ranker.scores(values)
    entries = index.wordings.entry[wordings]
    leading, shares = order(scores, entries)
    signs = signs_of(values, scores, int(leading[0]), float(shares[0]), question.length, intents)
    cover = index.model.ranker.cover(signs)
    if index.model.crossing is not None:
        scores = _crossed(index, index.model.crossing, question, wordings, scores, leading[:CROSSED])
        leading, shares = order(scores, entries)
    if len(same):
        # The operator has said which entry this question is for; the ranker never saw such a one while it learnt.
        scores[np.isin(wordings, same)] = scores.max() + SAME_LEAD
        cover = max(cover, SAME_COVER)
        leading, shares = order(scores, entries)
    chosen = leading[:n]
    rows = zip(wordings[chosen].tolist(), scores[chosen].tolist(), (shares * cover).tolist(), strict=False)
    numbers = index.wordings.number
    hits = [Hit(int(index.wordings.entry[i]), int(numbers[i]), score, chance) for i, score, chance in rows]
    return Found(hits, cover)


def _crossed(
    index: Index, crossing: Crossing, question: Question, wordings: Rows, scores: Floats, leading: Rows
) -> Floats:
    """Scores by a cross-encoder for the leading candidates; the others keep their order behind them."""
    passages = []
    for row in wordings[leading].tolist():
        entry = index.entries[index.wordings.entry[row]]
        passages.append(f"{entry.questions[index.wordings.number[row]]} {entry.answer}")
    crossed = crossing.scores(question.text, passages)
    result: Floats = scores - scores.max() + crossed.min() - np.float32(1.0)
    result[leading] = crossed
    return result


def _same(index: Index, question: Question, allowed: Mask | None) -> Rows:
    """Wordings that are the question itself, but for how it is dressed."""
    rows = index.wordings.keyed.rows(question.key)
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
    first: dict[int, int] = {}
    for place, entry in zip(falling.tolist(), entries[falling].tolist(), strict=True):
        first.setdefault(entry, place)
    leading = np.fromiter(first.values(), np.intp, len(first))
    shares = np.exp(scores[leading] - scores[leading[0]])
    return leading, shares / shares.sum()


def candidates(index: Index, question: Question, allowed: Mask | None = None, seen: Overview | None = None) -> Rows:
    """Wordings that may match, each once: found by terms and by words, in wordings and in what entries say.

    Args:
        index: Of the base.
        question: What is asked.
        allowed: Which entries may come back; None is all.
        seen: What `survey` gives for the question.
    """
    seen = survey(index, question) if seen is None else seen
    open_wordings = None if allowed is None else allowed[index.wordings.entry]
    found = [
        best(seen.wordings, CANDIDATES, open_wordings),
        index.near_wordings.best(question.vector, CANDIDATES, open_wordings),
    ]
    by_whole = best(seen.entries, CANDIDATES, allowed)
    entries = [by_whole, index.near_entries.best(question.vector, CANDIDATES, allowed)]
    # An entry that was found by what it says is judged by its standard wording, unless another one was found too.
    rows = distinct(np.concatenate((*found, index.begins[np.concatenate(entries)])))
    return rows if len(rows) <= KEPT else _kept(index, question, rows, seen, by_whole)


def _kept(index: Index, question: Question, rows: Rows, seen: Overview, by_whole: Rows) -> Rows:
    """The `KEPT` most promising ones by what costs little to know."""
    entries = index.wordings.entry[rows]
    of_wordings, of_entries, near_wordings, near_entries = _SHARES
    promise = seen.wordings[rows] * (of_wordings / seen.of_wordings)
    promise += seen.entries[entries] * (of_entries / seen.of_entries)
    promise += near_wordings * (index.wordings.vectors.of(rows) @ question.vector)
    promise += near_entries * (index.answers.all_vectors.of(entries) @ question.vector)
    highest = by_whole[np.argsort(-seen.entries[by_whole], kind="stable")[:KEPT_BY_WHOLE]]
    promise[(entries[:, None] == highest).any(1)] += 10.0
    falling = np.argsort(-promise, kind="stable")
    taken: Counter[int] = Counter()
    kept: list[int] = []
    for row, entry in zip(rows[falling].tolist(), entries[falling].tolist(), strict=True):
        taken[entry] += 1
        if taken[entry] <= KEPT_OF_ENTRY:
            kept.append(row)
    return np.sort(np.array(kept[:KEPT], np.intp))
