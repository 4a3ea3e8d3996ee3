"""What the shipped model must get right in every version: clear cases, changes that must not matter, and directions.

The kinds are those of Ribeiro et al., Beyond Accuracy (CheckList), 2020. A case with ``known_limit`` is one that the
model gets wrong today, with what it says instead; when it gets better the test says so, and the mark goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlp_service.intake import Reader
from nlp_service.types import INTENTS, RISK_CATEGORIES, SENTIMENTS, UNSAFE, Analysis, Message

Case = dict[str, Any]

CASES: list[Case] = [
    json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()
]

CLEAR = 0.5
"""An unsafe kind or a risk category counts as said from this probability on."""

SLACK = 0.02
"""Two probabilities nearer than this are the same to a person, so a direction is not broken by less."""


def probability_of(intent: str) -> Callable[[Analysis], float]:
    def read(analysis: Analysis) -> float:
        assert analysis.intent is not None
        return analysis.intent.probabilities[intent]

    return read


def sentiment_score(analysis: Analysis) -> float:
    assert analysis.sentiment is not None
    return analysis.sentiment.score


VALUES: dict[str, Callable[[Analysis], float | None]] = {
    "risk": lambda analysis: analysis.risk.probability,
    "watch": lambda analysis: analysis.risk.probability_watch,
    "abuse": lambda analysis: analysis.abuse.probability,
    "sentiment": sentiment_score,
    **{intent: probability_of(intent) for intent in INTENTS},
}


def cases(kind: str) -> list[Any]:
    """The cases of a kind as parameters of a test."""
    return [pytest.param(case, id=case["id"], marks=marks_of(case)) for case in CASES if case["kind"] == kind]


def marks_of(case: Case) -> list[pytest.MarkDecorator]:
    limit = case.get("known_limit")
    return [pytest.mark.xfail(reason=limit, strict=True, raises=AssertionError)] if limit else []


@pytest.fixture(scope="module")
def reader() -> Reader:
    # Imported here, so that the cases themselves can be checked where the model cannot be loaded.
    from nlp_service.wiring import build_reader

    return build_reader("fast")


def read(reader: Reader, text: str) -> Analysis:
    (analysis,) = reader.read([Message(None, text)])
    return analysis


def said(analysis: Analysis) -> dict[str, Any]:
    """The labels of an analysis, without numbers."""
    assert analysis.intent is not None
    assert analysis.sentiment is not None
    return {
        "primary": analysis.intent.primary,
        "labels": set(analysis.intent.labels),
        "sentiment": analysis.sentiment.label,
        "risk": analysis.risk.level,
        "abuse": analysis.abuse.flagged,
        "unsafe": {kind.name for kind in analysis.unsafe if kind.probability >= CLEAR},
        "category": {category.name for category in analysis.risk.categories if category.probability >= CLEAR},
    }


def differences(expected: Case, found: dict[str, Any]) -> dict[str, Any]:
    """Where an analysis is not as expected: the field, with what was found.

    ``labels`` and ``unsafe`` must hold all that is named, an empty ``unsafe`` means none at all, ``risk`` is an
    inclusive range of levels, and the rest must be equal.
    """
    is_met: dict[str, Callable[[Any], bool]] = {
        "labels": lambda names: set(names) <= found["labels"],
        "unsafe": lambda names: set(names) <= found["unsafe"] if names else not found["unsafe"],
        "risk": lambda levels: levels[0] <= found["risk"] <= levels[1],
        "category": lambda name: name in found["category"],
    }
    return {
        field: found[field]
        for field, value in expected.items()
        if not is_met.get(field, lambda value, field=field: value == found[field])(value)
    }


def test_cases_name_what_exists() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES)
    assert {case["kind"] for case in CASES} == {"minimum", "invariance", "direction"}
    expected = [case["expect"] for case in CASES if case["kind"] == "minimum"]
    known = {"primary": INTENTS, "sentiment": SENTIMENTS, "category": RISK_CATEGORIES}
    for field, names in known.items():
        assert {values[field] for values in expected if field in values} <= set(names)
    assert {name for values in expected for name in values.get("unsafe", [])} <= set(UNSAFE)
    assert {name for values in expected for name in values.get("labels", [])} <= set(INTENTS)
    directions = [case for case in CASES if case["kind"] == "direction"]
    assert {case["value"] for case in directions} <= set(VALUES)
    assert {case["never"] for case in directions} == {"lower", "higher"}


@pytest.mark.parametrize("case", cases("minimum"))
def test_a_clear_case_is_read_right(reader: Reader, case: Case) -> None:
    assert differences(case["expect"], said(read(reader, case["text"]))) == {}


@pytest.mark.parametrize("case", cases("invariance"))
def test_another_writing_changes_no_label(reader: Reader, case: Case) -> None:
    expected = said(read(reader, case["text"]))
    changed = {variant: said(read(reader, variant)) for variant in case["variants"]}
    assert {variant: found for variant, found in changed.items() if found != expected} == {}


@pytest.mark.parametrize("case", cases("direction"))
def test_a_change_never_moves_it_the_wrong_way(reader: Reader, case: Case) -> None:
    before, after = (VALUES[case["value"]](read(reader, case[name])) for name in ("text", "then"))
    assert before is not None
    assert after is not None
    rise = after - before
    assert rise >= -SLACK if case["never"] == "lower" else rise <= SLACK
