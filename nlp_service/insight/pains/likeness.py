"""What speaks for two statements being of one event: that they come at the same times, from the same places.

Two statements are read as samples of categories (days; channels; products; weather). The logarithm of the Bayes factor
of one shared distribution against two of their own, both drawn around that of all messages, is positive where they
share what others do not have (both almost only in the rain) and negative where they differ (one steady, one new).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import gammaln

Reals = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

MOST_VALUES = 64
"""Different values from which a field is no grouping but a name of its messages; the rest of a field counts as one."""

PRIOR = 4.0
"""Messages that the distribution of all weighs in each statement's own."""


class Field(NamedTuple):
    """A category of every row, -1 where it has none, and how many there are."""

    name: str
    value: Index
    n_values: int


def fields_of(table: pa.Table, at_parts: Index, n_parts: int) -> tuple[Field, ...]:
    """What messages are compared by: parts of time, the channel, and each field of ``meta`` with few values."""
    found = [Field("at", at_parts, n_parts), _coded("channel", table.column("channel"))]
    meta = table.column("meta")
    keys = pc.unique(pc.map_lookup(meta, "", "first")) if not len(table) else _keys(meta)
    found += [_coded(f"meta.{key}", pc.map_lookup(meta, key, "first")) for key in keys]
    return tuple(field for field in found if field.n_values > 1)


def _keys(meta: pa.ChunkedArray) -> list[str]:
    keys: set[str] = set()
    for chunk in meta.chunks:
        keys.update(key for key in pc.unique(chunk.keys).to_pylist() if key)
    return sorted(keys)[:32]


def _coded(name: str, column: pa.ChunkedArray) -> Field:
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    value = np.asarray(pc.fill_null(coded.indices, -1)).astype(np.int64)
    sizes = np.bincount(value[value >= 0], minlength=1)
    order = np.argsort(-sizes, kind="stable")
    place = np.full(len(sizes) + 1, -1, np.int64)
    place[order] = np.minimum(np.arange(len(order)), MOST_VALUES - 1)
    n_values = 0 if not (value >= 0).any() else min(len(sizes), MOST_VALUES)
    # A field that nearly every message fills with a value of its own says nothing.
    return Field(name, place[value], n_values if len(sizes) <= 0.2 * max(len(value), 1) or len(value) < 50 else 0)


def counts(field: Field, item: Index, n_items: int) -> tuple[Reals, Reals]:
    """How often each item has each value, (n_items, n_values), and how often each value is had at all.

    Args:
        field: The field.
        item: Of each row, -1 for none.
        n_items: How many.
    """
    had = field.value >= 0
    everywhere = np.bincount(field.value[had], minlength=field.n_values).astype(np.float64)
    own = had & (item >= 0)
    table = np.bincount(item[own] * field.n_values + field.value[own], minlength=n_items * field.n_values)
    return table.reshape(n_items, field.n_values).astype(np.float64), everywhere


def factors(table: Reals, everywhere: Reals) -> Reals:
    """Log Bayes factor of each pair of items sharing one distribution; (n, n), by the Dirichlet-multinomial."""
    prior = PRIOR * (everywhere + 0.5) / (everywhere + 0.5).sum()

    def evidence(n: Reals) -> Reals:
        total: Reals = (gammaln(n + prior) - gammaln(prior)).sum(-1) - gammaln(n.sum(-1) + PRIOR) + gammaln(PRIOR)
        return total

    alone = evidence(table)
    together = np.stack([evidence(table + row) for row in table]) if len(table) else np.zeros((0, 0))
    return together - alone[:, None] - alone[None, :]


def similarities(embedded: Sequence[npt.NDArray[np.float32]]) -> Reals:
    """Cosines of items; the mean over several spaces."""
    total = sum((each @ each.T).astype(np.float64) for each in embedded)
    return np.asarray(total / len(embedded))
