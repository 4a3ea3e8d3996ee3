"""An incident: one event, whatever many say of it; the value that consoles show and notices carry.

Times are aware and in UTC. Severity is 0 to 4: 0 nothing (it went into another incident), 1 somebody should look,
2 an incident, 3 a serious one, 4 a crisis.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

BURST, LONE, SELF_HARM = "burst", "lone", "self_harm"
"""Kinds: many messages of one thing; one grave message; somebody who may hurt themselves, always `private`."""

OPENED, RAISED, UPDATED, REOPENED, CLOSED, MERGED = "opened", "raised", "updated", "reopened", "closed", "merged"
"""Kinds of changes: `raised` is a higher severity, `merged` the end of an incident that went into `merged_into`."""


class MessageName(msgspec.Struct, frozen=True, order=True):
    """Names a message as its platform does."""

    platform: str
    id: str


class Quote(msgspec.Struct, frozen=True):
    """Words of a member as they were written, cut to 400 characters; not for logs."""

    message: MessageName
    channel: str
    at: datetime
    text: str
    level: int


class Point(msgspec.Struct, frozen=True):
    """Ten minutes of an incident: when they begin, its messages in them."""

    start: datetime
    messages: int


class Outlook(msgspec.Struct, frozen=True):
    """What one of the next hours is expected to bring.

    Attributes:
        hour: 1 is the hour after the last message.
        expected: Messages.
        low, high: Bounds that four in five such hours stay within.
    """

    hour: int
    expected: float
    low: int
    high: int


class Unusual(msgspec.Struct, frozen=True):
    """A measure of the community at the time of a change, beside what is usual at that hour of the week.

    Attributes:
        name: ``messages``, ``negative``, ``risk`` or ``authors``.
        value: Of the hour that was running.
        mean, deviation: Usual of a whole hour; None while nothing is known.
        weeks: For how many weeks this hour had been seen; 0 is a guess from other hours.
    """

    name: str
    value: float
    mean: float | None
    deviation: float | None
    weeks: float


class Step(msgspec.Struct, frozen=True):
    """Something that happened to an incident: see the kinds above."""

    at: datetime
    kind: str
    severity: int
    messages: int


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of an incident at some time.

    Attributes:
        id: Of the founding message and the category: the same in every run over the same messages.
        tenant: Whose.
        kind: `BURST`, `LONE` or `SELF_HARM`.
        private: For people who are entrusted with it alone; no public action, no group notice.
        category: The risk category most of it is about; ``other`` where the model named none.
        categories: All of them with their share of what was named.
        severity: 0 to 4; the highest it has had, while it is open and after.
        reach, gravity, speed: The three factors of the severity, each 0 to 1 (docs/crisis.md).
        score: Log-likelihood ratio against ordinary talk at its opening; None for one message.
        triggers: Why it was opened, as codes: ``risk_3``, ``burst:food_safety``, ``spread:outage``, ``self_harm``,
            ``split_from:`` and the id of an incident that goes on in the same place about something else.
        platforms, channels: Where it is, most messages first.
        products, regions: What `meta` says of its messages: value and messages, most first, at most five.
        people: Distinct known authors; a message of nobody known counts as one.
        n_messages: How many messages; `messages` names the first 10,000 in the order in which they came.
        first_message_at, last_message_at: When they were sent.
        noticed_at: Stream time when it was opened at whatever severity.
        opened_at: Stream time when it reached severity 2; None while it has not.
        updated_at: Stream time of its last change.
        closed_at: Stream time when it was closed; None while it is open.
        quotes: Up to five, the gravest of different people and wordings, in the order of their times.
        curve: Without gaps from the first message to the last, of the last three days.
        outlook: The next hours; empty for a closed incident and for one message.
        unusual: The community where most of it is.
        steps: What happened to it, oldest first, at most 100.
        merged_into: The incident that it went into.
    """

    id: str
    tenant: str
    kind: str
    private: bool
    category: str
    categories: dict[str, float]
    severity: int
    reach: float
    gravity: float
    speed: float
    score: float | None
    triggers: tuple[str, ...]
    platforms: tuple[str, ...]
    channels: tuple[str, ...]
    products: tuple[tuple[str, int], ...]
    regions: tuple[tuple[str, int], ...]
    people: int
    n_messages: int
    messages: tuple[MessageName, ...]
    first_message_at: datetime
    last_message_at: datetime
    noticed_at: datetime
    opened_at: datetime | None
    updated_at: datetime
    closed_at: datetime | None
    quotes: tuple[Quote, ...]
    curve: tuple[Point, ...]
    outlook: tuple[Outlook, ...]
    unusual: tuple[Unusual, ...]
    steps: tuple[Step, ...]
    merged_into: str | None = None


class IncidentChange(msgspec.Struct, frozen=True):
    """That something happened to an incident.

    Attributes:
        kind: One of the kinds of changes.
        at: Stream time.
        incident: As it is then.
    """

    kind: str
    at: datetime
    incident: Incident
