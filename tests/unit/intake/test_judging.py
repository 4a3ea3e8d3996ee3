from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from nlp_service.intake.arrivals import Arrival
from nlp_service.intake.judging import Case, Judging, judge, read_cases
from nlp_service.moderation.flooding import FloodingRules
from nlp_service.moderation.lexicon import Entry
from nlp_service.moderation.policy import DEFAULT_POLICY
from nlp_service.moderation.sanctions import Ladder, Strikes
from nlp_service.store.contributions import Asked
from nlp_service.store.incoming import Known, Offence, Windows
from nlp_service.store.tenants import TenantSettings, UgcWeights
from nlp_service.text.normalise import normalise_batch
from nlp_service.text.sketch import keys
from nlp_service.types import Action, Evidence, Span, Verdict
from tests.unit.intake.fakes import ADVERT, BROKEN, NOW, STORY, FakeRules, Models, NothingEarlier, arrival, read

LIST = Entry("免费领取", "promo", "deny", "ad", None, None)


def cases_of(arrivals: Sequence[Arrival], rules: FakeRules | None = None, contributions: Any = None) -> list[Case]:
    models = Models()
    messages = [cast(Any, one) for one in arrivals]
    kept = asyncio.run(models.read_kept(messages))
    return read_cases("t", arrivals, kept, cast(Any, rules or FakeRules()), "fake-1", contributions or NothingEarlier())


def test_a_case_is_the_message_as_it_is_kept() -> None:
    came = arrival("今天天气不错", meta={"region": "华东"})
    (case,) = cases_of([came])
    incoming = case.incoming
    assert (incoming.text, incoming.meta, incoming.external_id) == ("今天天气不错", {"region": "华东"}, "m1")
    assert (incoming.sent_at, incoming.received_at, incoming.edited_at) == (came.sent_at, NOW, None)
    assert incoming.keys == keys(normalise_batch(["今天天气不错"]))[0]
    assert len(incoming.vector) == 256
    assert incoming.model_version == "fake-1"
    assert incoming.analysis.verdict is None


def test_no_messages_give_no_cases() -> None:
    assert cases_of([]) == []


def test_personal_data_is_covered_in_what_is_kept_and_not_in_what_is_answered() -> None:
    (case,) = cases_of([arrival("打13800138000找我")])
    assert case.incoming.text == "打138****8000找我"
    assert [span.text for span in case.incoming.analysis.pii] == ["138****8000"]
    assert [span.text for span in case.analysis.pii] == ["13800138000"]
    assert "0013" not in str(case.incoming)


def test_a_tenant_may_keep_texts_as_they_are() -> None:
    (case,) = cases_of([arrival("打13800138000找我")], FakeRules(settings=TenantSettings(mask="none")))
    assert case.incoming.text == "打13800138000找我"
    assert case.incoming.analysis == case.analysis


def test_words_of_lists_are_evidence_and_decided_by() -> None:
    (case,) = cases_of([arrival("快来免费领取吧")], FakeRules(entries=[LIST]))
    (found,) = [item for item in case.analysis.evidence if item.source == "lexicon"]
    assert found == Evidence("lexicon.deny.ad", "lexicon", Span(2, 6, "免费领取"), None, "promo")
    verdict = judge(case, Known()).analysis.verdict
    assert verdict is not None
    assert verdict.action is not Action.PASS


def test_words_are_looked_for_in_the_text_as_it_was_sent_and_shown_as_it_is_kept() -> None:
    number = Entry("13800138000", "numbers", "watch", "", None, None)
    (case,) = cases_of([arrival("打13800138000找我")], FakeRules(entries=[number]))
    (sent,) = [item for item in case.analysis.evidence if item.source == "lexicon"]
    (kept,) = [item for item in case.incoming.analysis.evidence if item.source == "lexicon"]
    assert (sent.label, sent.span.text) == ("lexicon.watch", "13800138000")
    assert (kept.span.text, kept.normalised) == ("138****8000", None)


def test_the_first_advert_is_warned_the_second_removed_the_third_blocks() -> None:
    (case,) = cases_of([arrival(ADVERT)])
    strike = Offence("ad", NOW)
    judged = [judge(case, Known(offences=(strike,) * n)) for n in range(4)]
    verdicts = [one.analysis.verdict for one in judged]
    assert [verdict and verdict.action for verdict in verdicts] == [
        Action.WARN,
        Action.REMOVE,
        Action.BLOCK,
        Action.BLOCK,
    ]
    assert {one.offence for one in judged} == {"ad"}


def test_each_channel_is_judged_by_its_own_policy() -> None:
    strict = replace(DEFAULT_POLICY, version="vip/2", ad_action=Action.REMOVE)
    rules = FakeRules(policies={"vip": strict})
    cases = cases_of([arrival(ADVERT, "1", channel="vip"), arrival(ADVERT, "2", channel="other")], rules)
    judged = [judge(case, Known()) for case in cases]
    assert [one.policy_version for one in judged] == ["vip/2", "default-1"]
    assert [one.analysis.verdict and one.analysis.verdict.action for one in judged] == [Action.REMOVE, Action.WARN]


