"""Which of the words that were found in a message stand, when one hides another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from nlp_service.moderation.disguise import Disguise

BUILT_IN = "builtin/"
"""Begins the names of the lists that ship with the code. Where a tenant's own word stands, theirs do not count."""


class Find(NamedTuple):
    """A listed word at units of the batch, half-open; sorted, the earlier and the less disguised come first."""

    begin: int
    end: int
    entry: int
    disguise: int
    form: int


class Listed(Protocol):
    """What is asked of an entry."""

    @property
    def word(self) -> str:
        """As it is listed."""
        ...

    @property
    def list_name(self) -> str:
        """The list's."""
        ...

    @property
    def kind(self) -> str:
        """``deny``, ``allow`` or ``watch``."""
        ...

    @property
    def category(self) -> str:
        """What the word stands for."""
        ...


def choose(finds: Sequence[Find], entries: Sequence[Listed]) -> list[Find]:
    """What is left of the denied and watched words of one message, in order.

    - An allowed phrase hides what it holds if it is longer. At the same place it hides a word that is more disguised
      than itself; if both are as listed, it hides the word unless the word is a tenant's own and the phrase built in.
    - A word hides another one of its list and category within it that is a part of it: with 加微信 goes no 微信.
    - A word that was found in several readings of the same place counts once, as the least disguised.
    """
    allowed = [find for find in finds if entries[find.entry].kind == "allow"]
    found = sorted(find for find in finds if entries[find.entry].kind != "allow")
    if allowed:
        found = _not_allowed(found, sorted(allowed), entries)
    once = {(find.begin, find.end, find.entry): find for find in reversed(found)}
    found = sorted(once.values())
    longest = max((find.end - find.begin for find in found), default=0)
    begins = [find.begin for find in found]
    chosen = []
    for find in found:
        near = found[bisect_left(begins, find.end - longest) : bisect_right(begins, find.begin)]
        if len(near) == 1 or not any(_hides(other, find, entries) for other in near):
            chosen.append(find)
    return chosen


def _not_allowed(found: Sequence[Find], allowed: Sequence[Find], entries: Sequence[Listed]) -> list[Find]:
    begins = [phrase.begin for phrase in allowed]
    reach = list(accumulate((phrase.end for phrase in allowed), max))  # of all phrases up to here
    places: dict[tuple[int, int], list[Find]] = {}
    for phrase in allowed:
        places.setdefault((phrase.begin, phrase.end), []).append(phrase)
    left = []
    for find in found:
        same = places.get((find.begin, find.end), ())
        # A longer one begins before it and does not end before it, or begins with it and ends behind it.
        before, until = bisect_left(begins, find.begin), bisect_right(begins, find.begin)
        is_within = (before > 0 and reach[before - 1] >= find.end) or (until > 0 and reach[until - 1] > find.end)
        if not is_within and not any(_outranks(phrase, find, entries) for phrase in same):
            left.append(find)
    return left


def _outranks(phrase: Find, find: Find, entries: Sequence[Listed]) -> bool:
    if phrase.disguise != find.disguise:
        return phrase.disguise < find.disguise
    is_own = not entries[find.entry].list_name.startswith(BUILT_IN)
    is_theirs = entries[phrase.entry].list_name.startswith(BUILT_IN)
    return phrase.disguise == Disguise.NONE and not (is_own and is_theirs)


def _hides(other: Find, find: Find, entries: Sequence[Listed]) -> bool:
    is_longer = other.begin <= find.begin and find.end <= other.end and other.end - other.begin > find.end - find.begin
    if not is_longer:
        return False
    one, two = entries[find.entry], entries[other.entry]
    same_list = (one.kind, one.list_name, one.category) == (two.kind, two.list_name, two.category)
    return same_list and one.word in two.word
