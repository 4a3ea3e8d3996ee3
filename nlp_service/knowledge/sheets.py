"""The first sheet of an XLSX file as rows of text.

An XLSX file is a ZIP archive, so its size says little about what comes out of it: sizes are checked before anything is
unpacked. Merged cells count as if each held what they show together.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter, range_boundaries

from nlp_service.errors import BadInput, TooLarge
from nlp_service.knowledge.rows import Cell, Unreadable

MAX_UNPACKED_BYTES = 512 * 2**20
"""Bytes of all parts of an archive together; sheets of 64 MB packed have about this."""

MAX_RATIO = 200
"""Unpacked by packed bytes of one part. Sheets have 5 to 30, the most repetitive some 100, made-up bombs 1,000."""

MAX_COLUMNS = 64
"""Columns that are read: an entry has ten fields."""

_SMALL_BYTES = 2**20  # parts of this size do no harm, whatever their ratio
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
_PIECE = 2**20
_OVERLAP = 200  # bytes; longer than any tag of a merged range


class _Range(NamedTuple):
    """A merged range, with its bounds inclusive, counted from 1."""

    top: int
    left: int
    bottom: int
    right: int


def read_sheet(data: bytes) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of the first sheet with their numbers, which begin at 1.

    Raises:
        BadInput: The file is broken or has no sheet.
        TooLarge: It unpacks to too much.
    """
    with _open(data) as archive:
        with _quietly():
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        with contextlib.closing(book):
            if not book.worksheets:
                raise BadInput("the XLSX file has no sheet", param="file")
            sheet = book.worksheets[0]
            with _quietly():
                ranges = _find_merged(archive, sheet._worksheet_path)
                # The size that a file claims is often wrong, and rows would be cut to it.
                sheet.reset_dimensions()
            for number, cells in enumerate(_fill(_rows(sheet), ranges), start=1):
                yield number, [_read_cell(cell) for cell in cells]


def write_sheet(rows: Iterable[Sequence[str]]) -> bytes:
    """Write rows of text as an XLSX file with one sheet, in which every cell is text and none a formula."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("entries")
    for row in rows:
        cells = [WriteOnlyCell(sheet, value) for value in row]
        for cell in cells:
            cell.data_type = "s"
        sheet.append(cells)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _rows(sheet: Any) -> Iterator[list[Any]]:
    rows = iter(sheet.iter_rows())
    while True:
        with _quietly():
            cells = next(rows, None)
        if cells is None:
            return
        yield list(cells[:MAX_COLUMNS])


def _fill(rows: Iterator[list[Any]], ranges: list[_Range]) -> Iterator[list[Any]]:
    """Put the first cell of each merged range, which alone holds its value, in the place of all of it."""
    shown: dict[_Range, Any] = {}
    for number, cells in enumerate(rows, start=1):
        while ranges and ranges[-1].top <= number:
            merged = ranges.pop()
            shown[merged] = cells[merged.left - 1] if merged.left <= len(cells) else None
        shown = {merged: cell for merged, cell in shown.items() if merged.bottom >= number}
        for merged, cell in shown.items():
            right = min(merged.right, MAX_COLUMNS)
            cells += [None] * (right - len(cells))
            cells[merged.left - 1 : right] = [cell] * (right - merged.left + 1)
        yield cells


def _read_cell(cell: Any) -> Cell:
    if cell is None or cell.value is None:
        return ""
    if cell.data_type in ("f", "e"):
        what = "a formula" if cell.data_type == "f" else "an error"
        return Unreadable(f"{what} ({get_column_letter(cell.column)}{cell.row})")
    return _text(cell.value)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool):
        return str(value).upper()
    return str(value)


def _open(data: bytes) -> zipfile.ZipFile:
    with _quietly():
        archive = zipfile.ZipFile(io.BytesIO(data))
    parts = archive.infolist()
    if not any(part.filename.lower() == "xl/workbook.xml" for part in parts):
        raise BadInput("the file is a ZIP archive, but not XLSX", param="file")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES:
        raise TooLarge(f"the file unpacks to {unpacked} bytes, at most {MAX_UNPACKED_BYTES} are read", param="file")
    if any(part.file_size > max(_SMALL_BYTES, MAX_RATIO * part.compress_size) for part in parts):
        raise TooLarge(f"a part of the file unpacks to more than {MAX_RATIO} times its size", param="file")
    return archive


def _find_merged(archive: zipfile.ZipFile, part: str) -> list[_Range]:
    """Merged ranges of a sheet, the topmost last. In the file they stand behind the rows, which are streamed."""
    found: set[_Range] = set()
    tail = b""
    with archive.open(part.lstrip("/")) as file:
        while piece := file.read(_PIECE):
            for match in _MERGED.finditer(tail + piece):
                left, top, right, bottom = range_boundaries(match[1].decode())
                if left <= MAX_COLUMNS:
                    found.add(_Range(top, left, bottom, right))
            tail = piece[-_OVERLAP:]
    return sorted(found, reverse=True)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings, which are about styles and extensions, and with every error as one of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        # An edge: openpyxl raises whatever a broken part leads it to, from KeyError to errors of XML.
        raise BadInput(f"the XLSX file is broken ({type(error).__name__})", param="file") from error
