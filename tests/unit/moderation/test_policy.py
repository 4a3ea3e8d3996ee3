from dataclasses import replace

import pytest

from nlp_service.moderation.deciding import judge_text
from nlp_service.moderation.policy import ADVERT_PARTNERS, DEFAULT_POLICY, Policy, UnsafeRule
from nlp_service.types import INTENTS, UNSAFE, Action, Analysis, Intent
from tests.unit.moderation.made import analysis, intent

PASS, REVIEW, WARN, REMOVE = Action.PASS, Action.REVIEW, Action.WARN, Action.REMOVE


def test_a_harmless_message_passes_without_a_reason() -> None:
    assert judge_text(analysis(), DEFAULT_POLICY).action is PASS
    assert judge_text(analysis(), DEFAULT_POLICY).reasons == ()


@pytest.mark.parametrize(
    ("ad", "unsafe", "expected", "reasons"),
    [
        (0.59, {}, PASS, ()),
        (0.60, {}, WARN, ("ad>=0.60",)),  # the bound itself is included
        (0.99, {}, WARN, ("ad>=0.60",)),  # an advert alone is not removed at the first offence
        (0.79, {"contact_spam": 0.55}, WARN, ("ad>=0.60",)),
        (0.80, {"contact_spam": 0.49}, WARN, ("ad>=0.60",)),
        (0.80, {"contact_spam": 0.50}, REMOVE, ("ad>=0.80+contact_spam>=0.50",)),
        (0.80, {"flooding": 0.59}, WARN, ("ad>=0.60",)),  # flooding is no partner of an advert
        (0.59, {"contact_spam": 0.59}, PASS, ()),
        (0.90, {"scam": 0.85, "gambling": 0.40}, REMOVE, ("ad>=0.80+scam>=0.50", "scam>=0.80")),
    ],
)
def test_advert(ad: float, unsafe: dict[str, float], expected: Action, reasons: tuple[str, ...]) -> None:
    verdict = judge_text(analysis(intent=intent("ad", ad=ad), unsafe=unsafe), DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (expected, reasons)


@pytest.mark.parametrize("partner", ADVERT_PARTNERS)
def test_every_partner_makes_an_advert_one_to_remove(partner: str) -> None:
    verdict = judge_text(analysis(intent=intent("ad", ad=0.80), unsafe={partner: 0.50}), DEFAULT_POLICY)
    assert verdict.action is REMOVE
    assert verdict.reasons[0] == f"ad>=0.80+{partner}>=0.50"


@pytest.mark.parametrize(
    ("abuse", "expected", "reasons"),
    [
        (0.59, PASS, ()),
        (0.60, WARN, ("abuse>=0.60",)),
        (1.00, WARN, ("abuse>=0.60",)),
        (None, REVIEW, ("head_failed:abuse",)),  # an outage is not safety
    ],
)
def test_abuse(abuse: float | None, expected: Action, reasons: tuple[str, ...]) -> None:
    verdict = judge_text(analysis(abuse=abuse), DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (expected, reasons)


@pytest.mark.parametrize(
    ("kind", "probability", "expected", "reasons"),
    [
        *[
            row
            for kind in ("porn_sexual", "gambling", "scam", "drugs_weapons", "illegal_service")
            for row in (
                (kind, 0.49, PASS, ()),
                (kind, 0.50, REVIEW, (f"{kind}>=0.50",)),
                (kind, 0.79, REVIEW, (f"{kind}>=0.50",)),
                (kind, 0.80, REMOVE, (f"{kind}>=0.80",)),
            )
        ],
        ("politics_sensitive", 0.49, PASS, ()),
        ("politics_sensitive", 0.50, REVIEW, ("politics_sensitive>=0.50",)),
        ("politics_sensitive", 1.00, REVIEW, ("politics_sensitive>=0.50",)),  # a person decides
        ("contact_spam", 0.59, PASS, ()),
        ("contact_spam", 0.60, WARN, ("contact_spam>=0.60",)),
        ("contact_spam", 1.00, WARN, ("contact_spam>=0.60",)),
        ("flooding", 0.59, PASS, ()),
        ("flooding", 0.60, WARN, ("flooding>=0.60",)),
    ],
)
def test_unsafe(kind: str, probability: float, expected: Action, reasons: tuple[str, ...]) -> None:
    verdict = judge_text(analysis(unsafe={kind: probability}), DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (expected, reasons)


@pytest.mark.parametrize(
    ("level", "expected", "reasons"),
    [(0, PASS, ()), (1, PASS, ()), (2, REVIEW, ("risk>=2",)), (3, REVIEW, ("risk>=2",))],
)
@pytest.mark.parametrize("primary", INTENTS)
def test_risk_asks_for_a_person_and_never_for_more(
    primary: str, level: int, expected: Action, reasons: tuple[str, ...]
) -> None:
    verdict = judge_text(analysis(intent=intent(primary), level=level, risk=0.99), DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (expected, reasons)


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (analysis(intent=None), "head_failed:intent"),
        (analysis(sentiment=None), "head_failed:sentiment"),
        (analysis(risk=None), "head_failed:risk"),
        (analysis(abuse=None), "head_failed:abuse"),
    ],
)
def test_a_failed_head_asks_for_a_person(failed: Analysis, reason: str) -> None:
    verdict = judge_text(failed, DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (REVIEW, (reason,))


def test_a_failed_head_does_not_excuse_what_the_others_found() -> None:
    verdict = judge_text(analysis(sentiment=None, unsafe={"gambling": 0.95}), DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (REMOVE, ("head_failed:sentiment", "gambling>=0.80"))


@pytest.mark.parametrize(
    ("read", "expected", "reasons"),
    [
        (analysis(categories={"self_harm": 0.29}), PASS, ()),
        (analysis(categories={"self_harm": 0.30}), REVIEW, ("self_harm>=0.30",)),
        (analysis(level=3, categories={"self_harm": 0.9}), REVIEW, ("risk>=2", "self_harm>=0.30")),
        # What is otherwise warned or removed is not: nobody in need is punished in public.
        (analysis(abuse=1.0, categories={"self_harm": 0.3}), REVIEW, ("abuse>=0.60", "self_harm>=0.30")),
        (analysis(unsafe={"scam": 1.0}, categories={"self_harm": 0.3}), REVIEW, ("scam>=0.80", "self_harm>=0.30")),
        (
            analysis(
                intent=intent("ad", ad=1.0), unsafe={"gambling": 0.5}, categories={"other": 0.9, "self_harm": 1.0}
            ),
            REVIEW,
            ("ad>=0.80+gambling>=0.50", "gambling>=0.50", "self_harm>=0.30"),
        ),
    ],
)
def test_self_harm_is_for_a_person_and_never_for_the_public(
    read: Analysis, expected: Action, reasons: tuple[str, ...]
) -> None:
    verdict = judge_text(read, DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (expected, reasons)


PROTECTED = "protected:complaint_or_question"


@pytest.mark.parametrize("primary", ["complaint", "question"])
@pytest.mark.parametrize(
    ("abuse", "unsafe", "level", "expected", "reasons"),
    [
        (0.01, {}, 3, REVIEW, ("risk>=2",)),
        (0.60, {}, 0, REVIEW, ("abuse>=0.60", PROTECTED)),
        (0.89, {}, 2, REVIEW, ("abuse>=0.60", "risk>=2", PROTECTED)),
        (0.90, {}, 2, WARN, ("abuse>=0.60", "risk>=2")),  # sure enough to be acted on
        (0.01, {"scam": 0.89}, 0, REVIEW, ("scam>=0.80", PROTECTED)),
        (0.01, {"scam": 0.90}, 0, REMOVE, ("scam>=0.80",)),
        (0.01, {"contact_spam": 0.89}, 0, REVIEW, ("contact_spam>=0.60", PROTECTED)),
        (0.01, {"contact_spam": 0.90}, 0, WARN, ("contact_spam>=0.60",)),
        (0.95, {"scam": 0.85}, 0, WARN, ("abuse>=0.60", "scam>=0.80", PROTECTED)),  # each rule for itself
    ],
)
def test_a_complaint_or_a_question_is_heard(
    primary: str, abuse: float, unsafe: dict[str, float], level: int, expected: Action, reasons: tuple[str, ...]
) -> None:
    read = analysis(intent=intent(primary), abuse=abuse, unsafe=unsafe, level=level)
    verdict = judge_text(read, DEFAULT_POLICY)
    assert (verdict.action, verdict.reasons) == (expected, reasons)


@pytest.mark.parametrize(
    "disguised", [intent("question", ad=0.60), intent("complaint", "ad", ad=0.59)], ids=["probable", "labelled"]
)
def test_an_advert_in_the_form_of_a_question_is_not_protected(disguised: Intent) -> None:
    assert judge_text(analysis(intent=disguised, abuse=0.60), DEFAULT_POLICY).action is WARN


@pytest.mark.parametrize("primary", ["ugc", "ad", "chat"])
def test_other_intents_are_not_protected(primary: str) -> None:
    assert judge_text(analysis(intent=intent(primary), abuse=0.60), DEFAULT_POLICY).action is WARN


def test_the_strongest_action_wins_and_every_reason_is_given() -> None:
    unsafe = {"flooding": 0.7, "politics_sensitive": 0.6, "porn_sexual": 0.8}
    verdict = judge_text(analysis(level=2, abuse=0.7, unsafe=unsafe), DEFAULT_POLICY)
    assert verdict.action is REMOVE
    assert verdict.reasons == (
        "abuse>=0.60",
        "porn_sexual>=0.80",
        "politics_sensitive>=0.50",
        "flooding>=0.60",
        "risk>=2",
    )


def test_the_order_of_the_labels_changes_nothing() -> None:
    unsafe = dict.fromkeys(UNSAFE, 0.9)
    reverse = dict(reversed(unsafe.items()))
    advert = intent("ad", ad=0.9)
    assert judge_text(analysis(intent=advert, unsafe=unsafe)) == judge_text(analysis(intent=advert, unsafe=reverse))


def test_thresholds_of_a_policy_take_the_place_of_the_defaults() -> None:
    strict = replace(DEFAULT_POLICY, version="strict-1", ad_warn=0.125, risk_level=1, unsafe=())
    read = analysis(intent=intent("ad", ad=0.125), level=1, unsafe={"scam": 1.0})
    verdict = judge_text(read, strict)
    assert (verdict.action, verdict.reasons) == (WARN, ("ad>=0.125", "risk>=1"))


def test_every_unsafe_kind_has_a_rule_in_the_default_policy() -> None:
    assert {rule.name for rule in DEFAULT_POLICY.unsafe} == set(UNSAFE)
    assert DEFAULT_POLICY.version == "default-1"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"ad_warn": -0.1}, "ad_warn"),
        ({"certain": 1.1}, "certain"),
        ({"self_harm": float("nan")}, "self_harm"),
        ({"ad_warn": 0.9, "ad_remove": 0.8}, "above ad_remove"),
        ({"risk_level": 0}, "risk_level"),
        ({"unsafe": (UnsafeRule("scam", 0.8, REMOVE), UnsafeRule("scam", 0.9, REMOVE))}, "more than one rule"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Policy("broken-1", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "act", "review", "complaint"),
    [("spam", 0.8, None, "unknown"), ("scam", 1.5, None, "scam.act"), ("scam", 0.5, 0.6, "above act")],
)
def test_a_rule_that_makes_no_sense_is_refused(name: str, act: float, review: float | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        UnsafeRule(name, act, REMOVE, review)
