"""Incidents as requests and answers carry them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from nlp_service.api.schemas.words import Aware
from nlp_service.crisis.incidents import Incident
from nlp_service.crisis.response.aftermath import Recurrence
from nlp_service.crisis.response.statements import Draft
from nlp_service.duty.showing import Shown
from nlp_service.store.incident_records import ActionRow, IncidentEvent, IncidentRow, ReviewRow

_Name = Annotated[str, msgspec.Meta(max_length=100)]
_Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class IncidentSummary(msgspec.Struct):
    """An incident in a list.

    Attributes:
        id: The same in every run over the same messages.
        kind: ``burst``, ``lone`` or ``self_harm``; private ones are shown to keys with the scope admin alone.
        severity: 0 to 4; the highest it has had.
        state: ``open``, ``closed`` or ``merged``.
        first_message_at, noticed_at, opened_at: When it began, was seen, and reached severity 2.
        playbook: Name of the one that runs.
        cursor: For ``before``.
    """

    id: str
    kind: str
    category: str
    is_private: bool
    severity: int
    state: str
    first_message_at: datetime
    noticed_at: datetime
    opened_at: datetime | None
    updated_at: datetime
    closed_at: datetime | None
    people: int
    messages: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assignee: str | None
    playbook: str | None
    merged_into: str | None
    cursor: int


class IncidentsResponse(msgspec.Struct):
    """A page of incidents, the newest first; `next_before` is null at the end."""

    request_id: str
    incidents: list[IncidentSummary]
    next_before: int | None


class PlaybookStep(msgspec.Struct):
    """A step of the playbook with its deadline.

    Attributes:
        statement: The purpose of a draft that goes with it; empty for none.
        late_s: Seconds by which it was late, or is by now.
    """

    id: str
    title: str
    owner: str
    statement: str
    due_at: datetime
    done_at: datetime | None
    done_by: str
    is_skipped: bool
    note: str
    late_s: float


class LateStep(msgspec.Struct):
    """A step that was late when the incident was closed."""

    id: str
    title: str
    owner: str
    late_s: float
    is_done: bool


class IncidentResponse(msgspec.Struct):
    """All that is shown of an incident.

    Attributes:
        incident: As the watch says; quotes have the texts that are still stored, with personal data covered.
        steps: Of the playbook, in the order of their deadlines.
        late: What was late, for one that is over.
        came_back: Earlier incidents that may be the same problem.
    """

    request_id: str
    summary: IncidentSummary
    incident: Incident
    steps: list[PlaybookStep]
    review: ReviewRow | None
    actions: list[ActionRow]
    late: list[LateStep]
    came_back: list[Recurrence]


class ChangedIncidentResponse(msgspec.Struct):
    """An incident after something was done about it."""

    request_id: str
    summary: IncidentSummary


class TimelineResponse(msgspec.Struct):
    """What happened to an incident, oldest first."""

    request_id: str
    events: list[IncidentEvent]


class IncidentMessage(msgspec.Struct):
    """A message of an incident."""

    message_id: int
    id: str
    platform: str
    channel: str
    author: str
    sent_at: datetime
    text: str
    risk: int
    action: str


class IncidentMessagesResponse(msgspec.Struct):
    """A page of the messages of an incident in the order of their arrival; `next_after` is null at the end."""

    request_id: str
    messages: list[IncidentMessage]
    next_after: int | None


class ByRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Who does it, as the timeline shall name them; the key's name if empty."""

    by: _Name = ""


class AssignRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whose the incident is from now on; nobody's if empty."""

    assignee: _Name
    by: _Name = ""


class CommentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Words for the timeline."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    by: _Name = ""


class CloseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why it is over."""

    reason: _Text = ""
    by: _Name = ""


class MergeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The incident that it goes into."""

    into: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    by: _Name = ""


class StepRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A step that was done; `skip` leaves it out on purpose."""

    note: _Text = ""
    skip: bool = False
    by: _Name = ""


class StatementsResponse(msgspec.Struct):
    """Drafts for a person to read, fill and send."""

    request_id: str
    drafts: list[Draft]


class IncidentReviewRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What was learnt: `whys` (up to five), `summary`, `went_well`, `went_badly`."""

    review: dict[str, Any]
    by: _Name = ""


class IncidentActionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Something to be done so that the problem does not come back."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    owner: _Name = ""
    due_at: Aware | None = None
    by: _Name = ""


class CrisisSettingsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A tenant's own playbooks, statements and helpline; see docs/incidents.md for the document."""

    document: dict[str, Any]


class CrisisSettingsResponse(msgspec.Struct):
    """What a tenant has written; version 0 is nothing.

    Attributes:
        playbooks: Names of all that hold, those that come with the service included.
    """

    request_id: str
    version: int
    document: dict[str, Any]
    playbooks: list[str]


def summary_of(row: IncidentRow) -> IncidentSummary:
    """An incident in a list."""
    return IncidentSummary(
        row.key,
        row.kind,
        row.category,
        row.is_private,
        row.severity,
        row.state,
        row.first_at,
        row.noticed_at,
        row.opened_at,
        row.updated_at,
        row.closed_at,
        row.people,
        row.n_messages,
        row.acknowledged_at,
        row.acknowledged_by,
        row.assignee,
        None if row.playbook is None else str(row.playbook.get("name")),
        row.merged_into,
        row.id,
    )


def response_of(request_id: str, shown: Shown) -> IncidentResponse:
    """All that is shown of an incident."""
    steps = [
        PlaybookStep(
            state.step.id,
            state.step.title,
            state.step.owner,
            state.step.statement,
            state.due_at,
            state.done.done_at if state.done else None,
            state.done.by if state.done else "",
            bool(state.done and state.done.is_skipped),
            state.done.note if state.done else "",
            state.late_s,
        )
        for state in shown.steps
    ]
    late = [LateStep(one.step_id, one.title, one.owner, one.late_s, one.is_done) for one in shown.late]
    parts = (shown.incident, steps, shown.review, list(shown.actions), late, list(shown.came_back))
    return IncidentResponse(request_id, summary_of(shown.row), *parts)
