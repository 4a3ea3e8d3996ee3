"""How urgently a person must look at a message: how bad it may be, and how many it reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nlp_service.moderation.facts import Facts
from nlp_service.moderation.findings import SEVERITY, Finding
from nlp_service.types import Analysis

_RISK = (0.0, 0.3, 0.6, 0.9)  # by level; the probability adds up to a tenth
_STRENGTH, _DOUBT = 0.5, 0.3
_LIKE, _COPY = 20, 50  # how many saw it for one who liked it, or repeated it
_FULL_REACH = 5.0  # a hundred thousand


def priority_of(analysis: Analysis, findings: Sequence[Finding], facts: Facts, *, is_in_need: bool) -> float:
    """Priority of a review in [0, 1], higher is more urgent.

    ::

        risk     = 1 if somebody is in need, else 0, 0.3, 0.6, 0.9 by level, + 0.1 P(level >= 2)
        strength = 0.25 review, 0.5 warn, 0.75 remove, 1 block: the strongest action that a rule asks for
        doubt    = 1 - |2p - 1| for the least certain rule, 1 if a part of the model failed
        severity = max(risk, 0.5 strength + 0.3 doubt)
        seen     = views + 20 likes + 50 copies by others + messages of the author in the window
        reach    = min(1, log10(1 + seen) / 5)
        priority = severity + (1 - severity) severity reach

    So what is as severe as can be comes first whoever saw it, and reach decides among the others. Nobody calibrated
    these weights: they only order a queue.

    Args:
        analysis: Of the message.
        findings: All rules that apply, before anything weakened them.
        facts: Where its reach is known from.
        is_in_need: Whether there are signs of self-harm.
    """
    risk = 1.0 if is_in_need else _RISK[analysis.risk.level] + 0.1 * (analysis.risk.probability or 0.0)
    strength = max((SEVERITY[finding.action] for finding in findings), default=0) / (len(SEVERITY) - 1)
    doubt = max((_doubt(finding) for finding in findings), default=0.0)
    severity = min(1.0, max(risk, _STRENGTH * strength + _DOUBT * doubt))
    known = facts.known
    seen = facts.n_views + _LIKE * facts.n_likes + _COPY * known.copies_by_others + known.recent_by_author
    reach = min(1.0, math.log10(1 + seen) / _FULL_REACH)
    return round(severity + (1 - severity) * severity * reach, 4)


def _doubt(finding: Finding) -> float:
    if finding.reason.startswith("head_failed:"):
        return 1.0
    return 0.0 if finding.probability is None else 1 - abs(2 * finding.probability - 1)
