"""Text as the models see it, with a way back to the text as it was sent.

`normalise` turns a message into *units*: one code point each, or one emoticon code such as ``[微笑]``. What makes two
writings of the same words differ is taken away (width, case, traditional forms, accents, invisible characters, walls of
repeated characters), and every unit remembers which half-open range of the original it came from, so that whatever is
found in the units can be shown in the characters that the author typed.

All of it is table look-ups over arrays of code points: a batch of messages costs a few numpy operations, not a Python
loop over characters.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import opencc

from nlp_service.text.emoticons import EMOTICON_BASE, EMOTICONS

VERSION = "1"
"""Changes whenever the same text may give other units. An artefact names the version that it was trained with."""

MAX_REPEATS = 3
"""A run of one unit longer than this is cut to it (digits excepted: they are amounts and numbers)."""

Ints = npt.NDArray[np.int32]

_N_CODE_POINTS = sys.maxunicode + 1
_SPACE, _UNKNOWN, _ZWJ = 0x20, 0xFFFD, 0x200D
_DROP, _JOINER = 0, -1  # table values that are no unit; values below _JOINER are expansions
_OPEN, _CLOSE = ord("["), ord("]")
_LONGEST_EMOTICON = max(map(len, EMOTICONS))
_EMOTICON_UNITS = {name: EMOTICON_BASE + index for index, name in enumerate(EMOTICONS)}

# Quotation marks and dashes that NFKC keeps apart although people use them for one another, and letters of other
# scripts that stand in for Latin ones in adverts ("wеixin" with a Cyrillic е), after Unicode's confusables.txt.
_ALIKE = {
    ord(char): target
    for target, chars in {
        '"': "“”„‟«»「」『』﹁﹂",
        "'": "‘’‚‛`´",
        "-": "‐‑‒–—―−",
        "~": "〜∼",
        "·": "•・‧",
    }.items()
    for char in chars
} | dict(
    zip(
        map(ord, "аеорсухіѕјкмтвнαορνικτυχɡɪʀɴ"),
        "aeopcyxisjkmtbhaopviktuxgirn",
        strict=True,
    )
)


class Batch(NamedTuple):
    """Units of several messages, one after the other.

    Attributes:
        units: Code points, or emoticon codes from `EMOTICON_BASE` on; int32, shape (n_units,).
        starts: First original code point of each unit, counted within its message; shape (n_units,).
        ends: The one after its last original code point; shape (n_units,).
        offsets: Message ``i`` holds the units ``offsets[i]:offsets[i + 1]``; shape (n_messages + 1,).
    """

    units: Ints
    starts: Ints
    ends: Ints
    offsets: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One normalised message.

    Attributes:
        original: The text as it was sent.
        units, starts, ends: As in `Batch`.
    """

    original: str
    units: Ints
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.units)

    @property
    def normalised(self) -> str:
        """The units as a string; emoticon codes are spelt out, so it can be longer than `len`."""
        return render(self.units)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Original half-open code-point range of the units ``start:end``.

        Raises:
            ValueError: The range is empty or leaves the text.
        """
        if not 0 <= start < end <= len(self.units):
            raise ValueError(f"units {start}:{end} are not a range within {len(self.units)}")
        return int(self.starts[start]), int(self.ends[start:end].max())


def normalise(text: str) -> Text:
    """Normalise one message. Any string is accepted, lone surrogates included; it may come out empty."""
    batch = normalise_batch([text])
    return Text(text, batch.units, batch.starts, batch.ends)


def message_of(batch: Batch, index: int, text: str) -> Text:
    """One message of a batch; `text` is what it was made of."""
    own = slice(int(batch.offsets[index]), int(batch.offsets[index + 1]))
    return Text(text, batch.units[own], batch.starts[own], batch.ends[own])


def render(units: Ints) -> str:
    """Write units as a string, with emoticon codes spelt out."""
    return "".join(
        f"[{EMOTICONS[unit - EMOTICON_BASE]}]" if unit >= EMOTICON_BASE else chr(unit) for unit in units.tolist()
    )


def normalise_batch(texts: Sequence[str]) -> Batch:
    """Normalise many messages at once; message ``i`` of the result is `normalise` of ``texts[i]``."""
    n = len(texts)
    lengths = np.fromiter(map(len, texts), np.int64, n)
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    joined = "".join(texts)
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    table, expansions = _table()
    units = table[points]

    if "[" in joined or "［" in joined:
        _join_emoticons(units, joined, np.repeat(np.arange(n), lengths))
    source = np.arange(len(units))
    if units.size and units.min() < _JOINER:
        units, source = _expand(units, source, expansions)
    if joined.find("\u200d") >= 0:
        _join_emoji(units, np.searchsorted(bounds, source, side="right"))

    keep = units > 0
    spaces = units == _SPACE
    units, kept = units[keep], source[keep]
    message = np.searchsorted(bounds, kept, side="right") - 1
    chosen = _without_repeats(units, message)
    chosen &= _without_loose_spaces(units, message, n)
    units, kept, message = units[chosen], kept[chosen], message[chosen]

    ends = _absorb_dropped(kept, message, source[~spaces], bounds)
    first = bounds[message]
    offsets = np.searchsorted(message, np.arange(n + 1)).astype(np.int32)
    return Batch(units, (kept - first).astype(np.int32), (ends - first).astype(np.int32), offsets)


def _join_emoticons(units: Ints, joined: str, message: npt.NDArray[np.int64]) -> None:
    """Turn the bracket of each known code into its unit and drop the rest of the code."""
    for opening in np.flatnonzero(units == _OPEN).tolist():
        closing = opening + 2
        limit = min(opening + _LONGEST_EMOTICON + 2, len(units))
        while closing < limit and units[closing] != _CLOSE:
            closing += 1
        if closing < limit and message[opening] == message[closing]:
            name = [unit for unit in units[opening + 1 : closing].tolist() if unit not in (_DROP, _JOINER)]
            unit = _EMOTICON_UNITS.get("".join(map(chr, name))) if min(name, default=0) > 0 else None
            if unit is not None:
                units[opening] = unit
                units[opening + 1 : closing + 1] = _DROP


def _join_emoji(units: Ints, message: npt.NDArray[np.int64]) -> None:
    """Keep the first of the emoji that a zero-width joiner makes one picture of."""
    # Only between two pictures of one message: between other characters a joiner is a disguise and must hide nothing.
    is_picture = ((units >= 0x2190) & (units <= 0x2BFF)) | ((units >= 0x1F000) & (units <= 0x1FAFF))
    previous = np.maximum.accumulate(np.where(units > 0, np.arange(len(units)), 0))
    joiners = np.flatnonzero(units[:-1] == _JOINER)
    before, after = previous[joiners], joiners + 1
    units[after[is_picture[before] & is_picture[after] & (message[before] == message[after])]] = _DROP


def _expand(
    units: Ints, source: npt.NDArray[np.int64], expansions: tuple[Ints, ...]
) -> tuple[Ints, npt.NDArray[np.int64]]:
    """Write out characters that stand for several ("㎏", "…")."""
    where = np.flatnonzero(units < _JOINER)
    lengths = np.ones(len(units), np.int64)
    parts = [expansions[_JOINER - 1 - unit] for unit in units[where].tolist()]
    lengths[where] = [len(part) for part in parts]
    expanded = np.repeat(units, lengths)
    expanded[expanded < _JOINER] = np.concatenate(parts)
    return expanded, np.repeat(source, lengths)


def _without_repeats(units: Ints, message: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    index = np.arange(len(units))
    begins = np.ones(len(units), np.bool_)
    begins[1:] = (units[1:] != units[:-1]) | (message[1:] != message[:-1])
    position = index - np.maximum.accumulate(np.where(begins, index, 0))
    digit = (units >= 0x30) & (units <= 0x39)
    return (position < MAX_REPEATS) | digit


def _without_loose_spaces(units: Ints, message: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.bool_]:
    """Drop spaces at both ends of a message and after another space."""
    space = units == _SPACE
    keep = np.ones(len(units), np.bool_)
    if not space.any():
        return keep
    # The first and last unit of each message that is no space bound what may be kept.
    solid = np.flatnonzero(~space)
    first = np.full(n, len(units))
    last = np.full(n, -1)
    np.minimum.at(first, message[solid], solid)
    np.maximum.at(last, message[solid], solid)
    index = np.arange(len(units))
    keep[1:] = ~(space[1:] & space[:-1] & (message[1:] == message[:-1]))
    keep &= ~space | ((index > first[message]) & (index < last[message]))
    return keep


def _absorb_dropped(
    kept: npt.NDArray[np.int64],
    message: npt.NDArray[np.int64],
    solid: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """End of each kept unit; what was dropped after it (marks, joiners, repeats, the tail of a code) belongs to it."""
    if not len(kept):
        return kept
    following = np.append(kept[1:], bounds[-1])
    following = np.minimum(following, bounds[message + 1])
    # The last original position before the next unit that is no space. A unit is itself solid, unless it is a space.
    last = solid[np.maximum(np.searchsorted(solid, following) - 1, 0)] if len(solid) else kept
    return np.maximum(last, kept) + 1


@cache
def _table() -> tuple[Ints, tuple[Ints, ...]]:
    """Unit of every code point, and the expansions.

    A value > 0 is a unit, `_DROP` and `_JOINER` give none, and a smaller one is ``_JOINER - 1 - i`` for
    expansion ``i``.
    """
    table = np.full(_N_CODE_POINTS, _UNKNOWN, np.int32)
    expansions: list[Ints] = []
    simplified = _simplified()
    for point in _assigned():
        result = _map(chr(point), simplified)
        if len(result) == 1:
            table[point] = ord(result)
        elif not result:
            table[point] = _DROP
        else:
            expansions.append(np.array([ord(c) for c in result], np.int32))
            table[point] = _JOINER - len(expansions)
    table[_ZWJ] = _JOINER
    return table, tuple(expansions)


def _assigned() -> list[int]:
    # Planes 0 to 3 and the tags and variation selectors; the rest is unassigned or for private use.
    ranges = (range(0xD800), range(0xF900, 0x20000), range(0x20000, 0x323B0), range(0xE0000, 0xE01F0))
    plain = {"Co", "Cn", "Cs"}
    return [point for r in ranges for point in r if unicodedata.category(chr(point)) not in plain]


def _map(char: str, simplified: dict[str, str]) -> str:
    if char.isspace():
        return " "
    if "\u4e00" <= char <= "\u9fff":
        return simplified.get(char, char)
    if "\uac00" <= char <= "\ud7a3":
        return char
    if 0x1F3FB <= ord(char) <= 0x1F3FF:  # skin tones: the same emoji
        return ""
    folded = unicodedata.normalize("NFKC", char).lower()
    if any(unicodedata.name(c, "").startswith("LATIN") for c in folded):
        folded = unicodedata.normalize("NFKD", folded)  # "wēixìn" is pinyin for 微信
    kept = "".join(c for c in folded if unicodedata.category(c) not in ("Mn", "Me", "Cf", "Cc") or c.isspace())
    kept = " ".join(kept.split()) if any(c.isspace() for c in kept) else kept
    return "".join(simplified.get(c, c) for c in kept.translate(_ALIKE))


def _simplified() -> dict[str, str]:
    """Simplified form of each traditional character that has one of its own."""
    han = [chr(p) for r in (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00)) for p in r]
    converted = opencc.OpenCC("t2s").convert("\n".join(han)).split("\n")
    pairs = {old: new for old, new in zip(han, converted, strict=True) if old != new and len(new) == 1}
    return {old: pairs.get(new, new) for old, new in pairs.items()}  # a few take two steps
