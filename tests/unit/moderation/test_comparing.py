from __future__ import annotations

import msgspec

from nlp_service.moderation.comparing import Change, ReasonCount, compare
from nlp_service.moderation.deciding import Decision, decide
from nlp_service.moderation.documents import decode_document
from nlp_service.types import Action, Analysis
from tests.unit.moderation.made import analysis, facts, intent

PASS, REVIEW, WARN, REMOVE = Action.PASS, Action.REVIEW, Action.WARN, Action.REMOVE

READ = {
    "m1": analysis(),
    "m2": analysis(intent=intent("ad", ad=0.7)),
    "m3": analysis(intent=intent("ad", ad=0.7)),
    "m4": analysis(unsafe={"gambling": 0.9}),
    "m5": analysis(level=2, risk=0.9),
}


def both(read: Analysis, document: dict[str, object]) -> tuple[Decision, Decision]:
    known = facts()
    return decide(read, decode_document({}, "1"), known), decide(read, decode_document(document, "2"), known)


def decided(document: dict[str, object]) -> list[tuple[str, Decision, Decision]]:
    return [(name, *both(read, document)) for name, read in READ.items()]


def test_what_changes_is_counted_with_examples() -> None:
    changed = {"labels": {"ad": {"action": "remove"}, "gambling": {"action": "pass"}}}
    comparison = compare(decided(changed), n_examples=1)
    assert (comparison.messages, comparison.stricter, comparison.milder) == (5, 2, 1)
    assert comparison.changes == (
        Change(PASS, PASS, 1),
        Change(REVIEW, REVIEW, 1),
        Change(WARN, REMOVE, 2, ("m2",)),
        Change(REMOVE, PASS, 1, ("m4",)),
    )
    assert comparison.reasons == (ReasonCount("gambling>=0.80", 1, 0),)


def test_reviews_are_counted_before_and_after() -> None:
    comparison = compare(decided({"risk": {"level": 3}}))
    assert (comparison.reviews_before, comparison.reviews_after) == (1, 0)


def test_a_policy_on_trial_is_compared_by_what_it_would_do() -> None:
    comparison = compare(decided({"trial": True, "labels": {"ad": {"action": "remove"}}}))
    assert (comparison.stricter, comparison.milder) == (2, 0)
    assert (comparison.reviews_before, comparison.reviews_after) == (1, 1)


def test_nothing_compared_is_nothing_changed() -> None:
    comparison = compare([])
    assert (comparison.messages, comparison.changes, comparison.reasons) == (0, (), ())
    assert msgspec.json.decode(msgspec.json.encode(comparison))["messages"] == 0


def test_the_greatest_differences_of_reasons_come_first() -> None:
    comparison = compare(decided({"labels": {"ad": {"act": 0.65}}, "risk": {"level": 3}}), n_reasons=2)
    assert comparison.reasons == (ReasonCount("ad>=0.60", 2, 0), ReasonCount("ad>=0.65", 0, 2))
