"""Which characters drove a label: what each unit added to it in the one pass, gathered into spans."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.heads import Calibration
from nlp_service.inference.ngrams import Known, LinearPart
from nlp_service.inference.ragged import positions

TOP = 3
"""Spans to a label at the most."""

_SHARE = 0.3  # of the strongest unit: from here on a unit belongs to a span

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class Question(NamedTuple):
    """What is asked of one message: which units moved its logits along a direction.

    Attributes:
        row: Row within the encoded run.
        direction: Index of the direction.
    """

    row: int
    direction: int


class Drivers(NamedTuple):
    """Units ``start:end`` that drove the answer to a question, the strongest of a question first; shape (n,) each."""

    question: Index
    start: Index
    end: Index


class Explainer:
    """Answers questions about runs of the encoder.

    The heads are linear in a message's vector, and the vector is a sum over its units: so each logit falls apart into
    one part for each unit, and likewise the linear part's into one for each feature.

    Args:
        heads: Weights of the encoder's heads, (width, n_outputs).
        linear: The linear part of the model.
        calibration: How much each part counts.
        directions: (n_directions, n_outputs): how a question weighs the columns.
    """

    def __init__(self, heads: Floats, linear: LinearPart, calibration: Calibration, directions: Floats) -> None:
        self._linear = linear
        self._by_feature = heads @ (directions * calibration.encoder).T
        self._linear_directions = directions * calibration.linear

    def drivers(self, run: Encoded, known: Known, questions: list[Question]) -> Drivers:
        """The strongest spans of each question, at most `TOP`, strongest first.

        Args:
            run: Messages encoded together.
            known: Features of the whole batch that the run is of, in the order of the messages.
            questions: About rows of the run.
        """
        if not questions:
            return Drivers(*(np.zeros(0, np.intp) for _ in range(3)))
        rows, which = np.array(questions, np.intp).T
        sizes = np.diff(run.offsets)[rows]
        question, position = positions(run.offsets[rows], sizes)
        # All directions at once, as one product: picking each question's first would copy far more.
        moved = (run.weighed @ self._by_feature)[position, which[question]]
        begins = np.cumsum(sizes) - sizes
        moved = moved + self._linear_moves(run, known, rows, which, begins, sizes)
        peak = np.maximum.reduceat(moved, begins)
        chosen = (moved > 0) & (moved >= _SHARE * peak[question])
        return _spans(moved, chosen, question, begins)

    def _linear_moves(
        self, run: Encoded, known: Known, rows: Index, which: Index, begins: Index, sizes: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """Each feature's contribution, in equal parts to the units that it covers, for the units of each question."""
        bounds = np.searchsorted(known.message, np.arange(run.first, run.first + len(run.logits) + 1))
        # Each feature of the run once for all directions; several questions are asked of most messages.
        own = slice(int(bounds[0]), int(bounds[-1]))
        start, length = known.start[own], known.length[own]
        share = self._linear.along(known, own, self._linear_directions) / length[:, None]
        bounds = bounds - bounds[0]
        question, feature = positions(bounds[rows], np.diff(bounds)[rows])
        worth = share[feature, which[question]]
        start, length = start[feature], length[feature]
        limit, base = sizes[question], begins[question]
        n = int(sizes.sum())
        result = np.zeros(n, np.float64)
        for step in range(int(length.max()) if len(length) else 0):
            at = start + step
            covered = np.flatnonzero((step < length) & (at >= 0) & (at < limit))
            result += np.bincount(base[covered] + at[covered], worth[covered], n)
        return result


def _spans(moved: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_], question: Index, begins: Index) -> Drivers:
    """Runs of chosen units of each question, the strongest `TOP` of a question, strongest first."""
    opens, closes = chosen.copy(), chosen.copy()
    opens[1:] &= ~chosen[:-1] | (question[1:] != question[:-1])
    closes[:-1] &= ~chosen[1:] | (question[1:] != question[:-1])
    start, end = np.flatnonzero(opens), np.flatnonzero(closes) + 1
    total = np.concatenate((np.zeros(1), np.cumsum(moved)))
    asked = question[start]
    order = np.lexsort((total[start] - total[end], asked))
    asked, start, end = asked[order], start[order], end[order]
    top = np.arange(len(asked)) - np.searchsorted(asked, asked) < TOP
    asked, start, end = asked[top], start[top], end[top]
    return Drivers(asked, start - begins[asked], end - begins[asked])
