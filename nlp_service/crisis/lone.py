"""What one message is enough for: a grave one for a person to look at, and somebody who may hurt themselves."""

from __future__ import annotations

from nlp_service.crisis.cases import found
from nlp_service.crisis.evidence import SELF_HARM, Evidence
from nlp_service.crisis.incidents import LONE, IncidentChange
from nlp_service.crisis.ledger import Ledger
from nlp_service.crisis.severity import INCIDENT, LOOK
from nlp_service.crisis.wordings import overlap

SAME_WORDS = 0.6
"""Part of their hashes that two texts share which are taken for one wording."""

_SURE = 0.5


def is_self_harm(evidence: Evidence) -> bool:
    """Whether a message goes the private way: of level 2 and more, with self-harm as probable as not."""
    return evidence.level >= 2 and evidence.categories.get(SELF_HARM, 0.0) >= _SURE


def hand_over(ledger: Ledger, tenant: str, room: str, evidence: Evidence, at: float) -> list[IncidentChange]:
    """Open or continue the private incident of one author.

    Its severity is 1, and 2 when the author says it again, at risk 3 and in other words. It is never part of another
    incident, and familiar words do not hold it back.
    """
    for case in ledger.others.values():
        if case.kind == SELF_HARM and evidence.author and evidence.person in case.people:
            is_other = evidence.level == 3 and overlap(case.words, evidence.words) < SAME_WORDS
            case.take(evidence, room)
            if is_other and case.severity < INCIDENT and case.closed_at is None:
                case.severity, case.opened_at = INCIDENT, at
                return [ledger.raised(case, at)]
            return ledger.grew(case, at)
    case = found(tenant, SELF_HARM, evidence, SELF_HARM)
    case.severity, case.words, case.triggers = LOOK, evidence.words, [SELF_HARM]
    case.take(evidence, room)
    return [ledger.open(case, at)]


def notice(ledger: Ledger, tenant: str, room: str, evidence: Evidence, at: float) -> list[IncidentChange]:
    """Open an incident of severity 1 for a message of risk 3, or continue the one of the same words."""
    for case in ledger.others.values():
        if case.kind == LONE and overlap(case.words, evidence.words) >= SAME_WORDS:
            case.take(evidence, room)
            return ledger.grew(case, at)
    case = found(tenant, LONE, evidence, next(iter(evidence.categories), "other"))
    case.severity, case.words, case.triggers = LOOK, evidence.words, ["risk_3"]
    case.take(evidence, room)
    return [ledger.open(case, at)]
