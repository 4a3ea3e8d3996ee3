"""Rows of a file of words, whatever its format: texts by the fields that they belong to.

A row that cannot be read is named and costs nothing but itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from nlp_service.errors import BadInput
from nlp_service.store.words import Word

FORMATS = ("txt", "csv", "xlsx", "jsonl")

FIELDS = Word.__struct_fields__
HEADERS = {
    **{name: name for name in FIELDS},
    **dict.fromkeys(("词", "词语", "敏感词", "违禁词", "关键词", "keyword"), "word"),
    **dict.fromkeys(("分类", "类别", "标签"), "category"),
    "生效时间": "valid_from",
    "失效时间": "valid_to",
    **dict.fromkeys(("备注", "说明"), "note"),
}
"""Names of columns, in lower case, and the fields that they hold."""

_HEADER_WITHIN = 5  # rows: a title may stand above the names of the columns
_LONGEST_HEADER = 10_000  # code points: what is longer is no row of names
_DELIMITERS = ",;\t"
_ZIP = b"PK\x03\x04"


class Tables(NamedTuple):
    """How files of tables are read and written. Knowledge bases have it all; this room does not import theirs.

    Attributes:
        decode: Text of bytes whose encoding nobody wrote down; raises BadInput.
        read_sheet: Rows of an XLSX file with their numbers; a cell that holds no text is no string. Raises BadInput.
        write_sheet: Rows as an XLSX file.
        read_time: A time of a cell, None if it is empty; takes the name of the field, and raises BadInput.
        write_time: A time for a cell.
        guard, unguard: Keep a spreadsheet from taking a word for a formula, and take that away again.
    """

    decode: Callable[[bytes], str]
    read_sheet: Callable[[bytes], Iterator[tuple[int, Sequence[Any]]]]
    write_sheet: Callable[[Iterable[Sequence[str]]], bytes]
    read_time: Callable[[str, str], datetime | None]
    write_time: Callable[[datetime | None], str]
    guard: Callable[[str], str]
    unguard: Callable[[str], str]


class BadRow(msgspec.Struct, frozen=True):
    """A row that was not taken.

    Attributes:
        row: Line of a file or row of a sheet on which it begins; the first is 1.
        field: The field at fault; None where it is the row.
        message: Why, without text of the row.
    """

    row: int
    field: str | None
    message: str


class Row(NamedTuple):
    """A row that holds something: its number, and texts by field. One of JSON may lack fields or have null in them."""

    row: int
    values: Mapping[str, str | None]


def read_rows(data: bytes, tables: Tables, format: str, ignored: dict[str, None]) -> Iterator[Row | BadRow]:
    """Read row after row; empty ones are left out.

    Args:
        data: The file.
        tables: How tables are read.
        format: One of `FORMATS`; empty for what the bytes say.
        ignored: Gets the names of columns or fields that no word has.

    Raises:
        BadInput: No row can be read, or it is not of the format.
    """
    is_sheet = data.startswith(_ZIP)
    if format not in ("", *FORMATS):
        raise BadInput(f"the format must be one of {', '.join(FORMATS)}", param="format")
    if format and is_sheet != (format == "xlsx"):
        raise BadInput(f"the file is not {format}", param="format")
    if is_sheet:
        return _of_table(tables.read_sheet(data), tables, ignored)
    text = tables.decode(data).replace("\r\n", "\n").replace("\r", "\n")
    match format or _sniff(text):
        case "jsonl":
            return _of_lines(text, tables, ignored)
        case "csv":
            return _of_table(_records(text), tables, ignored)
        case _:
            return (
                Row(number, {"word": line}) for number, line in enumerate(text.split("\n"), start=1) if line.strip()
            )


def _sniff(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    if first.startswith("{"):
        return "jsonl"
    return "csv" if _delimiter(first) else "txt"


def _of_lines(text: str, tables: Tables, ignored: dict[str, None]) -> Iterator[Row | BadRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = msgspec.json.decode(line.encode("utf-8", "surrogatepass"))
        except (msgspec.DecodeError, RecursionError, ValueError):
            values = None
        if not isinstance(values, dict):
            yield BadRow(number, None, "the line is no JSON object in UTF-8")
            continue
        ignored.update(dict.fromkeys(name for name in values if name not in FIELDS))
        wrong = next((name for name in FIELDS if not isinstance(values.get(name) or "", str)), None)
        yield BadRow(number, wrong, f"{wrong} must be a string") if wrong else Row(number, values)


def _of_table(
    records: Iterable[tuple[int, Sequence[Any]] | BadRow], tables: Tables, ignored: dict[str, None]
) -> Iterator[Row | BadRow]:
    fields: list[str | None] | None = None
    for index, record in enumerate(records):
        if fields is None:
            fields = None if isinstance(record, BadRow) else _header(record[1], ignored)
            if fields is None and index + 1 == _HEADER_WITHIN:
                break
        elif isinstance(record, BadRow):
            yield record
        else:
            number, cells = record
            # Cells behind the last column belong to none, as a comma too many makes them.
            named = [(field, cell) for field, cell in zip(fields, cells, strict=False) if field]
            wrong = next((field for field, cell in named if not isinstance(cell, str)), None)
            values = {field: tables.unguard(cell.strip()) for field, cell in named if isinstance(cell, str)}
            if wrong:
                yield BadRow(number, wrong, "the cell holds a formula or an error, not a text")
            elif any(values.values()):
                yield Row(number, values)
    if fields is None:
        raise BadInput("no row names the column word (词)", param="file")


def _header(cells: Sequence[Any], ignored: dict[str, None]) -> list[str | None] | None:
    """The field of each column; None if the row does not name that of the words."""
    # A star marks what must be filled in.
    names = [cell.strip("*＊ \t\n").lower() if isinstance(cell, str) else "" for cell in cells]
    fields = [HEADERS.get(name) for name in names]
    if "word" not in fields:
        return None
    ignored.update(dict.fromkeys(name for name, field in zip(names, fields, strict=True) if name and not field))
    return fields


def _records(text: str) -> Iterator[tuple[int, Sequence[str]] | BadRow]:
    """Records of a CSV text with the lines on which they begin."""
    head = text.split("\n")[:_HEADER_WITHIN]
    delimiter = next((found for found in map(_delimiter, head) if found), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield BadRow(first, None, "a quotation mark is not closed or not doubled, or a field is too long")
            continue
        if cells is None:
            return
        yield first, cells


def _delimiter(line: str) -> str:
    """What separates the names of columns in a line, whichever gives the most; empty if it names no column of words."""
    found = {
        delimiter: next(csv.reader([line[:_LONGEST_HEADER]], delimiter=delimiter), []) for delimiter in _DELIMITERS
    }
    known = {delimiter: fields for delimiter, cells in found.items() if (fields := _header(cells, {}))}
    return max(known, key=lambda delimiter: len([field for field in known[delimiter] if field]), default="")
