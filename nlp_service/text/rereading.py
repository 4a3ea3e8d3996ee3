"""The readings of a message beside the first one, made from the places of the first one, for many messages at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.text.normalise import Ints
from nlp_service.text.shapes import SKIPPED, characters_of_parts, folds, joints
from nlp_service.text.sounds import sounds, syllables

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]

MAX_LINE = 6
"""Places of the longest line that may be one of an upright text; longer ones are lines that are read along."""

_A, _Z, _ZERO, _NINE = map(ord, "az09")
_DIGITS = dict(zip(map(ord, "oilszqb"), map(ord, "0115298"), strict=True))
_LETTERS = dict(zip(map(ord, "01345"), map(ord, "oieas"), strict=True))
_SWAPS = (_DIGITS, _LETTERS, _LETTERS | {ord("1"): ord("l")})
_FARTHEST = 3  # letters or digits one behind the other that are taken for the other kind


class How(IntEnum):
    """How a place came to be read."""

    PLAIN = 0
    READ = 1  # as what it looks like or shows
    SPELT = 2  # letters as a syllable
    JOINED = 3  # parts as a character


class Places(NamedTuple):
    """What is read, one sound after the other, before what is repeated is put together. Arrays of shape (n,).

    Attributes:
        symbol: What it sounds like.
        char: The unit that stands there or was joined there; 0 for a syllable in letters.
        base: What that is read as; 0 likewise.
        how: One of `How`.
        first, last: Its first and last unit in the batch.
        message: Whose it is; ascending.
    """

    symbol: Ints
    char: Ints
    base: Ints
    how: Ints
    first: Ints
    last: Ints
    message: Ints

    def where(self, chosen: Bools | Longs) -> Places:
        """Some of them, as a copy."""
        return Places(*(field[chosen] for field in self))

    def of(self, places: Bools | Longs) -> Places:
        """All of the messages that some places belong to."""
        chosen = np.zeros(self.message[-1] + 1 if len(self.message) else 0, np.bool_)
        chosen[self.message[places]] = True
        return self.where(chosen[self.message])

    @property
    def letters(self) -> Bools:
        """Where a letter a-z is read."""
        return (self.base >= _A) & (self.base <= _Z)

    @property
    def digits(self) -> Bools:
        """Where a digit 0-9 is read."""
        return (self.base >= _ZERO) & (self.base <= _NINE)

    @property
    def follows(self) -> Bools:
        """Where the place before is of the same message."""
        result = np.zeros(len(self.message), np.bool_)
        result[1:] = self.message[1:] == self.message[:-1]
        return result

    @property
    def touches(self) -> Bools:
        """Where there is nothing between a place and the one before it."""
        result = self.follows
        result[1:] &= self.first[1:] == self.last[:-1] + 1
        return result


def spelt(places: Places) -> Iterator[Places]:
    """Letters as syllables, in the messages where some are. Letters that stand one by one are one run."""
    letters = places.letters
    pairs = np.flatnonzero(letters[1:] & letters[:-1])
    if not len(pairs):
        return
    own = places.of(pairs)
    table = sounds().spelt
    heads: list[int] = []
    sizes: list[int] = []
    marks: list[int] = []
    for start, end in _runs_of_letters(own):
        at = start
        for piece in syllables("".join(map(chr, own.base[start:end].tolist()))):
            if len(piece) > 1:
                heads.append(at)
                sizes.append(len(piece))
                marks.append(table[piece])
            at += len(piece)
    if not heads:
        return
    chosen = np.array(heads, np.int64)
    ends = chosen + np.array(sizes, np.int64)
    own.last[chosen] = own.last[ends - 1]
    own.symbol[chosen] = marks
    own.char[chosen] = own.base[chosen] = 0
    own.how[chosen] = How.SPELT
    own = own.where(_is_kept(chosen, ends, len(own.message)))
    yield own.of(own.how == How.SPELT)


def _is_kept(heads: Longs, ends: Longs, n: int) -> Bools:
    """All but what is in a piece behind its first letter."""
    changes = np.zeros(n + 1, np.int64)
    changes[heads + 1] += 1
    changes[ends] -= 1
    kept: Bools = np.cumsum(changes[:n]) == 0
    return kept


def _runs_of_letters(places: Places) -> Iterator[tuple[int, int]]:
    """Half-open ranges of two letters and more without anything between them, or one by one."""
    letters, follows, touches = places.letters, places.follows, places.touches
    starts = np.flatnonzero(letters & ~(touches & np.append(False, letters[:-1])))
    stops = np.append(np.flatnonzero(~letters | ~touches), len(letters))
    ends = stops[np.searchsorted(stops, starts, side="right")]
    alone = ends - starts == 1
    joins = alone & follows[starts]
    joins[1:] &= alone[:-1] & (ends[:-1] == starts[1:])
    begin = -1
    for start, end, is_joined in zip(starts.tolist(), ends.tolist(), np.append(joins, False)[1:].tolist(), strict=True):
        begin = start if begin < 0 else begin
        if not is_joined:
            if end - begin > 1:
                yield begin, end
            begin = -1


def drawn(places: Places) -> Iterator[Places]:
    """Letters beside digits as digits, then digits beside letters as letters; of the messages where some are."""
    letters, digits = places.letters, places.digits
    mixed = np.flatnonzero((letters[1:] & digits[:-1]) | (digits[1:] & letters[:-1]))
    if not len(mixed):
        return
    own = places.of(mixed)
    touches = own.touches
    made: list[Ints] = []
    for swaps in _SWAPS:
        base = own.base.copy()
        target = base.copy()
        for old, new in swaps.items():
            target[base == old] = new
        low, high = (_ZERO, _NINE) if swaps is _DIGITS else (_A, _Z)
        for _ in range(_FARTHEST):
            company = (base >= low) & (base <= high)
            beside = np.zeros(len(base), np.bool_)
            beside[1:] = company[:-1] & touches[1:]
            beside[:-1] |= company[1:] & touches[1:]
            base = np.where(beside, target, base)
        changed = np.logical_and.reduce([base != other for other in (own.base, *made)])
        made.append(base)
        if changed.any():
            yield own._replace(
                symbol=sounds().symbols[base].astype(np.int32),
                base=base,
                how=np.where(base != own.base, How.READ, own.how).astype(np.int32),
            ).of(changed)


def joined(places: Places) -> Iterator[Places]:
    """Without pictures and signs, and with parts joined, of the messages where that makes a difference."""
    concerned = (folds().loose[places.char] == SKIPPED) | _joints(places)
    if not concerned.any():
        return
    own = places.of(concerned)
    own = own.where(folds().loose[own.char] != SKIPPED)
    makes = characters_of_parts()
    heads: list[int] = []
    for at in (np.flatnonzero(_joints(own)) - 1).tolist():
        if not heads or at > heads[-1] + 1:  # a part belongs to one character
            heads.append(at)
    chosen = np.array(heads, np.int64)
    pairs = zip(own.char[chosen].tolist(), own.char[chosen + 1].tolist(), strict=True)
    wholes = np.array([makes[pair] for pair in pairs], np.int32)
    own.symbol[chosen] = sounds().symbols[wholes]
    own.char[chosen] = own.base[chosen] = wholes
    own.how[chosen] = How.JOINED
    own.last[chosen] = own.last[chosen + 1]
    kept = np.ones(len(own.char), np.bool_)
    kept[chosen + 1] = False
    yield own.where(kept)


def _joints(places: Places) -> Bools:
    """Where a place and the one before it are parts of one character."""
    result = np.zeros(len(places.char), np.bool_)
    first, second, known = joints()
    may_be = first[places.char[:-1]] & second[places.char[1:]] & (places.message[1:] == places.message[:-1])
    at = np.flatnonzero(may_be)
    pairs = places.char[at].astype(np.int64) << 21 | places.char[at + 1]
    result[at + 1] = known[np.minimum(np.searchsorted(known, pairs), len(known) - 1)] == pairs
    return result


def alike(places: Places) -> Iterator[Places]:
    """Without pictures and signs, and with every look-alike taken for what it looks like, where there is one."""
    loose = folds().loose[places.char]
    concerned = (loose != places.base) & (loose != SKIPPED)
    if not concerned.any():
        return
    own = places.of(concerned)
    own = own.where(folds().loose[own.char] != SKIPPED)
    base = folds().loose[own.char]
    how = np.where(base == own.char, How.PLAIN, How.READ).astype(np.int32)
    yield own._replace(symbol=sounds().symbols[base].astype(np.int32), base=base, how=how)


def columns(places: Places, breaks: Iterable[int]) -> Iterator[Places]:
    """The columns of one message of short lines of one length, from the left; the last line may be shorter.

    `breaks` are the places that begin a line.
    """
    bounds = [0, *breaks, len(places.char)]
    lines = [range(a, b) for a, b in pairwise(bounds) if a < b]
    longest = max(map(len, lines), default=0)
    if len(lines) > 1 and 1 < longest <= MAX_LINE and all(len(line) == longest for line in lines[:-1]):
        for column in range(longest):
            upright = [line[column] for line in lines if len(line) > column]
            if len(upright) > 1:
                yield places.where(np.array(upright))
