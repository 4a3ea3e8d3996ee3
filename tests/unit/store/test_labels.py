from __future__ import annotations

from typing import Any

import msgspec
import pytest

from nlp_service.errors import BadInput
from nlp_service.store.labels import FIELDS, Labels, LabelsIn, PainLabel, amend, as_read, offence_of
from nlp_service.types import RISK_CATEGORIES, UNSAFE, Abuse, Label, Pain, Risk, Sentiment, Span
from tests.unit.store.reviewing import analysis_of

TEXT = "汤里吃出了一根头发"


def test_the_machine_is_read_as_people_annotate() -> None:
    assert as_read(analysis_of(TEXT)) == Labels(
        intent=("complaint",),
        sentiment=-1,
        risk=2,
        risk_categories=("food_safety",),
        abuse=0,
        unsafe=(),
        pain=(PainLabel(0, 2, "食品异物"),),
    )


@pytest.mark.parametrize(
    ("label", "score", "expected"),
    [
        ("negative", -0.75, -2),
        ("negative", -0.74, -1),
        ("negative", 0.1, -1),  # the label says the side
        ("neutral", 0.3, 0),
        ("positive", 0.2, 1),
        ("positive", 0.9, 2),
    ],
)
def test_sentiment_in_five_steps(label: str, score: float, expected: int) -> None:
    assert as_read(analysis_of(TEXT, sentiment=Sentiment(label, score))).sentiment == expected


def test_an_unlikely_category_is_better_than_none() -> None:
    risk = Risk(1, 0.2, 0.6, (Label("other", 0.3), Label("outage", 0.25)))
    assert as_read(analysis_of(TEXT, risk=risk)).risk_categories == ("other",)


def test_failed_heads_leave_their_fields_open() -> None:
    failed = {"intent": None, "sentiment": None, "risk": Risk(0, None, None), "abuse": Abuse(None, False)}
    read = as_read(analysis_of(TEXT, **failed, unsafe=None))
    assert read == Labels(pain=read.pain)


def test_names_of_pains_are_cut_to_what_is_stored() -> None:
    pain = (Pain("字" * 80, Span(0, 2, TEXT[:2]), "other"),)
    (found,) = as_read(analysis_of(TEXT, pain=pain)).pain or ()
    assert len(found.target) == 50


def test_an_amended_record_keeps_what_was_confirmed_before() -> None:
    before = Labels(("ad",), 0, 0, (), 0, (), (), confirmed=("intent",))
    found = amend(before, LabelsIn(abuse=1), ("risk",), TEXT)
    assert (found.intent, found.abuse, found.confirmed) == (("ad",), 1, ("intent", "risk", "abuse"))


def test_a_set_field_may_be_one_that_the_machine_could_not_say() -> None:
    found = amend(Labels(), LabelsIn(sentiment=0), ("sentiment",), TEXT)
    assert (found.sentiment, found.confirmed) == (0, ("sentiment",))
    with pytest.raises(BadInput):
        amend(Labels(), None, ("sentiment",), TEXT)


@pytest.mark.parametrize(
    ("start", "end", "is_good"), [(0, len(TEXT), True), (0, len(TEXT) + 1, False), (3, 3, False), (4, 3, False)]
)
def test_pains_lie_within_the_text(start: int, end: int, is_good: bool) -> None:
    said = LabelsIn(pain=[PainLabel(start, end, "异物")])
    if is_good:
        assert amend(Labels(), said, (), TEXT).pain == (PainLabel(start, end, "异物"),)
    else:
        with pytest.raises(BadInput):
            amend(Labels(), said, (), TEXT)


@pytest.mark.parametrize(
    "values",
    [
        {"intent": []},
        {"intent": ["spam"]},
        {"sentiment": 3},
        {"sentiment": -0.5},
        {"risk": 4},
        {"risk_categories": ["danger"]},
        {"abuse": True},
        {"abuse": 2},
        {"unsafe": ["porn"]},
        {"pain": [{"start": -1, "end": 2}]},
        {"mood": 1},
    ],
)
def test_what_no_label_is_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(values, LabelsIn)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (Labels(), None),
        (Labels(intent=("complaint",), abuse=0, unsafe=()), None),
        (Labels(intent=("question", "ad")), "ad"),
        (Labels(intent=("ad",), unsafe=("gambling",)), "gambling"),
        (Labels(abuse=1, unsafe=("flooding",)), "abuse"),
        (Labels(unsafe=("contact_spam",)), "contact_spam"),
    ],
)
def test_what_a_message_counts_as(labels: Labels, expected: str | None) -> None:
    assert offence_of(labels) == expected


def test_names_are_those_of_the_service() -> None:
    assert tuple(msgspec.structs.fields(LabelsIn)[i].name for i in range(len(FIELDS))) == FIELDS
    good = {"risk": 1, "risk_categories": list(RISK_CATEGORIES), "unsafe": list(UNSAFE)}
    assert amend(Labels(), msgspec.convert(good, LabelsIn), (), TEXT).unsafe == UNSAFE
