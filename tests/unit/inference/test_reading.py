from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nlp_service.inference.heads import COLUMNS, LEVELS, N_OUTPUTS, probabilities
from nlp_service.inference.reading import DIRECTIONS, LISTED, SELF_HARM, Reading, Thresholds, read_row
from nlp_service.types import INTENTS, RISK_CATEGORIES, SENTIMENTS, UNSAFE, Label

THRESHOLDS = Thresholds(
    intent={"question": 0.5, "ugc": 0.4, "ad": 0.6, "complaint": 0.3, "chat": 0.5},
    risk=[0.4, 0.5, 0.6],
    abuse=0.5,
    pain_prior=0.5,
    pain_least=2.0,
    pain_begin=0.5,
    target=0.5,
)

NAN = float("nan")


def row_of(
    *,
    primary: dict[str, float] | None = None,
    intent: dict[str, float] | None = None,
    sentiment: Iterable[float] = (0.0, 0.0, 1.0, 0.0, 0.0),
    risk: Iterable[float] = (0.0, 0.0, 0.0),
    category: dict[str, float] | None = None,
    abuse: float = 0.0,
    unsafe: dict[str, float] | None = None,
) -> list[float]:
    """Probabilities of a calm chat message, but for what is given."""
    row = np.zeros(N_OUTPUTS)
    row[COLUMNS["primary"]] = [(primary or {"chat": 1.0}).get(name, 0.0) for name in INTENTS]
    row[COLUMNS["intent"]] = [(intent or {}).get(name, 0.0) for name in INTENTS]
    row[COLUMNS["sentiment"]] = tuple(sentiment)
    row[COLUMNS["risk"]] = tuple(risk)
    row[COLUMNS["category"]] = [(category or {}).get(name, 0.0) for name in RISK_CATEGORIES]
    row[COLUMNS["abuse"]] = abuse
    row[COLUMNS["unsafe"]] = [(unsafe or {}).get(name, 0.0) for name in UNSAFE]
    return [float(value) for value in row]


def read(**parts: Any) -> Reading:
    return read_row(row_of(**parts), THRESHOLDS)


def asked(reading: Reading) -> list[str]:
    return [DIRECTIONS.names[index] for index in reading.questions]


@pytest.mark.parametrize(
    ("primary", "intent", "labels"),
    [
        ({"chat": 0.9, "ad": 0.1}, {}, ("chat",)),
        ({"ad": 0.6, "chat": 0.4}, {"ad": 0.1}, ("ad",)),  # the likeliest one stands, whatever its own threshold
        ({"complaint": 0.6, "question": 0.4}, {"question": 0.50}, ("complaint", "question")),  # the bound is included
        ({"complaint": 0.6, "question": 0.4}, {"question": 0.49}, ("complaint",)),
        ({"question": 0.6, "complaint": 0.4}, {"complaint": 0.30}, ("question", "complaint")),
        ({"question": 1.0}, {"ad": 0.59, "ugc": 0.40}, ("question", "ugc")),
        ({"question": 1.0}, {"ad": 0.7, "ugc": 0.9, "complaint": 0.8}, ("question", "ugc", "complaint", "ad")),
        ({"ugc": 1.0}, {"chat": 0.99}, ("ugc",)),  # chat is never beside another label
        ({"chat": 0.3, "ad": 0.2}, {"ad": 0.99, "complaint": 0.99}, ("chat",)),  # nor another beside it
        ({"question": 0.5, "ad": 0.5}, {}, ("question",)),  # of equals the first of INTENTS
    ],
)
def test_intent_labels(primary: dict[str, float], intent: dict[str, float], labels: tuple[str, ...]) -> None:
    found = read(primary=primary, intent=intent).intent
    assert found is not None
    assert found.labels == labels
    assert found.primary == labels[0]


def test_intent_probabilities_are_those_of_each_label_by_itself() -> None:
    found = read(primary={"ad": 1.0}, intent={"ad": 0.7, "chat": 0.2, "ugc": 0.6}).intent
    assert found is not None
    assert found.probabilities == {"question": 0.0, "ugc": 0.6, "ad": 0.7, "complaint": 0.0, "chat": 0.2}


