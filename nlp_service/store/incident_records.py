"""Incidents as the store gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

STATES = ("open", "closed", "merged")
"""What an incident can be in."""


class IncidentValues(NamedTuple):
    """What the watch says of an incident; `document` is all of it as JSON, compressed, without texts of messages.

    Attributes:
        key: Its own id, the same in every run over the same messages.
        state: One of `STATES`.
        messages: (platform, the platform's id) of those that are named.
    """

    key: str
    kind: str
    category: str
    is_private: bool
    severity: int
    state: str
    first_at: datetime
    noticed_at: datetime
    opened_at: datetime | None
    updated_at: datetime
    closed_at: datetime | None
    people: int
    n_messages: int
    merged_into: str | None
    document: bytes
    messages: tuple[tuple[str, str], ...] = ()


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it is stored.

    Attributes:
        id: Of the store.
        key: The incident's own id.
        acknowledged_at, acknowledged_by: When somebody took it on, and who.
        assignee: Whose it is.
        playbook: The playbook that runs, as a document; None for none.
        clock_began_at: When its clock began.
    """

    id: int
    tenant: str
    key: str
    kind: str
    category: str
    is_private: bool
    severity: int
    state: str
    first_at: datetime
    noticed_at: datetime
    opened_at: datetime | None
    updated_at: datetime
    closed_at: datetime | None
    people: int
    n_messages: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assignee: str | None
    playbook: dict[str, Any] | None
    clock_began_at: datetime | None
    merged_into: str | None


class IncidentEvent(msgspec.Struct, frozen=True):
    """A line of an incident's timeline; `detail` has ids, counts and names, and what people wrote about it."""

    id: int
    at: datetime
    actor: str
    kind: str
    detail: dict[str, Any]


class StepRow(msgspec.Struct, frozen=True):
    """How far a step of the playbook is; there is no row for one that nobody has touched."""

    step_id: str
    done_at: datetime | None
    by: str
    is_skipped: bool
    note: str


class AlarmRow(NamedTuple):
    """An alarm that is due, with its incident."""

    incident: IncidentRow
    step_id: str
    kind: str
    to: str
    at: datetime


class ActionRow(msgspec.Struct, frozen=True):
    """Something that is to be done after an incident, so that it does not come back."""

    id: int
    title: str
    owner: str
    due_at: datetime | None
    done_at: datetime | None
    done_by: str | None


class ReviewRow(msgspec.Struct, frozen=True):
    """What was learnt from an incident, as a document, when it was last written, and by whom."""

    document: dict[str, Any]
    at: datetime
    by: str
