"""Which wordings a tenant's members use all the time: what is said every day is no news, however grave it reads.

A text is known by the five smallest hashes of its trigrams. A word before or behind it changes one or two of them, so
the middle one of their counts tells how often it was said. Counted are quarters of a day in which it was said, not
messages, and the last two do not count yet: else a crisis would make itself ordinary.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from statistics import median

import msgspec

N_HASHES = 5
MAX_HASHES = 200_000
"""Of one tenant: some 20 MB."""

_SKIPPED = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_MIX, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1
_FORGOTTEN = 0.2  # less than a fifth of a time


def wording(text: str) -> tuple[int, ...]:
    """The hashes of a text, at most `N_HASHES`; empty for a text without letters."""
    letters = _DIGITS.sub("0", _SKIPPED.sub("", text.casefold()))
    grams = {letters[i : i + 3] for i in range(max(1, len(letters) - 2))} if letters else set()
    return tuple(sorted((zlib.crc32(gram.encode()) * _MIX & _MASK) >> 16 for gram in grams)[:N_HASHES])


def overlap(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Part of the hashes that two wordings share, 0 to 1."""
    return len(set(one) & set(other)) / max(1, min(len(one), len(other)))


class Wordings(msgspec.Struct):
    """Counts of one tenant.

    Attributes:
        counts: Of each hash, decayed, up to the block before the last.
        last, current: Hashes of the last two blocks.
        block: Number of the current one.
    """

    counts: dict[int, float] = {}
    last: set[int] = set()
    current: set[int] = set()
    block: int = 0

    def times(self, hashes: tuple[int, ...]) -> float:
        """In how many blocks a wording was said, the last two left out."""
        return median(self.counts.get(each, 0.0) for each in hashes) if hashes else 0.0

    def add(self, hashes: Iterable[int]) -> None:
        """Note a wording."""
        self.current.update(hashes)

    def turn(self, block: int, keep: float) -> None:
        """Begin a block; `keep` is what the counts keep of themselves for each block that has gone by."""
        gone = block - self.block
        if gone <= 0:
            return
        ripe = [*self.last, *(self.current if gone > 1 else ())]
        factor = keep ** min(gone, 10_000)
        counts = {key: value * factor for key, value in self.counts.items() if value * factor >= _FORGOTTEN}
        for each in ripe:
            counts[each] = counts.get(each, 0.0) + 1.0
        if len(counts) > MAX_HASHES:
            # The rarest go; among equals the greater hash, so that a rerun forgets the same.
            kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: MAX_HASHES * 3 // 4]
            counts = dict(kept)
        self.counts, self.last, self.current, self.block = counts, self.current if gone == 1 else set(), set(), block