@pytest.mark.parametrize(
    ("levels", "label", "score"),
    [
        ((0, 0, 1, 0, 0), "neutral", 0.0),
        ((1, 0, 0, 0, 0), "negative", -1.0),
        ((0, 1, 0, 0, 0), "negative", -0.5),
        ((0, 0, 0, 1, 0), "positive", 0.5),
        ((0, 0, 0, 0, 1), "positive", 1.0),
        ((0.2, 0.2, 0.35, 0.15, 0.1), "negative", -0.125),  # both degrees together outweigh the likeliest level
        ((0.1, 0.15, 0.35, 0.2, 0.2), "positive", 0.125),
        ((0.5, 0, 0, 0, 0.5), "negative", 0.0),  # of equals the negative one: it is the one to see
        ((0, 0.5, 0.5, 0, 0), "negative", -0.25),
        ((0, 0, 0.5, 0.5, 0), "neutral", 0.25),
    ],
)
def test_sentiment(levels: tuple[float, ...], label: str, score: float) -> None:
    found = read(sentiment=levels).sentiment
    assert found is not None
    assert found.label == label
    assert found.score == pytest.approx(score, abs=1e-5)
    expected = (levels[0] + levels[1], levels[2], levels[3] + levels[4])
    assert found.probabilities == pytest.approx(dict(zip(SENTIMENTS, expected, strict=True)), abs=1e-5)


@pytest.mark.parametrize("levels", [(0.50001, 0.5, 0, 0, 0), (0, 0, 0, 0.5, 0.50001), (1.00001, 0, 0, 0, 0)])
def test_rounding_never_takes_sentiment_out_of_its_range(levels: tuple[float, ...]) -> None:
    found = read(sentiment=levels).sentiment
    assert found is not None
    assert max(found.probabilities.values()) == 1.0
    assert -1.0 <= found.score <= 1.0


@pytest.mark.parametrize(
    ("chances", "level"),
    [
        ((0.0, 0.0, 0.0), 0),
        ((0.39, 0.0, 0.0), 0),
        ((0.40, 0.0, 0.0), 1),  # bounds are included
        ((0.99, 0.49, 0.0), 1),
        ((0.99, 0.50, 0.0), 2),
        ((0.99, 0.99, 0.59), 2),
        ((0.60, 0.60, 0.60), 3),
        ((0.39, 0.39, 0.39), 0),
    ],
)
def test_risk_level(chances: tuple[float, float, float], level: int) -> None:
    risk = read(risk=chances).risk
    assert risk.level == level
    assert (risk.probability_watch, risk.probability) == chances[:2]


def test_a_level_is_reached_only_over_those_below() -> None:
    # Thresholds are chosen one by one, so a higher one can be the lower number.
    thresholds = replace(THRESHOLDS, risk=[0.6, 0.2, 0.1])
    assert read_row(row_of(risk=(0.5, 0.5, 0.5)), thresholds).risk.level == 0
    assert read_row(row_of(risk=(0.6, 0.2, 0.05)), thresholds).risk.level == 2


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_more_risk_never_gives_a_lower_level(chances: list[float]) -> None:
    lower, higher = (sorted(chances[i::2], reverse=True) for i in range(2))
    higher = [max(pair) for pair in zip(lower, higher, strict=True)]
    assert read(risk=lower).risk.level <= read(risk=higher).risk.level


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ({"outage": 0.6}, [("outage", 0.6)]),
        ({"outage": 0.3, "food_safety": 0.9, "other": 0.5}, [("food_safety", 0.9), ("other", 0.5), ("outage", 0.3)]),
        ({"outage": 0.9, "other": LISTED}, [("outage", 0.9), ("other", LISTED)]),
        ({"outage": 0.9, "other": LISTED - 0.01}, [("outage", 0.9)]),
        ({"outage": 0.1, "other": 0.15}, [("other", 0.15)]),  # where none is likely, the likeliest
    ],
)
def test_risk_categories(category: dict[str, float], expected: list[tuple[str, float]]) -> None:
    risk = read(risk=(0.9, 0.1, 0.0), category=category).risk
    assert [(label.name, label.probability) for label in risk.categories] == expected


def test_without_a_risk_there_are_no_categories() -> None:
    assert read(risk=(0.39, 0.0, 0.0), category={"food_safety": 0.9}).risk.categories == ()


@pytest.mark.parametrize(("probability", "level"), [(SELF_HARM - 0.01, 0), (SELF_HARM, 1)])
def test_signs_of_self_harm_are_watched_whatever_the_level_says(probability: float, level: int) -> None:
    risk = read(risk=(0.1, 0.0, 0.0), category={"self_harm": probability}).risk
    assert (risk.level, bool(risk.categories)) == (level, bool(level))


