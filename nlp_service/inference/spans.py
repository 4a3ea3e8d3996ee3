"""From units of a batch back to the characters that were sent, for many spans at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from nlp_service.inference.lookup import N_CODES
from nlp_service.text.emoticons import EMOTICON_BASE
from nlp_service.text.normalise import Batch, render
from nlp_service.types import Span

_FIRST_EMOTICON = chr(EMOTICON_BASE)

Index = npt.NDArray[np.intp]


class Locator:
    """Finds spans of the messages of one batch.

    Args:
        batch: The normalised messages.
        texts: The messages as they were sent.
    """

    def __init__(self, batch: Batch, texts: Sequence[str]) -> None:
        self._batch = batch
        self._texts = texts
        # One character a unit, so that a slice of it is a slice of the units.
        self._read = batch.units.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
        self._solid = np.flatnonzero(~_marks()[batch.units])

    def trim(self, messages: Index, starts: Index, ends: Index) -> tuple[Index, Index]:
        """Spans without spaces and punctuation at both ends; those of nothing else stay whole.

        Args:
            messages: Index of each span's message.
            starts: First unit of each span within its message.
            ends: The one after its last.
        """
        if not len(self._solid) or not len(messages):
            return starts, ends
        begin = self._batch.offsets[messages]
        first = np.searchsorted(self._solid, begin + starts)
        last = np.searchsorted(self._solid, begin + ends) - 1
        empty = first > last
        top = len(self._solid) - 1
        left = np.where(empty, starts, self._solid[np.minimum(first, top)] - begin)
        right = np.where(empty, ends, self._solid[np.maximum(last, 0)] + 1 - begin)
        return left, right

    def has_units(self, messages: slice) -> npt.NDArray[np.bool_]:
        """Which of these messages have any units, and so anything to show; one for each."""
        return np.asarray(np.diff(self._batch.offsets)[messages] > 0)

    def locate(self, messages: Index, starts: Index, ends: Index) -> list[tuple[Span, str | None]]:
        """Span of each in the original, and what it was read as where that differs.

        Raises:
            ValueError: A span is empty.
        """
        if not len(messages):
            return []
        a = self._batch.offsets[messages] + starts
        b = self._batch.offsets[messages] + ends
        if (b <= a).any():
            raise ValueError("a span of no units")
        # What a character expands to ends where the character does, and marks that follow belong to the last unit only.
        begins, stops = self._batch.starts[a], np.maximum(self._batch.ends[a], self._batch.ends[b - 1])
        found: list[tuple[Span, str | None]] = []
        rows = zip(messages.tolist(), begins.tolist(), stops.tolist(), a.tolist(), b.tolist(), strict=True)
        for message, begin, stop, first, last in rows:
            text = self._texts[message][begin:stop]
            read = self._read[first:last]
            if read != text and max(read) >= _FIRST_EMOTICON:
                read = render(self._batch.units[first:last])
            found.append((Span(begin, stop, text), read if read != text else None))
        return found


@cache
def _marks() -> npt.NDArray[np.bool_]:
    """Which units are spaces or punctuation."""
    table = np.zeros(N_CODES, np.bool_)
    for point in range(0x3100):
        table[point] = unicodedata.category(chr(point))[0] in "PZ"
    table[0xFE10:0xFF66] = [unicodedata.category(chr(point))[0] in "PZ" for point in range(0xFE10, 0xFF66)]
    return table
