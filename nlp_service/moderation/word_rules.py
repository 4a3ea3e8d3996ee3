"""What the words of a community's own lists lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from nlp_service.moderation.facts import Hit
from nlp_service.moderation.findings import SEVERITY, Finding
from nlp_service.types import Action

ANY = "*"
"""Stands for every category that is not named."""


def _removed() -> dict[str, Action]:
    return {ANY: Action.REMOVE}


def _passed() -> dict[str, Action]:
    return {ANY: Action.PASS}


class WordRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Actions by category of a word; ``*`` is for all categories that are not named.

    Attributes:
        deny: For words of deny lists.
        watch: For words of watch lists, which are evidence and nothing else unless a category says more.
    """

    deny: dict[str, Action] = msgspec.field(default_factory=_removed)
    watch: dict[str, Action] = msgspec.field(default_factory=_passed)


def findings_of_words(hits: Sequence[Hit], rules: WordRules) -> list[Finding]:
    """One finding for each list that a word of the message is on, in order of the text; allowed words find nothing."""
    by_list: dict[tuple[str, str], Finding] = {}
    for hit in hits:
        if hit.kind == "deny":
            finding = _finding(hit, rules.deny)
        elif hit.kind == "watch":
            finding = _finding(hit, rules.watch)
        else:
            continue
        key = (hit.kind, hit.list_name)
        if key not in by_list or SEVERITY[finding.action] > SEVERITY[by_list[key].action]:
            by_list[key] = finding
    return list(by_list.values())


def _finding(hit: Hit, actions: Mapping[str, Action]) -> Finding:
    action = actions.get(hit.category) or actions.get(ANY, Action.PASS)
    return Finding(action, f"lexicon:{hit.kind}:{hit.list_name}", "lexicon", source="lexicon")
