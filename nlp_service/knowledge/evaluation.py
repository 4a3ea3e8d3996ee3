"""How well a base answers: figures of the search, of the decision, and of the probabilities behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.held_out import count_single
from nlp_service.knowledge.probes import DEPTH, NOWHERE, Probe, Query, Sought, of_queries, seek, seek_own
from nlp_service.knowledge.reply import Decision, decide
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.searching import Found
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.types import Analysis

N_BINS = 15
"""Bins of the calibration error, as Guo et al. (2017) take them."""

MAX_NAMED = 20
"""Queries that are named for each kind of error: enough to look at."""

Floats = npt.NDArray[np.float64]
Id = str | int | None


class Ranking(msgspec.Struct, frozen=True):
    """Where the right entries were found, over the queries that one answers; None without any.

    Attributes:
        hit_at_1, hit_at_3: Share whose entry is the first, or among the first three.
        mrr_at_10: Mean of ``1 / rank``, 0 behind the tenth (Voorhees 1999).
        ndcg_at_10: Mean of ``1 / log2(rank + 1)``, which is nDCG where one entry is relevant (Järvelin and Kekäläinen
            2002).
    """

    hit_at_1: float | None
    hit_at_3: float | None
    mrr_at_10: float | None
    ndcg_at_10: float | None


class Errors(msgspec.Struct, frozen=True):
    """Ids of queries that went wrong, the first `MAX_NAMED` of each kind.

    Attributes:
        not_first: Their entry was found, but not first.
        not_found: Their entry was not among the first ten.
        unknown: Their entry is not in the base; they count as not found.
        wrong_answers: Answered with another entry than theirs.
        false_answers: Answered although nothing answers them.
        held_back: Their entry was first, and yet they were not answered.
    """

    not_first: tuple[Id, ...] = ()
    not_found: tuple[Id, ...] = ()
    unknown: tuple[Id, ...] = ()
    wrong_answers: tuple[Id, ...] = ()
    false_answers: tuple[Id, ...] = ()
    held_back: tuple[Id, ...] = ()


class Figures(Ranking, frozen=True, kw_only=True):
    """What an evaluation measured; a figure is None where there was nothing to measure it on.

    Attributes:
        n: Queries that were asked.
        n_answerable: Those that an entry answers.
        n_answered: Those that were answered.
        n_single: Entries that could not be asked, having one wording, where the base's own wordings were.
        abstention_f1: F1 of "this must not be answered", said by every decision but ``answer``.
        answer_precision: Share of the answers that were right; for a query that nothing answers none is.
        answer_coverage: Share of the answerable queries that were answered.
        false_answers: Share of the queries that nothing answers which were answered.
        calibration_error: Expected difference between the probability of the best entry and the share that is right,
            as `expected_calibration_error`.
        decisions: How often each was taken.
        errors: Queries behind the figures.
        thresholds: What was decided by.
        model: Version of the search model.
    """

    n: int
    n_answerable: int
    n_answered: int
    n_single: int = 0
    abstention_f1: float | None
    answer_precision: float | None
    answer_coverage: float | None
    false_answers: float | None
    calibration_error: float | None
    decisions: dict[str, int]
    errors: Errors
    thresholds: Thresholds
    model: str


class Outcome(NamedTuple):
    """What became of one query.

    Attributes:
        id: Of the query.
        right: As of its probe.
        rank: Of the right entry, from 1; 0 if it is not among the first `DEPTH`, or there is none.
        probability: Of the best entry.
        decision: That was taken.
    """

    id: Id
    right: int | None
    rank: int
    probability: float
    decision: Decision


def evaluate(
    index: Index, thresholds: Thresholds, queries: Sequence[Query], analyses: Sequence[Analysis] | None = None
) -> Figures:
    """Ask queries of a base and compare with what they say is right.

    Entries are found whenever they hold and whoever they are for, so that the figures do not depend on the day.

    Args:
        index: Of the base.
        thresholds: To decide by.
        queries: What to ask; may be empty.
        analyses: Of each query; None takes each for a calm question.

    Raises:
        BadInput: There are not as many analyses as queries.
    """
    asked, probes = of_queries(index, queries, analyses)
    return _measure(index, thresholds, [seek(asked, probe) for probe in probes])


def evaluate_own(index: Index, thresholds: Thresholds, sought: Sequence[Sought] | None = None) -> Figures:
    """Ask a base's own wordings, each taken out of it, then with its whole entry closed; at most 600, drawn alike.

    Entries of one wording cannot be asked; ``n_single`` counts them. Where the thresholds were fitted on the same
    wordings, precision and coverage are a little too good.

    Args:
        index: Of the base.
        thresholds: To decide by.
        sought: What its own wordings found, as `probes.seek_own` gives it, where that is known already.
    """
    figures = _measure(index, thresholds, seek_own(index) if sought is None else sought)
    return msgspec.structs.replace(figures, n_single=count_single(index))


def ranking(ranks: Sequence[int]) -> Ranking:
    """Figures of ranks, which count from 1; 0 is not found."""
    if not ranks:
        return Ranking(None, None, None, None)
    places = np.array(ranks, np.float64)
    found = (places > 0) & (places <= DEPTH)
    gains = np.where(found, 1.0 / np.log2(np.maximum(places, 1.0) + 1.0), 0.0)
    return Ranking(
        hit_at_1=float((places == 1).mean()),
        hit_at_3=float((found & (places <= 3)).mean()),
        mrr_at_10=float(np.where(found, 1.0 / np.maximum(places, 1.0), 0.0).mean()),
        ndcg_at_10=float(gains.mean()),
    )


def expected_calibration_error(chances: Floats, right: npt.NDArray[np.bool_], n_bins: int = N_BINS) -> float:
    """Mean distance of probabilities from the share that came true, over bins of as many queries each.

    Bins of equal mass, since probabilities of answers crowd at both ends and bins of equal width would mostly be empty
    (Nguyen and O'Connor 2015; Nixon et al. 2019).

    Args:
        chances: (n,), at least one.
        right: Whether each came true; (n,).
        n_bins: At most; fewer where there are fewer queries.
    """
    order = np.argsort(chances, kind="stable")
    bins = np.array_split(order, min(n_bins, len(order)))
    return float(sum(abs(chances[rows].mean() - right[rows].mean()) * len(rows) for rows in bins) / len(order))


def _measure(index: Index, thresholds: Thresholds, sought: Sequence[Sought]) -> Figures:
    outcomes = [_outcome(index, thresholds, *one) for one in sought]
    return summarise(outcomes, thresholds, index.model.version)


def _outcome(index: Index, thresholds: Thresholds, probe: Probe, found: Found) -> Outcome:
    reply = decide(found, index.entries, probe.analysis, thresholds, index.version)
    entries = [hit.entry for hit in found.hits]
    rank = entries.index(probe.right) + 1 if probe.right in entries else 0
    chance = found.hits[0].probability if found.hits else 0.0
    return Outcome(probe.id, probe.right, rank, chance, reply.decision)


def summarise(outcomes: Sequence[Outcome], thresholds: Thresholds, model: str) -> Figures:
    """Figures of what became of queries."""
    answerable = [one for one in outcomes if one.right is not None]
    answered = [one for one in outcomes if one.decision is Decision.ANSWER]
    n, n_closed = len(outcomes), len(outcomes) - len(answerable)
    n_covered = sum(one.right is not None for one in answered)
    n_false = len(answered) - n_covered
    chances = np.array([one.probability for one in outcomes], np.float64)
    right = np.array([one.rank == 1 for one in outcomes], np.bool_)
    return Figures(
        **msgspec.structs.asdict(ranking([one.rank for one in answerable])),
        n=n,
        n_answerable=len(answerable),
        n_answered=len(answered),
        # F1 = 2 TP / (positive by truth + positive by decision).
        abstention_f1=2 * (n_closed - n_false) / (n_closed + n - len(answered)) if n_closed else None,
        answer_precision=_share(sum(one.rank == 1 for one in answered), len(answered)),
        answer_coverage=_share(n_covered, len(answerable)),
        false_answers=_share(n_false, n_closed),
        calibration_error=expected_calibration_error(chances, right) if n else None,
        decisions={decision.value: count for decision, count in Counter(one.decision for one in outcomes).items()},
        errors=_errors(outcomes),
        thresholds=thresholds,
        model=model,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _errors(outcomes: Sequence[Outcome]) -> Errors:
    kinds: dict[str, list[Id]] = {name: [] for name in Errors.__struct_fields__}
    for one in outcomes:
        is_answered = one.decision is Decision.ANSWER
        if one.right is None:
            names = ["false_answers"] if is_answered else []
        elif one.rank == 1:
            names = [] if is_answered else ["held_back"]
        else:
            place = "unknown" if one.right == NOWHERE else "not_first" if one.rank else "not_found"
            names = [place, "wrong_answers"] if is_answered else [place]
        for name in names:
            kinds[name].append(one.id)
    return Errors(**{name: tuple(ids[:MAX_NAMED]) for name, ids in kinds.items()})
