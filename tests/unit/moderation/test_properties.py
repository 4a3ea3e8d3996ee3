"""What holds for every message, policy and history, whatever the golden tables forgot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.moderation.deciding import Decision, decide, judge_text
from nlp_service.moderation.documents import decode_document, encode_document
from nlp_service.moderation.facts import NOTHING_KNOWN, Facts, find_links
from nlp_service.moderation.findings import OFFENCES, SEVERITY, is_public
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.store.incoming import Known, Offence
from nlp_service.types import INTENTS, RISK_CATEGORIES, UNSAFE, Abuse, Action, Analysis, Intent, Label, Risk, Sentiment
from tests.unit.moderation.made import Word

probabilities = st.sampled_from([0.0, 0.29, 0.3, 0.5, 0.59, 0.6, 0.8, 0.9, 1.0]) | st.floats(0, 1)
times = st.datetimes(timezones=st.sampled_from([UTC])) | st.just(datetime(2026, 11, 18, 15, 0, tzinfo=UTC))
actions = st.sampled_from(Action)
steps = st.lists(st.sampled_from(["warn", "remove", "block"]), max_size=4).map(
    lambda names: sorted(names, key=["warn", "remove", "block"].index)
)


@st.composite
def intents(draw: st.DrawFn) -> Intent | None:
    if draw(st.integers(0, 9)) == 0:
        return None
    primary = draw(st.sampled_from(INTENTS))
    others = draw(st.lists(st.sampled_from(INTENTS), max_size=2))
    values = {name: draw(probabilities) for name in INTENTS}
    return Intent(primary, tuple(dict.fromkeys((primary, *others))), values)


def labels(names: tuple[str, ...]) -> st.SearchStrategy[tuple[Label, ...]]:
    return st.dictionaries(st.sampled_from(names), probabilities, max_size=4).map(
        lambda values: tuple(Label(*pair) for pair in values.items())
    )


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    risk = draw(st.none() | probabilities)
    return Analysis(
        id=1,
        intent=draw(intents()),
        sentiment=draw(st.sampled_from([None, Sentiment("neutral", 0.0)])),
        risk=Risk(draw(st.integers(0, 3)), risk, risk, draw(labels(RISK_CATEGORIES))),
        abuse=Abuse(draw(st.none() | probabilities), False),
        unsafe=draw(st.none() | labels(UNSAFE)),
        pain=(),
    )


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    counts = st.integers(0, 30) | st.integers(0, 10**12)
    offences = st.builds(Offence, st.sampled_from(OFFENCES), times)
    words = st.builds(
        Word, st.sampled_from(["deny", "watch", "allow"]), st.just("a"), st.sampled_from(["", "medical", "x"])
    )
    texts = st.sampled_from(["", "看 t.cn/a", "https://example.com 和 evil.example.com"])
    return Facts(
        platform="wechat",
        author=draw(st.sampled_from(["", "u1", "u2"])),
        role=draw(st.sampled_from(["", "owner", "member"])),
        at=draw(st.none() | times),
        hits=draw(st.lists(words, max_size=3)),
        links=find_links(draw(texts)),
        topics=draw(st.sampled_from([(), ("medical",), ("medical", "financial")])),
        has_qr=draw(st.booleans()),
        n_images=draw(counts),
        n_views=draw(counts),
        n_likes=draw(counts),
        known=Known(
            tuple(draw(st.lists(offences, max_size=4))), draw(counts), draw(counts), draw(counts), draw(counts)
        ),
    )


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    def rule() -> dict[str, Any]:
        values: dict[str, Any] = {"act": draw(probabilities), "action": draw(actions).value}
        if values["action"] != "pass" and draw(st.booleans()):
            values["review"] = values["act"] * draw(st.floats(0, 1))
        return values

    ladder = st.fixed_dictionaries({"steps": steps, "days": st.integers(1, 60)})
    words = st.dictionaries(st.sampled_from(["*", "x", "medical"]), actions.map(str), max_size=2)
    quiet = st.fixed_dictionaries(
        {"from": st.just("22:00"), "to": st.just("07:00"), "stricter": st.booleans(), "hold": st.just(True)}
    )
    exempt = st.fixed_dictionaries(
        {"roles": st.just(["owner"]), "from": st.lists(st.sampled_from(["all", *OFFENCES, "regulated"]), min_size=1)}
    )
    return {
        "labels": {name: rule() for name in draw(st.lists(st.sampled_from(["ad", "abuse", *UNSAFE]), max_size=4))},
        "strikes": draw(st.dictionaries(st.sampled_from(OFFENCES), ladder, max_size=3)),
        "lexicon": {"deny": draw(words), "watch": draw(words)},
        "links": {
            "deny": ["evil.example.com"],
            "unknown": draw(actions).value,
            "newcomers": {"messages": draw(st.integers(0, 3)), "images": draw(actions).value},
        },
        "flooding": {"window_s": draw(st.integers(10, 900)), "action": draw(actions).value},
        "protect": {"against": draw(st.lists(st.sampled_from(["models", "links", "lexicon"]), unique=True))},
        "quiet_hours": draw(st.lists(quiet, max_size=2)),
        "exempt": draw(st.lists(exempt, max_size=2)),
    }


policies = documents().map(lambda document: decode_document(document, "drawn-1"))
SLOW = settings(max_examples=40, deadline=None)


def severity(decision: Decision) -> int:
    return SEVERITY[decision.verdict.action]


@SLOW
@given(analyses(), policies, all_facts())
def test_a_decision_is_whole(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    verdict, offence, review = decide(analysis, policy, facts)
    assert verdict.action is Action.PASS or verdict.reasons
    assert (offence is not None) == is_public(verdict.action)
    assert offence is None or offence in OFFENCES
    assert verdict.action is not Action.REVIEW or review is not None
    assert review is None or (0 <= review.priority <= 1 and review.reasons == verdict.reasons)
    assert len(set(verdict.reasons)) == len(verdict.reasons)
    excused = [reason for reason in verdict.reasons if reason.startswith("exempt:")]
    assert verdict.action is not Action.PASS or not verdict.reasons or excused


@SLOW
@given(analyses(), policies, all_facts())
def test_the_same_is_decided_on_the_same(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    assert decide(analysis, policy, facts) == decide(analysis, policy, facts)


@SLOW
@given(analyses())
def test_a_text_alone_is_judged_as_if_nothing_were_known(analysis: Analysis) -> None:
    assert judge_text(analysis) == decide(analysis, DEFAULT_POLICY, Facts()).verdict
    assert decide(analysis, DEFAULT_POLICY, NOTHING_KNOWN) == decide(analysis, DEFAULT_POLICY, Facts())


@SLOW
@given(analyses(), policies, all_facts(), st.sampled_from(OFFENCES))
def test_another_strike_makes_nothing_milder(analysis: Analysis, policy: Policy, facts: Facts, offence: str) -> None:
    strike = Offence(offence, facts.at or datetime(2026, 11, 18, tzinfo=UTC))
    known = facts.known._replace(offences=(*facts.known.offences, strike))
    assert severity(decide(analysis, policy, facts._replace(known=known))) >= severity(decide(analysis, policy, facts))


@SLOW
@given(analyses(), policies, all_facts())
def test_an_exemption_makes_nothing_stricter(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    everybody = replace(policy, exempt=())
    assert severity(decide(analysis, policy, facts)) <= severity(decide(analysis, everybody, facts))


@SLOW
@given(analyses(), policies, all_facts())
def test_signs_of_self_harm_are_always_for_a_person(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    risk = msgspec.structs.replace(analysis.risk, categories=(Label("self_harm", policy.self_harm),))
    decision = decide(msgspec.structs.replace(analysis, risk=risk), policy, facts)
    assert decision.verdict.action is Action.REVIEW
    assert decision.offence is None
    assert decision.review is not None
    assert decision.review.priority == 1.0


@SLOW
@given(analyses(), policies, all_facts())
def test_what_failed_is_never_taken_for_safe(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    decision = decide(msgspec.structs.replace(analysis, unsafe=None), policy, facts)
    assert severity(decision) >= SEVERITY[Action.REVIEW]
    assert "head_failed:unsafe" in decision.verdict.reasons


@SLOW
@given(analyses(), policies, all_facts())
def test_a_trial_does_nothing_and_says_what_it_would_do(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    real = decide(analysis, policy, facts)
    trial = decide(analysis, replace(policy, is_trial=True), facts)
    assert (trial.verdict.action, trial.offence, trial.review) == (Action.PASS, None, None)
    said = () if real.verdict.action is Action.PASS else (f"trial:{real.verdict.action}",)
    assert trial.verdict.reasons == (*real.verdict.reasons, *said)


@SLOW
@given(analyses(), policies, all_facts())
def test_a_regulated_topic_is_held_or_worse(analysis: Analysis, policy: Policy, facts: Facts) -> None:
    everybody = replace(policy, exempt=())
    decision = decide(analysis, everybody, facts._replace(topics=("financial",)))
    assert decision.verdict.action in (Action.REVIEW, Action.REMOVE, Action.BLOCK)
    assert decision.review is not None


def surer_of_advert(analysis: Analysis, probability: float) -> Analysis:
    assert analysis.intent is not None
    values = analysis.intent.probabilities | {"ad": max(probability, analysis.intent.probabilities["ad"])}
    return msgspec.structs.replace(analysis, intent=msgspec.structs.replace(analysis.intent, probabilities=values))


def surer_of_abuse(analysis: Analysis, probability: float) -> Analysis:
    known = analysis.abuse.probability or 0.0
    return msgspec.structs.replace(analysis, abuse=Abuse(max(probability, known), False))


def surer_of_scam(analysis: Analysis, probability: float) -> Analysis:
    known = {kind.name: kind.probability for kind in analysis.unsafe or ()}
    known["scam"] = max(probability, known.get("scam", 0.0))
    return msgspec.structs.replace(analysis, unsafe=tuple(Label(*pair) for pair in known.items()))


@pytest.mark.parametrize("surer", [surer_of_advert, surer_of_abuse, surer_of_scam])
@SLOW
@given(analyses(), policies, all_facts(), probabilities)
def test_to_be_surer_makes_nothing_milder(
    surer: Callable[[Analysis, float], Analysis], analysis: Analysis, policy: Policy, facts: Facts, probability: float
) -> None:
    if analysis.intent is None or analysis.intent.primary in ("complaint", "question"):
        # What is protected may be called an advert, and then no longer is.
        analysis = msgspec.structs.replace(analysis, intent=Intent("chat", ("chat",), {"ad": 0.0}))
    if analysis.abuse.probability is None or analysis.unsafe is None:
        # A part that failed asks for a review, and one that answers need not.
        analysis = msgspec.structs.replace(analysis, abuse=Abuse(0.0, False), unsafe=())
    assert severity(decide(surer(analysis, probability), policy, facts)) >= severity(decide(analysis, policy, facts))


@SLOW
@given(documents())
def test_a_document_comes_back_as_it_went(document: dict[str, Any]) -> None:
    policy = decode_document(document, "v-1")
    written = encode_document(policy)
    assert decode_document(msgspec.json.encode(written), "v-1") == policy
    assert encode_document(decode_document(written, "v-2")) == written


@SLOW
@given(policies, all_facts(), times)
def test_the_time_between_strikes_never_overflows(policy: Policy, facts: Facts, at: datetime) -> None:
    known = Known((Offence("ad", datetime.min.replace(tzinfo=UTC)), Offence("ad", datetime.max.replace(tzinfo=UTC))))
    advert = Analysis(1, Intent("ad", ("ad",), {"ad": 1.0}), None, Risk(0, 0.0, 0.0), Abuse(0.0, False), (), ())
    for moment in (at, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), at + timedelta(0)):
        assert severity(decide(advert, policy, facts._replace(at=moment, known=known))) >= 1
