"""Who may decide what in a review, in what order reviews are looked at, and how well people and machine agree.

The first line is the machine, the second moderators, the third experts. All of it is pure: the store asks `check` under
lock, and gives rows for figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

import msgspec

from nlp_service.errors import Conflict, Forbidden
from nlp_service.store.review_records import (
    AGEING_S,
    EXPERT,
    MODERATOR,
    STEPS_THAT_JUDGE,
    URGENT,
    Attempt,
    Judged,
    Standing,
    Taken,
    Waiting,
)
from nlp_service.types import Action

UNDO_S = 600.0
"""How long somebody may take a decision back."""


def check(attempt: Attempt, standing: Standing) -> None:
    """Let somebody do something with a review, or not.

    Raises:
        Forbidden: This person may not: the review is for experts, or somebody else must look.
        Conflict: Nobody may now: it is decided, another person has it, or the message is not what it was.
    """
    what = attempt.what
    if what in ("decide", "escalate"):
        _check_open(attempt, standing)
    elif what == "overturn":
        _check_overturn(attempt, standing)
    elif what == "undo":
        _check_undo(attempt, standing)
    else:
        _check_holder(attempt, standing)
    if what in STEPS_THAT_JUDGE:
        _check_message(attempt, standing)


def _check_open(attempt: Attempt, standing: Standing) -> None:
    if standing.state != "open":
        raise Conflict(f"review {standing.id} is decided; it can be overturned")
    if standing.line > attempt.line:
        raise Forbidden(f"review {standing.id} is for experts: the key needs the scope admin")
    if standing.kind == "appeal" and attempt.reviewer in standing.deciders:
        raise Forbidden(f"review {standing.id} is an appeal: somebody else must decide than before")
    if is_held(standing, attempt.at) and standing.claimed_by != attempt.reviewer:
        raise Conflict(f"review {standing.id} is claimed by somebody else")
    if attempt.what == "escalate" and standing.line >= EXPERT:
        raise Conflict(f"review {standing.id} is with experts already")


def _check_overturn(attempt: Attempt, standing: Standing) -> None:
    last = last_judgement(standing.taken)
    if standing.state != "decided" or last is None:
        raise Conflict(f"review {standing.id} has no decision to overturn")
    if attempt.line < EXPERT and last.line >= EXPERT:
        raise Forbidden("experts have decided: the key needs the scope admin")
    if attempt.line < EXPERT and last.by == attempt.reviewer:
        raise Forbidden("somebody else must overturn a decision; within ten minutes it can be undone")
    if standing.kind == "appeal" and attempt.reviewer in standing.deciders:
        raise Forbidden(f"review {standing.id} is an appeal: somebody else must decide than before")


def _check_undo(attempt: Attempt, standing: Standing) -> None:
    if not standing.taken:
        raise Conflict(f"review {standing.id} has nothing to undo")
    last = standing.taken[-1]
    if last.by != attempt.reviewer:
        raise Forbidden("only who decided can undo it")
    if attempt.at - last.at > timedelta(seconds=UNDO_S):
        raise Conflict(f"it was decided more than {UNDO_S / 60:g} minutes ago")


def _check_holder(attempt: Attempt, standing: Standing) -> None:
    if standing.state != "open" or standing.claimed_by != attempt.reviewer or not is_held(standing, attempt.at):
        raise Conflict(f"review {standing.id} is not claimed by this reviewer, or no longer")


def _check_message(attempt: Attempt, standing: Standing) -> None:
    if standing.is_deleted:
        raise Conflict(f"the message of review {standing.id} was deleted")
    if attempt.revision is not None and attempt.revision != standing.revision:
        raise Conflict(f"the message of review {standing.id} was edited: it has revision {standing.revision}")


def is_held(standing: Standing, at: datetime) -> bool:
    """Whether somebody has the review at a time; a lease that has run out holds nothing."""
    return standing.claimed_by is not None and standing.lease_until is not None and standing.lease_until > at


def last_judgement(taken: Sequence[Taken]) -> Taken | None:
    """The decision that holds."""
    return next((step for step in reversed(taken) if step.what in STEPS_THAT_JUDGE), None)


def rank(priority: float, age_s: float) -> tuple[bool, float]:
    """Where a review stands in the queue, the largest first: urgent ones, then by priority and waiting time."""
    return priority >= URGENT, priority + age_s / AGEING_S


class Agreement(msgspec.Struct, frozen=True):
    """How often two judges said the same of the same messages.

    Attributes:
        judged: How many.
        share: Of those on which they agree, 0 to 1; null without any.
        kappa: Cohen's, what the share is above chance, at most 1; null where chance alone gives full agreement.
    """

    judged: int
    share: float | None
    kappa: float | None


def agree(pairs: Iterable[tuple[object, object]]) -> Agreement:
    """Agreement of two judges, from what each said (Cohen 1960)."""
    said = list(pairs)
    n = len(said)
    if not n:
        return Agreement(0, None, None)
    share = sum(a == b for a, b in said) / n
    first, second = (Counter(map(repr, column)) for column in zip(*said, strict=True))
    chance = sum(count * second[value] for value, count in first.items()) / (n * n)
    kappa = None if chance == 1.0 else round((share - chance) / (1.0 - chance), 4)
    return Agreement(n, round(share, 4), kappa)


class Agreements(msgspec.Struct, frozen=True):
    """Agreement in what is done and in what a person has set or confirmed of the labels.

    Attributes:
        action: Pass, warn, remove or block; where the machine only asked for a person, it said nothing.
        intent: The primary one.
        sentiment: Negative, neutral or positive.
        risk: Whether the level is 2 or more.
        abuse: Whether there is any.
    """

    action: Agreement
    intent: Agreement
    sentiment: Agreement
    risk: Agreement
    abuse: Agreement


def machine_agreement(judged: Iterable[Judged]) -> Agreements:
    """The machine against the first person who looked."""
    first = [one for one in judged if one.before.get("by") is None]
    actions = ((one.before["action"], one.action) for one in first if one.before["action"] != Action.REVIEW.value)
    return Agreements(agree(actions), *(agree(_pairs(first, field)) for field in _READ))


def expert_agreement(judged: Iterable[Judged]) -> Agreement:
    """A person's decision against that of another who looked later: an expert, or on appeal."""
    return agree((one.before["action"], one.action) for one in judged if one.before.get("by") is not None)


