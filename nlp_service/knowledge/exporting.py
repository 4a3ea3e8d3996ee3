"""Entries as a file that `importing` takes back unchanged: JSONL, CSV or XLSX."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from nlp_service.errors import BadInput, ServiceError
from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.rows import guard, join, write_time
from nlp_service.knowledge.sheets import write_sheet
from nlp_service.knowledge.versions import read_entries
from nlp_service.store.knowledge import KnowledgeStore

FORMATS = {".jsonl": "jsonl", ".csv": "csv", ".xlsx": "xlsx"}

_COLUMNS = ("id", "questions", "answer", "category", "tags", "valid_from", "valid_to", "audience", "owner")
# A cell of Excel holds 32,767 characters; guards and escaped bars need some of them. Further wordings go to rows of
# their own, which an import joins again.
_MAX_CELL = 16_000


def export_file(store: KnowledgeStore, tenant: str, kb: int | str, path: Path, version: int | None = None) -> int:
    """Write the entries of a version (the draft for None) to a file, and give their number.

    The format goes by the extension. The file appears whole or not at all.

    Raises:
        BadInput: The extension names no format. ``param`` is ``output``.
        NotFound: There is no such base or version.
        ServiceError: The file cannot be written.
    """
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        raise BadInput(f"{path} must end with {', '.join(FORMATS)}", param="output")
    entries = read_entries(store, tenant, kb, version)
    data = encode(entries, format)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from error
    return len(entries)


def encode(entries: Iterable[Entry], format: str) -> bytes:
    """Write entries as the bytes of a file.

    Args:
        entries: In the order in which they are written.
        format: ``jsonl``, ``csv`` (UTF-8 with a byte-order mark, without which Excel takes it for GBK) or ``xlsx``.

    Raises:
        BadInput: There is no such format.
    """
    if format == "jsonl":
        return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    if format == "csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(_rows(entries))
        return text.getvalue().encode("utf-8-sig")
    if format == "xlsx":
        return write_sheet(_rows(entries))
    raise BadInput(f"the format must be one of {', '.join(FORMATS.values())}", param="format")


def _rows(entries: Iterable[Entry]) -> Iterator[list[str]]:
    yield list(_COLUMNS)
    for entry in entries:
        rest = [
            entry.answer,
            entry.category,
            "\n".join(entry.tags),
            write_time(entry.valid_from),
            write_time(entry.valid_to),
            "\n".join(entry.audience),
            entry.owner,
        ]
        for wordings in _cells(entry.questions):
            yield [guard(cell) for cell in (entry.id, wordings, *rest)]


def _cells(questions: Iterable[str]) -> Iterator[str]:
    some: list[str] = []
    length = 0
    for question in questions:
        if some and length + len(question) > _MAX_CELL:
            yield join(some)
            some, length = [], 0
        some.append(question)
        length += len(question) + 1
    yield join(some)
