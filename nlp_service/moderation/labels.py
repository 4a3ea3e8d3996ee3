"""What the labels of the models lead to, each by its threshold. Bounds are inclusive."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from nlp_service.moderation.findings import Finding, strongest, threshold_code
from nlp_service.moderation.policy import ADVERT_PARTNERS, PROTECTED, Policy
from nlp_service.types import Action, Analysis, Intent


def findings_of_labels(analysis: Analysis, policy: Policy, *, knows_author: bool = False) -> list[Finding]:
    """Rules that apply: failed heads first, then ad, abuse, unsafe kinds in the policy's order, risk, self-harm.

    Where the author is known, a way to get in touch does not make an advert graver: nearly all have one, and the
    author's ladder of strikes says what a first one leads to.
    """
    partners = (
        ADVERT_PARTNERS if not knows_author else tuple(name for name in ADVERT_PARTNERS if name != "contact_spam")
    )
    return [
        *_failed_heads(analysis),
        *_advert(analysis, policy, partners),
        *_abuse(analysis, policy),
        *_unsafe(analysis, policy),
        *_risk(analysis, policy),
    ]


def has_self_harm(analysis: Analysis, policy: Policy) -> bool:
    """Whether the author may be in need."""
    categories = analysis.risk.categories
    return bool(categories) and any(
        category.name == "self_harm" and category.probability >= policy.self_harm for category in categories
    )


def is_protected(intent: Intent | None, policy: Policy) -> bool:
    """Whether it is a complaint or a question, and no advert in the form of one."""
    if intent is None or intent.primary not in PROTECTED:
        return False
    return "ad" not in intent.labels and intent.probabilities.get("ad", 0.0) < policy.ad_warn


def _failed_heads(analysis: Analysis) -> list[Finding]:
    failed = []
    # A probability that is no number is no answer either. The types refuse it, but a dict can be changed.
    if analysis.intent is None or isnan(analysis.intent.probabilities.get("ad", 0.0)):
        failed.append("intent")
    if analysis.sentiment is None:
        failed.append("sentiment")
    if analysis.risk.probability is None:
        failed.append("risk")
    if analysis.abuse.probability is None:
        failed.append("abuse")
    if analysis.unsafe is None:
        failed.append("unsafe")
    return [Finding(Action.REVIEW, f"head_failed:{head}", source="person") for head in failed]


def _advert(analysis: Analysis, policy: Policy, partners: Sequence[str]) -> list[Finding]:
    probability = 0.0 if analysis.intent is None else analysis.intent.probabilities.get("ad", 0.0)
    if probability >= policy.ad_warn:
        return [_certain_advert(analysis, policy, probability, partners)]
    if policy.ad_review is not None and probability >= policy.ad_review:
        return [Finding(Action.REVIEW, threshold_code("ad", policy.ad_review), "ad", probability)]
    return []


def _certain_advert(analysis: Analysis, policy: Policy, probability: float, partners: Sequence[str]) -> Finding:
    if probability >= policy.ad_remove:
        found = [(kind.probability, kind.name) for kind in analysis.unsafe or () if kind.name in partners]
        surest, partner = max(found, default=(-1.0, ""))
        if surest >= policy.ad_partner:
            reason = f"{threshold_code('ad', policy.ad_remove)}+{threshold_code(partner, policy.ad_partner)}"
            return Finding(strongest(policy.ad_action, policy.ad_partner_action), reason, "ad")
    return Finding(policy.ad_action, threshold_code("ad", policy.ad_warn), "ad")


def _abuse(analysis: Analysis, policy: Policy) -> list[Finding]:
    probability = analysis.abuse.probability
    if probability is None:
        return []
    if probability >= policy.abuse_warn:
        return [Finding(policy.abuse_action, threshold_code("abuse", policy.abuse_warn), "abuse", probability)]
    if policy.abuse_review is not None and probability >= policy.abuse_review:
        return [Finding(Action.REVIEW, threshold_code("abuse", policy.abuse_review), "abuse", probability)]
    return []


def _unsafe(analysis: Analysis, policy: Policy) -> list[Finding]:
    probabilities = {kind.name: kind.probability for kind in analysis.unsafe or ()}
    findings = []
    for rule in policy.unsafe:
        probability = probabilities.get(rule.name)
        if probability is None:
            continue
        if probability >= rule.act:
            findings.append(Finding(rule.action, threshold_code(rule.name, rule.act), rule.name, probability))
        elif rule.review is not None and probability >= rule.review:
            findings.append(Finding(Action.REVIEW, threshold_code(rule.name, rule.review), rule.name, probability))
    return findings


def _risk(analysis: Analysis, policy: Policy) -> list[Finding]:
    findings = []
    if analysis.risk.level >= policy.risk_level:
        findings.append(Finding(Action.REVIEW, f"risk>={policy.risk_level}", source="person"))
    if has_self_harm(analysis, policy):
        findings.append(Finding(Action.REVIEW, threshold_code("self_harm", policy.self_harm), source="person"))
    return findings
