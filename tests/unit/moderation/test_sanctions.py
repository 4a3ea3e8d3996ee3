from __future__ import annotations

from dataclasses import replace

import pytest

from nlp_service.moderation.deciding import decide
from nlp_service.moderation.findings import OFFENCES
from nlp_service.moderation.flooding import FloodingRules
from nlp_service.moderation.policy import DEFAULT_POLICY, PROTECTS_AGAINST, Policy, windows_of
from nlp_service.moderation.sanctions import Ladder, Strikes
from nlp_service.store.incoming import Windows
from nlp_service.types import UNSAFE, Action
from tests.unit.moderation.made import analysis, facts, intent, struck


def test_there_is_a_ladder_for_every_offence() -> None:
    assert set(Strikes.__struct_fields__) == set(OFFENCES) == {"ad", "abuse", *UNSAFE, "lexicon", "link"}
    assert [Strikes().ladder_of(offence) for offence in OFFENCES] == [Ladder()] * len(OFFENCES)


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ((Action.REVIEW,), "must be warn, remove or block"),
        ((Action.PASS, Action.BLOCK), "must be warn, remove or block"),
        ((Action.REMOVE, Action.WARN), "milder"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(steps: tuple[Action, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Ladder(steps)


def test_the_store_looks_back_as_far_as_any_ladder_and_the_floods() -> None:
    assert windows_of(DEFAULT_POLICY) == Windows()
    policy = replace(DEFAULT_POLICY, strikes=Strikes(link=Ladder(days=90)), flooding=FloodingRules(window_s=60))
    assert windows_of(policy) == Windows(90 * 86_400.0, 60.0)


def test_each_offence_has_its_own_days() -> None:
    policy = replace(DEFAULT_POLICY, strikes=Strikes(link=Ladder(days=90)))
    old = facts(offences=struck("ad", "link", days_ago=60))
    assert decide(analysis(intent=intent("ad", ad=0.7)), policy, old).verdict.action is Action.WARN


def test_what_cannot_be_protected_against_is_refused() -> None:
    with pytest.raises(ValueError, match=PROTECTS_AGAINST[0]):
        Policy("broken-1", protects_against=("risk",))  # type: ignore[arg-type]


def test_a_review_above_or_beside_its_action_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ad_warn: review at 0\.7 is above"):
        Policy("broken-1", ad_review=0.7)
    with pytest.raises(ValueError, match="but a pass"):
        Policy("broken-1", abuse_action=Action.PASS, abuse_review=0.5)


def test_a_probability_that_is_no_number_is_a_head_that_failed() -> None:
    read = analysis(intent=intent("chat"))
    assert read.intent is not None
    read.intent.probabilities["ad"] = float("nan")  # the types refuse it; a dict can be changed
    decision = decide(read)
    assert (decision.verdict.action, decision.verdict.reasons) == (Action.REVIEW, ("head_failed:intent",))
