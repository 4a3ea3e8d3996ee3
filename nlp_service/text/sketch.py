"""What copies of a text share: keys by which a database finds them, and how much alike two texts are.

A copy differs in what spammers and hasty people change: spaces, punctuation, pictures, numbers, a word here and there.
So a text is *folded* to its letters, and its shingles are pairs of neighbouring ones, a number being one sign.
The keys of near-copies are super-shingles of a MinHash (Broder 1997, "On the resemblance and containment of
documents"; Fetterly et al. 2003): two texts whose shingles overlap by J share one of them with 1 - (1 - J^4)^3, which
is .96 for .9, .79 for .8, .56 for .7, .18 for .5 and .02 for .3.

Keys are stored, so the same text must have the same keys for ever: nothing here may change without `VERSION`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.text.emoticons import EMOTICON_BASE, EMOTICONS
from nlp_service.text.normalise import MAX_REPEATS, Batch, normalise_batch

VERSION = 1
"""Goes into every key; texts of another version, or of another one of the normaliser, share none by design."""

MIN_LETTERS = 6
"""Letters from which a text says something; with fewer, many people say the same without copying it."""

MIN_PICTURES = 6
"""Pictures from which a text of fewer letters is a wall; repeats that the normaliser cut are counted."""

MIN_SHINGLES = 10
"""Shingles from which a text has keys of near-copies; with fewer, one changed word makes another text."""

GROUPS, PER_GROUP = 3, 4
"""Keys of near-copies, and minima in each. Of a million other messages a tenth of one shares a key by chance."""

_DIGIT, _LETTER, _PICTURE = 1, 2, 3
# Ranges instead of Unicode's categories, which grow with every version of Python. Normalised text is in lower case.
_RANGES = (
    (_DIGIT, (0x30, 0x3A)),
    (_LETTER, (0x61, 0x7B)),
    (_LETTER, (0xC0, 0x2000)),  # the alphabets
    (_PICTURE, (0x2190, 0x2C00)),
    (_LETTER, (0x2C00, 0x2E00)),
    (_LETTER, (0x3041, 0x3200)),  # kana, bopomofo
    (_LETTER, (0x3400, 0xD7B0)),  # Han, Yi, Hangul
    (_LETTER, (0xF900, 0xFB00)),
    (_LETTER, (0x10000, 0x1F000)),
    (_PICTURE, (0x1F000, 0x1FB00)),
    (_LETTER, (0x20000, 0x32400)),
    (_PICTURE, (EMOTICON_BASE, EMOTICON_BASE + len(EMOTICONS))),
)
_NUMBER = 0x30

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_STIR = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

Words = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int64]


class _Folded(NamedTuple):
    """What is left of a batch: units, the message of each, and where each message begins, with the end of all."""

    units: Words
    message: Index
    offsets: Index


def keys(batch: Batch) -> list[tuple[int, ...]]:
    """Keys of every message, signed and of 64 bits; messages that share one are copies or near-copies.

    The first is that of the letters in their order. Three of near-copies follow where the text is long enough for them
    (`MIN_SHINGLES`). A text that says too little to be copied has none; a wall of pictures does say something.
    """
    folded = _fold(batch)
    shingles = _shingles(folded)
    exact = _sequences(folded).view(np.int64).tolist()
    near = _near(shingles).view(np.int64).tolist()
    n_letters, n_shingles = np.diff(folded.offsets).tolist(), np.diff(shingles.offsets).tolist()
    return [
        () if not letters else (key, *(row if pairs >= MIN_SHINGLES else ()))
        for letters, pairs, key, row in zip(n_letters, n_shingles, exact, near, strict=True)
    ]


def resemblance(a: str, b: str) -> float:
    """Jaccard similarity of the shingles of two texts, in [0, 1]; 0 if either has none."""
    return resemblances(a, [b])[0]


def resemblances(text: str, others: Sequence[str]) -> list[float]:
    """`resemblance` of a text to each of several."""
    batch = normalise_batch([text, *others])
    shingles = _shingles(_fold(batch, least_letters=1, least_pictures=1))
    parts = np.split(shingles.units, shingles.offsets[1:-1])
    own = set(parts[0].tolist())
    return [_overlap(own, set(part.tolist())) for part in parts[1:]]


def _overlap(a: set[int], b: set[int]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0


def _fold(batch: Batch, *, least_letters: int = MIN_LETTERS, least_pictures: int = MIN_PICTURES) -> _Folded:
    """Letters and digits of messages with enough of them; of the others pictures too, if these are enough."""
    n = len(batch.offsets) - 1
    kinds = _kinds()[batch.units]
    message = np.repeat(np.arange(n), np.diff(batch.offsets))
    is_letter = (kinds == _LETTER) | (kinds == _DIGIT)
    is_picture = kinds == _PICTURE
    speaks = np.bincount(message[is_letter], minlength=n) >= least_letters
    is_wall = ~speaks
    if is_picture.any():
        is_wall &= np.bincount(message, np.where(is_picture, _repeats(batch, message), 0), n) >= least_pictures
    else:
        is_wall[:] = False
    keep = (is_letter & (speaks | is_wall)[message]) | (is_picture & is_wall[message])
    message = message[keep]
    offsets = np.searchsorted(message, np.arange(n + 1))
    return _Folded(batch.units[keep].astype(np.uint64), message, offsets)


def _repeats(batch: Batch, message: Index) -> npt.NDArray[np.float64]:
    """How often each unit was typed: the last of a run that was cut stands for all that were dropped after it."""
    size = (batch.ends - batch.starts).astype(np.float64)
    times = np.ones(len(size))
    ends_run = np.zeros(len(size), np.bool_)
    ends_run[MAX_REPEATS - 1 :] = True
    for back in range(1, MAX_REPEATS):
        ends_run[back:] &= (batch.units[back:] == batch.units[:-back]) & (message[back:] == message[:-back])
    where = np.flatnonzero(ends_run)
    times[where] = np.maximum(1.0, np.rint(size[where] / size[where - 1]))
    return times


def _shingles(folded: _Folded) -> _Folded:
    """Hashes of every pair of neighbours, in their order; a lone unit is one by itself."""
    is_digit = folded.units < np.uint64(0x3A)  # pictures and letters lie above
    units = np.where(is_digit, np.uint64(_NUMBER), folded.units)
    keep = np.ones(len(units), np.bool_)
    keep[1:] = ~(is_digit[1:] & is_digit[:-1] & (folded.message[1:] == folded.message[:-1]))
    units, message = units[keep], folded.message[keep]
    follows = message[1:] == message[:-1]
    begins = np.ones(len(units), np.bool_)
    begins[1:] &= ~follows
    begins[:-1] &= ~follows
    codes = units << np.uint64(32)
    codes[:-1] |= np.where(follows, units[1:], np.uint64(0))
    begins[:-1] |= follows  # the last unit of several begins none
    hashed, message = _stir(codes[begins]), message[begins]
    return _Folded(hashed, message, np.searchsorted(message, np.arange(len(folded.offsets))))


def _near(shingles: _Folded) -> Words:
    """Super-shingles of each message, (n, GROUPS); 0 where it has no shingle."""
    found = np.zeros((len(shingles.offsets) - 1, GROUPS), np.uint64)
    filled = np.flatnonzero(np.diff(shingles.offsets))
    if len(filled):
        hashed = (shingles.units ^ _salts()) * _STIR[0]
        least = np.minimum.reduceat(hashed, shingles.offsets[filled], axis=1).reshape(GROUPS, PER_GROUP, -1)
        total = np.full((GROUPS, len(filled)), VERSION, np.uint64) + np.arange(GROUPS, dtype=np.uint64)[:, None]
        for step in range(PER_GROUP):
            total = _stir(total * _FACTOR ^ least[:, step])
        found[filled] = total.T
    return found


def _sequences(folded: _Folded) -> Words:
    """A hash of each message's units in their order."""
    n = len(folded.offsets) - 1
    found = np.zeros(n, np.uint64)
    filled = np.flatnonzero(np.diff(folded.offsets))
    if len(filled):
        place = (np.arange(len(folded.units)) - folded.offsets[folded.message]).astype(np.uint64)
        parts = _stir(folded.units + (place << np.uint64(32)) + np.uint64(VERSION))
        found[filled] = _stir(np.add.reduceat(parts, folded.offsets[filled]))
    return found


def _stir(values: Words) -> Words:
    """Spread every bit over all of them (the finaliser of splitmix64)."""
    mixed = values + _FACTOR
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _STIR[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _STIR[1]
    return mixed ^ (mixed >> np.uint64(31))


@cache
def _salts() -> Words:
    return _stir(np.arange(1, GROUPS * PER_GROUP + 1, dtype=np.uint64))[:, None]


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Kind of every unit; 0 for spaces, punctuation and what has no character."""
    table = np.zeros(EMOTICON_BASE + len(EMOTICONS), np.uint8)
    for kind, (first, end) in _RANGES:
        table[first:end] = kind
    return table
