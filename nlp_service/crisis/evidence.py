"""What a message says for a crisis: how much likelier it is in one than in ordinary talk.

The model's probabilities are calibrated on annotated messages, of which many are risky. In a community few are, and
in each a different part: so they are turned into likelihoods, by the shares that they were calibrated on, and weighed
against the shares of this community (Saerens et al. 2002, "Adjusting the outputs of a classifier to new a priori
probabilities").
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

GOLD_SERIOUS, GOLD_WATCH = 0.067, 0.094
"""Shares of level 2 and more, and of level 1, among the messages that the model was calibrated on."""

IN_CRISIS_SERIOUS, IN_CRISIS_WATCH = 0.8, 0.17
"""The same among those who speak of a crisis; the rest of them read like ordinary talk."""

FAMILIAR = 5.0
"""Quarters of a day in which a wording was said from which the odds are twice as high that it is ordinary talk."""

SELF_HARM = "self_harm"


class Shares(NamedTuple):
    """Parts of ordinary talk that are serious, and worth watching."""

    serious: float
    watch: float


class Reading(NamedTuple):
    """A message, weighed.

    Attributes:
        ratio: Likelihood in a crisis over that in ordinary talk.
        serious, watch: Probabilities in this community of level 2 and more, and of level 1.
    """

    ratio: float
    serious: float
    watch: float


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A risky message as incidents keep it.

    Attributes:
        at: When it was sent, seconds since 1970.
        ratio: Of its `Reading`.
        weight: What it counts beside others of its author, 0 to 1.
        categories: With their probabilities.
        words: Its wording, see `wordings`.
        serious: P(level >= 2) as the model gave it.
    """

    at: float
    platform: str
    id: str
    channel: str
    author: str
    ratio: float
    weight: float
    categories: dict[str, float]
    words: tuple[int, ...]
    level: int
    serious: float
    text: str
    product: str = ""
    region: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Platform and id."""
        return (self.platform, self.id)

    @property
    def person(self) -> tuple[str, str]:
        """Who said it; a message of nobody known is a person of its own."""
        return (self.platform, self.author or f"\0{self.id}")


def familiar(times: float) -> float:
    """How many times higher the odds are that a wording is ordinary talk, said in so many quarters of a day."""
    return 1 + (times / FAMILIAR) ** 2


def weigh(p_high: float, p_watch: float, odds: float, shares: Shares) -> Reading:
    """Weigh a message.

    Args:
        p_high: P(level >= 2), calibrated.
        p_watch: P(level >= 1).
        odds: Of its wording, see `familiar`.
        shares: Of its community.
    """
    high, low = _against(p_high, odds), _against(max(p_high, p_watch), odds)
    serious = high / GOLD_SERIOUS
    watch = (low - high) / GOLD_WATCH
    calm = (1 - low) / (1 - GOLD_SERIOUS - GOLD_WATCH)
    parts = (shares.serious * serious, shares.watch * watch, (1 - shares.serious - shares.watch) * calm)
    ordinary = sum(parts) + 1e-9
    rest = 1 - IN_CRISIS_SERIOUS - IN_CRISIS_WATCH
    crisis = IN_CRISIS_SERIOUS * serious + IN_CRISIS_WATCH * watch + rest * calm
    return Reading(crisis / ordinary, parts[0] / ordinary, parts[1] / ordinary)


def _against(probability: float, odds: float) -> float:
    """The probability when the odds of the contrary are so many times higher."""
    return probability / (probability + (1 - probability) * odds) if probability else 0.0
