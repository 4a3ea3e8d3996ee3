"""Words of a community's lists, found in messages however they are written.

entries ─ spell ─► forms (as listed, other names, other readings) ─► one automaton over sounds
messages ─ read ─► sounds ─ automaton ─► suspicions ─ judge ─► finds ─ allowed phrases, the longest first ─► hits
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, groupby
from operator import itemgetter

import ahocorasick_rs
import numpy as np
import numpy.typing as npt

from nlp_service.moderation.builtin import everyday
from nlp_service.moderation.differences import is_worth_comparing
from nlp_service.moderation.disguise import RARE_ENOUGH, REFUSED, Disguise, judge
from nlp_service.moderation.entry import Entry, Hit, Kind
from nlp_service.moderation.precedence import Find, choose
from nlp_service.moderation.spelling import Listed, Spelling, spell
from nlp_service.moderation.surroundings import look_around
from nlp_service.text.normalise import Batch, normalise_batch, render
from nlp_service.text.rereading import Longs
from nlp_service.text.variants import Readings, encode, read
from nlp_service.types import Span

__all__ = ["MAX_HITS", "Disguise", "Entry", "Hit", "Kind", "Matcher"]

MAX_HITS = 100
"""Of one message, from its beginning; more say nothing more, and a wall of one word would have thousands."""

_FIRST = "加薇芯看图"
_NOTHING = np.zeros((6, 0), np.int64)


class Matcher:
    """Finds the words of lists. It never changes, and threads may share it; a change of a list is another matcher."""

    def __init__(self, entries: tuple[Entry, ...], n_own: int) -> None:
        """Make a matcher of all that counts, of which the first are a tenant's own; `build` is what to call."""
        self._entries = entries
        self._n_own = n_own
        if not entries:
            return
        spelling = spell([Listed(entry.word, entry.exact, entry.kind == "allow") for entry in entries])
        self._by_sound = ahocorasick_rs.BytesAhoCorasick(spelling.keys)
        self._as_it_is = ahocorasick_rs.BytesAhoCorasick(spelling.plain)
        self._spelling = spelling._replace(keys=[], plain=[])  # the automata hold them now
        # Allowed words of one sound hide nothing but denied ones.
        self._has_plain = any(entries[index].kind != "allow" for index in spelling.plain_entry.tolist())
        self._from = np.array([_moment(entry.valid_from, -math.inf) for entry in entries])
        self._to = np.array([_moment(entry.valid_to, math.inf) for entry in entries])
        # What is read on first use is read now, and not when a message waits.
        self.find([_FIRST], normalise_batch([_FIRST]), datetime.now(UTC))

    @classmethod
    def build(cls, entries: Iterable[Entry], *, with_everyday: bool = True) -> Matcher:
        """Make a matcher of entries in any order; a word that normalises to nothing is never found.

        Args:
            entries: Of all lists of a tenant.
            with_everyday: Whether the phrases of `builtin.everyday` are allowed too.
        """
        own = tuple(entries)
        if all(entry.kind == "allow" for entry in own):
            return cls((), len(own))  # there is nothing to find
        return cls((*own, *everyday()) if with_everyday else own, len(own))

    def __len__(self) -> int:
        """How many entries it was built of, the everyday phrases not counted."""
        return self._n_own

    def find(self, texts: Sequence[str], batch: Batch, at: datetime) -> list[tuple[Hit, ...]]:
        """Words in each message that are denied or watched at a moment, from left to right.

        What an allowed phrase holds is not found, nor a word that is a part of a longer one of its list there.

        Args:
            texts: As they were sent.
            batch: The same, normalised.
            at: Aware; entries that are not valid then do not count.
        """
        hits: list[tuple[Hit, ...]] = [()] * len(texts)
        if not self._entries or not len(batch.units):
            return hits
        message, finds = self._finds(texts, batch, at.timestamp())
        for index, group in groupby(zip(message, finds, strict=True), key=itemgetter(0)):
            chosen = choose([find for _, find in group], self._entries)[:MAX_HITS]
            hits[index] = tuple(self._hit(find, texts[index], batch) for find in chosen)
        return hits

    def _finds(self, texts: Sequence[str], batch: Batch, at: float) -> tuple[list[int], list[Find]]:
        """Every word of a list, allowed ones too, in order of messages."""
        table = np.concatenate([self._sounding(texts, batch), self._plain(batch)], axis=1)
        if not table.shape[1]:
            return [], []
        entry = table[3]
        table = table[:, (self._from[entry] <= at) & (at < self._to[entry])]
        table = table[:, np.argsort(table[0], kind="stable")]
        return table[0].tolist(), [Find(*row) for row in table[1:].T.tolist()]

    def _sounding(self, texts: Sequence[str], batch: Batch) -> Longs:
        """Finds by sound as columns: message, begin, end, entry, disguise, form."""
        readings = read(texts, batch)
        found = self._by_sound.find_matches_as_indexes(encode(readings.symbols), overlapping=True)
        if not found:
            return _NOTHING
        spelling, forms = self._spelling, self._spelling.forms
        numbers = np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found)).reshape(-1, 3)
        pattern, start = numbers[:, 0], numbers[:, 1] // 2
        n = spelling.bounds[pattern + 1] - spelling.bounds[pattern]
        skip = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        form = spelling.meant[np.repeat(spelling.bounds[pattern], n) + skip]
        start = np.repeat(start, n)
        kept = is_worth_comparing(readings, forms, form, start, RARE_ENOUGH)
        form, start = form[kept], start[kept]
        if not len(form):
            return _NOTHING
        code = judge(readings, look_around(batch, readings.message[start]), batch, forms, form, start)
        kept = code != REFUSED
        form, start, code = form[kept], start[kept], code[kept].astype(np.int64)
        begin, end = _units(readings, spelling, form, start, code)
        return np.stack([readings.message[start].astype(np.int64), begin, end, spelling.entry[form], code, form])

    def _plain(self, batch: Batch) -> Longs:
        """The same of words that are looked for as they are."""
        if not self._has_plain:
            return _NOTHING
        n = len(batch.offsets) - 1
        # A zero between messages, which no word holds.
        message = np.repeat(np.arange(n), np.diff(batch.offsets))
        line = np.zeros(len(batch.units) + n, np.int32)
        line[np.arange(len(batch.units)) + message] = batch.units
        found = self._as_it_is.find_matches_as_indexes(line.tobytes(), overlapping=True)
        if not found:
            return _NOTHING
        pattern, start, end = np.array(found, np.int64).T
        whole = start % 4 == 0
        pattern, start, end = pattern[whole], start[whole] // 4, end[whole] // 4
        whole = ~(_same_kind(line, start - 1, start) | _same_kind(line, end - 1, end))
        pattern, start, end = pattern[whole], start[whole], end[whole]
        # Before message i there are i zeros.
        owner = np.searchsorted(batch.offsets[1:] + np.arange(n), start, side="right")
        entry = self._spelling.plain_entry[pattern]
        return np.stack([owner, start - owner, end - owner, entry, np.zeros_like(entry), entry])

    def _hit(self, find: Find, text: str, batch: Batch) -> Hit:
        start = int(batch.starts[find.begin])
        end = int(batch.ends[find.end - 1])
        entry, words = self._entries[find.entry], self._spelling.words
        read_as = render(words.units[words.offsets[find.form] : words.offsets[find.form + 1]])
        span = Span(start, end, text[start:end])
        disguise = Disguise(find.disguise)
        return Hit(span, entry.word, entry.list_name, entry.kind, entry.category, read_as, disguise)