@pytest.mark.parametrize(("probability", "flagged"), [(0.0, False), (0.49, False), (0.50, True), (1.0, True)])
def test_abuse(probability: float, flagged: bool) -> None:
    abuse = read(abuse=probability).abuse
    assert (abuse.probability, abuse.flagged) == (probability, flagged)
    assert type(abuse.flagged) is bool


def test_unsafe_kinds_are_listed_most_probable_first() -> None:
    reading = read(unsafe={"scam": 0.3, "gambling": 0.9, "flooding": LISTED, "porn_sexual": LISTED - 0.01})
    assert reading.unsafe == (Label("gambling", 0.9), Label("scam", 0.3), Label("flooding", LISTED))


CALM: dict[str, Any] = {}
HOT: dict[str, Any] = {
    "primary": {"complaint": 0.8, "question": 0.2},
    "intent": {"complaint": 0.9, "question": 0.6},
    "sentiment": (0.7, 0.2, 0.1, 0.0, 0.0),
    "risk": (0.9, 0.8, 0.7),
    "category": {"health_injury": 0.8, "food_safety": 0.5},
    "abuse": 0.9,
    "unsafe": {"scam": 0.8},
}


@pytest.mark.parametrize("rest", [CALM, HOT], ids=["calm", "hot"])
@pytest.mark.parametrize("head", ["primary", "intent", "sentiment", "risk", "abuse"])
@pytest.mark.parametrize("which", ["first", "last", "all"])
def test_a_head_that_failed_says_nothing_and_the_others_speak(head: str, which: str, rest: dict[str, Any]) -> None:
    row = row_of(**rest)
    whole = read_row(row, THRESHOLDS)
    columns = range(N_OUTPUTS)[COLUMNS[head]]
    for column in {"first": columns[:1], "last": columns[-1:], "all": columns}[which]:
        row[column] = NAN
    reading = read_row(row, THRESHOLDS)
    failed = {
        "intent": reading.intent is None,
        "sentiment": reading.sentiment is None,
        "risk": reading.risk.probability is None and reading.risk.probability_watch is None,
        "abuse": reading.abuse.probability is None,
    }
    assert [name for name, has_failed in failed.items() if has_failed] == ["intent" if head == "primary" else head]
    assert reading.unsafe == whole.unsafe


def test_a_failed_risk_head_has_neither_level_nor_categories() -> None:
    risk = read(**HOT | {"risk": (0.9, NAN, NAN)}).risk
    assert (risk.level, risk.categories) == (0, ())


def test_a_failed_abuse_head_flags_nobody() -> None:
    reading = read(abuse=NAN)
    assert reading.abuse.flagged is False
    assert "abuse" not in asked(reading)


def test_risk_without_its_categories_has_failed() -> None:
    risk = read(risk=(0.9, 0.8, 0.0), category=dict.fromkeys(RISK_CATEGORIES, NAN)).risk
    assert (risk.level, risk.probability, risk.categories) == (0, None, ())


def test_unsafe_kinds_that_failed_are_not_the_same_as_none_found() -> None:
    assert read(unsafe={"scam": NAN}).unsafe is None
    assert read().unsafe == ()


def test_everything_failed_is_no_opinion_at_all() -> None:
    reading = read_row([NAN] * N_OUTPUTS, THRESHOLDS)
    assert (reading.intent, reading.sentiment, reading.unsafe) == (None, None, None)
    assert asked(reading) == []
    assert not reading.may_hurt


@pytest.mark.parametrize(
    ("parts", "questions"),
    [
        (CALM, []),
        ({"primary": {"ad": 1.0}, "intent": {"chat": 0.9}}, ["intent.ad"]),
        ({"primary": {"question": 1.0}, "intent": {"complaint": 0.9}}, ["intent.complaint", "intent.question"]),
        ({"sentiment": (1, 0, 0, 0, 0)}, ["sentiment.negative"]),
        ({"sentiment": (0, 0, 0, 0, 1)}, ["sentiment.positive"]),
        ({"risk": (0.4, 0, 0)}, ["risk"]),
        ({"abuse": 0.5}, ["abuse"]),
        ({"unsafe": {"scam": 0.5, "gambling": 0.49}}, ["unsafe.scam"]),  # what is only listed needs no proof
        (HOT, ["abuse", "intent.complaint", "intent.question", "risk", "sentiment.negative", "unsafe.scam"]),
    ],
)
def test_proof_is_asked_for_what_was_said(parts: dict[str, Any], questions: list[str]) -> None:
    assert sorted(asked(read(**parts))) == questions


