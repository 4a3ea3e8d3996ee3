"""Counting messages, people and changes over sets of rows: made ready once for a table, asked often.

A set of rows is an array of row numbers (any order, each counted once) or a mask of the table's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.errors import BadInput
from nlp_service.insight.periods import edges, starts, to_micros
from nlp_service.insight.results import Bucket, Change, MessageKey, Period
from nlp_service.insight.statistics import share_p

Index = npt.NDArray[np.int64]
RowSet = npt.NDArray[np.int64] | npt.NDArray[np.int32] | npt.NDArray[np.bool_] | Sequence[int]


class Coded(NamedTuple):
    """A column as numbers.

    Attributes:
        codes: (n,), places in `names`; -1 where there is nothing.
        names: In the order in which they come first.
    """

    codes: Index
    names: tuple[str, ...]


def coded(column: pa.ChunkedArray) -> Coded:
    """A column of texts, plain or as a dictionary, as numbers."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)  # its chunks may have dictionaries of their own
    packed = pc.dictionary_encode(column).combine_chunks()
    if isinstance(packed, pa.ChunkedArray):  # what combining gives where there are no chunks
        return Coded(np.zeros(0, np.int64), ())
    codes = np.asarray(pc.fill_null(packed.indices, -1)).astype(np.int64)
    return Coded(codes, tuple(packed.dictionary.to_pylist()))


def rows_of(rows: RowSet, n: int) -> Index:
    """A set of rows of a table of ``n`` as numbers in rising order, each once.

    Raises:
        ValueError: A mask of another length, or a row that is not there.
    """
    given = np.asarray(rows)
    if given.dtype == np.bool_:
        if given.shape != (n,):
            raise ValueError(f"a mask of {len(given)} for a table of {n} rows")
        return np.flatnonzero(given).astype(np.int64)
    found = given.astype(np.int64)
    if (np.diff(found) <= 0).any():
        found = np.unique(found)
    if len(found) and not 0 <= found[0] <= found[-1] < n:
        raise ValueError(f"rows {found[0]} to {found[-1]} of a table of {n} rows")
    return found


def change(now: int, before: int, total_now: int, total_before: int) -> Change:
    """A count against that of the period before.

    Args:
        now: Messages of the kind in the period.
        before: In the period before.
        total_now: All messages of the period.
        total_before: All of the period before; 0 where nothing is known of it.
    """
    if not total_before:
        return Change(now=now, before=before, rise=None, known=False)
    p = float(share_p(now, total_now, before, total_before)) if total_now else None
    return Change(now=now, before=before, rise=(now - before) / before if before else None, known=True, p_value=p)


def within(facts: pa.Table, period: Period) -> pa.Table:
    """The rows of a period; shares memory with the table.

    Raises:
        BadInput: A row has no time, or they are not in order.
    """
    return facts.slice(*_range(times(facts), period))


def times(facts: pa.Table) -> Index:
    """When each row was written, in microseconds since 1970.

    Raises:
        BadInput: A row has no time, or they are not in order.
    """
    column = facts.column("at")
    if column.null_count:
        raise BadInput(f"{column.null_count} of {len(column)} rows have no time", param="at")
    at = np.asarray(column.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64())).astype(np.int64)
    if (late := np.flatnonzero(np.diff(at) < 0)).size:
        raise BadInput(f"row {late[0] + 1} was written before the row above it", param="at")
    return at


