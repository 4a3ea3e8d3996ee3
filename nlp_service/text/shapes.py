"""What characters look like: look-alikes, pictures that are read as a word, and characters written in parts.

Two tables, written for this project. alike.tsv: a character or word, and what is drawn like it or stands for it.
components.tsv: a first part, and pairs of what follows it and the character that both make.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.text.emoticons import EMOTICON_BASE
from nlp_service.text.normalise import Ints
from nlp_service.text.ordinary import rarity
from nlp_service.text.sounds import N_CODE_POINTS

Bools = npt.NDArray[np.bool_]

SKIPPED = 0
"""What a separator is read as. Smaller values are words: ``-1 - i`` for the i-th of `Folds.words`."""

_USUAL = 12
"""Nats; a look-alike that is a less rare character than this is first of all itself (安徽 is not 安微)."""


class Folds(NamedTuple):
    """Two ways to read a normalised unit; tables of shape (0x110000,).

    Attributes:
        plain: Pictures and signs are read, and rare look-alikes are taken for what they look like.
        loose: Pictures and signs are noise, and every look-alike is taken for what it looks like.
        words: What a picture is read as where that is several characters.
        noise: Skipped units that are more than a space or the punctuation of sentences.
    """

    plain: Ints
    loose: Ints
    words: tuple[Ints, ...]
    noise: Bools


@cache
def folds() -> Folds:
    """Read the packaged table, once."""
    plain = np.arange(N_CODE_POINTS, dtype=np.int32)
    noise = np.zeros(N_CODE_POINTS, np.bool_)
    # Beyond the second plane there are only characters; private ones are codes of emoticons, which nobody reads aloud.
    for point in range(0x20000):
        category = unicodedata.category(chr(point))
        if category[0] not in "LN":
            plain[point] = SKIPPED
            noise[point] = chr(point) not in _PUNCTUATION
    plain[EMOTICON_BASE:] = SKIPPED
    noise[EMOTICON_BASE:] = True
    loose = plain.copy()
    words: list[Ints] = []
    for target, drawn in _rows("alike.tsv"):
        if len(target) > 1:
            words.append(np.array([ord(char) for char in target], np.int32))
        read_as = ord(target) if len(target) == 1 else -len(words)
        for char in drawn:
            point = ord(char)
            is_sign = plain[point] == SKIPPED
            if is_sign or rarity()[point] >= _USUAL:
                plain[point] = read_as
            if not is_sign:
                loose[point] = read_as
    return Folds(plain, loose, tuple(words), noise)


_PUNCTUATION = frozenset(" ,.!?;:、。\"'()<>《》")


@cache
def characters_of_parts() -> dict[tuple[int, int], int]:
    """Code point of the character that two parts make."""
    return {
        (ord(first), ord(pair[0])): ord(pair[1]) for first, pairs in _rows("components.tsv") for pair in pairs.split()
    }


@cache
def joints() -> tuple[Bools, Bools, npt.NDArray[np.int64]]:
    """Which code points are a first part, which are a second, and all pairs, the first shifted by 21 bits, sorted."""
    pairs = np.sort(np.array([first << 21 | second for first, second in characters_of_parts()], np.int64))
    first, second = np.zeros(N_CODE_POINTS, np.bool_), np.zeros(N_CODE_POINTS, np.bool_)
    first[pairs >> 21] = True
    second[pairs & 0x1FFFFF] = True
    return first, second, pairs


def _rows(name: str) -> list[tuple[str, str]]:
    lines = files(__package__).joinpath(name).read_text("utf-8").splitlines()
    return [(first, second) for first, second in (line.split("\t") for line in lines)]
