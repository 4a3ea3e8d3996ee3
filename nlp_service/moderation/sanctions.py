"""Strikes: what becomes of those who offend again. A first advert is warned, a second removed, the third blocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from nlp_service.moderation.findings import OFFENCES, SEVERITY, Finding, is_public
from nlp_service.store.incoming import Offence
from nlp_service.types import Action


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each offence of one kind leads to, beside what its rule says: the stronger of the two.

    Attributes:
        steps: For the first offence, the second and so on, ``warn``, ``remove`` or ``block``, none milder than the one
            before; the last is for all further ones. Empty: the rule alone decides.
        days: How long an offence counts.
    """

    steps: tuple[Action, ...] = (Action.WARN, Action.REMOVE, Action.BLOCK)
    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 30

    def __post_init__(self) -> None:
        if not all(is_public(step) for step in self.steps):
            raise ValueError("a step must be warn, remove or block")
        if list(self.steps) != sorted(self.steps, key=SEVERITY.__getitem__):
            raise ValueError("a step is milder than the one before it")


class Strikes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ladder for each kind of offence; they are counted apart from one another."""

    ad: Ladder = Ladder()
    abuse: Ladder = Ladder()
    porn_sexual: Ladder = Ladder()
    gambling: Ladder = Ladder()
    scam: Ladder = Ladder()
    drugs_weapons: Ladder = Ladder()
    politics_sensitive: Ladder = Ladder()
    contact_spam: Ladder = Ladder()
    flooding: Ladder = Ladder()
    illegal_service: Ladder = Ladder()
    lexicon: Ladder = Ladder()
    link: Ladder = Ladder()

    @property
    def longest_days(self) -> int:
        """How long an offence of any kind counts."""
        return max(self.ladder_of(offence).days for offence in OFFENCES)

    def ladder_of(self, offence: str) -> Ladder:
        """The ladder of one of `OFFENCES`."""
        ladder: Ladder = getattr(self, offence)
        return ladder


def climb(
    findings: Sequence[Finding], strikes: Strikes, offences: Sequence[Offence], at: datetime | None
) -> tuple[list[Finding], list[str]]:
    """Raise what is acted on to the step that its author has reached.

    A finding that asks for a review climbs nothing: a person decides on it. An offence of a later time counts too,
    since messages may arrive in another order than they were written in, and each of them is a step.

    Args:
        findings: Of one message.
        strikes: The ladders.
        offences: Earlier strikes of the author, with aware times.
        at: When the message was written, aware; None counts all of them.

    Returns:
        The findings, and a code as ``strike:ad:2/3`` for each offence that is not the first of its kind, or that the
        first step already makes graver.
    """
    climbed: list[Finding] = []
    codes: dict[str, None] = {}
    for finding in findings:
        if finding.offence is not None and is_public(finding.action):
            ladder = strikes.ladder_of(finding.offence)
            n_earlier = _count(offences, finding.offence, ladder.days, at) if offences else 0
            step = ladder.steps[min(n_earlier, len(ladder.steps) - 1)] if ladder.steps else Action.PASS
            is_raised = SEVERITY[step] > SEVERITY[finding.action]
            if is_raised:
                finding = finding._replace(action=step)
            if ladder.steps and (n_earlier or is_raised):
                codes[f"strike:{finding.offence}:{n_earlier + 1}/{len(ladder.steps)}"] = None
        climbed.append(finding)
    return climbed, list(codes)


def _count(offences: Sequence[Offence], name: str, days: int, at: datetime | None) -> int:
    window = timedelta(days=days)
    # By difference: the bound itself could lie before the first day that a datetime knows.
    return sum([at is None or at - strike.at <= window for strike in offences if strike.offence == name])
