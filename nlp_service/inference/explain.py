"""Which characters drove a label: the contributions of one pass, gathered into spans."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.heads import Calibration
from nlp_service.inference.ngrams import Known, LinearPart

TOP = 3
"""Spans to a label at the most."""

_SHARE = 0.3  # of the strongest position: from here on a position belongs to a span

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class Question(NamedTuple):
    """What is asked of one message: which positions moved its logits along a direction.

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

    Args:
        linear: The linear part of the model.
        calibration: How much each part counts.
        directions: (n_directions, n_outputs): how a question weighs the columns.
    """

    def __init__(self, linear: LinearPart, calibration: Calibration, directions: Floats) -> None:
        self._linear = linear
        self._encoder_directions = directions * calibration.encoder
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
        rows = np.fromiter((q.row for q in questions), np.intp, len(questions))
        which = np.fromiter((q.direction for q in questions), np.intp, len(questions))
        # All directions at once, as one product: picking each question's columns first would copy far more.
        moved = (run.contributions @ self._encoder_directions.T)[rows, :, which]
        moved += self._linear_moves(run, known, rows, which, moved.shape[1])
        inside = np.arange(moved.shape[1]) < run.lengths[rows][:, None]
        moved = np.where(inside, moved, 0.0)
        peak = moved.max(1, keepdims=True)
        return _spans(moved, (moved > 0) & (moved >= _SHARE * peak))

    def _linear_moves(
        self, run: Encoded, known: Known, rows: npt.NDArray[np.intp], which: npt.NDArray[np.intp], longest: int
    ) -> Floats:
        """Each feature's contribution, in equal parts to the units that it covers; (n_questions, longest)."""
        begin = np.searchsorted(known.message, run.rows, "left")
        count = np.searchsorted(known.message, run.rows, "right") - begin
        # Each feature of the run once for all directions; several questions are asked of most messages.
        place = np.cumsum(count) - count
        feature = np.arange(int(count.sum())) + np.repeat(begin - place, count)
        share = self._linear.along(known, feature, self._linear_directions) / known.length[feature][:, None]
        asked = count[rows]
        question = np.repeat(np.arange(len(rows)), asked)
        local = np.arange(len(question)) + np.repeat(place[rows] - (np.cumsum(asked) - asked), asked)
        share = share[local, which[question]]
        start, length = known.start[feature][local], known.length[feature][local]
        result = np.zeros(len(rows) * longest, np.float64)
        limit = run.lengths[rows][question]
        for step in range(int(length.max()) if len(length) else 0):
            at = start + step
            covered = (step < length) & (at >= 0) & (at < limit)
            result += np.bincount(question[covered] * longest + at[covered], share[covered], len(result))
        return result.reshape(len(rows), longest).astype(np.float32)


def _spans(moved: Floats, chosen: npt.NDArray[np.bool_]) -> Drivers:
    """Runs of chosen positions of each row, the strongest `TOP` of a row, strongest first."""
    edges = np.diff(chosen.astype(np.int8), axis=1, prepend=0, append=0)
    row, start = np.nonzero(edges == 1)
    _, end = np.nonzero(edges == -1)
    total = np.zeros((len(moved), moved.shape[1] + 1))
    np.cumsum(moved, 1, out=total[:, 1:])
    strength: npt.NDArray[np.float64] = total[row, end] - total[row, start]
    order = np.lexsort((-strength, row))
    row, start, end = row[order], start[order], end[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    top = rank < TOP
    return Drivers(row[top], start[top], end[top])
