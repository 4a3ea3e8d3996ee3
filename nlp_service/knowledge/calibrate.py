"""Thresholds of a base, fitted on its own wordings for a wanted precision.

Wordings are taken out of the base and asked as if they were members' questions: what then comes back for the entry's
other wordings says how sure the search must be. Asked once more with its whole entry left out, the same wording is a
question near to the base that nothing in it answers. Half of what is asked is taken to be of that kind.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.probes import Sought, seek_own
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.thresholds import N_CLARIFY, Thresholds

LEAST = 30
"""Wordings of entries with several, below which the thresholds of the model stay: fewer say too little."""

LEAST_CLARIFY = 0.35
"""Questions that are less probable together than this are never offered, whatever a base's own wordings say."""

CLARIFY_PRECISION = 0.6
"""How often one of the questions that are offered must be the right one."""

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Calibrated(msgspec.Struct, frozen=True):
    """Thresholds with what they were fitted on.

    Attributes:
        thresholds: To decide by.
        asked: Wordings that were asked; 0 where there were too few, and the thresholds are the model's.
        precision: Of ``answer`` on them, unanswerable ones counted in.
        coverage: Share of the answerable ones that are answered.
        false_answers: Share of the unanswerable ones that are answered.
        reason: Why the model's thresholds stay; empty where new ones were fitted.
    """

    thresholds: Thresholds
    asked: int
    precision: float | None = None
    coverage: float | None = None
    false_answers: float | None = None
    reason: str = ""


def calibrate(index: Index, precision: float = 0.9, sought: Sequence[Sought] | None = None) -> Calibrated:
    """Fit the thresholds of a base.

    Args:
        index: Of its published version.
        precision: Wanted of ``answer``, in (0, 1).
        sought: What its own wordings found, as `probes.seek_own` gives it, where that is known already.
    """
    usual = msgspec.structs.replace(index.model.thresholds, precision=precision)
    best, right, together, offered, answerable = _table(seek_own(index) if sought is None else sought)
    n = int(answerable.sum())
    if n < LEAST:
        return Calibrated(usual, 0, reason=f"{n} wordings of entries with several are fewer than {LEAST}")
    threshold = least_bound(best, right, precision)
    answered = best >= threshold
    return Calibrated(
        Thresholds(
            answer=threshold,
            clarify=min(threshold, max(LEAST_CLARIFY, least_bound(together, offered, CLARIFY_PRECISION))),
            margin=usual.margin,
            precision=precision,
        ),
        asked=n,
        precision=float(right[answered].mean()) if answered.any() else None,
        coverage=float(answered[answerable].mean()),
        false_answers=float(answered[~answerable].mean()),
    )


def least_bound(chances: Floats, right: Mask, precision: float) -> float:
    """The lowest bound from which the share of right ones is at least `precision`; 1 if there is none.

    The share is that of all at or above the bound, with one wrong one added, so that a few lucky ones do not set it.

    Args:
        chances: Of each; (n,).
        right: Whether each was right; (n,).
        precision: In (0, 1).
    """
    order = np.argsort(-chances, kind="stable")
    hits = np.cumsum(right[order])
    shares = hits / (np.arange(len(order)) + 2)
    # Equal chances stand or fall together: a bound holds at the last of them.
    ends = np.append(chances[order][1:] < chances[order][:-1], True)
    good = np.flatnonzero((shares >= precision) & ends)
    return float(chances[order][good[-1]]) if len(good) else 1.0


def _table(sought: Sequence[Sought]) -> tuple[Floats, Mask, Floats, Mask, Mask]:
    """What wordings found with themselves left out, and with their entries left out too.

    Returns:
        Probability of the best and whether it is right, that of the best few together and whether one of them is, and
        whether anything could be right; (n,) each, n twice the number of wordings.
    """
    rows: list[tuple[float, bool, float, bool, bool]] = []
    for probe, found in sought:
        hits = found.hits[:N_CLARIFY]
        chances = [round(hit.probability, 4) for hit in hits]  # as `decide` compares them
        entries = [hit.entry for hit in hits]
        best = chances[0] if hits else 0.0
        rows.append((best, entries[:1] == [probe.right], sum(chances), probe.right in entries, probe.right is not None))
    table = np.array(rows, np.float64).reshape(-1, 5)
    return table[:, 0], table[:, 1] > 0, table[:, 2], table[:, 3] > 0, table[:, 4] > 0
