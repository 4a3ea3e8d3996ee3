"""What the repositories of reviews take and give."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from nlp_service.store.labels import Field, Labels, LabelsIn

MODERATOR, EXPERT = 2, 3
"""Lines of people; the first line is the machine."""

URGENT = 0.8
"""Priority from which a review stands before all others, however long these have waited."""

AGEING_S = 4 * 86_400
"""Waiting time that counts as much as a priority of 1: what is not urgent does not wait for ever."""

APPEAL_PRIORITY = {"warn": 0.4, "remove": 0.6, "block": 0.7}
"""How urgent an appeal is by what was done; below what may hurt somebody."""

Kind = Literal["review", "appeal", "correction"]
State = Literal["open", "decided"]
Step = Literal["decide", "escalate", "overturn", "correct"]
Action = Literal["pass", "warn", "remove", "block"]

STEPS_THAT_JUDGE: tuple[Step, ...] = ("decide", "overturn")
"""Steps that say what is done with the message."""


class Attempt(NamedTuple):
    """Somebody wants to do something with a review.

    Attributes:
        what: A `Step`, ``undo``, ``renew`` or ``release``.
        reviewer: Who, as the robot or console knows people.
        line: The highest line that the key may work on.
        at: Now, aware.
        revision: Wording of the message that was looked at; None where that is not said.
    """

    what: str
    reviewer: str
    line: int
    at: datetime
    revision: int | None = None


class Taken(NamedTuple):
    """A step that was taken, and not undone."""

    what: str
    by: str
    at: datetime
    line: int


class Standing(NamedTuple):
    """How a review stands when somebody wants to do something with it, under lock.

    Attributes:
        id: Of the review.
        kind, state, line, claimed_by, lease_until: As stored.
        taken: What was done with this review and not undone, oldest first.
        deciders: Who has decided on the message in other reviews.
        revision: Of the message now.
        is_deleted: Whether the message is gone.
    """

    id: int
    kind: Kind
    state: State
    line: int
    claimed_by: str | None
    lease_until: datetime | None
    taken: tuple[Taken, ...]
    deciders: tuple[str, ...]
    revision: int
    is_deleted: bool


Check = Callable[[Attempt, Standing], None]
"""Says whether an attempt may go on; raises Forbidden or Conflict if not. Pure."""


class Ruling(NamedTuple):
    """What somebody decides.

    Attributes:
        action: What is done with the message; None in a correction of labels.
        labels: What it should have been read as, as far as somebody looked.
        confirm: Fields that were found right as the machine read them.
        note: For those who look at it later.
    """

    action: Action | None
    labels: LabelsIn | None = None
    confirm: tuple[Field, ...] = ()
    note: str = ""


class ReviewOutcome(msgspec.Struct, frozen=True):
    """What a step led to.

    Attributes:
        review_id, message_id: What it was about.
        decision_id: Of the step; None where nothing new was written down.
        state, line: Of the review now.
        action: Of the message now.
        labels: What it should have been read as, where the step says so.
        strikes_removed, strikes_added: Against the author.
    """

    review_id: int
    message_id: int
    decision_id: int | None
    state: State
    line: int
    action: str
    labels: Labels | None = None
    strikes_removed: int = 0
    strikes_added: int = 0


class MessageBrief(msgspec.Struct, frozen=True):
    """A message in few words.

    Attributes:
        message_id: Of the stored message.
        platform, id: What the caller knows it by.
        text: As it is stored; empty for one that was deleted.
        action: What is done with it now.
        labels: Its labels by name, `packing.LABELS`.
        risk: Level, 0 to 3.
    """

    message_id: int
    platform: str
    id: str
    channel: str
    author: str
    sent_at: datetime
    text: str
    action: str
    labels: list[str]
    risk: int


class Review(msgspec.Struct, frozen=True):
    """A review in the queue, or one that was decided.

    Attributes:
        kind: A ``review`` that a policy asked for, an ``appeal`` of the author, or a ``correction`` of labels.
        state: ``open`` or ``decided``.
        line: 2 for moderators, 3 for experts.
        priority: 0 to 1, as it was when it came.
        reasons: Why a person must look, as codes.
        claimed_by, lease_until: Who has it, and until when nobody else gets it; of a decided one who decided it.
        note: What an author appeals with.
    """

    id: int
    kind: Kind
    state: State
    line: int
    priority: float
    reasons: list[str]
    created_at: datetime
    claimed_by: str | None
    lease_until: datetime | None
    decided_at: datetime | None
    note: str | None
    message: MessageBrief


class DecisionLine(msgspec.Struct, frozen=True):
    """A step in the history of a review.

    Attributes:
        what: ``decide``, ``escalate``, ``overturn`` or ``correct``.
        line: 2 for moderators, 3 for experts.
        action: What was to be done with the message; null where the step does not say.
        labels: What it should have been read as.
        revision: Wording of the message that was looked at.
        undone_at: When its author took it back.
    """

    id: int
    what: Step
    line: int
    by: str
    at: datetime
    action: str | None
    labels: Labels | None
    note: str
    revision: int
    undone_at: datetime | None


class Judged(NamedTuple):
    """A decision for figures.

    Attributes:
        line: Of who decided.
        action: What was decided.
        labels: What the message should have been read as.
        before: What is kept of the time before: ``action`` of the message, the machine's ``labels``, and ``by`` and
            ``line`` of the person whose decision it was, null for the machine's.
    """

    line: int
    action: str
    labels: Labels | None
    before: dict[str, Any]


class Waiting(NamedTuple):
    """Open reviews of a line: how many, how many of them somebody has now, and when the oldest came."""

    line: int
    n_open: int
    n_claimed: int
    oldest_at: datetime
