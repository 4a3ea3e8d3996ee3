"""The fields that messages can be grouped by, as numbers: platform, channel, and what callers gave as meta."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.counting import Coded, Ledger, coded

Index = npt.NDArray[np.int64]

PREFIX = "meta."
"""Before the name of a caller's own field, so that none can pass for ours."""

OWN = ("platform", "channel")
"""Columns of FACTS that messages are grouped by as well."""


class Meta:
    """The column `meta` of a table: which row has which field, and with what.

    Attributes:
        names: The fields, sorted.
    """

    def __init__(self, facts: pa.Table) -> None:
        self._n = len(facts)
        column = facts.column("meta").combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # what combining gives where there are no chunks
            column = pa.array([], column.type)
        offsets = np.asarray(column.offsets).astype(np.int64)
        size = np.diff(offsets)
        there = np.repeat(np.asarray(column.is_valid()).astype(np.bool_), size)  # a null may hide entries
        entries = np.flatnonzero(there) + (offsets[0] if len(offsets) else 0)
        self._rows = np.repeat(np.arange(self._n), size)[there]
        keys = coded(pa.chunked_array([column.keys.take(pa.array(entries))]))
        self._values = column.items.take(pa.array(entries))
        self._entries = [np.flatnonzero(keys.codes == code) for code in range(len(keys.names))]
        self._places = {name: code for code, name in enumerate(keys.names)}
        self.names = tuple(sorted(keys.names))

    def field(self, name: str) -> Coded:
        """A field as numbers; -1 where a message does not have it. Of a field given twice the last counts."""
        codes = np.full(self._n, -1, np.int64)
        if name not in self._places:
            return Coded(codes, ())
        entries = self._entries[self._places[name]]
        values = coded(pa.chunked_array([self._values.take(pa.array(entries))]))
        codes[self._rows[entries]] = values.codes
        return Coded(codes, values.names)


class Field:
    """A field with the values that are frequent enough to say something of, numbered in the order of their names.

    Attributes:
        name: ``channel``, ``meta.weather``.
        values: Sorted.
        codes: (n,) places in `values`; their number stands for all else, a message without the field too.
        totals: (values + 1,) messages of each, and of all else.
    """

    def __init__(self, name: str, column: Coded, least: int) -> None:
        size = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
        kept = sorted((value, code) for code, value in enumerate(column.names) if size[code] >= least)
        self.name = name
        self.values = tuple(value for value, _ in kept)
        new = np.full(len(column.names) + 1, len(kept), np.int64)  # the last place is that of -1
        new[[code for _, code in kept]] = np.arange(len(kept))
        self.codes = new[column.codes]
        self.totals = np.bincount(self.codes, minlength=len(kept) + 1).astype(np.int64)
        self._n_messages = int(size.sum())

    def parts(self, most: int) -> bool:
        """Whether it parts the messages: into few values that are most of the field, none of which is all of them."""
        sizes = self.totals[:-1]
        return 0 < len(sizes) <= most and 2 * sizes.sum() >= self._n_messages and sizes.max() < len(self.codes)


class Clusters:
    """Messages of one author with one value of a field in one channel: they are not independent of one another.

    Clusters of the same value and channel are a cell, in which authors can be compared with one another.

    Attributes:
        of: (n,) the cluster of each row.
        sizes: Messages of each cluster.
        cells: The cell of each cluster.
        values: The value of each cell, as its field numbers them.
        cell_sizes, cell_squares, cell_clusters: Messages, squared sizes of its clusters and clusters of each cell.
    """

    def __init__(self, field: Field, ledger: Ledger) -> None:
        channels, people = len(ledger.channels.names) + 1, max(1, ledger.n_people)
        cells, cell = np.unique(field.codes * channels + ledger.channels.codes + 1, return_inverse=True)
        different, self.of, self.sizes = np.unique(
            cell.astype(np.int64) * people + ledger.people, return_inverse=True, return_counts=True
        )
        self.cells = different // people
        self.values = cells // channels
        self.cell_sizes = np.bincount(self.cells, self.sizes, len(cells))
        self.cell_squares = np.bincount(self.cells, self.sizes.astype(np.float64) ** 2, len(cells))
        self.cell_clusters = np.bincount(self.cells, minlength=len(cells))

    def spread(self, who: Index, said: Index, share: float) -> npt.NDArray[np.float64]:
        """Variance between authors of how often they say something, for each value of the field.

        The sum over cells of ``C / (C - 1) sum (x - p n)^2``, with C clusters of x among n messages and p the share in
        the cell: what authors of one place differ by, not what places differ by.

        Args:
            who: Clusters that say it.
            said: How often.
            share: Of all messages that say it; in place of p where an author is alone.
        """
        n = len(self.cell_sizes)
        cell, x = self.cells[who], said.astype(np.float64)
        total = np.bincount(cell, x, n)
        alone = self.cell_clusters == 1
        p = np.where(alone, share, total / np.maximum(self.cell_sizes, 1))
        crossed = np.bincount(cell, x * self.sizes[who], n)
        squares = np.bincount(cell, x**2, n) - 2 * p * crossed + p**2 * self.cell_squares
        squares *= np.where(alone, 1.0, self.cell_clusters / np.maximum(self.cell_clusters - 1, 1))
        squares[total == 0] = 0.0
        return np.bincount(self.values, squares, int(self.values.max(initial=-1)) + 1).astype(np.float64)


def find_fields(ledger: Ledger, least: int, most: int) -> tuple[Field, ...]:
    """The fields that part the messages of a table, by name.

    Args:
        ledger: The table.
        least: Messages that a value must have to be looked at.
        most: Values that a field may have to be looked at.
    """
    meta = Meta(ledger.facts)
    columns = {name: coded(ledger.facts.column(name)) for name in OWN}
    columns |= {PREFIX + name: meta.field(name) for name in meta.names}
    fields = (Field(name, columns[name], least) for name in sorted(columns))
    return tuple(field for field in fields if field.parts(most))