class Ledger:
    """A table of FACTS, made ready to be counted.

    Attributes:
        facts: The table.
        at: (n,) microseconds since 1970, rising.
        people: (n,) who wrote each row, as a number from 0 up to `n_people`: the same for the same platform and author.
        n_people: How many there are.
        n_known: The numbers below it are known authors; each of the others is the unknown author of one message.
        channels: The channel of each row.

    Raises:
        BadInput: A row has no time, or they are not in order.
    """

    def __init__(self, facts: pa.Table) -> None:
        self.facts = facts
        self.at = times(facts)
        self.people, self.n_known = _people(facts)
        self.n_people = self.n_known + int((self.people >= self.n_known).sum())
        self.channels = coded(facts.column("channel"))
        self._keys = np.empty(len(self.at), np.object_)
        self._named = np.zeros(len(self.at), np.bool_)

    @classmethod
    def of(cls, facts: pa.Table | Ledger) -> Ledger:
        """That of a table; what is one already is given back, so that nobody makes it ready twice."""
        return facts if isinstance(facts, Ledger) else cls(facts)

    def __len__(self) -> int:
        return len(self.at)

    def count_people(self, rows: RowSet | None = None) -> int:
        """Different people behind rows, or behind all of them."""
        return self.n_people if rows is None else _n_different(self.people[rows_of(rows, len(self))], self.n_people)

    def authors(self, rows: RowSet) -> tuple[tuple[str, str], ...]:
        """(platform, author) of the known authors of rows, sorted."""
        found = rows_of(rows, len(self))
        found = found[self.people[found] < self.n_known]
        _, first = np.unique(self.people[found], return_index=True)
        part = self.facts.select(["platform", "author"]).take(pa.array(found[first]))
        platforms, authors = (part.column(name).to_pylist() for name in ("platform", "author"))
        return tuple(sorted(zip((name or "" for name in platforms), authors, strict=True)))

    def keys(self, rows: RowSet, most: int | None = None) -> tuple[MessageKey, ...]:
        """The names of rows, in the order of the table; the first ``most`` of them. One object a row, however often."""
        found = rows_of(rows, len(self))[:most]
        new = found[~self._named[found]]
        part = self.facts.select(["platform", "id", "message_id"]).take(pa.array(new))
        platforms, ids = (coded(part.column(name)) for name in ("platform", "id"))
        texts = [(*column.names, "") for column in (platforms, ids)]  # so that -1, nothing, is the last
        columns = platforms.codes.tolist(), ids.codes.tolist(), part.column("message_id").to_pylist()
        for row, platform, id, message_id in zip(new.tolist(), *columns, strict=True):
            self._keys[row] = MessageKey(texts[0][platform], texts[1][id], message_id)
        self._named[new] = True
        return tuple(self._keys[found].tolist())

    def within(self, period: Period) -> Index:
        """The rows of a period."""
        start, length = _range(self.at, period)
        return np.arange(start, start + length)

    def buckets(self, rows: RowSet, period: Period, step: str = "day") -> tuple[Bucket, ...]:
        """Messages and people of each hour, day or week of a period; rows outside it are not counted.

        Raises:
            BadInput: There is no such step or zone.
        """
        found = rows_of(rows, len(self))
        place, n = self.places(found, period, step)
        inside = place >= 0
        place, people = place[inside], self.people[found[inside]]
        messages = np.bincount(place, minlength=n)
        different = np.bincount(np.unique(place * self.n_people + people) // max(1, self.n_people), minlength=n)
        begin = starts(period, step)
        return tuple(Bucket(*each) for each in zip(begin, messages.tolist(), different.tolist(), strict=True))

    def places(self, rows: Index, period: Period, step: str) -> tuple[Index, int]:
        """Which bucket of a period each row falls into, -1 outside it; and how many buckets there are.

        Raises:
            BadInput: There is no such step or zone.
        """
        bounds = edges(period, step)
        at = self.at[rows]
        place = np.searchsorted(bounds, at, side="right").astype(np.int64) - 1
        place[place == len(bounds) - 1] = -1
        return place, len(bounds) - 1


def _range(at: Index, period: Period) -> tuple[int, int]:
    """The first row of a period, and how many there are."""
    start, end = np.searchsorted(at, [to_micros(period.start), to_micros(period.end)]).tolist()
    return start, end - start


def _people(facts: pa.Table) -> tuple[Index, int]:
    """Who wrote each row; and how many known authors there are, whose numbers come first."""
    platforms, authors = coded(facts.column("platform")), coded(facts.column("author"))
    nobody = authors.names.index("") if "" in authors.names else -1
    known = (authors.codes >= 0) & (authors.codes != nobody)
    people = np.empty(len(known), np.int64)
    pairs = (platforms.codes[known] + 1) * max(1, len(authors.names)) + authors.codes[known]
    different, people[known] = np.unique(pairs, return_inverse=True)
    people[~known] = len(different) + np.arange(int((~known).sum()))
    return people, len(different)


def _n_different(numbers: Index, most: int) -> int:
    """How many different ones of [0, most)."""
    if len(numbers) * 20 < most:  # sorting a few beats a mark for everybody
        return len(np.unique(numbers))
    there = np.zeros(most, np.bool_)
    there[numbers] = True
    return int(there.sum())