def _units(readings: Readings, spelling: Spelling, form: Longs, start: Longs, code: Longs) -> tuple[Longs, Longs]:
    """First unit and the one after the last of each find."""
    forms = spelling.forms
    final = start + forms.lengths[form] - 1
    begin, end = readings.first[start].astype(np.int64), readings.last[final] + 1
    # 微微信 holds 微信 as it is listed; a wall of both characters is one disguise as a whole.
    short = code < Disguise.REPEATED
    first = readings.last[start] + 1 - forms.counts[forms.starts[form]]
    last = readings.first[final] + forms.counts[forms.starts[form] + forms.lengths[form] - 1]
    begin = np.where(short & (readings.counts[start] > 1), np.maximum(begin, first), begin)
    return begin, np.where(short & (readings.counts[final] > 1), np.minimum(end, last), end).astype(np.int64)


def _same_kind(line: npt.NDArray[np.int32], left: Longs, right: Longs) -> npt.NDArray[np.bool_]:
    """Whether two neighbours are both letters a-z or both digits, so that no word can end between them."""
    inside = (left >= 0) & (right < len(line))
    one, two = line[np.maximum(left, 0)], line[np.minimum(right, len(line) - 1)]
    letters = (one >= 0x61) & (one <= 0x7A) & (two >= 0x61) & (two <= 0x7A)
    digits = (one >= 0x30) & (one <= 0x39) & (two >= 0x30) & (two <= 0x39)
    return inside & (letters | digits)


def _moment(at: datetime | None, otherwise: float) -> float:
    return otherwise if at is None else at.timestamp()
