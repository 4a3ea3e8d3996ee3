from datetime import timedelta
from typing import Any

import pytest

from nlp_service.insight.community import Benchmark
from nlp_service.insight.facts import FACTS
from nlp_service.insight.priorities import prioritise, quadrant, urgency
from nlp_service.insight.results import Change, PainPoint, Period, Warning
from nlp_service.insight.warnings import early_warnings
from tests.unit.insight.stated import MONDAY, days, message, table

UTC = Period(MONDAY, MONDAY + timedelta(days=60), "UTC")


def talk(day: int, complaints: int, size: int = 40, ugc: int = 10, **more: Any) -> list[dict[str, Any]]:
    """A day's messages, each by somebody else of forty: complaints, then contributions, then chat."""
    says = ["complaint"] * complaints + ["ugc"] * ugc + ["chat"] * (size - complaints - ugc)
    return [
        message(24 * day + place / 4, **{"author": f"u{place % 40}", "says": each, **more})
        for place, each in enumerate(says)
    ]


CALM = [row for day in range(28) for row in talk(day, 2)]
"""Four weeks with 5 % of complaints and 25 % of contributions."""


def found(rows: list[dict[str, Any]], kind: str, period: Period | None = None, **more: Any) -> list[Warning]:
    return [each for each in early_warnings(table(rows), period=period or UTC, **more) if each.kind == kind]


def complaining(*counts: int, **more: Any) -> list[dict[str, Any]]:
    return [row for day, count in enumerate(counts, 28) for row in talk(day, count, **more)]


def test_three_days_above_twice_the_benchmark_are_a_warning() -> None:
    warnings = found(CALM + complaining(8, 8, 8), "complaint_rate")
    assert [each.channel for each in warnings] == [None, "hall"]
    warning = warnings[0]
    assert (warning.value, warning.bound, warning.days) == (pytest.approx(0.2), pytest.approx(0.1), 3)
    assert warning.at == MONDAY + timedelta(days=31)  # the end of the third day
    assert (warning.reach, warning.quadrant) == (pytest.approx(0.2), "act")  # 8 of 40 people
    assert warning.urgency == pytest.approx(0.5)  # 1 - .1 / .2
    assert len(warning.keys) == 24


@pytest.mark.parametrize(
    "counts",
    [
        (8, 8),  # two days
        (8, 8, 2, 8),  # not running
        (4, 4, 4),  # at twice the benchmark, not above it
    ],
)
def test_less_is_none(counts: tuple[int, ...]) -> None:
    assert found(CALM + complaining(*counts), "complaint_rate") == []


def test_a_warning_keeps_its_name_while_it_goes_on() -> None:
    third, fifth = (found(CALM + complaining(*[8] * n), "complaint_rate")[0] for n in (3, 5))
    assert third.at == fifth.at
    assert (fifth.days, fifth.urgency > third.urgency) == (5, True)


@pytest.mark.parametrize(
    ("size", "complaints"),
    [
        (3, 3),  # three messages are no warning
        (19, 10),  # one less than a day must have
    ],
)
def test_a_few_messages_are_no_warning(size: int, complaints: int) -> None:
    assert found(CALM + complaining(*[complaints] * 3, size=size, ugc=0), "complaint_rate") == []


def test_one_who_complains_all_day_is_no_warning() -> None:
    assert found(CALM + complaining(8, 8, 8, author="loud"), "complaint_rate") == []


def test_a_new_channel_is_held_against_all_of_them() -> None:
    warnings = found(CALM + complaining(8, 8, 8, channel="new"), "complaint_rate")
    assert [(each.channel, round(each.bound, 6)) for each in warnings] == [(None, 0.1), ("new", 0.1)]


def test_a_benchmark_that_was_set_needs_no_history() -> None:
    assert found(complaining(8, 8, 8), "complaint_rate") == []
    warnings = found(complaining(8, 8, 8), "complaint_rate", benchmark=Benchmark(0.05, {"hall": 0.15}))
    assert [(each.channel, each.bound) for each in warnings] == [(None, 0.1)]


