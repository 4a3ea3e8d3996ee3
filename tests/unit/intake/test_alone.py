from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from nlp_service.inference.frames import read_analysis, write_analysis
from nlp_service.inference.process import _nothing_known
from nlp_service.intake.alone import judge_alone, judge_written
from nlp_service.moderation.deciding import judge_text
from nlp_service.moderation.lexicon import Entry
from nlp_service.moderation.policy import DEFAULT_POLICY
from nlp_service.types import Action, Analysis, Message
from tests.unit.intake.fakes import ADVERT, NOW, FakeRules, read

LISTED = Entry("免费领取", "promo", "deny", "ad", None, None)
TEXTS = ["快来免费领取吧", "好", ADVERT, ""]


def analyses(texts: list[str]) -> list[Analysis]:
    return [read(Message(i, text)) for i, text in enumerate(texts)]


def judged(rules: FakeRules, texts: list[str] = TEXTS, **options: Any) -> list[Analysis]:
    return judge_alone(texts, analyses(texts), cast(Any, rules), NOW, **options)


def test_words_of_the_tenant_are_found_and_decided_by() -> None:
    listed, plain, advert, empty = judged(FakeRules(entries=[LISTED]))
    assert [item.span.text for item in listed.evidence if item.source == "lexicon"] == ["免费领取"]
    assert listed.verdict is not None
    assert listed.verdict.action is not Action.PASS
    for analysis in (plain, advert, empty):
        assert analysis.verdict == judge_text(analysis)
        assert not [item for item in analysis.evidence if item.source == "lexicon"]


def test_the_policy_of_the_tenant_decides() -> None:
    strict = replace(DEFAULT_POLICY, version="*/2", ad_action=Action.REMOVE)
    actions = [one.verdict and one.verdict.action for one in judged(FakeRules(policies={"": strict}))]
    assert actions == [Action.PASS, Action.PASS, Action.REMOVE, Action.PASS]


def test_who_wants_no_evidence_gets_none_of_words_either() -> None:
    shown = judged(FakeRules(entries=[LISTED]), evidence=False)[0]
    assert not [item for item in shown.evidence if item.source == "lexicon"]
    assert shown.verdict == judged(FakeRules(entries=[LISTED]))[0].verdict


def test_what_could_not_be_read_stays_with_a_person() -> None:
    unread = _nothing_known(Message("1", "免费领取"))
    (plain,) = judge_alone(["好"], [unread], cast(Any, FakeRules()), NOW)
    (listed,) = judge_alone(["免费领取"], [unread], cast(Any, FakeRules(entries=[LISTED])), NOW)
    assert plain.verdict is not None
    assert (plain.verdict.action, plain.verdict.reasons[0]) == (Action.REVIEW, "analysis_failed")
    assert listed.verdict is not None
    assert listed.verdict.reasons[0] == "analysis_failed"
    assert listed.verdict.action in (Action.REVIEW, Action.WARN, Action.REMOVE, Action.BLOCK)


def test_what_is_written_is_what_is_judged() -> None:
    rules = FakeRules(entries=[LISTED])
    written = judge_written(TEXTS, list(map(write_analysis, analyses(TEXTS))), cast(Any, rules), NOW)
    assert list(map(read_analysis, written)) == judged(rules)


@pytest.mark.parametrize("texts", [[], [""]])
def test_nothing_is_judged_as_nothing(texts: list[str]) -> None:
    assert len(judged(FakeRules(entries=[LISTED]), texts)) == len(texts)
