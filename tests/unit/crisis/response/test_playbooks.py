from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.crisis.response import clock, statements
from nlp_service.crisis.response.clock import Progress, alarms, due, late
from nlp_service.crisis.response.playbooks import Playbook, built_in, choose, read_playbook, together
from nlp_service.errors import BadInput
from nlp_service.types import RISK_CATEGORIES

OPENED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
BY_NAME = {playbook.name: playbook for playbook in built_in()}

# Seconds after the opening at which somebody is told, as operators know the two playbooks.
GOLDEN_HALF_HOUR = [
    (120, "isolate", "reminder", "duty"),
    (180, "isolate", "overdue", "duty"),
    (240, "isolate", "escalation", "manager"),
    (420, "apologise", "reminder", "spokesperson"),
    (600, "apologise", "overdue", "spokesperson"),
    (720, "apologise", "escalation", "manager"),
    (780, "compensate", "reminder", "service"),
    (1020, "compensate", "overdue", "service"),
    (1200, "compensate", "escalation", "manager"),
    (1500, "report", "reminder", "spokesperson"),
    (1800, "report", "overdue", "spokesperson"),
    (2100, "report", "escalation", "head"),
]
GOLDEN_HOUR = [
    (600, "first-statement", "reminder", "duty"),
    (900, "first-statement", "overdue", "duty"),
    (1080, "first-statement", "escalation", "manager"),
    (1200, "impact", "reminder", "analyst"),
    (1800, "impact", "overdue", "analyst"),
    (2100, "impact", "escalation", "manager"),
    (2700, "task-force", "reminder", "manager"),
    (3600, "task-force", "overdue", "manager"),
    (4200, "task-force", "escalation", "head"),
    (79200, "plan", "reminder", "manager"),
    (86400, "plan", "overdue", "manager"),
    (90000, "plan", "escalation", "head"),
]


def seconds(found: list[clock.Alarm]) -> list[tuple[float, str, str, str]]:
    return [((one.at - OPENED).total_seconds(), one.step_id, one.kind, one.to) for one in found]


@pytest.mark.parametrize(("name", "wanted"), [("golden-half-hour", GOLDEN_HALF_HOUR), ("golden-hour", GOLDEN_HOUR)])
def test_every_alarm_comes_at_its_second(name: str, wanted: list[tuple[int, str, str, str]]) -> None:
    playbook = BY_NAME[name]
    assert seconds(alarms(playbook, OPENED)) == wanted
    # As the service asks: second after second.
    told, at = [], OPENED
    last = OPENED + timedelta(seconds=wanted[-1][0])
    while at < last:
        found = due(playbook, OPENED, [], at, at + timedelta(seconds=1))
        assert all(one.at == at + timedelta(seconds=1) for one in found)
        told += found
        at += timedelta(seconds=1)
    assert seconds(told) == wanted


def test_a_step_that_is_done_is_silent_from_then_on() -> None:
    done = [Progress("isolate", OPENED + timedelta(seconds=150), "mei")]
    found = due(BY_NAME["golden-half-hour"], OPENED, done, OPENED, OPENED + timedelta(days=1))
    assert seconds(found) == [GOLDEN_HALF_HOUR[0], *GOLDEN_HALF_HOUR[3:]]


@given(st.lists(st.integers(0, 100_000), max_size=6), st.lists(st.integers(0, 100_000), max_size=4))
def test_asking_often_tells_what_asking_once_tells(cuts: list[int], done: list[int]) -> None:
    playbook = BY_NAME["golden-hour"]
    progress = [
        Progress(step.id, OPENED + timedelta(seconds=at)) for step, at in zip(playbook.steps, done, strict=False)
    ]
    times = [OPENED + timedelta(seconds=at) for at in sorted({0, 100_000, *cuts})]
    pieces = [
        one for since, until in itertools.pairwise(times) for one in due(playbook, OPENED, progress, since, until)
    ]
    assert pieces == due(playbook, OPENED, progress, times[0], times[-1])


def test_what_was_late_and_by_how_much() -> None:
    progress = [
        Progress("isolate", OPENED + timedelta(seconds=170), "mei"),
        Progress("apologise", OPENED + timedelta(seconds=700), "lan"),
        Progress("compensate", OPENED + timedelta(seconds=5_000), "lan", is_skipped=True),
    ]
    found = late(BY_NAME["golden-half-hour"], OPENED, progress, OPENED + timedelta(seconds=2_000))
    assert [(one.step_id, one.late_s, one.is_done) for one in found] == [
        ("apologise", 100, True),
        ("report", 200, False),
    ]


@pytest.mark.parametrize(
    ("category", "severity", "name"),
    [
        ("food_safety", 4, "golden-half-hour"),
        ("food_safety", 3, "golden-half-hour"),
        ("outage", 2, "golden-hour"),
        ("outage", 1, "look"),
        ("self_harm", 1, "private-care"),
        ("self_harm", 4, "private-care"),
        ("outage", 0, None),
    ],
)
def test_the_playbook_for_an_incident(category: str, severity: int, name: str | None) -> None:
    found = choose(built_in(), category, severity)
    assert (found and found.name) == name


def test_an_operators_own_takes_the_place_of_one_of_its_name_and_wins_for_its_category() -> None:
    hour: dict[str, Any] = msgspec.to_builtins(BY_NAME["golden-hour"])
    own = read_playbook(hour | {"title": "我们的一小时"})
    fast = read_playbook(hour | {"name": "outage", "categories": ["outage"], "min_severity": 1})
    playbooks = together([own, fast])
    assert len(playbooks) == len(built_in()) + 1
    assert choose(playbooks, "food_safety", 2) == own
    assert choose(playbooks, "outage", 4) == fast


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": "Not A Name"}, "name"),
        ({"steps": []}, "steps"),
        ({"categories": ["weather"]}, "categories"),
        ({"min_severity": 5}, "min_severity"),
        ({"surprise": 1}, "playbook"),
        ({"steps": [{"id": "a", "title": "x", "owner": "o", "due_s": 60}] * 2}, "steps"),
        ({"steps": [{"id": "a", "title": "x", "owner": "o", "due_s": 60, "remind_s": 60}]}, "steps[0].remind_s"),
        (
            {"steps": [{"id": i, "title": "x", "owner": "o", "due_s": s} for i, s in (("a", 60), ("b", 30))]},
            "steps[1].due_s",
        ),
    ],
)
def test_playbooks_that_cannot_be_are_refused(change: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_playbook(msgspec.to_builtins(BY_NAME["golden-hour"]) | change)
    assert refused.value.param == param


def test_every_statement_of_a_playbook_is_there() -> None:
    wanted = {step.statement for playbook in built_in() for step in playbook.steps if step.statement}
    assert wanted <= statements.built_in().purposes.keys()
    assert set(RISK_CATEGORIES) <= statements.built_in().topics.keys()


def test_a_playbook_survives_json() -> None:
    for playbook in built_in():
        assert msgspec.json.decode(msgspec.json.encode(playbook), type=Playbook) == playbook
