"""What ordinary Chinese is made of: which characters are rare, and which neighbours belong together.

The table, ordinary.tsv, is made by scripts/make_word_tables.py from the dictionary of jieba (MIT) and from counts over
ordinary texts. Looking up is two hashes into a bitmap (a Bloom filter), without a loop over characters: what is not in
the table is taken for a part of it about once in ten thousand times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from nlp_service.text.sounds import N_CODE_POINTS

Bools = npt.NDArray[np.bool_]
Units = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint32]

LENGTHS = (2, 3, 4)
"""Of the words in the table."""

_RAREST = 16
_BITS = 25  # 4 MB a map
_FACTORS = tuple(np.uint32(f) for f in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F))
_FIRST_HAN, _LAST_HAN = 0x4E00, 0x9FFF


@cache
def rarity() -> npt.NDArray[np.uint8]:
    """How rare each code point is in ordinary text, in nats: 3 for 的, 16 for what hardly stands in any."""
    table = np.full(N_CODE_POINTS, _RAREST, np.uint8)
    for nats, chars in _rows("rarity"):
        table[[ord(char) for char in chars]] = int(nats)
    return table


def neighbours(units: Units) -> tuple[Bools, Bools]:
    """Whether a common word holds a unit and the one before it, and whether the two often stand so, for each unit."""
    tied, usual = np.zeros(len(units), np.bool_), np.zeros(len(units), np.bool_)
    if len(units) < LENGTHS[0]:
        return tied, usual
    columns = [units.view(np.uint32) * factor for factor in _FACTORS]
    for length in LENGTHS:
        n = len(units) - length + 1
        if n > 0:
            places = _place([columns[step][step : step + n] for step in range(length)])
            found = _is_set(_words(), places)
            for step in range(1, length):
                tied[step : step + n] |= found
            if length == LENGTHS[0]:
                usual[1:] = _is_set(_pairs(), places)
    # A hash cannot tell a word from anything else, but only Chinese characters make words of this table.
    han = (units >= _FIRST_HAN) & (units <= _LAST_HAN)
    both = np.append(False, han[1:] & han[:-1])
    return tied & both, usual & both


def _place(columns: Sequence[Hashes]) -> Hashes:
    """A hash of each word, given by its characters as columns, each already multiplied by its factor."""
    total = np.uint32(len(columns)) + columns[0]
    for column in columns[1:]:
        total = (total ^ (total >> np.uint32(15))) + column
    return (total ^ (total >> np.uint32(13))) * _FACTORS[1]


def _is_set(bitmap: npt.NDArray[np.uint8], hashes: Hashes) -> Bools:
    found = _bit(bitmap, hashes)
    candidates = np.flatnonzero(found)
    found[candidates] = _bit(bitmap, _again(hashes[candidates]))
    return found


def _again(hashes: Hashes) -> Hashes:
    return (hashes ^ (hashes >> np.uint32(16))) * _FACTORS[2]


def _bit(bitmap: npt.NDArray[np.uint8], hashes: Hashes) -> Bools:
    places = hashes >> np.uint32(32 - _BITS)
    bits: npt.NDArray[np.uint8] = bitmap[places >> np.uint32(3)] >> (places & np.uint32(7)).astype(np.uint8)
    return bits & np.uint8(1) > 0


@cache
def _words() -> npt.NDArray[np.uint8]:
    """A set bit at both places of every word of the table, eight to a byte."""
    rows = list(_rows("words"))
    return _bitmap({length: "".join(words for n, words in rows if int(n) == length) for length in LENGTHS})


@cache
def _pairs() -> npt.NDArray[np.uint8]:
    """The same of pairs that often stand so."""
    return _bitmap({2: "".join(first + char for first, rest in _rows("pairs") for char in rest)})


def _bitmap(words: Mapping[int, str]) -> npt.NDArray[np.uint8]:
    """Of words without anything between them, by length."""
    marks = np.zeros(1 << _BITS, np.bool_)
    for length, text in words.items():
        units = np.frombuffer(text.encode("utf-32-le"), np.uint32).reshape(-1, length)
        hashes = _place([column * factor for column, factor in zip(units.T, _FACTORS, strict=False)])
        for each in (hashes, _again(hashes)):
            marks[each >> np.uint32(32 - _BITS)] = True
    return np.packbits(marks, bitorder="little")


def _rows(kind: str) -> Iterator[tuple[str, str]]:
    for line in files(__package__).joinpath("ordinary.tsv").read_text("utf-8").splitlines():
        own, name, text = line.split("\t")
        if own == kind:
            yield name, text
