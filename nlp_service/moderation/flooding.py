"""Flooding by counts: the same again and again, the same from many, or too much of anything."""

from __future__ import annotations

from typing import Annotated

import msgspec

from nlp_service.moderation.facts import Facts
from nlp_service.moderation.findings import Finding
from nlp_service.types import Action

_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class FloodingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From how many messages on it is flooding. A count includes the message that is judged; 0 switches its rule off.

    Attributes:
        window_s: How far back copies and messages are counted, in seconds.
        author: Copies and near-copies of a message by its author.
        per_minute: Messages of an author in the channel a minute, on average over the window; more of them is too much.
        action: What `author` and `per_minute` lead to.
        others: Copies and near-copies by others in the channel.
        others_action: What that leads to. Who writes what many write need not be one of those who organise it.
    """

    window_s: Annotated[int, msgspec.Meta(ge=10, le=86_400)] = 600
    author: _Count = 5
    per_minute: _Count = 20
    action: Action = Action.WARN
    others: _Count = 20
    others_action: Action = Action.REVIEW

    def __post_init__(self) -> None:
        for name in ("author", "others"):
            if getattr(self, name) == 1:
                raise ValueError(f"{name} must be 0, which switches it off, or at least 2: every message is the first")


def findings_of_counts(facts: Facts, rules: FloodingRules) -> list[Finding]:
    """Rules that apply; those about an author need one to be known."""
    findings = []
    known = facts.known
    # Known counts what came before this message.
    if facts.author and 0 < rules.author <= known.copies_by_author + 1:
        findings.append(_flooding(rules.action, f"author:{rules.author}/{rules.window_s}s"))
    if facts.author and rules.per_minute and known.recent_by_author + 1 > rules.per_minute * rules.window_s / 60:
        findings.append(_flooding(rules.action, f"rate:{rules.per_minute}/60s"))
    if 0 < rules.others <= known.copies_by_others + 1:
        findings.append(_flooding(rules.others_action, f"others:{rules.others}/{rules.window_s}s"))
    return findings


def _flooding(action: Action, code: str) -> Finding:
    return Finding(action, f"flooding:{code}", "flooding", source="flooding")