@pytest.mark.parametrize(
    ("parts", "may_hurt"),
    [
        (CALM, False),
        ({"primary": {"ugc": 1.0}}, False),
        ({"primary": {"ad": 1.0}}, False),
        ({"primary": {"complaint": 1.0}}, True),
        ({"primary": {"ugc": 1.0}, "intent": {"complaint": 0.3}}, True),
        ({"primary": {"question": 1.0}}, True),
        ({"risk": (0.4, 0, 0)}, True),
        ({"sentiment": (1, 0, 0, 0, 0)}, False),  # a bad mood is no pain
    ],
)
def test_pains_are_looked_for_in_complaints_questions_and_risks(parts: dict[str, Any], may_hurt: bool) -> None:
    assert read(**parts).may_hurt is may_hurt


def test_a_question_is_no_complaint() -> None:
    assert not read(primary={"question": 1.0}).complains
    assert read(primary={"question": 1.0}, intent={"complaint": 0.3}).complains


def test_the_category_of_a_message_is_its_likeliest() -> None:
    assert read().category == "other"
    assert read(**HOT).category == "health_injury"


def weights_of(name: str) -> dict[int, float]:
    row = DIRECTIONS.weights[DIRECTIONS.names.index(name)]
    return {int(column): float(row[column]) for column in np.flatnonzero(row)}


def test_directions_point_at_the_columns_that_they_name() -> None:
    assert DIRECTIONS.weights.shape == (len(DIRECTIONS.names), N_OUTPUTS)
    for i, name in enumerate(INTENTS):
        assert weights_of(f"intent.{name}") == {COLUMNS["intent"].start + i: 1.0}
    for i, name in enumerate(UNSAFE):
        assert weights_of(f"unsafe.{name}") == {COLUMNS["unsafe"].start + i: 1.0}
    assert weights_of("abuse") == {COLUMNS["abuse"].start: 1.0}
    assert weights_of("risk") == {COLUMNS["risk"].start: 0.5, COLUMNS["risk"].start + 1: 0.5}


def test_feelings_are_explained_in_opposite_directions() -> None:
    first = COLUMNS["sentiment"].start
    expected = {first + i: level / 2 for i, level in enumerate(LEVELS) if level}
    assert weights_of("sentiment.positive") == expected
    assert weights_of("sentiment.negative") == {column: -weight for column, weight in expected.items()}


@given(arrays(np.float32, (1, N_OUTPUTS), elements=st.floats(-50, 50, width=32)))
def test_any_probabilities_make_a_valid_reading(logits: np.ndarray) -> None:
    row = np.round(probabilities(logits).astype(np.float64), 5).tolist()[0]
    reading = read_row(row, THRESHOLDS)
    assert reading.intent is not None
    assert reading.sentiment is not None
    assert "chat" not in reading.intent.labels or reading.intent.labels == ("chat",)
    assert len(set(reading.intent.labels)) == len(reading.intent.labels)
    assert sum(reading.sentiment.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert reading.risk.probability is not None
    assert reading.risk.probability_watch is not None
    assert reading.risk.probability <= reading.risk.probability_watch
    assert (reading.risk.level == 0) == (reading.risk.categories == ())
    for labels in (reading.risk.categories, reading.unsafe):
        assert [label.probability for label in labels] == sorted((one.probability for one in labels), reverse=True)
    assert len(set(reading.questions)) == len(reading.questions)


@pytest.mark.parametrize(
    "change",
    [
        {"abuse": 0.0},
        {"abuse": 1.0},
        {"abuse": NAN},
        {"pain_prior": 21.0},
        {"pain_prior": float("nan")},
        {"pain_least": 0.0},
        {"pain_least": float("inf")},
        {"target": 1.5},
        {"risk": [0.5, 0.5]},
        {"risk": [0.5, 0.5, 0.5, 0.5]},
        {"risk": [0.5, NAN, 0.5]},
        {"intent": {}},
        {"intent": {"ad": 0.5}},
        {"intent": dict.fromkeys((*INTENTS, "spam"), 0.5)},
        {"intent": dict.fromkeys(INTENTS, 0.5) | {"ugc": 0.0}},
    ],
)
def test_thresholds_that_are_none_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="every label"):
        replace(THRESHOLDS, **change)