def test_only_what_goes_on_in_the_period_is_told() -> None:
    rows = CALM + complaining(8, 8, 8, 2, 2, 2)
    assert len(found(rows, "complaint_rate", days(30, 33))) == 2  # begun before it
    assert found(rows, "complaint_rate", days(31, 33)) == []


def test_too_few_contributions_are_a_warning_of_seven_days() -> None:
    rows = CALM + [row for day in range(28, 35) for row in talk(day, 2, ugc=2)]
    warnings = found(rows, "ugc_share", days(28, 34))
    # With four days of 5 % and three of 25 % it is 95 of 700: .136.
    assert [(each.channel, each.at, each.days) for each in warnings] == [
        (None, MONDAY + timedelta(days=32), 4),
        ("hall", MONDAY + timedelta(days=32), 4),
    ]
    assert (warnings[0].value, warnings[0].bound, len(warnings[0].keys)) == (0.05, 0.15, 14)
    assert warnings[0].reach == pytest.approx(0.95)  # two of forty contribute


def test_satisfaction_below_the_bound_is_a_warning() -> None:
    rows = CALM + complaining(*[10] * 7)
    warnings = found(rows, "satisfaction", days(28, 34))
    assert warnings[0].value == pytest.approx(75)  # ten of forty complain each day, one message each
    assert warnings[0].bound == 85
    assert found(CALM, "satisfaction") == []


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [message(says="complaint")],
        [message(place / 100, says="complaint", sentiment=-1.0) for place in range(90)],  # below the least volume
        [message(place, None, None, channel=None, platform=None, meta=None) for place in range(300)],
    ],
)
def test_hostile_tables_warn_of_nothing(rows: list[dict[str, Any]]) -> None:
    assert early_warnings(table(rows)) == ()
    assert early_warnings(table(rows), period=days(3, 4)) == ()


def test_all_of_one_author_is_no_warning_of_satisfaction() -> None:
    rows = [message(place / 10, says="complaint") for place in range(1000)]
    assert found(rows, "satisfaction") == []  # one person weighs ten messages


def test_a_rerun_is_the_same() -> None:
    rows = table(CALM + complaining(8, 8, 8))
    assert early_warnings(rows) == early_warnings(rows)
    assert early_warnings(FACTS.empty_table()) == ()


@pytest.mark.parametrize(
    ("excess", "grave", "since", "expected"),
    [(0, 0, 0, 0.0), (1, 0, 0, 1.0), (0.5, 0.5, 0, 0.75), (0, 0, 3, 0.25), (0.5, 0, 3, 0.625), (-1, 2, 0, 1.0)],
)
def test_urgency_by_hand(excess: float, grave: float, since: int, expected: float) -> None:
    assert urgency(excess, grave, since) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reach", "urgent", "expected"),
    [(0.1, 0.5, "act"), (0.09, 0.5, "watch"), (0.1, 0.49, "plan"), (0.09, 0.49, "note")],  # bounds are included
)
def test_quadrants(reach: float, urgent: float, expected: str) -> None:
    assert quadrant(reach, urgent) == expected


def pain(people: int, severity: float, change: Change) -> PainPoint:
    named = {"id": "p", "kind": "pain", "name": "慢", "target": "慢", "category": "delivery_delay", "terms": ()}
    counted = {"people": people, "messages": people, "share": 0.1, "severity": severity, "sentiment": None}
    return PainPoint(**named, **counted, change=change, trend=(), quotes=(), keys=())


@pytest.mark.parametrize(
    ("found_pain", "active", "expected"),
    [
        (pain(20, 0.2, Change(40, 10, 3.0, True)), 100, (0.2, 0.8, "act")),  # 1 - .25 * .8
        (pain(20, 0.2, Change(40, 0, None, False)), 100, (0.2, 0.2, "plan")),  # nothing is known of before
        (pain(1, 0.6, Change(1, 5, -0.8, True)), 100, (0.01, 0.6, "watch")),
        (pain(0, 0.0, Change(0, 0, None, False)), 0, (0.0, 0.0, "note")),
    ],
)
def test_pains_have_a_place_in_the_matrix(
    found_pain: PainPoint, active: int, expected: tuple[float, float, str]
) -> None:
    assert prioritise(found_pain, active) == pytest.approx(expected)
