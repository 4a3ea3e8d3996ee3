"""An input cut into parts: what a worker reads at a time, and what is done or not done after a kill.

The cut depends on the input alone, so that a run that was interrupted and continued has the same parts, and so the
same batches of the model, as one that was not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

import msgspec

from nlp_service.errors import BadInput
from nlp_service.insight.engine.rows import Failure, Row

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}

LEAST_BYTES, MOST_BYTES = 2 << 20, 64 << 20
"""Of a part of a JSONL or CSV file: some seconds of work, and at most some hundred."""

PART_ROWS = 16_384
"""Rows of a part of a Parquet file."""

_AIM = 1_024  # parts of a large input: enough for every worker to the end, few enough for a folder
_HEAD_BYTES = 1 << 16


class Part(msgspec.Struct, frozen=True):
    """A piece of an input.

    Attributes:
        number: Its place among all parts, from 0.
        kind: ``jsonl``, ``csv``, ``parquet`` or ``store``.
        path: The file; empty for the store.
        begin, end: Half-open: bytes of a JSONL or CSV file, rows of a row group of a Parquet file.
        line: Lines (rows) before it in its file.
        group: Row group of a Parquet file.
        since, until: Half-open times of a part of the store.
    """

    number: int
    kind: str
    path: str = ""
    begin: int = 0
    end: int = 0
    line: int = 0
    group: int = 0
    since: datetime | None = None
    until: datetime | None = None


def find_files(path: Path) -> list[Path]:
    """The files of an input: itself, or those of a folder and the folders in it, by name.

    Raises:
        BadInput: It is not there, of an unknown format, or an empty folder.
    """
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in FORMATS and file.is_file())
        if not found:
            raise BadInput(f"there is no JSONL, CSV or Parquet file in {path}", param="FILE")
        return found
    if not path.is_file():
        raise BadInput(f"there is no file {path}", param="FILE")
    if path.suffix.lower() not in FORMATS:
        raise BadInput(f"cannot tell the format of {path.name}: it is not .jsonl, .csv or .parquet", param="FILE")
    return [path]


def cut(files: Sequence[Path], part_bytes: int | None = None) -> list[Part]:
    """Cut files into parts; nothing is held of them.

    Args:
        files: Of any format.
        part_bytes: About how many bytes a part of text has; by the size of all if None.

    Raises:
        BadInput: A file cannot be read, or lacks a column.
    """
    try:
        total = sum(file.stat().st_size for file in files)
        size = part_bytes or min(max(total // _AIM, LEAST_BYTES), MOST_BYTES)
        pieces = [piece for file in files for piece in _cut_file(file, size)]
    except OSError as error:
        raise BadInput(f"cannot read {error.filename}: {error.strerror}", param="FILE") from error
    return [msgspec.structs.replace(piece, number=number) for number, piece in enumerate(pieces)]


def read(part: Part, zone: tzinfo) -> Iterator[Row | Failure]:
    """The records of a part of a file, in order.

    Raises:
        BadInput: The file is damaged there, or gone.
    """
    # The readers of other formats bring libraries that JSONL does not need.
    if part.kind == "jsonl":
        from nlp_service.insight.engine.lines import read_lines

        return read_lines(part, zone)
    if part.kind == "csv":
        from nlp_service.insight.engine.sheets import read_sheet

        return read_sheet(part, zone)
    from nlp_service.insight.engine.columns import read_columns

    return read_columns(part, zone)


def fingerprint(files: Sequence[Path]) -> str:
    """What changes when one of the files does: names, sizes, times of change and beginnings."""
    content = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            head = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
        content.update(f"{path.name} {status.st_size} {status.st_mtime_ns} {head}\n".encode())
    return content.hexdigest()


def _cut_file(path: Path, size: int) -> list[Part]:
    kind = FORMATS[path.suffix.lower()]
    if kind == "jsonl":
        from nlp_service.insight.engine.lines import cut_lines

        return cut_lines(path, size)
    if kind == "csv":
        from nlp_service.insight.engine.sheets import cut_sheet

        return cut_sheet(path, size)
    from nlp_service.insight.engine.columns import cut_columns

    return cut_columns(path)
