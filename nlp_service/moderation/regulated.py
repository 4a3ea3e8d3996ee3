"""Topics that few people may advise on: whatever else is said of such a message, a person sees it first."""

from __future__ import annotations

import msgspec

from nlp_service.moderation.cues import TOPICS
from nlp_service.moderation.facts import Facts
from nlp_service.moderation.findings import Finding
from nlp_service.types import Action


class TopicRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By what a topic is known, and whether it matters.

    Attributes:
        hold: Whether messages about it are held for review.
        cues: Whether the built-in wordings are looked for.
        categories: Of words on deny and watch lists that stand for it.
    """

    hold: bool = True
    cues: bool = True
    categories: tuple[str, ...]


class RegulatedRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule for each of `cues.TOPICS`."""

    medical: TopicRule = TopicRule(categories=("medical",))
    financial: TopicRule = TopicRule(categories=("financial",))


def findings_of_topics(facts: Facts, rules: RegulatedRules) -> list[Finding]:
    """A review for each topic that a message is about."""
    if not (facts.topics or facts.hits):
        return []
    categories = {hit.category for hit in facts.hits if hit.kind != "allow"}
    findings = []
    for topic in TOPICS:
        rule: TopicRule = getattr(rules, topic)
        is_about = (rule.cues and topic in facts.topics) or not categories.isdisjoint(rule.categories)
        if rule.hold and is_about:
            findings.append(Finding(Action.REVIEW, f"regulated:{topic}", source="regulated"))
    return findings
