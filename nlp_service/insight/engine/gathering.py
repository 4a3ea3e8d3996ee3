"""From the files of parts to one table: FACTS of a stretch of time, each message once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nlp_service.insight.engine.reading import PART_SCHEMA
from nlp_service.insight.facts import FACTS

Index = npt.NDArray[np.int64]


def gather(files: Sequence[Path], since: datetime | None = None, until: datetime | None = None) -> tuple[pa.Table, int]:
    """What was written in [since, until), and how many doubles were left out.

    Of the wordings of one message, (platform, id), the one that was edited last counts, of those the one that was read
    first. Rows are ordered by (at, platform, id), names by code point.

    Args:
        files: Of the parts, in the order of the parts.
        since: None is no bound.
        until: None is no bound.
    """
    tables = [table for file in files if (table := _read(file, since, until)).num_rows]
    if not tables:
        return FACTS.empty_table(), 0
    whole = pa.concat_tables(tables).unify_dictionaries()
    del tables
    names = pa.chunked_array(whole.column("platform")).cast(pa.string())
    platform, id_ = _codes(names), _codes(whole.column("id"))
    at, edited = (_micros(whole.column(name)) for name in ("at", "edited_at"))
    # The last of each key in this order is the one that counts: later wordings last, and of one wording the first.
    place = np.arange(len(at))
    order = np.lexsort((-place, edited, id_, platform))
    is_last = np.append((np.diff(platform[order]) != 0) | (np.diff(id_[order]) != 0), True)
    kept = order[is_last]
    kept = kept[np.lexsort((id_[kept], platform[kept], at[kept]))]
    facts = _take(whole.drop_columns("edited_at"), kept)
    return facts, len(at) - len(kept)


def gather_errors(files: Sequence[Path], target: Path) -> None:
    """Join the failures of all parts, in order; the file appears whole, and only if there is one failure."""
    unfinished = target.with_name(target.name + ".unfinished")
    with unfinished.open("wb") as out:
        for file in files:
            if file.exists():
                out.write(file.read_bytes())
    if unfinished.stat().st_size:
        unfinished.replace(target)
    else:
        unfinished.unlink()
        target.unlink(missing_ok=True)  # else it would still speak of the run before


def _read(file: Path, since: datetime | None, until: datetime | None) -> pa.Table:
    bounds: list[tuple[str, str, Any]] = []
    if since is not None:
        bounds.append(("at", ">=", pa.scalar(since, pa.timestamp("us", tz="UTC"))))
    if until is not None:
        bounds.append(("at", "<", pa.scalar(until, pa.timestamp("us", tz="UTC"))))
    table = pq.read_table(file, filters=bounds or None, partitioning=None)
    return table.cast(PART_SCHEMA)


def _codes(column: pa.ChunkedArray) -> Index:
    """A number for each text, in the order of their code points."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    rank = pc.rank(coded.dictionary, sort_keys="ascending", tiebreaker="dense").to_numpy()
    numbers: Index = np.asarray(rank, np.int64)[coded.indices.to_numpy()]
    return numbers


def _micros(column: pa.ChunkedArray) -> Index:
    """Microseconds since 1970; below all of them where there is no time."""
    return np.asarray(column.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy())


def _take(table: pa.Table, rows: Index) -> pa.Table:
    """Some rows, column by column, so that no more than one column is there twice."""
    columns = []
    indices = pa.array(rows)
    for field in FACTS:
        columns.append(table.column(field.name).take(indices).cast(field.type).combine_chunks())
        table = table.drop_columns(field.name)
    return pa.Table.from_arrays(columns, schema=FACTS)
