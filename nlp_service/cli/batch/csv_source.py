"""CSV files as chunks: records rather than lines, because a quoted field may hold newlines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nlp_service.cli.batch.chunks import CHUNK_ROWS, Chunk, Position
from nlp_service.cli.batch.records import Failure, Record, check
from nlp_service.errors import BadInput

MAX_FIELD = 1 << 20
"""Characters of one field. Other columns may be long (exports carry JSON); a quote left open is found at this size."""

_MAX_LINE_BYTES = 4 << 20
_COLUMNS = ("id", "text")


class CsvFile:
    """A CSV file in UTF-8, with or without a byte-order mark, whose first record names the columns id and text."""

    def __init__(self, path: Path) -> None:
        """Read the names of the columns.

        Raises:
            BadInput: A column is missing; the message names it.
        """
        csv.field_size_limit(MAX_FIELD)
        self._path = path
        self.total: int | None = path.stat().st_size
        self.n_chunks: int | None = self.total // (CHUNK_ROWS * 100) + 1
        with path.open("rb") as file:
            lines = _Lines(file, Position())
            try:
                names = [name.strip() for name in next(csv.reader(lines), [])]
            except csv.Error as error:
                raise BadInput(f"{path} has no record that names its columns", param="IN") from error
        missing = [name for name in _COLUMNS if name not in names]
        if missing:
            raise BadInput(f"{path} has no column {' and no column '.join(missing)}", param=missing[0])
        self._where = {name: names.index(name) for name in _COLUMNS}
        self._body = lines.place

    def chunks(self, start: Position) -> Iterator[Chunk | None]:
        """Read the records behind `start`, `CHUNK_ROWS` to a chunk."""
        with self._path.open("rb") as file:
            place = max(start, self._body)
            file.seek(place.offset)
            lines = _Lines(file, place)
            while True:
                first_line = lines.place.line + 1
                rows = self._rows(lines)
                if not rows:
                    return
                yield Chunk(tuple(rows), first_line, lines.place)

    def _rows(self, lines: _Lines) -> list[Record | Failure]:
        rows: list[Record | Failure] = []
        # The reader takes no line in advance, so that a fresh one can go on wherever the last one stopped.
        reader = csv.reader(lines)
        while len(rows) < CHUNK_ROWS:
            first_line = lines.place.line + 1
            try:
                cells = next(reader, None)
            except csv.Error:
                # Written so that no line goes missing in silence: a quote left open swallows those behind it.
                lost = f"lines {first_line} to {lines.place.line}"
                rows.append(Failure(first_line, None, "invalid_csv", f"{lost} are one field that is too long"))
                reader = csv.reader(lines)
                continue
            if cells is None:
                break
            if cells:
                rows.append(self._check(cells, first_line, lines.place.line))
        return rows

    def _check(self, cells: list[str], first_line: int, last_line: int) -> Record | Failure:
        values = {name: cells[index] for name, index in self._where.items() if index < len(cells)}
        row = check(first_line, values)
        if isinstance(row, Failure) and last_line > first_line:
            return row._replace(message=f"{row.message} (lines {first_line} to {last_line})")
        return row


class _Lines:
    """Lines of a file as the reader of records wants them, with the place behind the last one taken."""

    def __init__(self, file: BinaryIO, place: Position) -> None:
        self._file = file
        self.place = place

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline(_MAX_LINE_BYTES)
        n_bytes = len(raw)
        is_whole = n_bytes < _MAX_LINE_BYTES or raw.endswith(b"\n")
        while not is_whole:
            tail = self._file.readline(_MAX_LINE_BYTES)
            n_bytes += len(tail)
            is_whole = len(tail) < _MAX_LINE_BYTES or tail.endswith(b"\n")
        if not n_bytes:
            raise StopIteration
        is_first = not self.place.offset
        self.place = Position(self.place.offset + n_bytes, self.place.line + 1)
        if n_bytes > _MAX_LINE_BYTES:
            raise csv.Error("line too long")
        # Bytes that are not UTF-8 become surrogates, which the check of the record refuses by name.
        line = raw.decode("utf-8", "surrogateescape")
        return line.removeprefix("\ufeff") if is_first else line
