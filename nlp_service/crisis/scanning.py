"""The sequential test: do the risky messages of the last hours come faster than ordinary talk gives them?

Against ordinary talk of rate b stands an event that adds messages at rate r from some message on. A message whose
likelihood in a crisis is L times that in ordinary talk is worth log(1 + r L / b), and each hour costs r: the
log-likelihood ratio of two Poisson processes with marks. The test takes the greatest over all beginnings, over the
rates that are looked for, and over all subjects: one category, or any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.evidence import Evidence
from nlp_service.types import RISK_CATEGORIES

ANY = "any"
USUAL_SHARE = 0.125
"""Of a category among risky messages; one that they all share is so much less likely by chance."""

_OFF_SUBJECT = 0.1
_PLACE = {name: i + 1 for i, name in enumerate(RISK_CATEGORIES)}


class Finding(NamedTuple):
    """The most telling run of messages.

    Attributes:
        score: Its log-likelihood ratio.
        subject: The category, or `ANY`.
        members: Indices of the messages that speak for it, the founding one first.
    """

    score: float
    subject: str
    members: list[int]


def scan(evidence: Sequence[Evidence], rates: Sequence[float], now: float, settings: WatchSettings) -> Finding:
    """Test a run of messages that ends now.

    Args:
        evidence: In the order of their times, at least one.
        rates: Of ordinary talk where each was said, messages an hour.
        now: Seconds since 1970.
        settings: Rates and bounds.
    """
    worth = _worth(evidence, rates, settings)  # (rates, subjects, messages)
    hours = np.maximum(0.0, (now - np.array([each.at for each in evidence])) / 3600)
    sums = np.flip(np.cumsum(np.flip(worth, -1), -1), -1)
    sums -= np.array(settings.rates)[:, None, None] * hours[None, None, :]
    rate, subject, begin = np.unravel_index(int(np.argmax(sums)), sums.shape)
    # What is worth little came along by chance.
    members = [i for i in range(begin, len(evidence)) if worth[rate, subject, i] >= 0.25]
    return Finding(float(sums[rate, subject, begin]), (ANY, *RISK_CATEGORIES)[subject], members)


def _worth(evidence: Sequence[Evidence], rates: Sequence[float], settings: WatchSettings) -> np.ndarray:
    share = np.full((1 + len(RISK_CATEGORIES), len(evidence)), _OFF_SUBJECT)
    share[0] = 1.0
    for i, each in enumerate(evidence):
        for name, probability in each.categories.items():
            share[_PLACE[name], i] = max(_OFF_SUBJECT, probability / USUAL_SHARE)
    ratios = np.array([each.ratio for each in evidence]) / np.array(rates)
    weights = np.array([each.weight for each in evidence])
    worth = np.log1p(np.array(settings.rates)[:, None, None] * (share * ratios)[None])
    return np.minimum(worth, settings.most) * weights  # type: ignore[no-any-return]