class Backlog(NamedTuple):
    """What waits, and how fast it is decided.

    Attributes:
        waiting: By line.
        median_s: Median time from the arrival of a review to its decision, in seconds; None without any.
        per_hour: Decisions an hour over the period.
    """

    waiting: list[Waiting]
    median_s: float | None
    per_hour: float


def backlog(waiting: Sequence[Waiting], took_s: Sequence[float], hours: float) -> Backlog:
    """Figures of a period of `hours` from how long each review took that was decided in it."""
    return Backlog(
        sorted(waiting, key=lambda line: line.line),
        round(median(took_s), 1) if took_s else None,
        round(len(took_s) / hours, 3),
    )


def line_of(scopes: Iterable[str]) -> int:
    """The highest line that a key may work on."""
    return EXPERT if "admin" in scopes else MODERATOR


_READ: dict[str, Callable[[Any], object]] = {
    "intent": lambda value: value[0],
    "sentiment": lambda value: (value > 0) - (value < 0),
    "risk": lambda value: value >= 2,
    "abuse": bool,
}


def _pairs(judged: Iterable[Judged], field: str) -> Iterator[tuple[object, object]]:
    """What machine and person say of a field, where the person has looked at it and the machine could say."""
    read = _READ[field]
    for one in judged:
        machine = one.before.get("labels", {}).get(field)
        if one.labels is None or field not in one.labels.confirmed or machine is None:
            continue
        yield read(machine), read(getattr(one.labels, field))
