"""Questions to the entries that may answer them: gather candidates by several ways, then rank them by one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.candidates import candidates_of
from nlp_service.knowledge.search.features import Overview, Pairs, Question, features_of, survey
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import FEATURES, Crossing
from nlp_service.knowledge.search.ragged import distinct

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

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


class Inquiry(NamedTuple):
    """What a base is asked.

    Attributes:
        question: As `features.read` gives it.
        allowed: Which entries may come back; (n_entries,). None is all.
        joined: The question together with what was said before it, and how much that counts, 0 to 1.
        n: Hits at the most.
    """

    question: Question
    allowed: Mask | None = None
    joined: tuple[Question, float] | None = None
    n: int = 10


class Ranked(NamedTuple):
    """What a search gives before it is known what the question is for.

    Attributes:
        rows: Entry, wording, score and softmax of the scores for each hit, best first.
        signs: The values of `COVER` that come before the intents; none where nothing was found.
        is_same: Whether a wording is the question itself.
    """

    rows: list[tuple[int, int, float, float]]
    signs: tuple[float, ...]
    is_same: bool


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
        joined: As in `Inquiry`.
        n: Hits at the most.
    """
    return conclude(index, rank_all(index, [Inquiry(question, allowed, joined, n)])[0], intents)


def rank_all(index: Index, inquiries: Sequence[Inquiry]) -> list[Ranked]:
    """Rank the entries that may answer each of some questions: in less time than one after the other takes."""
    if not inquiries:
        return []
    same = [_same(index, each.question, each.allowed) for each in inquiries]
    pairs, values = _valued(index, inquiries, same)
    scores = index.model.ranker.scores(values)
    bounds = np.searchsorted(pairs.question, np.arange(len(inquiries) + 1)).tolist()
    ranked = []
    for i, (first, last) in enumerate(pairwise(bounds)):
        candidates = Candidates(pairs.wording[first:last], values[first:last], scores[first:last], same[i])
        ranked.append(_ranked(index, inquiries[i], candidates))
    return ranked


def conclude(index: Index, ranked: Ranked, intents: Mapping[str, float]) -> Found:
    """Tell how probable each hit is, by the probabilities of the question's intents."""
    if not ranked.signs:
        return Found([], 0.0)
    cover = index.model.ranker.cover((*ranked.signs, *_of_intents(intents)))
    if ranked.is_same:
        cover = max(cover, SAME_COVER)
    return Found([Hit(entry, wording, score, share * cover) for entry, wording, score, share in ranked.rows], cover)


def _valued(index: Index, inquiries: Sequence[Inquiry], same: Sequence[Rows]) -> tuple[Pairs, Floats]:
    """The candidates of all questions, `same` ones among them, and their features.

    A question with what was said before it finds candidates like a question of its own, and shares its features.
    """
    joined = [i for i, each in enumerate(inquiries) if each.joined is not None]
    others = [(each.joined, each.allowed) for each in inquiries if each.joined is not None]
    questions = [*(each.question for each in inquiries), *(other[0] for other, _ in others)]
    allowed = [*(each.allowed for each in inquiries), *(mask for _, mask in others)]
    seen = survey(index, *questions)
    found = candidates_of(index, questions, allowed, seen)
    n, n_rows = len(inquiries), max(1, index.n_wordings)
    owner = np.array([*range(n), *joined], np.intp)
    own = [i * n_rows + rows for i, rows in enumerate(same)]
    pairs = Pairs(*np.divmod(distinct(np.concatenate((owner[found.question] * n_rows + found.wording, *own))), n_rows))
    values = features_of(index, questions[:n], pairs, seen.of(slice(n)))
    if joined:
        which = np.flatnonzero(np.isin(pairs.question, joined))
        asked = np.searchsorted(joined, pairs.question[which])
        share = np.array([other[1] for other, _ in others], np.float32)[asked, None]
        theirs = features_of(index, questions[n:], Pairs(asked, pairs.wording[which]), seen.of(slice(n, None)))
        values[which] = (1.0 - share) * values[which] + share * theirs
    return pairs, values


class Candidates(NamedTuple):
    """The candidates of one question.

    Attributes:
        wordings: Their rows; (n,).
        values: Their features; (n, n_features).
        scores: Of the ranker; (n,).
        same: Rows of those that are the question itself.
    """

    wordings: Rows
    values: Floats
    scores: Floats
    same: Rows


def _ranked(index: Index, inquiry: Inquiry, candidates: Candidates) -> Ranked:
    wordings, values, scores, same = candidates
    if not len(wordings):
        return Ranked([], (), False)
    question, entries = inquiry.question, index.wordings.entry[wordings]
    leading, shares = order(scores, entries)
    signs = _signs(values, scores, int(leading[0]), float(shares[0]), question.length)
    if index.model.crossing is not None:
        scores = _crossed(index, index.model.crossing, question, wordings, scores, leading[:CROSSED])
        leading, shares = order(scores, entries)
    if len(same):
        # The operator has said which entry this question is for; the ranker never saw such a one while it learnt.
        scores[np.isin(wordings, same)] = scores.max() + SAME_LEAD
        leading, shares = order(scores, entries)
    chosen = leading[: inquiry.n]
    columns = (entries[chosen], index.wordings.number[wordings[chosen]], scores[chosen], shares[: inquiry.n])
    return Ranked(list(zip(*(each.tolist() for each in columns), strict=True)), signs, len(same) > 0)


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
    return (*_signs(values, scores, top, share, length), *_of_intents(intents))


def _signs(values: Floats, scores: Floats, top: int, share: float, length: float) -> tuple[float, ...]:
    found = (float(scores[top]), float(np.log(share)), float(values[top, _SHARE]), float(values[top, _ALIGNED]))
    return (*found, length)


def _of_intents(intents: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(intents.get(name, 0.0) for name in ("question", "chat", "ad"))


def order(scores: Floats, entries: Rows) -> tuple[Rows, Floats]:
    """The best candidate of each entry, best entry first, and the softmax of their scores."""
    falling = np.argsort(-scores, kind="stable")
    first: dict[int, int] = {}
    for place, entry in zip(falling.tolist(), entries[falling].tolist(), strict=True):
        first.setdefault(entry, place)
    leading = np.fromiter(first.values(), np.intp, len(first))
    shares = np.exp(scores[leading] - scores[leading[0]])
    return leading, shares / shares.sum()


def candidates(index: Index, question: Question, seen: Overview) -> Rows:
    """Wordings that may match a question, each once; `seen` is what `survey` gives for it."""
    return candidates_of(index, [question], [None], seen).wording
