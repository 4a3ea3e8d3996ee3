"""Texts as sequences of sounds, in which a disguised word and the plain one are the same.

A message is read in several ways. The first is always there: separators are skipped, pictures are read, digits are
numerals, what is repeated is there once. The others stand beside it only where there is something to them:

- spelt: letters are pinyin;
- drawn: letters beside digits are digits, digits beside letters are letters;
- joined: pictures are noise, and parts are joined (讠平 is 评);
- alike: pictures are noise, and characters that are first of all themselves are what they look like;
- columns: a column of short lines is a row.

Equal sequences are a suspicion and no more: `Readings` says of each place what stands there, and
`moderation/disguise.py` judges whether that is the word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.text.normalise import Batch, Ints
from nlp_service.text.rereading import Longs, Places, alike, columns, drawn, joined, spelt
from nlp_service.text.shapes import SKIPPED, folds
from nlp_service.text.sounds import Shorts, sounds, values

_NEW_LINE, _RETURN = "\n", "\r"


class Readings(NamedTuple):
    """Readings of the messages of a batch, one behind the other; each ends with a place without a symbol.

    Attributes:
        symbols: What each place sounds like; uint16, shape (n_places,).
        chars: The unit that stands there or was joined there; 0 for a syllable in letters and at ends.
        bases: What that is read as; 0 likewise.
        how: One of `rereading.How`.
        counts: How often the same stands there, one after the other, digits excepted; 0 at ends.
        first, last: Their first and last unit in the batch; -1 at ends.
        message: Which message it is a reading of.
        ends: Where the end of each reading is; shape (n_readings,).
    """

    symbols: Shorts
    chars: Ints
    bases: Ints
    how: Ints
    counts: Ints
    first: Ints
    last: Ints
    message: Ints
    ends: Longs


def encode(symbols: Shorts) -> bytes:
    """Two bytes a symbol, the first at least 128 and the second below, so that no match begins between two of them."""
    pairs = np.empty((len(symbols), 2), np.uint8)
    pairs[:, 0] = 0x80 | (symbols >> 7)
    pairs[:, 1] = symbols & 0x7F
    return pairs.tobytes()


def read(texts: Sequence[str], batch: Batch) -> Readings:
    """Read messages in every way that says something; message ``i`` was ``texts[i]`` and has at least one reading."""
    places = _first(batch)
    kinds = [*spelt(places), *drawn(places), *joined(places), *alike(places), *_upright(texts, batch, places)]
    if not kinds:
        return _runs(places, places.message, np.arange(len(texts), dtype=np.int32))
    rows: list[Ints | Longs] = [places.message]
    owners: list[Ints | Longs] = [np.arange(len(texts))]
    n = len(texts)
    for kind in kinds:
        begins = ~kind.follows
        rows.append(n - 1 + np.cumsum(begins))
        owners.append(kind.message[begins])
        n += len(owners[-1])
    together = Places(*(np.concatenate(fields) for fields in zip(places, *kinds, strict=True)))
    return _runs(together, np.concatenate(rows).astype(np.int64), np.concatenate(owners).astype(np.int32))


def read_words(batch: Batch) -> Readings:
    """The first reading of each text and no other, as the words of a list are read."""
    places = _first(batch)
    return _runs(places, places.message, np.arange(len(batch.offsets) - 1, dtype=np.int32))


def _first(batch: Batch) -> Places:
    table = folds()
    bases = table.plain[batch.units]
    source = np.arange(len(bases))
    if len(bases) and bases.min() < SKIPPED:
        lengths = np.ones(len(bases), np.int64)
        pictures = np.flatnonzero(bases < SKIPPED)
        read_as = [table.words[-1 - base] for base in bases[pictures].tolist()]
        lengths[pictures] = [len(word) for word in read_as]
        bases, source = np.repeat(bases, lengths), np.repeat(source, lengths)
        bases[bases < SKIPPED] = np.concatenate(read_as)
    kept = np.flatnonzero(bases)
    bases, source = bases[kept], source[kept]
    chars, units = batch.units[source], source.astype(np.int32)
    how = (chars != bases).astype(np.int32)
    message = np.repeat(np.arange(len(batch.offsets) - 1, dtype=np.int32), np.diff(batch.offsets))[source]
    return Places(sounds().symbols[bases].astype(np.int32), chars, bases, how, units, units, message)


def _upright(texts: Sequence[str], batch: Batch, places: Places) -> Iterator[Places]:
    starts, ends = batch.starts, batch.ends
    for index, text in enumerate(texts):
        if _NEW_LINE in text or _RETURN in text:
            low, high = np.searchsorted(places.message, (index, index + 1)).tolist()
            own = places.where(np.arange(low, high))
            between = zip(ends[own.last[:-1]].tolist(), starts[own.first[1:]].tolist(), strict=True)
            breaks = [i for i, (a, b) in enumerate(between, 1) if _NEW_LINE in text[a:b] or _RETURN in text[a:b]]
            yield from columns(own, breaks)


def _runs(places: Places, row: Ints | Longs, owners: Ints) -> Readings:
    """Put what is repeated into one place, and an end behind every row."""
    begins = np.ones(len(row), np.bool_)
    # A letter is the same whatever it is drawn like; a character is not the same as one that it looks like.
    same = np.where(places.letters, places.base, places.char)
    begins[1:] = (places.symbol[1:] != places.symbol[:-1]) | (same[1:] != same[:-1])
    begins[1:] |= row[1:] != row[:-1]
    begins |= values()[places.base] >= 0
    starts = np.flatnonzero(begins)
    counts = np.diff(np.append(starts, len(row)))
    n_runs = np.bincount(row[starts], minlength=len(owners))
    at = np.arange(len(starts)) + row[starts]  # the end behind each row moves what follows by one

    def spread(what: npt.NDArray[np.generic], fill: int = 0) -> Ints:
        made = np.full(len(starts) + len(owners), fill, np.int32)
        made[at] = what
        return made

    return Readings(
        spread(places.symbol[starts]).astype(np.uint16),
        spread(places.char[starts]),
        spread(places.base[starts]),
        spread(places.how[starts]),
        spread(counts),
        spread(places.first[starts], -1),
        spread(places.last[starts + counts - 1], -1),
        np.repeat(owners, n_runs + 1),
        np.cumsum(n_runs + 1) - 1,
    )
