from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.errors import BadInput
from nlp_service.notify.routing import Hours, channels_of, plan, read_routing
from tests.unit.notify.conftest import notice

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai

DOCUMENT: dict[str, Any] = {
    "routes": [
        {
            "name": "self harm",
            "categories": ["self_harm"],
            "steps": [{"to": ["counsellor"]}],
            "cool_down_s": 0,
        },
        {
            "name": "night",
            "min_severity": 3,
            "hours": {"from": "22:00", "to": "08:00"},
            "steps": [{"to": ["phone"]}, {"to": ["manager"], "after_s": 300}],
        },
        {
            "name": "day",
            "kinds": ["incident."],
            "min_severity": 2,
            "steps": [{"to": ["group"]}, {"to": ["manager", "group"], "after_s": 600}],
            "goes_on": True,
        },
        {"name": "food", "categories": ["food_safety"], "communities": ["room-1"], "steps": [{"to": ["quality"]}]},
    ],
    "otherwise": ["log"],
}


def told(at: datetime = MONDAY, **changes: object) -> list[tuple[str, float, bool, str]]:
    postings = plan(read_routing(DOCUMENT), notice(**changes), at)  # type: ignore[arg-type]
    return [(one.channel, (one.due_at - at).total_seconds(), one.is_escalation, one.route) for one in postings]


def test_the_first_route_that_matches_decides() -> None:
    assert told(category="self_harm") == [("counsellor", 0, False, "self harm")]


def test_steps_come_later_and_a_channel_is_told_once_at_its_earliest() -> None:
    assert told() == [("group", 0, False, "day"), ("manager", 600, True, "day")]


def test_a_route_that_goes_on_lets_others_add() -> None:
    assert {one[0] for one in told(community="room-1")} == {"group", "manager", "quality"}
    assert {one[0] for one in told(community="room-2")} == {"group", "manager"}


def test_hours_are_those_of_the_zone_and_run_over_midnight() -> None:
    at = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 23:00
    assert [one[0] for one in told(at)] == ["phone", "manager"]
    assert [one[0] for one in told(at, severity=2)] == ["group", "manager"]


def test_what_no_route_matches_goes_to_the_rest() -> None:
    assert told(kind="warning.raised", severity=1) == [("log", 0, False, "")]


def test_hours_that_run_over_midnight_belong_to_the_day_they_start_on() -> None:
    friday_night = Hours("22:00", "06:00", ("fri",))
    assert datetime(2026, 3, 6, 23, 0) in friday_night
    assert datetime(2026, 3, 7, 5, 59) in friday_night
    assert datetime(2026, 3, 7, 6, 0) not in friday_night
    assert datetime(2026, 3, 6, 5, 0) not in friday_night
    assert "23:00" not in friday_night


def test_steps_of_playbooks_go_to_the_role_that_they_are_for() -> None:
    document = {"routes": [{"name": "head", "roles": ["head"], "steps": [{"to": ["ceo"]}]}], "otherwise": ["group"]}
    routing = read_routing(document)
    assert [one.channel for one in plan(routing, notice(role="head"), MONDAY)] == ["ceo"]
    assert [one.channel for one in plan(routing, notice(), MONDAY)] == ["group"]


def test_all_channels_are_named() -> None:
    assert channels_of(read_routing(DOCUMENT)) == {"counsellor", "phone", "manager", "group", "quality", "log"}


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"routes": [{"name": "a"}]}, "routes[0]"),
        ({"routes": [{"name": "a", "steps": []}]}, "routes[0].steps"),
        ({"routes": [{"name": "a", "steps": [{"to": ["x"], "after_s": -1}]}]}, "routes[0].steps[0].after_s"),
        ({"routes": [{"name": "a", "steps": [{"to": ["x"]}], "min_severity": 5}]}, "routes[0].min_severity"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"routes": [{"name": "a", "steps": [{"to": ["x"]}]}] * 2}, "routes"),
        (
            {"routes": [{"name": "a", "steps": [{"to": ["x"]}], "hours": {"from": "25:00", "to": "1"}}]},
            "routes[0].hours.from",
        ),
    ],
)
def test_documents_that_cannot_be_are_refused_by_their_field(document: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_routing(document)
    assert refused.value.param == param


@given(st.integers(0, 4), st.integers(0, 7 * 24 * 60), st.sampled_from(["self_harm", "food_safety", "other"]))
def test_somebody_is_always_told_and_nobody_twice(severity: int, minute: int, category: str) -> None:
    from datetime import timedelta

    names = [one[0] for one in told(MONDAY + timedelta(minutes=minute), severity=severity, category=category)]
    assert names
    assert len(set(names)) == len(names)
