"""What another policy would have done: two series of decisions on the same messages, summed up for an operator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from nlp_service.moderation.deciding import Decision
from nlp_service.moderation.findings import SEVERITY
from nlp_service.types import Action, Verdict


class Change(msgspec.Struct, frozen=True):
    """Messages on which one action becomes another, or stays.

    Attributes:
        before, after: The actions.
        count: How many messages.
        examples: Ids of the first of them; none where nothing changes.
    """

    before: Action
    after: Action
    count: int
    examples: tuple[str | int, ...] = ()


class ReasonCount(msgspec.Struct, frozen=True):
    """How many messages a reason applies to, before and after."""

    reason: str
    before: int
    after: int


class Comparison(msgspec.Struct, frozen=True):
    """A policy beside another.

    Attributes:
        messages: How many were decided on.
        stricter, milder: On how many of them the action becomes more severe, or less.
        reviews_before, reviews_after: How many a person must look at.
        changes: One for each pair of actions that occurs, from the mildest on.
        reasons: Those whose counts differ, the greatest difference first.
    """

    messages: int
    stricter: int
    milder: int
    reviews_before: int
    reviews_after: int
    changes: tuple[Change, ...]
    reasons: tuple[ReasonCount, ...]


def compare(
    decided: Iterable[tuple[str | int, Decision, Decision]], *, n_examples: int = 10, n_reasons: int = 50
) -> Comparison:
    """Sum up what changes. A policy on trial is compared by what it would do.

    Args:
        decided: The id of each message with what was decided on it before and after.
        n_examples: Ids for each change, at most.
        n_reasons: Reasons, at most.
    """
    counts: Counter[tuple[Action, Action]] = Counter()
    examples: dict[tuple[Action, Action], list[str | int]] = defaultdict(list)
    reasons_before, reasons_after = Counter[str](), Counter[str]()
    reviews_before = reviews_after = 0
    for message_id, before, after in decided:
        pair = intended(before.verdict), intended(after.verdict)
        counts[pair] += 1
        if pair[0] is not pair[1] and len(examples[pair]) < n_examples:
            examples[pair].append(message_id)
        reasons_before.update(before.verdict.reasons)
        reasons_after.update(after.verdict.reasons)
        reviews_before += before.review is not None or pair[0] is Action.REVIEW
        reviews_after += after.review is not None or pair[1] is Action.REVIEW
    ordered = sorted(counts, key=lambda pair: (SEVERITY[pair[0]], SEVERITY[pair[1]]))
    return Comparison(
        messages=counts.total(),
        stricter=sum(counts[pair] for pair in ordered if SEVERITY[pair[1]] > SEVERITY[pair[0]]),
        milder=sum(counts[pair] for pair in ordered if SEVERITY[pair[1]] < SEVERITY[pair[0]]),
        reviews_before=reviews_before,
        reviews_after=reviews_after,
        changes=tuple(Change(*pair, counts[pair], tuple(examples[pair])) for pair in ordered),
        reasons=_differing(reasons_before, reasons_after)[:n_reasons],
    )


def intended(verdict: Verdict) -> Action:
    """What would be done but for a trial."""
    last = verdict.reasons[-1] if verdict.reasons else ""
    return Action(last.removeprefix(_TRIAL)) if last.startswith(_TRIAL) else verdict.action


_TRIAL = "trial:"


def _differing(before: Counter[str], after: Counter[str]) -> tuple[ReasonCount, ...]:
    differing = [
        ReasonCount(reason, before[reason], after[reason])
        for reason in before.keys() | after.keys()
        if before[reason] != after[reason]
    ]
    return tuple(sorted(differing, key=lambda count: (-abs(count.after - count.before), count.reason)))
