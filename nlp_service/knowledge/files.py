"""A file of entries, read row by row: JSONL, CSV in the encodings that spreadsheets write, or XLSX.

What a file is, its bytes say and not its name. A row that cannot be read is named and costs nothing but itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from nlp_service.errors import BadInput, TooLarge
from nlp_service.knowledge.decoding import decode
from nlp_service.knowledge.rows import FIELDS, Cell, Columns, Row, RowError, read_cells, read_header, read_object
from nlp_service.knowledge.sheets import read_sheet

MAX_FILE_BYTES = 64 * 2**20
"""100,000 entries with five wordings each are about 40 MB; what is larger is no knowledge base that people keep."""

_HEADER_WITHIN = 10  # rows: titles and hints may stand above the names of the columns
_DELIMITERS = ",;\t"
_FORMATS = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old or encrypted Excel file (.xls); save it as .xlsx without a password",
    b"\x1f\x8b": "compressed",
    b"PAR1": "Parquet",
    b"SQLite format 3": "a database",
}


class File:
    """A file of entries. Reading it gives rows and errors in its order.

    Attributes:
        ignored: Names of columns or fields that no entry has, once the file was read; each once.
    """

    def __init__(self, source: Path | bytes) -> None:
        """Take a file, or its bytes.

        Raises:
            BadInput: It is not there, empty, or of a format that is not read.
            TooLarge: It is over `MAX_FILE_BYTES`.
        """
        self._data = _load(source)
        self.ignored: dict[str, None] = {}

    def rows(self) -> Iterator[Row | RowError]:
        """Read row after row; empty ones are left out.

        Raises:
            BadInput: No row can be read: the encoding is unknown, a spreadsheet is broken, or no column has a name.
            TooLarge: A spreadsheet unpacks to too much.
        """
        if self._data.startswith(b"PK\x03\x04"):
            yield from self._table(read_sheet(self._data))
            return
        text = decode(self._data)
        if text.lstrip().startswith("{"):
            yield from self._lines(text)
        elif text.lstrip().startswith("["):
            raise BadInput("the file is one JSON list; JSONL has one object a line", param="file")
        else:
            yield from self._table(_records(text))

    def _lines(self, text: str) -> Iterator[Row | RowError]:
        for number, line in enumerate(text.split("\n"), start=1):
            if not line or line.isspace():
                continue
            try:
                values = msgspec.json.decode(line.encode("utf-8", "surrogatepass"))
            except (msgspec.DecodeError, RecursionError, ValueError):
                yield RowError(number, None, "the line is not JSON in UTF-8")
                continue
            if not isinstance(values, dict):
                yield RowError(number, None, "the line must be an object")
                continue
            self.ignored.update(dict.fromkeys(name for name in values if name not in FIELDS))
            try:
                yield read_object(number, values)
            except BadInput as error:
                yield RowError(number, error.param, error.message)

    def _table(self, records: Iterator[tuple[int, Sequence[Cell]] | RowError]) -> Iterator[Row | RowError]:
        columns: Columns | None = None
        above: list[RowError] = []
        for index, record in enumerate(records):
            if columns is None:
                if isinstance(record, RowError):
                    above.append(record)
                else:
                    columns = read_header(record[1])
                    self.ignored.update(dict.fromkeys(columns.ignored if columns else ()))
                if columns is None and index + 1 == _HEADER_WITHIN:
                    break
                continue
            if isinstance(record, RowError):
                yield record
                continue
            row = _read_record(*record, columns)
            if row is not None:
                yield row
        if columns is None:
            hint = f"; row {above[0].row}: {above[0].message}" if above else ""
            raise BadInput(f"no row names the columns question and answer (问题, 答案){hint}", param="file")


def _read_record(number: int, cells: Sequence[Cell], columns: Columns) -> Row | RowError | None:
    try:
        return read_cells(number, cells, columns)
    except BadInput as error:
        return RowError(number, error.param, error.message)


def _load(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        data, size = source, len(source)
    else:
        try:
            size = source.stat().st_size
            # Read only once the size is known to be within bounds.
            data = source.read_bytes() if size <= MAX_FILE_BYTES else b""
        except OSError as error:
            raise BadInput(f"{source} cannot be read: {error.strerror}", param="file") from error
    if size > MAX_FILE_BYTES:
        raise TooLarge(f"the file has {size} bytes, at most {MAX_FILE_BYTES} are read", param="file")
    for magic, words in _FORMATS.items():
        if data.startswith(magic):
            raise BadInput(f"the file is {words}; what is read is CSV, XLSX or JSONL", param="file")
    if not data.strip():
        raise BadInput("the file is empty", param="file")
    return data


def _records(text: str) -> Iterator[tuple[int, Sequence[Cell]] | RowError]:
    """Records of a CSV text with the lines on which they begin."""
    # The module's own bound would hide which field is too long. Entries have theirs.
    csv.field_size_limit(MAX_FILE_BYTES)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_delimiter(text), strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            last = reader.line_num
            where = f"lines {first} to {last} were" if last > first else "the line was"
            yield RowError(first, None, f"a quotation mark is not closed or not doubled; {where} not read")
            continue
        if cells is None:
            return
        yield first, cells


def _delimiter(text: str) -> str:
    """What separates the columns: whatever gives the most names that are known, within the first lines."""
    best = (0, ",")
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for _, cells in zip(range(_HEADER_WITHIN), reader, strict=False):
            columns = read_header(cells)
            known = len([field for field in columns.fields if field]) if columns else 0
            if known > best[0]:
                best = known, delimiter
    return best[1]
