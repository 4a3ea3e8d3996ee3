"""The clock of an incident: at which second who is reminded and who is told of what was not done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from nlp_service.crisis.response.playbooks import Playbook, Step

REMINDER, OVERDUE, ESCALATION = "reminder", "overdue", "escalation"
"""Kinds of alarms: before a deadline to the owner, at it to the owner, after it to who is over them."""

_ORDER = {REMINDER: 0, OVERDUE: 1, ESCALATION: 2}


class Alarm(NamedTuple):
    """Somebody must be told at a time.

    Attributes:
        at: When; aware.
        step_id: Of the playbook.
        kind: `REMINDER`, `OVERDUE` or `ESCALATION`.
        to: The role that is told.
    """

    at: datetime
    step_id: str
    kind: str
    to: str


class Progress(msgspec.Struct, frozen=True):
    """How far a step is.

    Attributes:
        step_id: Of the playbook.
        done_at: When it was done or left out; None while it is open.
        by: Who did it.
        is_skipped: Whether it was left out on purpose.
        note: What was done.
    """

    step_id: str
    done_at: datetime | None = None
    by: str = ""
    is_skipped: bool = False
    note: str = ""


class Late(NamedTuple):
    """A step that was not done in time: by how many seconds it was late, or is by now."""

    step_id: str
    title: str
    owner: str
    late_s: float
    is_done: bool


def deadline(step: Step, opened_at: datetime) -> datetime:
    """By when a step must be done."""
    return opened_at + timedelta(seconds=step.due_s)


def alarms(playbook: Playbook, opened_at: datetime) -> list[Alarm]:
    """All alarms of a playbook, for steps that nobody does; in order of time.

    Args:
        playbook: Of the incident.
        opened_at: When the clock began.
    """
    return sorted((alarm for step in playbook.steps for alarm in alarms_of(step, opened_at)), key=_place)


def alarms_of(step: Step, opened_at: datetime) -> list[Alarm]:
    """The alarms of one step."""
    due_at = deadline(step, opened_at)
    found = [Alarm(due_at, step.id, OVERDUE, step.owner)]
    if step.remind_s:
        found.insert(0, Alarm(due_at - timedelta(seconds=step.remind_s), step.id, REMINDER, step.owner))
    if step.escalate_to:
        found.append(Alarm(due_at + timedelta(seconds=step.escalate_s), step.id, ESCALATION, step.escalate_to))
    return found


def due(
    playbook: Playbook, opened_at: datetime, progress: Iterable[Progress], since: datetime, until: datetime
) -> list[Alarm]:
    """Alarms behind `since` and up to `until` of the steps that were not done when each came.

    Two calls that follow one another give together what one call gives.
    """
    done = {one.step_id: one.done_at for one in progress if one.done_at is not None}
    return [
        alarm
        for alarm in alarms(playbook, opened_at)
        if since < alarm.at <= until and not (alarm.step_id in done and done[alarm.step_id] <= alarm.at)
    ]


def late(playbook: Playbook, opened_at: datetime, progress: Sequence[Progress], now: datetime) -> list[Late]:
    """The steps that were done late or should have been done by now; those left out on purpose are not late."""
    found, by_id = [], {one.step_id: one for one in progress}
    for step in playbook.steps:
        one = by_id.get(step.id, Progress(step.id))
        if one.is_skipped:
            continue
        late_s = ((one.done_at or now) - deadline(step, opened_at)).total_seconds()
        if late_s > 0:
            found.append(Late(step.id, step.title, step.owner, late_s, one.done_at is not None))
    return found


def _place(alarm: Alarm) -> tuple[datetime, int, str]:
    return alarm.at, _ORDER[alarm.kind], alarm.step_id
