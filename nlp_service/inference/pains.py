"""From tags of positions to pains: where a message names a problem or a need, and what it is about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.encoder import Encoded
from nlp_service.inference.heads import softmax
from nlp_service.inference.targets import OTHER

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

SHORTEST = 2
"""Units of the shortest pain."""


class Found(NamedTuple):
    """Units ``start:end`` of rows of the run and the index of each one's target, `OTHER` when none is likely."""

    row: Index
    start: Index
    end: Index
    target: Index


class PainFinder:
    """Reads the tags of a run.

    Args:
        weight: (width, n_targets), of the head that names a span by the mean of its states.
        bias: (n_targets,).
        threshold: Probability of being inside from which a position belongs to a pain.
        sure: Probability that a target needs to be named.
    """

    def __init__(self, weight: Floats, bias: Floats, *, threshold: float, sure: float) -> None:
        self._weight = weight
        self._bias = bias
        self._threshold = threshold
        self._sure = sure

    def find(self, run: Encoded, wanted: npt.NDArray[np.bool_]) -> Found:
        """Pains of the wanted rows of the run, in the order of their rows and starts.

        Args:
            run: Messages encoded together.
            wanted: Which of them may have pains; shape (n,).
        """
        rows, starts, ends = self.spans(run.tags, run.lengths)
        kept = wanted[rows]
        rows, starts, ends = rows[kept], starts[kept], ends[kept]
        if not len(rows):
            return Found(rows, starts, ends, rows)
        sizes = ends - starts
        begins = np.cumsum(sizes) - sizes
        position = np.arange(int(sizes.sum())) + np.repeat(starts - begins, sizes)
        means = np.add.reduceat(run.states[np.repeat(rows, sizes), position], begins, axis=0) / sizes[:, None]
        likely = softmax(means.astype(np.float32) @ self._weight + self._bias)
        target = np.where(likely.max(1) >= self._sure, likely.argmax(1), OTHER)
        return Found(rows, starts, ends, target)

    def spans(self, tags: Floats, lengths: npt.NDArray[np.integer]) -> tuple[Index, Index, Index]:
        """Row, first unit and end of every run of positions inside a pain; a position that begins one starts anew.

        Args:
            tags: Logits of outside, begin and inside; (n, longest, 3).
            lengths: Units of each row.
        """
        chance = softmax(tags)
        within = np.arange(tags.shape[1]) < lengths[:, None]
        inside = (chance[:, :, 0] <= 1.0 - self._threshold) & within
        before = np.zeros_like(inside)
        before[:, 1:] = inside[:, :-1]
        begins = inside & (~before | (chance[:, :, 1] > np.maximum(chance[:, :, 2], chance[:, :, 0])))
        after = np.zeros_like(inside)
        after[:, :-1] = inside[:, 1:] & ~begins[:, 1:]
        rows, starts = np.nonzero(begins)
        _, lasts = np.nonzero(inside & ~after)
        long = lasts + 1 - starts >= SHORTEST
        return rows[long], starts[long], lasts[long] + 1
