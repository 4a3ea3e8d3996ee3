"""What characters sound like: toneless pinyin as one small number, and letters cut into syllables.

The table, sounds.tsv, is made by scripts/make_word_tables.py from pypinyin (MIT). Tones are left out because people who
write by sound do not keep to them. A digit sounds like its numeral, so that 1夜情 and 一夜情 are the same sequence.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Shorts = npt.NDArray[np.uint16]

N_CODE_POINTS = 0x110000
NO_SYMBOL = 0
"""Stands between messages; nothing sounds like it."""

NUMERALS = ("零〇0", "一壹1", "二贰弍2", "三叁弎3", "四肆4", "五伍5", "六陆6", "七柒7", "八捌8", "九玖9")
"""What each digit is written as, by its value."""

_FIRST_LETTER, _FIRST_OTHER, _MOST = 480, 1024, 1 << 14
_LONGEST_SYLLABLE = len("zhuang")
_LONGEST_KEPT = 32  # letters of a run that is worth remembering
# pypinyin also has interjections without a vowel, and sounds that nobody spells.
_NO_SYLLABLES = frozenset(("m", "n", "hm", "fiao", "lo", "yo", "ei", "eng"))


class Sounds(NamedTuple):
    """The table.

    Attributes:
        symbols: Symbol of each code point, below 2**14; shape (0x110000,). Letters have their own; characters without a
            sound share what is left, so that equal symbols say no more than that two may be the same.
        others: Further symbols of characters that are read in more than one way.
        spelt: Symbol of each syllable.
    """

    symbols: Shorts
    others: dict[int, tuple[int, ...]]
    spelt: dict[str, int]


@cache
def sounds() -> Sounds:
    """Read the packaged table, once."""
    symbols = (_FIRST_OTHER + np.arange(N_CODE_POINTS) % (_MOST - _FIRST_OTHER)).astype(np.uint16)
    others: dict[int, tuple[int, ...]] = {}
    spelt: dict[str, int] = {}
    lines = files(__package__).joinpath("sounds.tsv").read_text("utf-8").splitlines()
    for symbol, line in enumerate(lines, 1):
        sound, first, second = line.split("\t")
        spelt[sound] = symbol
        symbols[[ord(char) for char in first]] = symbol
        for char in second:
            others[ord(char)] = (*others.get(ord(char), ()), symbol)
    symbols[ord("a") : ord("z") + 1] = range(_FIRST_LETTER, _FIRST_LETTER + 26)
    for forms in NUMERALS:
        symbols[[ord(char) for char in forms]] = symbols[ord(forms[0])]
    return Sounds(symbols, others, spelt)


@cache
def values() -> npt.NDArray[np.int8]:
    """0 to 9 for digits and numerals, -1 for every other code point; shape (0x110000,)."""
    table = np.full(N_CODE_POINTS, -1, np.int8)
    for value, forms in enumerate(NUMERALS):
        table[[ord(char) for char in forms]] = value
    return table


def syllables(letters: str) -> tuple[str, ...]:
    """Cut a run of letters a-z into syllables, and into single letters where there are none: ``vxin`` is v, xin.

    Of all ways the one with the fewest stray letters, then with the fewest pieces, then with the longest first piece.
    A lone vowel counts as a stray letter, since English is full of them.
    """
    return _cut_often(letters) if len(letters) <= _LONGEST_KEPT else _cut(letters)


@lru_cache(maxsize=4096)
def _cut_often(letters: str) -> tuple[str, ...]:
    return _cut(letters)


def _cut(letters: str) -> tuple[str, ...]:
    known = sounds().spelt
    n = len(letters)
    best = [(0, 0, n)] * (n + 1)  # of what begins there: stray letters, pieces, end of the first piece
    for start in range(n - 1, -1, -1):
        stray, pieces, _ = best[start + 1]
        choice = (stray + 1, pieces + 1, start + 1)
        for end in range(start + 2, min(start + _LONGEST_SYLLABLE, n) + 1):
            piece = letters[start:end]
            if piece in known and piece not in _NO_SYLLABLES:
                stray, pieces, _ = best[end]
                if (stray, pieces + 1) <= choice[:2]:
                    choice = (stray, pieces + 1, end)
        best[start] = choice
    bounds = [0]
    while bounds[-1] < n:
        bounds.append(best[bounds[-1]][2])
    return tuple(letters[a:b] for a, b in pairwise(bounds))
