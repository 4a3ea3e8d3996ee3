"""Messages of which only the text is known, judged by the rules of a tenant: nothing is stored, and nobody is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nlp_service.inference.frames import read_analysis, write_analysis
from nlp_service.intake.judging import evidence_of, has_failed, with_failure
from nlp_service.moderation.cues import find_topics
from nlp_service.moderation.deciding import decide
from nlp_service.moderation.facts import Facts
from nlp_service.moderation.links import find_links
from nlp_service.text.normalise import normalise_batch
from nlp_service.types import Analysis

if TYPE_CHECKING:
    from nlp_service.moderation.rulebook import Rules


def judge_alone(
    texts: Sequence[str], analyses: Sequence[Analysis], rules: Rules, at: datetime, *, evidence: bool = True
) -> list[Analysis]:
    """Analyses with the verdicts that follow from a tenant's words and policy, in order.

    Args:
        texts: As they were sent.
        analyses: One for each.
        rules: The tenant's; those of all its channels hold.
        at: Now; words that are not valid then do not count.
        evidence: Whether to show the words that were found.
    """
    policy = rules.policy_for("")
    found = rules.matcher.find(texts, normalise_batch(texts), at)
    judged: list[Analysis] = []
    for text, analysis, hits in zip(texts, analyses, found, strict=True):
        facts = Facts(hits=hits, links=find_links(text), topics=find_topics(text))
        decision = decide(analysis, policy, facts)
        verdict = with_failure(decision)[0] if has_failed(analysis) else decision.verdict
        shown = (*analysis.evidence, *evidence_of(hits)) if evidence else analysis.evidence
        judged.append(replace(analysis, verdict=verdict, evidence=shown))
    return judged


def judge_written(
    texts: Sequence[str], written: Sequence[bytes], rules: Rules, at: datetime, *, evidence: bool = True
) -> list[bytes]:
    """As `judge_alone`, with analyses as the workers write them in JSON."""
    analyses = list(map(read_analysis, written))
    return list(map(write_analysis, judge_alone(texts, analyses, rules, at, evidence=evidence)))
