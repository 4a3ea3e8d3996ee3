"""From what is said and known of a message to what is done with it: the one function in which rules and models meet.

Rules that apply ─ stricter hours ─ exempt ─ protect ─ strikes ─► the strongest ─ need, held topics and hours ─ trial
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nlp_service.moderation.facts import NOTHING_KNOWN, Facts
from nlp_service.moderation.findings import Finding, is_public, strongest
from nlp_service.moderation.flooding import findings_of_counts
from nlp_service.moderation.hosts import findings_of_links
from nlp_service.moderation.labels import findings_of_labels, has_self_harm, is_protected
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.moderation.quiet import quiet_at
from nlp_service.moderation.regulated import findings_of_topics
from nlp_service.moderation.sanctions import climb
from nlp_service.moderation.urgency import priority_of
from nlp_service.moderation.word_rules import findings_of_words
from nlp_service.store.incoming import ReviewWanted
from nlp_service.types import Action, Analysis, Verdict

DISTURBING = ("ad", "contact_spam", "flooding", "link")
"""Offences that stricter quiet hours remove if they are acted on at all; links that are not allowed even if not."""


class Decision(NamedTuple):
    """What is decided on a message.

    Attributes:
        verdict: What is done, and the codes of all rules that apply and of what raised or weakened them.
        offence: What counts against the author, one of `findings.OFFENCES`; None unless the action is public.
        review: Set if a person must look. They may have to although something is done at once.
    """

    verdict: Verdict
    offence: str | None = None
    review: ReviewWanted | None = None


_NOTHING_FOUND = Decision(Verdict(Action.PASS))


def decide(analysis: Analysis, policy: Policy = DEFAULT_POLICY, facts: Facts = NOTHING_KNOWN) -> Decision:
    """Decide on one message. Pure: the same is decided on the same whenever it is asked.

    The strongest action of all rules that apply wins, after each was raised or weakened by what is so of its author
    and hour. A head that failed asks for a review: an outage is not safety. Three things make less of the whole:
    signs of self-harm, always a review and nothing in public; a regulated topic or quiet hours, which make a warning a
    review; a trial, which lets everything pass.

    The reasons name every rule that applies: first those of the labels, then words, links, counts and topics. Codes of
    what changed them follow, in the order in which they did. Only what was excused or is on trial passes with reasons.

    Args:
        analysis: Of the message, without a verdict.
        policy: Of its community.
        facts: What is known beside the text.
    """
    found, codes, is_held = _find(analysis, policy, facts)
    if not found:
        return _NOTHING_FOUND
    findings = _settle(found, codes, analysis, policy, facts)
    action = strongest(*[finding.action for finding in findings])
    is_in_need = has_self_harm(analysis, policy)
    # Also where the author is excused from the topic: an excuse must not turn a review into a warning.
    if is_in_need or (action is Action.WARN and any(finding.source == "regulated" for finding in found)):
        action = Action.REVIEW
    if is_held and action is Action.WARN:
        action = Action.REVIEW
        codes.append("quiet_hours:hold")
    reasons = (*(finding.reason for finding in found), *codes)
    if policy.is_trial:
        return Decision(Verdict(Action.PASS, reasons if action is Action.PASS else (*reasons, f"trial:{action}")))
    review = None
    if action is Action.REVIEW or any(finding.source in ("person", "regulated") for finding in findings):
        review = ReviewWanted(priority_of(analysis, found, facts, is_in_need=is_in_need), reasons)
    return Decision(Verdict(action, reasons), _offence(findings, action), review)


def judge_text(analysis: Analysis, policy: Policy = DEFAULT_POLICY) -> Verdict:
    """Decide on a message of which only the text is known: every offence is a first one."""
    return decide(analysis, policy).verdict


def _find(analysis: Analysis, policy: Policy, facts: Facts) -> tuple[list[Finding], list[str], bool]:
    """Rules that apply at this hour, the codes of what the hour changed, and whether it holds warnings."""
    found = findings_of_labels(analysis, policy, knows_author=bool(facts.author))
    if facts is not NOTHING_KNOWN:
        found += findings_of_words(facts.hits, policy.words)
        found += findings_of_links(facts, policy.links)
        found += findings_of_counts(facts, policy.flooding)
        found += findings_of_topics(facts, policy.regulated)
    codes = []
    is_held = False
    if policy.quiet_hours:
        is_stricter, is_held = quiet_at(policy.quiet_hours, facts.at)
        raised = [_raised(finding) for finding in found] if is_stricter else found
        if raised != found:
            codes.append("quiet_hours:stricter")
        found = raised
    return [finding for finding in found if finding.action is not Action.PASS], codes, is_held


def _settle(found: list[Finding], codes: list[str], analysis: Analysis, policy: Policy, facts: Facts) -> list[Finding]:
    """What is left of each finding for this author; adds the codes of what changed to `codes`."""
    findings = _excuse(found, codes, policy, facts) if policy.exempt else found
    if is_protected(analysis.intent, policy):
        allowed = [_weakened(finding, policy) for finding in findings]
        if allowed != findings:
            codes.append("protected:complaint_or_question")
        findings = allowed
    offences = facts.known.offences if facts.author else ()
    findings, strikes = climb(findings, policy.strikes, offences, facts.at)
    codes += strikes
    return findings


def _excuse(findings: list[Finding], codes: list[str], policy: Policy, facts: Facts) -> list[Finding]:
    for exemption in policy.exempt:
        ground = exemption.ground(facts)
        left = [finding for finding in findings if not exemption.covers(finding)] if ground else findings
        if len(left) < len(findings) and f"exempt:{ground}" not in codes:
            codes.append(f"exempt:{ground}")
        findings = left
    return findings


def _raised(finding: Finding) -> Finding:
    if finding.source in ("links", "denied_host") or (finding.offence in DISTURBING and is_public(finding.action)):
        return finding._replace(action=strongest(finding.action, Action.REMOVE))
    return finding


def _weakened(finding: Finding, policy: Policy) -> Finding:
    if not is_public(finding.action) or finding.source not in policy.protects_against:
        return finding
    is_sure = finding.source == "models" and (finding.probability is None or finding.probability >= policy.certain)
    return finding if is_sure else finding._replace(action=Action.REVIEW)


def _offence(findings: Sequence[Finding], action: Action) -> str | None:
    if not is_public(action):
        return None
    return next((finding.offence for finding in findings if finding.action is action), None)
