"""Golden tables: one line of JSON a case, readable by an operator. The default policy unless a line says another.

``read`` is what the models say, ``strikes`` are earlier offences of the author a day ago (or ``days_ago``), ``text`` is
where links and topics are found; a person must look where the action is a review, or ``review`` says so.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nlp_service.moderation.deciding import Decision, decide
from nlp_service.moderation.documents import decode_document
from nlp_service.moderation.findings import OFFENCES
from nlp_service.moderation.policy import Policy
from nlp_service.types import Abuse, Analysis, Risk
from tests.unit.moderation.made import NOON, Word, analysis, facts, intent, struck

HERE = Path(__file__).parent
TABLES = sorted((HERE / "golden").glob("*.jsonl"))
CASES = [(table.stem, json.loads(line)) for table in TABLES for line in table.read_text(encoding="utf-8").splitlines()]
COUNTS = ("n_earlier", "copies_by_author", "copies_by_others", "recent_by_author")
FIELDS = {
    *("case", "policy", "read", "text", "hits", "meta", "author", "at", "strikes", "days_ago", *COUNTS),
    *("action", "reasons", "offence", "review"),
}


def policy_of(case: dict[str, Any]) -> Policy:
    document = case.get("policy", {})
    if isinstance(document, str):
        document = json.loads((HERE / "policies" / f"{document}.json").read_text(encoding="utf-8"))
    return decode_document(document, "golden-1")


def analysis_of(read: dict[str, Any]) -> Analysis:
    failed = read.get("failed", [])
    return analysis(
        intent=None if "intent" in failed else intent(read.get("intent", "chat"), ad=read.get("ad", 0.01)),
        level=read.get("risk", 0),
        risk=None if "risk" in failed else 0.01,
        categories=read.get("categories"),
        abuse=None if "abuse" in failed else read.get("abuse", 0.01),
        unsafe=read.get("unsafe"),
    )


def decide_on(case: dict[str, Any]) -> Decision:
    at = datetime.fromisoformat(case["at"]) if "at" in case else NOON
    known = facts(
        case.get("text", "今天的活动几点开始"),
        [Word(*hit) for hit in case.get("hits", [])],
        author=case.get("author", "u1"),
        at=at,
        meta=case.get("meta"),
        offences=struck(*case.get("strikes", []), days_ago=case.get("days_ago", 1), at=at),
        **{name: case[name] for name in COUNTS if name in case},
    )
    return decide(analysis_of(case.get("read", {})), policy_of(case), known)


@pytest.mark.parametrize(("table", "case"), CASES, ids=[f"{table}: {case['case']}" for table, case in CASES])
def test_case(table: str, case: dict[str, Any]) -> None:
    assert case.keys() <= FIELDS
    decision = decide_on(case)
    assert (str(decision.verdict.action), list(decision.verdict.reasons)) == (case["action"], case["reasons"])
    assert decision.offence == case.get("offence")
    assert (decision.review is not None) == case.get("review", case["action"] == "review")


def test_no_two_cases_of_a_table_have_a_name() -> None:
    names = [(table, case["case"]) for table, case in CASES]
    assert len(set(names)) == len(names)


def test_every_action_and_most_offences_occur() -> None:
    assert {case["action"] for _, case in CASES} == {"pass", "review", "warn", "remove", "block"}
    named = {case.get("offence") for _, case in CASES}
    assert named >= {"ad", "abuse", "scam", "contact_spam", "flooding", "lexicon", "link"} <= set(OFFENCES)


def test_the_builder_makes_what_a_case_says() -> None:
    read = analysis_of({"failed": ["abuse"], "risk": 2})
    assert (read.abuse, read.risk.level) == (Abuse(None, False), 2)
    assert analysis_of({}).risk == Risk(0, 0.01, 0.01)
