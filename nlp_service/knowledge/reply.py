"""What is done with a question: answer it, ask back, fetch a person, or nothing. A pure function, like a policy.

angry, or risk >= 2           -> handoff   a person, at once, with what is known
sure of one entry             -> answer
nobody asked, nothing is near -> none      thanks, greetings, a rant
sure of two or three together -> clarify   their questions, to choose from
anything else                 -> handoff
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.search.searching import Found
from nlp_service.knowledge.thresholds import N_CLARIFY, Thresholds
from nlp_service.types import Analysis, check_probability

ANGRY_SCORE = -0.6
"""Sentiment at or below which somebody who complains is angry."""

ASKS = 0.35
"""Probability of a question, or of a complaint, at or above which somebody wants something done."""


UNASKED = 0.5
"""Probability of the nearest entries together from which they are offered to somebody who does not seem to ask: many
members tell what happened to them, and mean a question."""


class Decision(enum.StrEnum):
    """What is done with a question."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    HANDOFF = "handoff"
    NONE = "none"


class Alternative(msgspec.Struct, frozen=True):
    """An entry that may be meant, with its standard question and the probability that it answers."""

    entry_id: str
    question: str
    probability: float

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)


class Summary(msgspec.Struct, frozen=True):
    """What a person who takes over should know at a glance.

    Attributes:
        intents: Labels of the message, primary first.
        sentiment: Its label, None if it could not be told.
        risk: Its level, 0 to 3.
        categories: What the risk is about.
        pains: What it says hurts, as it says it.
        nearest: Standard questions of the nearest entries, best first.
    """

    intents: tuple[str, ...]
    sentiment: str | None
    risk: int
    categories: tuple[str, ...]
    pains: tuple[str, ...]
    nearest: tuple[str, ...]


class Reply(msgspec.Struct, frozen=True):
    """A decision with everything that it rests on.

    Attributes:
        decision: What to do.
        reason: Why, as a code such as ``probability>=0.62``.
        probability: That the best entry answers the question; 0 for an empty base.
        margin: By how much it leads the second.
        threshold: What the probability was compared with.
        answer: The written answer; None unless the decision is ``answer``.
        entry_id: The entry that answers; None likewise.
        wording: Which of its wordings matched best.
        citations: Entries that the answer rests on.
        alternatives: Entries that were found, the most probable first; those to choose from, for ``clarify``.
        kb_version: Of the base.
        summary: For the person who takes over; None unless the decision is ``handoff``.
    """

    decision: Decision
    reason: str
    probability: float
    margin: float
    threshold: float
    answer: str | None
    entry_id: str | None
    wording: int | None
    citations: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    kb_version: int
    summary: Summary | None = None


def decide(
    found: Found, entries: Sequence[Entry], analysis: Analysis, thresholds: Thresholds, kb_version: int
) -> Reply:
    """Decide what to do with a question.

    Args:
        found: What the search gave.
        entries: Of the index that was searched.
        analysis: Of the question.
        thresholds: Of the base.
        kb_version: Of the index.

    Raises:
        ValueError: A hit's probability is outside [0, 1] or NaN.
    """
    chances = [round(hit.probability, 4) for hit in found.hits]
    best = chances[0] if chances else 0.0
    margin = round(best - (chances[1] if len(chances) > 1 else 0.0), 4)
    together = sum(chances[:N_CLARIFY])
    alternatives = tuple(
        Alternative(entries[hit.entry].id, entries[hit.entry].questions[0], chance)
        for hit, chance in zip(found.hits, chances, strict=True)
    )
    decision, reason, threshold = _decide(best, margin, together, analysis, thresholds)
    answers = decision is Decision.ANSWER
    entry = entries[found.hits[0].entry] if answers else None
    return Reply(
        decision=decision,
        reason=reason,
        probability=best,
        margin=margin,
        threshold=threshold,
        answer=entry.answer if entry else None,
        entry_id=entry.id if entry else None,
        wording=found.hits[0].wording if answers else None,
        citations=(entry.id,) if entry else (),
        alternatives=alternatives,
        kb_version=kb_version,
        summary=_summary(analysis, alternatives) if decision is Decision.HANDOFF else None,
    )


def _decide(
    best: float, margin: float, together: float, analysis: Analysis, thresholds: Thresholds
) -> tuple[Decision, str, float]:
    """Decision, reason and what the probability was compared with."""
    threshold = thresholds.answer
    if urgent := _urgent(analysis):
        return Decision.HANDOFF, urgent, threshold
    is_sure = best >= threshold and best > 0.0  # a threshold may be 0, and a base may be empty
    if is_sure and margin >= thresholds.margin:
        return Decision.ANSWER, f"probability>={threshold:.2f}", threshold
    if not _wants_something(analysis) and together < UNASKED:
        return Decision.NONE, "no_question", threshold
    if is_sure:
        return Decision.CLARIFY, f"margin<{thresholds.margin:.2f}", threshold
    if together >= thresholds.clarify and margin < best:
        return Decision.CLARIFY, f"probability<{threshold:.2f}", threshold
    return Decision.HANDOFF, f"probability<{threshold:.2f}", threshold


def _urgent(analysis: Analysis) -> str | None:
    """Why a person must take over whatever the base says; None if nobody must."""
    if analysis.intent is None or analysis.risk.probability is None:
        return "analysis_failed"
    if analysis.risk.level >= 2:
        return f"risk_level={analysis.risk.level}"
    complains = "complaint" in analysis.intent.labels
    if complains and (analysis.abuse.flagged or (analysis.sentiment and analysis.sentiment.score <= ANGRY_SCORE)):
        return "anger"
    return None


def _wants_something(analysis: Analysis) -> bool:
    assert analysis.intent is not None  # `_urgent` has looked
    chances = analysis.intent.probabilities
    return chances.get("question", 0.0) >= ASKS or (
        analysis.intent.primary == "complaint" and chances.get("complaint", 0.0) >= ASKS
    )


def _summary(analysis: Analysis, alternatives: tuple[Alternative, ...]) -> Summary:
    return Summary(
        intents=analysis.intent.labels if analysis.intent else (),
        sentiment=analysis.sentiment.label if analysis.sentiment else None,
        risk=analysis.risk.level,
        categories=tuple(category.name for category in analysis.risk.categories),
        pains=tuple(pain.span.text for pain in analysis.pain),
        nearest=tuple(alternative.question for alternative in alternatives[:N_CLARIFY]),
    )
