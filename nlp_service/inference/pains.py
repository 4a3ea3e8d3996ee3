"""From tags of units to pains: where a message names a problem or a need, and what it is about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.heads import softmax
from nlp_service.inference.ragged import positions
from nlp_service.inference.targets import OTHER

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

SHORTEST = 2
"""Units of the shortest pain."""

MOST = 3
"""Stretches of a message; each is one pain or several."""


class Found(NamedTuple):
    """Units ``start:end`` of rows of the run and the index of each one's target, `OTHER` when none is likely."""

    row: Index
    start: Index
    end: Index
    target: Index


class PainFinder:
    """Reads the tags of a run.

    A pain is the stretch of units whose log-odds of being inside one add up to the most, each with `prior` added; so a
    doubtful unit between sure ones does not cut it in two. What is left gives the next one, as long as the sum is
    `least` or more. (The stretch of the highest sum: Bentley 1984, Programming Pearls.) A stretch is cut where another
    pain begins.

    Args:
        weight: (width, n_targets), of the head that names a span by the mean of its states.
        bias: (n_targets,).
        prior: Added to the log-odds of each unit.
        least: Sum that a pain needs; above 0.
        begin: Probability of beginning one above which a unit does.
        sure: Probability that a target needs to be named.
    """

    def __init__(self, weight: Floats, bias: Floats, *, prior: float, least: float, begin: float, sure: float) -> None:
        self._weight = weight
        self._bias = bias
        self._prior = prior
        self._least = least
        self._begin = begin
        self._sure = sure

    def find(self, run: Encoded, wanted: npt.NDArray[np.bool_]) -> Found:
        """Pains of the wanted rows of the run, in the order of their rows and starts.

        Args:
            run: Messages encoded together.
            wanted: Which of them may have pains; shape (n,).
        """
        rows, starts, ends = self.spans(run.tags, run.offsets, wanted)
        if not len(rows):
            return Found(rows, starts, ends, rows)
        sizes = ends - starts
        _, position = positions(run.offsets[rows] + starts, sizes)
        means = np.add.reduceat(run.states[position], np.cumsum(sizes) - sizes, axis=0) / sizes[:, None]
        likely = softmax(means.astype(np.float32) @ self._weight + self._bias)
        target = np.where(likely.max(1) >= self._sure, likely.argmax(1), OTHER)
        return Found(rows, starts, ends, target)

    def spans(
        self, tags: Floats, offsets: npt.NDArray[np.integer], wanted: npt.NDArray[np.bool_]
    ) -> tuple[Index, Index, Index]:
        """Row, first unit and end of each pain, by rows and starts.

        Args:
            tags: Logits of outside, begin and inside; (N, 3).
            offsets: Where each row begins, with N at the end; no row is empty.
            wanted: Which rows are looked at; shape (n,).
        """
        chance = softmax(tags).astype(np.float64)
        odds = np.log((chance[:, 1] + chance[:, 2] + 1e-9) / (chance[:, 0] + 1e-9)) + self._prior
        never = -1.0 - np.maximum(odds, 0.0).sum()  # no stretch can make up for such a unit
        rows, found = np.flatnonzero(wanted), []
        for _ in range(MOST):
            if not len(rows):
                break
            start, end, total = _best(odds, offsets[rows], offsets[rows + 1])
            enough = total >= self._least
            rows, start, end = rows[enough], start[enough], end[enough]
            found.append((rows, start - offsets[rows], end - offsets[rows]))
            _, taken = positions(start, end - start)
            odds[taken] = never
        row, start, end = (np.concatenate([part[i] for part in found] or [np.zeros(0, np.intp)]) for i in range(3))
        order = np.lexsort((start, row))
        row, start, end = row[order], start[order], end[order]
        which, unit = positions(offsets[row] + start, end - start)
        opens = chance[unit, 1] > self._begin
        opens[np.searchsorted(which, np.arange(len(row)))] = True
        first = np.flatnonzero(opens)
        row = row[which[first]]
        start = unit[first] - offsets[row]
        end = start + np.diff(first, append=len(unit))
        long = end - start >= SHORTEST
        return row[long], start[long], end[long]


def _best(
    odds: npt.NDArray[np.float64], begins: npt.NDArray[np.integer], ends: npt.NDArray[np.integer]
) -> tuple[Index, Index, npt.NDArray[np.float64]]:
    """Start, end and sum of the stretch of the highest sum in each ``begins[i]:ends[i]``; none of them is empty."""
    sizes = ends - begins
    row, position = positions(begins, sizes)
    # Sums from the beginning of each row to every edge between its units: one more edge than units.
    edges = sizes + 1
    first = np.cumsum(edges) - edges
    total = np.zeros(int(edges.sum()))
    total[np.arange(len(position)) + row + 1] = odds[position]
    np.cumsum(total, out=total)
    of = np.repeat(np.arange(len(sizes)), edges)
    total -= total[first][of]
    # Each row below the one before, so that the lowest sum so far is always of the row itself.
    total -= (1.0 + total.max() - total.min()) * of
    lowest = np.minimum.accumulate(total)
    gain = total - lowest
    best = np.maximum.reduceat(gain, first)
    peaks = np.flatnonzero(gain == best[of])
    end = peaks[np.searchsorted(of[peaks], np.arange(len(sizes)))]
    start = np.maximum.accumulate(np.where(total == lowest, np.arange(len(total)), 0))[end]
    return begins + start - first, begins + end - first, best
