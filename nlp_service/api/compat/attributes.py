"""What stands behind Perspective's attributes, and those of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nlp_service.types import INTENTS, UNSAFE, Analysis

Probe = Callable[[Analysis], float | None]


class Attribute(NamedTuple):
    """One attribute.

    Attributes:
        probability: Reads it off an analysis; None when the model behind it failed.
        evidence: Labels of the passages that drive it.
    """

    probability: Probe
    evidence: tuple[str, ...]


def _abuse(analysis: Analysis) -> float | None:
    return analysis.abuse.probability


def _severe(analysis: Analysis) -> float | None:
    """Abuse as far as its feeling is bad: never above it. It orders; it was not calibrated as such."""
    if analysis.abuse.probability is None or analysis.sentiment is None:
        return None
    return analysis.abuse.probability * max(0.0, -analysis.sentiment.score)


def _threat(analysis: Analysis) -> float | None:
    if analysis.risk.probability is None:
        return None
    return next((one.probability for one in analysis.risk.categories if one.name == "violence_threat"), 0.0)


def _spam(analysis: Analysis) -> float | None:
    parts = [_intent("ad")(analysis), _unsafe("contact_spam")(analysis), _unsafe("flooding")(analysis)]
    known = [part for part in parts if part is not None]
    return max(known) if len(known) == len(parts) else None


def _intent(name: str) -> Probe:
    def probability(analysis: Analysis) -> float | None:
        return None if analysis.intent is None else analysis.intent.probabilities.get(name, 0.0)

    return probability


def _unsafe(name: str) -> Probe:
    def probability(analysis: Analysis) -> float | None:
        if analysis.unsafe is None:
            return None
        return next((kind.probability for kind in analysis.unsafe if kind.name == name), 0.0)

    return probability


_OFFENCE = Attribute(_abuse, ("abuse",))

ATTRIBUTES: dict[str, Attribute] = {
    # One head says whether a message insults, demeans, harasses or curses a person or a group. It cannot tell these
    # apart, so that each of them gets what holds for all.
    "TOXICITY": _OFFENCE,
    "INSULT": _OFFENCE,
    "PROFANITY": _OFFENCE,
    "IDENTITY_ATTACK": _OFFENCE,
    "SEVERE_TOXICITY": Attribute(_severe, ("abuse", "sentiment.negative")),
    "THREAT": Attribute(_threat, ("risk",)),
    "SEXUALLY_EXPLICIT": Attribute(_unsafe("porn_sexual"), ("unsafe.porn_sexual",)),
    "SPAM": Attribute(_spam, ("intent.ad", "unsafe.contact_spam", "unsafe.flooding")),
    "CRISIS_RISK": Attribute(lambda analysis: analysis.risk.probability, ("risk",)),
    **{name.upper(): Attribute(_intent(name), (f"intent.{name}",)) for name in INTENTS},
    **{name.upper(): Attribute(_unsafe(name), (f"unsafe.{name}",)) for name in UNSAFE},
}
"""By name. Perspective's first; CRISIS_RISK, the intents and the unsafe kinds are our own."""
