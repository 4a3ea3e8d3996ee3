"""Parts of Parquet files: some rows of a row group."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nlp_service.errors import BadInput
from nlp_service.insight.engine.parts import PART_ROWS, Part
from nlp_service.insight.engine.rows import Failure, Row, check

_BATCH = 2_048  # rows that are Python objects at a time; divides PART_ROWS


def cut_columns(path: Path) -> list[Part]:
    """Cut each row group every `PART_ROWS` rows.

    Raises:
        BadInput: The file is damaged or lacks a column; the message names it.
    """
    parts: list[Part] = []
    line = 0
    with _open(path) as file:
        names = file.schema_arrow.names
        missing = [name for name in ("id", "text") if name not in names]
        if missing:
            raise BadInput(f"{path} has no column {' and no column '.join(missing)}", param=missing[0])
        for group in range(file.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            for begin in range(0, n_rows, PART_ROWS):
                end = min(begin + PART_ROWS, n_rows)
                parts.append(Part(0, "parquet", str(path), begin, end, line + begin, group))
            line += n_rows
    return parts


def read_columns(part: Part, zone: tzinfo) -> Iterator[Row | Failure]:
    """The rows of a part.

    Raises:
        BadInput: The file is damaged there.
    """
    with _open(Path(part.path)) as file:
        columns = [
            field.name
            for field in file.schema_arrow
            if field.name in ("context", "meta") or not pa.types.is_nested(field.type)
        ]
        here = 0
        try:
            for batch in file.iter_batches(_BATCH, row_groups=[part.group], columns=columns):
                if part.begin <= here < part.end:
                    yield from _rows(batch, part.line + here - part.begin + 1, zone)
                here += batch.num_rows
                if here >= part.end:
                    return
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"row group {part.group} of {part.path} is damaged", param="FILE") from error


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} is not a Parquet file that can be read", param="FILE") from error


def _rows(batch: pa.RecordBatch, first: int, zone: tzinfo) -> Iterator[Row | Failure]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except UnicodeDecodeError:
        for index in range(batch.num_rows):
            yield _row(batch, index, first + index, zone)
        return
    for index, values in enumerate(rows):
        yield check(first + index, values, zone)


def _row(batch: pa.RecordBatch, index: int, line: int, zone: tzinfo) -> Row | Failure:
    values: dict[str, Any] = {}
    for name in batch.schema.names:
        try:
            values[name] = batch.column(name)[index].as_py()
        except UnicodeDecodeError:
            return Failure(line, None, "invalid_input", f"{name} is not valid Unicode", name)
    return check(line, values, zone)
