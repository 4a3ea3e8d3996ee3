"""What a rule finds in a message, and how severe the actions are."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from nlp_service.types import UNSAFE, Action

OFFENCES = ("ad", "abuse", *UNSAFE, "lexicon", "link")
"""What can count against an author. ``flooding`` is one offence, whether the models or the counts say so."""

# Action is a StrEnum, and strings compare by alphabet; the enumeration itself is ordered by severity.
SEVERITY = {action: rank for rank, action in enumerate(Action)}
"""Rank of each action, mildest first."""


class Finding(NamedTuple):
    """A rule that applies.

    Attributes:
        action: What it leads to.
        reason: Its code in the verdict.
        offence: What it counts as against the author, one of `OFFENCES`; None where nobody did wrong.
        probability: What the models are sure to; None where the rule does not depend on one.
        source: ``models``, ``lexicon``, ``links``, ``denied_host``, ``pictures``, ``flooding``, ``regulated`` or
            ``person``; the last is for what a person must look at whoever wrote it.
    """

    action: Action
    reason: str
    offence: str | None = None
    probability: float | None = None
    source: str = "models"


def strongest(*actions: Action) -> Action:
    """The most severe of them; pass if there is none."""
    return max(actions, key=SEVERITY.__getitem__, default=Action.PASS)


def is_public(action: Action) -> bool:
    """Whether the author is told or feels it: warn, remove and block."""
    return SEVERITY[action] > _REVIEW


@lru_cache(maxsize=1024)
def threshold_code(name: str, threshold: float) -> str:
    """The code of a bound that is reached, as ``ad>=0.60``."""
    # Two digits where they say it exactly, so that 0.8 reads "0.80"; otherwise all of them.
    short = f"{threshold:.2f}"
    return f"{name}>={short if float(short) == threshold else repr(threshold)}"


_REVIEW = SEVERITY[Action.REVIEW]