def test_a_message_that_could_not_be_read_is_left_to_a_person_and_its_personal_data_covered() -> None:
    (case,) = cases_of([arrival(f"{BROKEN} 打13800138000找我")])
    judgement = judge(case, Known())
    verdict = judgement.analysis.verdict
    assert verdict is not None
    assert verdict.action is Action.REVIEW
    assert verdict.reasons[0] == "analysis_failed"
    assert judgement.review is not None
    assert judgement.review.reasons[0] == "analysis_failed"
    assert case.incoming.vector == b""
    assert "0013" not in str(case.incoming)
    assert [span.text for span in case.analysis.pii] == ["13800138000"]


def test_a_word_of_a_list_removes_also_what_could_not_be_read() -> None:
    entry = Entry("内部资料", "leaks", "deny", "", None, None)
    (case,) = cases_of([arrival(f"{BROKEN} 内部资料")], FakeRules(entries=[entry]))
    judgement = judge(case, Known())
    assert judgement.analysis.verdict is not None
    assert judgement.analysis.verdict.action in (Action.WARN, Action.REMOVE, Action.BLOCK)
    assert judgement.review is not None  # and a person looks all the same


class Earlier:
    """One contribution that everything is compared with."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[Asked] = []

    def earlier(self, tenant: str, asked: Sequence[Asked]) -> list[list[str]]:
        self.asked += asked
        return [self.texts for _ in asked]


POST = f"{STORY}我家的扫地机用了三个月，拖布要每周洗一次，不然会有味道，建议买两块轮换着用"


def test_contributions_are_rated_and_nothing_else() -> None:
    contributions = Earlier()
    story, chat = cases_of([arrival(POST, "1"), arrival("好的", "2")], contributions=contributions)
    assert story.analysis.ugc_quality is not None
    assert story.analysis.ugc_quality.originality == 1.0
    assert chat.analysis.ugc_quality is None
    assert [asked.external_id for asked in contributions.asked] == ["1"]  # one look for all of them
    assert story.incoming.analysis.ugc_quality == story.analysis.ugc_quality


def test_a_copy_is_not_original() -> None:
    (case,) = cases_of([arrival(POST)], contributions=Earlier("别的", POST))
    assert case.analysis.ugc_quality is not None
    assert case.analysis.ugc_quality.originality == 0.0


def test_the_weights_are_the_tenants() -> None:
    weights = UgcWeights(originality=1.0, usefulness=0.0, spread=0.0, compliance=0.0)
    (case,) = cases_of([arrival(POST)], FakeRules(settings=TenantSettings(ugc_weights=weights)))
    assert case.analysis.ugc_quality is not None
    assert case.analysis.ugc_quality.score == 1.0


def test_the_judge_tells_two_wordings_of_a_message_apart() -> None:
    cases = cases_of([arrival(ADVERT), arrival("好的"), arrival(ADVERT)])
    judging = Judging(cases)
    judged = [judging(case.incoming, Known()).analysis.verdict for case in cases]
    assert [verdict and verdict.action for verdict in judged] == [Action.WARN, Action.PASS, Action.WARN]
    again = judging(cases[0].incoming, Known())  # as after a transaction that was begun again
    assert again == judge(cases[0], Known())


def test_the_store_looks_back_as_far_as_any_policy_asks() -> None:
    long = replace(DEFAULT_POLICY, version="long", strikes=Strikes(ad=Ladder(days=90)))
    rules = FakeRules(policies={"long": long})
    cases = cases_of([arrival("a", "1"), arrival("b", "2", channel="long")], rules)
    assert Judging(cases[:1]).windows == Windows(30 * 86_400.0, DEFAULT_POLICY.flooding.window_s)
    assert Judging(cases).windows.strikes_s == 90 * 86_400.0


def test_a_channel_with_a_shorter_window_keeps_it_beside_others() -> None:
    short = replace(DEFAULT_POLICY, version="short", flooding=FloodingRules(window_s=60))
    cases = cases_of([arrival("a", "1"), arrival("b", "2", channel="short")], FakeRules(policies={"short": short}))
    assert Judging(cases).windows == Windows(30 * 86_400.0, DEFAULT_POLICY.flooding.window_s, (("short", 60),))


@pytest.mark.parametrize("text", ["", " ", "😀", "a" * 4000, "\u200b"])
def test_odd_texts_are_cases(text: str) -> None:
    (case,) = cases_of([arrival(text)])
    assert judge(case, Known()).analysis.verdict == Verdict(Action.PASS)
    assert read(cast(Any, case.arrival)).id == "m1"
