"""From what the models say of a message to what is done with it: one pure function and its thresholds.

This is the policy for a message of which only the text is known, so every offence is a first one: nobody is blocked,
and only what no community keeps is removed. Bounds are inclusive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nlp_service.types import UNSAFE, Action, Analysis, Intent, Verdict, check_probability

ADVERT_PARTNERS = ("contact_spam", "scam", "gambling", "porn_sexual", "illegal_service")
"""Unsafe kinds that make an advert one to remove."""

PROTECTED = ("complaint", "question")
"""Primary intents that a brand must hear."""

# Action is a StrEnum, and strings compare by alphabet; the enumeration itself is ordered by severity.
_SEVERITY = {action: rank for rank, action in enumerate(Action)}


@dataclass(frozen=True, slots=True)
class UnsafeRule:
    """What one unsafe kind leads to.

    Attributes:
        name: One of `UNSAFE`.
        act: Probability from which `action` is taken.
        action: What is done then.
        review: Probability from which a person is asked to look; None where nobody is.
    """

    name: str
    act: float
    action: Action
    review: float | None = None

    def __post_init__(self) -> None:
        if self.name not in UNSAFE:
            raise ValueError(f"unknown unsafe kind {self.name!r}")
        check_probability(f"{self.name}.act", self.act)
        check_probability(f"{self.name}.review", self.review)
        if self.review is not None and self.review > self.act:
            raise ValueError(f"{self.name}: review at {self.review} is above act at {self.act}")


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and actions. All thresholds are probabilities in [0, 1]; `dataclasses.replace` makes a variant.

    Attributes:
        version: Names these values in every answer.
        ad_warn: P(ad) from which the author is warned.
        ad_remove: P(ad) from which the message goes, if one of `ADVERT_PARTNERS` reaches `ad_partner` as well.
        ad_partner: See `ad_remove`.
        abuse_warn: P(abuse) from which the author is warned.
        certain: Probability that abuse or an unsafe kind needs before a complaint or a question that is no advert
            gets more than a review.
        risk_level: Risk level from which a person must look, 1 to 3.
        self_harm: Probability of that risk category from which a person looks and nothing is done in public.
        unsafe: Rules for the unsafe kinds, one a kind at most; kinds without a rule lead to nothing.
    """

    version: str
    ad_warn: float = 0.60
    ad_remove: float = 0.80
    ad_partner: float = 0.50
    abuse_warn: float = 0.60
    certain: float = 0.90
    risk_level: int = 2
    # Below one half: not to see it costs more than one look too many.
    self_harm: float = 0.30
    unsafe: tuple[UnsafeRule, ...] = (
        UnsafeRule("porn_sexual", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("gambling", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("scam", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("drugs_weapons", 0.80, Action.REMOVE, review=0.50),
        UnsafeRule("politics_sensitive", 0.50, Action.REVIEW),
        UnsafeRule("contact_spam", 0.60, Action.WARN),
        UnsafeRule("flooding", 0.60, Action.WARN),
        UnsafeRule("illegal_service", 0.80, Action.REMOVE, review=0.50),
    )

    def __post_init__(self) -> None:
        for name in ("ad_warn", "ad_remove", "ad_partner", "abuse_warn", "certain", "self_harm"):
            check_probability(name, getattr(self, name))
        if self.ad_warn > self.ad_remove:
            raise ValueError(f"ad_warn {self.ad_warn} is above ad_remove {self.ad_remove}")
        if self.risk_level not in (1, 2, 3):
            raise ValueError(f"risk_level must be 1 to 3, got {self.risk_level}")
        names = [rule.name for rule in self.unsafe]
        if len(set(names)) < len(names):
            raise ValueError("an unsafe kind has more than one rule")


DEFAULT_POLICY = Policy(version="default-1")


class _Finding(NamedTuple):
    """A rule that applies. Without a probability it does not depend on one and never needs to be certain."""

    action: Action
    reason: str
    probability: float | None = None


def decide(analysis: Analysis, policy: Policy = DEFAULT_POLICY) -> Verdict:
    """Judge one message. The strongest action of all rules that apply wins.

    Two things weaken it to a review: signs of self-harm, always; and a complaint or a question that is no advert, for
    each rule whose label is less than `Policy.certain`. A head that failed asks for a review: an outage is not safety.

    The reasons name every rule that applies: failed heads first, then ad, abuse, unsafe kinds in the policy's order,
    risk, self-harm, and last the protection that weakened the action, if one did. A pass has none.
    """
    findings = [
        *_failed_heads(analysis),
        *_advert(analysis, policy),
        *_abuse(analysis, policy),
        *_unsafe(analysis, policy),
        *_risk(analysis, policy),
    ]
    reasons = [finding.reason for finding in findings]
    actions = [finding.action for finding in findings]
    if _is_protected(analysis.intent, policy):
        allowed = [_weakened(finding, policy) for finding in findings]
        if allowed != actions:
            reasons.append("protected:complaint_or_question")
        actions = allowed
    action = max(actions, key=_SEVERITY.__getitem__, default=Action.PASS)
    if _has_self_harm(analysis, policy):
        action = Action.REVIEW
    return Verdict(action, tuple(reasons))


def _failed_heads(analysis: Analysis) -> Iterator[_Finding]:
    values = {
        "intent": analysis.intent,
        "sentiment": analysis.sentiment,
        "risk": analysis.risk.probability,
        "abuse": analysis.abuse.probability,
        "unsafe": analysis.unsafe,
    }
    for head, value in values.items():
        if value is None:
            yield _Finding(Action.REVIEW, f"head_failed:{head}")


def _advert(analysis: Analysis, policy: Policy) -> Iterator[_Finding]:
    probability = _probability_of_ad(analysis.intent)
    if probability < policy.ad_warn:
        return
    partners = [kind for kind in analysis.unsafe or () if kind.name in ADVERT_PARTNERS]
    partner = max(partners, key=lambda kind: (kind.probability, kind.name), default=None)
    if probability >= policy.ad_remove and partner is not None and partner.probability >= policy.ad_partner:
        reason = f"{_code('ad', policy.ad_remove)}+{_code(partner.name, policy.ad_partner)}"
        yield _Finding(Action.REMOVE, reason)
    else:
        yield _Finding(Action.WARN, _code("ad", policy.ad_warn))


def _abuse(analysis: Analysis, policy: Policy) -> Iterator[_Finding]:
    probability = analysis.abuse.probability
    if probability is not None and probability >= policy.abuse_warn:
        yield _Finding(Action.WARN, _code("abuse", policy.abuse_warn), probability)


def _unsafe(analysis: Analysis, policy: Policy) -> Iterator[_Finding]:
    probabilities = {kind.name: kind.probability for kind in analysis.unsafe or ()}
    for rule in policy.unsafe:
        probability = probabilities.get(rule.name)
        if probability is None:
            continue
        if probability >= rule.act:
            yield _Finding(rule.action, _code(rule.name, rule.act), probability)
        elif rule.review is not None and probability >= rule.review:
            yield _Finding(Action.REVIEW, _code(rule.name, rule.review), probability)


def _risk(analysis: Analysis, policy: Policy) -> Iterator[_Finding]:
    if analysis.risk.level >= policy.risk_level:
        yield _Finding(Action.REVIEW, f"risk>={policy.risk_level}")
    if _has_self_harm(analysis, policy):
        yield _Finding(Action.REVIEW, _code("self_harm", policy.self_harm))


def _has_self_harm(analysis: Analysis, policy: Policy) -> bool:
    return any(
        category.name == "self_harm" and category.probability >= policy.self_harm
        for category in analysis.risk.categories
    )


def _is_protected(intent: Intent | None, policy: Policy) -> bool:
    if intent is None or intent.primary not in PROTECTED:
        return False
    return "ad" not in intent.labels and _probability_of_ad(intent) < policy.ad_warn


def _weakened(finding: _Finding, policy: Policy) -> Action:
    is_sure = finding.probability is None or finding.probability >= policy.certain
    if is_sure or _SEVERITY[finding.action] <= _SEVERITY[Action.REVIEW]:
        return finding.action
    return Action.REVIEW


def _probability_of_ad(intent: Intent | None) -> float:
    return 0.0 if intent is None else intent.probabilities.get("ad", 0.0)


def _code(name: str, threshold: float) -> str:
    # Two digits where they say it exactly, so that 0.8 reads "0.80"; otherwise all of them.
    short = f"{threshold:.2f}"
    return f"{name}>={short if float(short) == threshold else repr(threshold)}"
