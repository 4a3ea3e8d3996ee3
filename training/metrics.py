"""Figures of quality, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


def macro_f1(truth: Ints, guess: Ints, n_classes: int) -> float:
    """Mean over the classes that occur in the truth of the harmonic mean of precision and recall."""
    scores = []
    for label in range(n_classes):
        true, said = truth == label, guess == label
        if true.any():
            scores.append(2 * (true & said).sum() / (true.sum() + said.sum()))
    return float(np.mean(scores))


def average_precision(truth: Floats, scores: Floats) -> float:
    """Area under precision over recall, step by step; ties count as one step. NaN without a positive."""
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    true, ranked = truth[order] > 0, scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(true)[last]
    precision, recall = hits / (last + 1), hits / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def calibration_error(correct: Floats, confidence: Floats, bins: int = 15) -> float:
    """Expected calibration error: mean gap between confidence and truth over bins of equal width, weighed by size."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = 0.0
    for i in np.unique(index):
        inside = index == i
        gap += inside.mean() * abs(float(np.mean(correct[inside])) - float(np.mean(confidence[inside])))
    return gap


def span_f1(truth: list[list[tuple[int, int]]], guess: list[list[tuple[int, int]]], overlap: float = 0.5) -> float:
    """F1 of spans; two match when their common part is at least `overlap` of the longer one. Each matches once."""
    hits = n_true = n_guess = 0
    for true, said in zip(truth, guess, strict=True):
        n_true, n_guess = n_true + len(true), n_guess + len(said)
        left = list(true)
        for a, b in said:
            best = max(left, key=lambda s: _overlap(s, (a, b)), default=None)
            if best is not None and _overlap(best, (a, b)) >= overlap:
                left.remove(best)
                hits += 1
    return 2 * hits / max(1, n_true + n_guess)


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    common = min(a[1], b[1]) - max(a[0], b[0])
    return max(0, common) / max(a[1] - a[0], b[1] - b[0])


def interval(figure: Callable[[Ints], float], n: int, *, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a figure of `n` messages; `figure` takes the chosen indices."""
    rng = np.random.default_rng(seed)
    values = [figure(rng.integers(0, n, n)) for _ in range(rounds)]
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)
