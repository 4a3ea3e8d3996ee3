"""Wordings of a base taken out of it and asked, which is the test that every base brings along.

A search that only looks past a wording still knows it: it counts among all that its entry says, and in how rare its
terms are. So the index is built again without the wordings that are asked, of one entry never more than one at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from nlp_service.knowledge.search.index import Index

MAX_ASKED = 600
"""Wordings that are asked: enough for a threshold, and done in a few seconds."""

MAX_ROUNDS = 5
"""Indexes that are built: one wording of every entry each, so that a base of few entries still asks enough."""


class Held(NamedTuple):
    """An index without some wordings, and these.

    Attributes:
        rest: Of the same entries in the same order.
        entry: Place of the entry of each wording.
        number: Which of the entry's wordings it was.
    """

    rest: Index
    entry: list[int]
    number: list[int]


def hold_out(index: Index, most: int = MAX_ASKED) -> Iterator[Held]:
    """Take out wordings of the entries that have others beside them, at most `most` in all rounds together.

    Which ones follows from their own text and the id of their entry, so that another version of the base is asked
    the same wherever it still says the same.
    """
    orders = {i: _order(index, i) for i, entry in enumerate(index.entries) if len(entry.questions) > 1}
    for turn in range(MAX_ROUNDS):
        drawn = sorted((*order[turn], i) for i, order in orders.items() if turn < len(order))[:most]
        if not drawn:
            return
        most -= len(drawn)
        numbers = {i: number for _, number, i in sorted(drawn, key=lambda row: row[2])}
        yield Held(_without(index, numbers), list(numbers), list(numbers.values()))


def count_single(index: Index) -> int:
    """Entries of one wording alone, which cannot be asked."""
    return sum(len(entry.questions) == 1 for entry in index.entries)


def _order(index: Index, place: int) -> list[tuple[bytes, int]]:
    """The wordings of an entry in the order in which they are drawn, each as its key and its number."""
    entry = index.entries[place]
    keys = (hashlib.blake2b(f"{entry.id}\n{text}".encode(), digest_size=8).digest() for text in entry.questions)
    return sorted((key, number) for number, key in enumerate(keys))


def _without(index: Index, numbers: dict[int, int]) -> Index:
    entries = list(index.entries)
    for place, number in numbers.items():
        questions = entries[place].questions
        kept = questions[:number] + questions[number + 1 :]
        entries[place] = msgspec.structs.replace(entries[place], questions=kept)
    return Index(entries, index.model, version=index.version, synonyms=index.synonyms)
