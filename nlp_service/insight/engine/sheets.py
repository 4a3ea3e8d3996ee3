"""Parts of CSV files: whole records, because a quoted field may hold line ends."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

from nlp_service.errors import BadInput
from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.rows import Failure, Row, check

MAX_FIELD = 1 << 20
"""Characters of one field; a quote left open is found at this size."""

_MAX_LINE_BYTES = 4 << 20


def cut_sheet(path: Path, size: int) -> list[Part]:
    """Cut behind the first record that ends `size` bytes or more behind the last cut.

    Raises:
        BadInput: The first record does not name the columns id and text.
    """
    with path.open("rb") as file:
        lines = _Lines(file, 0, 0, None)
        _header(path, lines)
        parts: list[Part] = []
        begin, line = lines.offset, lines.number
        for _ in _records(lines):
            if lines.offset - begin >= size:
                parts.append(Part(0, "csv", str(path), begin, lines.offset, line))
                begin, line = lines.offset, lines.number
        if lines.offset > begin:
            parts.append(Part(0, "csv", str(path), begin, lines.offset, line))
    return parts


def read_sheet(part: Part, zone: tzinfo) -> Iterator[Row | Failure]:
    """The records of a part; blank ones are passed over.

    Raises:
        BadInput: The first record of the file does not name the columns id and text.
    """
    path = Path(part.path)
    with path.open("rb") as file:
        names = _header(path, _Lines(file, 0, 0, None))
        file.seek(part.begin)
        lines = _Lines(file, part.begin, part.line, part.end)
        for first, last, cells in _records(lines):
            if cells is None:
                # Written so that no line goes missing in silence: a quote left open swallows those behind it.
                lost = f"lines {first} to {last}"
                yield Failure(first, None, "invalid_csv", f"{lost} are one field that is too long")
            elif cells:
                yield check(first, dict(zip(names, cells, strict=False)), zone)


def _header(path: Path, lines: _Lines) -> list[str]:
    try:
        names = [name.strip() for name in next(csv.reader(lines), [])]
    except csv.Error as error:
        raise BadInput(f"{path} has no record that names its columns", param="FILE") from error
    missing = [name for name in ("id", "text") if name not in names]
    if missing:
        raise BadInput(f"{path} has no column {' and no column '.join(missing)}", param=missing[0])
    return names


def _records(lines: _Lines) -> Iterator[tuple[int, int, list[str] | None]]:
    """First and last line of each record, and its cells; None for one that cannot be read."""
    csv.field_size_limit(MAX_FIELD)
    # The reader takes no line in advance, so that a fresh one can go on wherever the last one stopped.
    reader = csv.reader(lines)
    while True:
        first = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield first, lines.number, None
            reader = csv.reader(lines)
            continue
        if cells is None:
            return
        yield first, lines.number, cells


class _Lines:
    """Lines of a file as the reader of records wants them, with the place behind the last one taken."""

    def __init__(self, file: BinaryIO, offset: int, number: int, end: int | None) -> None:
        self._file = file
        self._end = end
        self.offset = offset
        self.number = number

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._end is not None and self.offset >= self._end:
            raise StopIteration
        raw = self._file.readline(_MAX_LINE_BYTES)
        n_bytes = len(raw)
        while raw and not raw.endswith(b"\n") and (more := self._file.readline(_MAX_LINE_BYTES)):
            raw = more
            n_bytes += len(more)
        if not n_bytes:
            raise StopIteration
        is_first = not self.offset
        self.offset += n_bytes
        self.number += 1
        if n_bytes > len(raw):
            raise csv.Error("line too long")
        # Bytes that are not UTF-8 become surrogates, which the check of the record refuses by name.
        line = raw.decode("utf-8", "surrogateescape")
        return line.removeprefix("\ufeff") if is_first else line
