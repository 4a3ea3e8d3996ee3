"""Bounds of the decision on a question."""

from __future__ import annotations

import msgspec

from nlp_service.types import check_probability

N_CLARIFY = 3
"""Questions that are offered when asking back; more are not read."""


class Thresholds(msgspec.Struct, frozen=True):
    """Bounds of the decision, fitted for a wanted precision.

    Attributes:
        answer: Probability of the best entry from which it is given as the answer.
        clarify: Probability of the best `N_CLARIFY` together from which they are offered.
        margin: By how much the best one must lead the second.
        precision: Of `answer`, that these were fitted for.
    """

    answer: float = 0.6
    clarify: float = 0.4
    margin: float = 0.1
    precision: float = 0.9

    def __post_init__(self) -> None:
        for name in ("answer", "clarify", "margin", "precision"):
            check_probability(name, getattr(self, name))
