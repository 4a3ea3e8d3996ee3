"""Thresholds with a promise: a wanted precision or recall that holds on messages like those of the calibration split.

Recall is split conformal prediction (Vovk et al. 2005; Angelopoulos and Bates 2023, section 4.3): of n positives, the
threshold is the score at rank ``floor((1 - recall) * (n + 1))`` from below, so that a new positive falls below it with
at most the probability ``1 - recall``. Precision is Learn then Test (Angelopoulos et al. 2021) with fixed-sequence
testing: thresholds are tried from the strictest down, each with an exact binomial test that the precision is no better
than wanted, and the last one before the first that cannot be rejected at `ERROR` is kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from nlp_service.inference.heads import COLUMNS, GROUPS

Floats = npt.NDArray[np.floating]

WANTED = (0.8, 0.9, 0.95)
"""Precisions and recalls that are promised where the split is large enough to."""

ERROR = 0.1
"""Probability that a promised precision does not hold."""

FEWEST = 20
"""Positives below which nothing is promised."""

_STEPS = np.arange(0.95, 0.045, -0.05)

Promises = dict[str, dict[str, dict[str, float]]]


def promises(chances: Floats, targets: Floats) -> Promises:
    """For each yes-or-no label, the threshold for each wanted precision and recall that can be promised.

    Args:
        chances: Calibrated probabilities, (n, N_OUTPUTS).
        targets: 0 or 1, (n, N_OUTPUTS).

    Returns:
        ``{"intent.ad": {"precision": {"0.9": 0.55}, "recall": {"0.9": 0.21}}, ...}``; what cannot be promised is left
        out.
    """
    found: Promises = {}
    for group in GROUPS:
        if group.kind == "softmax":
            continue
        for i, column in enumerate(group.columns):
            at = COLUMNS[group.name].start + i
            chance, true = chances[:, at], targets[:, at] > 0
            if true.sum() < FEWEST:
                continue
            kinds = {
                "precision": {f"{wanted:g}": for_precision(chance, true, wanted) for wanted in WANTED},
                "recall": {f"{wanted:g}": for_recall(chance, true, wanted) for wanted in WANTED},
            }
            name = column if group.name == column else f"{group.name}.{column}"
            found[name] = {
                kind: {wanted: round(bound, 4) for wanted, bound in bounds.items() if bound is not None}
                for kind, bounds in kinds.items()
            }
    return found


def for_recall(chance: Floats, true: npt.NDArray[np.bool_], wanted: float) -> float | None:
    """Threshold that a new positive reaches with at least the probability `wanted`; None with too few positives."""
    scores = np.sort(chance[true])
    rank = int(np.floor((1.0 - wanted) * (len(scores) + 1) + 1e-9))  # 1 - 0.8 is a little less than 0.2
    return float(scores[rank - 1]) if rank >= 1 else None


def for_precision(chance: Floats, true: npt.NDArray[np.bool_], wanted: float) -> float | None:
    """Lowest threshold whose precision is at least `wanted`, with the probability 1 - `ERROR`; None if none is."""
    kept = None
    for bound in _STEPS:
        said = chance >= bound
        n, hits = int(said.sum()), int((said & true).sum())
        # How likely so many hits are if the precision were only just too low.
        if n < FEWEST and kept is None:
            continue  # too few to say anything yet, for or against
        if binom.sf(hits - 1, n, wanted) > ERROR:
            break
        kept = float(bound)
    return kept
