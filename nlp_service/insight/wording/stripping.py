"""What is left of a text when everything that can be put before and behind any statement is taken off.

"我说，直播又断了[捂脸]" and "楼上+1 直播又断了？？" are one statement by two people; counted as texts they would be
two wordings said once. So a text is cut into pieces at punctuation, spaces and pictures, and a piece is taken off the
beginning or the end if it is a known filler, or if this very table shows that it goes with anything: it stands before
many different rests, most of which are also said without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import cache
from pathlib import Path

import numpy as np

from nlp_service.text.emoticons import EMOTICON_BASE, EMOTICONS
from nlp_service.text.normalise import normalise_batch

CUT = "。"
"""Between the pieces of a text."""

LONGEST_FILLER = 8
"""Code points of a piece that may be learnt as a filler."""

LEAST_RESTS = 12
"""Different rests that a learnt filler stands with; below, it may be half of what a few people say."""

LEAST_SHARED = 0.5
"""Part of these rests that is also said without it, or with another filler."""

_BLOCK = 20_000  # texts, so that the arrays of the normaliser stay small
_SAMPLE = 200_000  # texts of several pieces that fillers are learnt from
_MENTION = re.compile(r"@[^\s@]{1,24}|https?://[^\s一-鿿]+|www\.[^\s一-鿿]+|\[[^\[\]\n]{1,8}\]")
_BREAKS = re.compile(r"[^\w\n]+|_+")
_NUMBERS = re.compile(r"\d+(?:0*\d)*")
_PARTICLES = re.compile(r"(?<=[^。\n]{2})[啊呀呢哈吧嘛哦噢啦哎唉咯喽哇]+(?=。*$)", re.MULTILINE)


def strip(texts: Sequence[str]) -> list[str]:
    """The pieces of each text that say something, joined by `CUT`; empty where none does.

    Numbers come out as one 0, letters as the normaliser writes them. The texts should be different ones: what is a
    filler is learnt from how many of them there are.
    """
    pieces = [piece for first in range(0, len(texts), _BLOCK) for piece in _pieces(texts[first : first + _BLOCK])]
    known = fillers()
    for own in pieces:
        _trim(own, known, known)
    several = [own for own in pieces if len(own) > 1]
    several = several[:: 1 + len(several) // _SAMPLE]
    said = {CUT.join(own) for own in pieces}
    heads = _learn(((own[0], CUT.join(own[1:])) for own in several), said)
    tails = _learn(((own[-1], CUT.join(own[:-1])) for own in several), said)
    if heads or tails:
        for own in pieces:
            _trim(own, heads, tails)
    return [CUT.join(own) for own in pieces]


def read_list(name: str) -> frozenset[str]:
    """Words of a list of this folder; lines that begin with # are for people."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@cache
def fillers() -> frozenset[str]:
    """Pieces that say nothing at the ends of a text."""
    return read_list("fillers.txt")


def _pieces(texts: Sequence[str]) -> list[list[str]]:
    batch = normalise_batch(texts)
    units = batch.units.astype(np.uint32)
    # Line ends are where messages end from here on, and an emoticon code is a character that is no letter.
    units[units == 0x0A] = 0x20
    units[(units >= EMOTICON_BASE) & (units < EMOTICON_BASE + len(EMOTICONS))] = 0x20
    joined = np.insert(units, batch.offsets[1:], 0x0A).tobytes().decode("utf-32-le", "replace")
    if "@" in joined or "[" in joined or "://" in joined or "www" in joined:
        joined = _MENTION.sub(CUT, joined)
    joined = _PARTICLES.sub("", _NUMBERS.sub("0", _BREAKS.sub(CUT, joined)))
    return [[piece for piece in line.split(CUT) if piece] for line in joined.split("\n")[:-1]]


def _trim(pieces: list[str], heads: frozenset[str], tails: frozenset[str]) -> None:
    """Take fillers off both ends, in place."""
    while pieces and pieces[-1] in tails:
        pieces.pop()
    first = 0
    while first < len(pieces) and pieces[first] in heads:
        first += 1
    del pieces[:first]


def _learn(split: Iterable[tuple[str, str]], said: Set[str]) -> frozenset[str]:
    """Pieces that go with anything; `split` gives each text's outer piece and the rest, `said` whole texts."""
    pairs = {pair for pair in split if len(pair[0]) <= LONGEST_FILLER}
    with_others = Counter(rest for _, rest in pairs)
    rests = Counter(piece for piece, _ in pairs)
    shared = Counter(piece for piece, rest in pairs if rest in said or with_others[rest] > 1)
    return frozenset(piece for piece, n in rests.items() if n >= LEAST_RESTS and shared[piece] >= LEAST_SHARED * n)
