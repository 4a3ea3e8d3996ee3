"""Simpler ways to search beside the search as it is, on the same questions in one run: what each part is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.evaluation import Ranking, ranking
from nlp_service.knowledge.probes import DEPTH, Probe, Query, Sitting, of_queries, of_wordings, seek
from nlp_service.knowledge.search.index import Index
from nlp_service.types import Analysis

REACH = 100
"""Entries of each way that are fused."""

RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""

Floats = npt.NDArray[np.float64]
Way = Callable[[Index, Probe], list[int]]


def compare_ways(
    index: Index, queries: Sequence[Query] | None = None, analyses: Sequence[Analysis] | None = None
) -> dict[str, Ranking]:
    """Rank by every way of `WAYS`.

    Args:
        index: Of the base.
        queries: What to ask; those that nothing answers are left out. None asks the base's own wordings, as
            `evaluation.evaluate_own` does.
        analyses: Of each query; None takes each for a calm question.

    Raises:
        BadInput: There are not as many analyses as queries.
    """
    sittings: Iterable[Sitting] = of_wordings(index)
    if queries is not None:
        sittings = [of_queries(index, queries, analyses)]
    ranks: dict[str, list[int]] = {name: [] for name in WAYS}
    for asked, probes in sittings:
        for probe in probes:
            if probe.right is None:
                continue
            for name, way in WAYS.items():
                found = way(asked, probe)[:DEPTH]
                ranks[name].append(found.index(probe.right) + 1 if probe.right in found else 0)
    return {name: ranking(places) for name, places in ranks.items()}


def _bm25_wordings(index: Index, probe: Probe) -> list[int]:
    return _best(_by_wordings(index, probe))


def _bm25_entries(index: Index, probe: Probe) -> list[int]:
    return _best(_by_entries(index, probe))


def _bm25(index: Index, probe: Probe) -> list[int]:
    return _best(_by_wordings(index, probe) + _by_entries(index, probe))


def _dense(index: Index, probe: Probe) -> list[int]:
    """By vectors: of the best wording and of all that an entry says, added up."""
    wordings = (index.wordings.nearest @ probe.question.vector).astype(np.float64)
    entries = (index.answers.nearest @ probe.question.vector).astype(np.float64)
    return _best(_of_entries(index, wordings) + entries)


def _fused(index: Index, probe: Probe) -> list[int]:
    scores = np.zeros(len(index.entries))
    for found in (_bm25(index, probe), _dense(index, probe)):
        scores[found] += 1.0 / (RRF_K + 1.0 + np.arange(len(found)))
    return _best(scores)


def _reranked(index: Index, probe: Probe) -> list[int]:
    """By the search as it is."""
    return [hit.entry for hit in seek(index, probe).found.hits]


WAYS: Mapping[str, Way] = {
    "bm25_wordings": _bm25_wordings,
    "bm25_entries": _bm25_entries,
    "bm25": _bm25,
    "dense": _dense,
    "fused": _fused,
    "reranked": _reranked,
}
"""Ways by name: BM25 over wordings, over whole entries, their sum; vectors; both, fused by rank; the whole search."""


def _by_wordings(index: Index, probe: Probe) -> Floats:
    """BM25 of the best wording of each entry; (n_entries,)."""
    return _of_entries(index, index.wordings.postings.scores(probe.question.terms)[0].astype(np.float64))


def _by_entries(index: Index, probe: Probe) -> Floats:
    """BM25 of all that each entry says; (n_entries,)."""
    return index.answers.postings.scores(probe.question.terms)[0].astype(np.float64)


def _of_entries(index: Index, scores: Floats) -> Floats:
    """The best of each entry's wordings, whose scores are given; (n_entries,)."""
    return np.asarray(np.maximum.reduceat(scores, index.begins[:-1])) if len(scores) else scores


def _best(scores: Floats) -> list[int]:
    """Entries with a score above 0, at most `REACH`, best first; equal ones in the order of the base."""
    order = np.argsort(-scores, kind="stable")[:REACH]
    return [int(entry) for entry in order if scores[entry] > 0]
