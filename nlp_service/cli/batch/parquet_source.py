"""Parquet files as chunks, one batch of rows after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nlp_service.cli.batch.chunks import CHUNK_ROWS, Chunk, Position
from nlp_service.cli.batch.records import Failure, Record, check
from nlp_service.errors import BadInput


class ParquetFile:
    """A Parquet file with the columns id and text, and context (a list of strings) if it has one."""

    def __init__(self, path: Path) -> None:
        """Open the file and look for its columns.

        Raises:
            BadInput: It is damaged or lacks a column; the message names it.
        """
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{path} is not a Parquet file that can be read", param="IN") from error
        names = self._file.schema_arrow.names
        missing = [name for name in ("id", "text") if name not in names]
        if missing:
            raise BadInput(f"{path} has no column {' and no column '.join(missing)}", param=missing[0])
        self._columns = [name for name in ("id", "text", "context") if name in names]
        self.total: int | None = self._file.metadata.num_rows
        self.n_chunks: int | None = self.total // CHUNK_ROWS + 1

    def chunks(self, start: Position) -> Iterator[Chunk | None]:
        """Read the rows behind `start`, at most `CHUNK_ROWS` of one row group to a chunk.

        Raises:
            BadInput: A part of the file is damaged.
        """
        row = 0
        for group in range(self._file.num_row_groups):
            n_rows = self._file.metadata.row_group(group).num_rows
            if row + n_rows <= start.offset:
                row += n_rows
                continue
            for batch in self._batches(group):
                # A run stops between chunks only, and the batches of a row group are always the same.
                if row >= start.offset:
                    end = Position(row + batch.num_rows, row + batch.num_rows)
                    yield Chunk(tuple(_rows(batch, row + 1)), row + 1, end)
                row += batch.num_rows

    def _batches(self, group: int) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(CHUNK_ROWS, row_groups=[group], columns=self._columns)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"row group {group} of {self._path} is damaged", param="IN") from error


def _rows(batch: pa.RecordBatch, first: int) -> Iterator[Record | Failure]:
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        for index in range(batch.num_rows):
            yield _row(batch, index, first + index)
        return
    for index, values in enumerate(rows):
        yield check(first + index, values)


def _row(batch: pa.RecordBatch, index: int, line: int) -> Record | Failure:
    values: dict[str, Any] = {}
    for name in batch.schema.names:
        try:
            values[name] = batch.column(name)[index].as_py()
        except UnicodeDecodeError:
            return Failure(line, None, "invalid_input", f"{name} is not valid Unicode", name)
    return check(line, values)
