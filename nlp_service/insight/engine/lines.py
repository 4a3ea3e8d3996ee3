"""Parts of JSONL files: whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path

import msgspec

from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.rows import Failure, Row, check

MAX_LINE_BYTES = 4 << 20
"""A longer line cannot be a message: 4,000 characters of text and 20 of context, escaped, stay below 2 MiB."""

_BLOCK = 1 << 20
_BOM = b"\xef\xbb\xbf"


def cut_lines(path: Path, size: int) -> list[Part]:
    """Cut behind the first line end that is `size` bytes or more behind the last cut."""
    parts: list[Part] = []
    begin = line = here = lines = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            place = 0
            while (cut := block.find(b"\n", max(place, begin + size - here - 1))) >= 0:
                lines += block.count(b"\n", place, cut + 1)
                parts.append(Part(0, "jsonl", str(path), begin, here + cut + 1, line))
                begin, line, place = here + cut + 1, lines, cut + 1
            lines += block.count(b"\n", place)
            here += len(block)
    if here > begin:
        parts.append(Part(0, "jsonl", str(path), begin, here, line))
    return parts


def read_lines(part: Part, zone: tzinfo) -> Iterator[Row | Failure]:
    """The records of a part; blank lines are passed over."""
    number = part.line
    with Path(part.path).open("rb") as file:
        file.seek(part.begin)
        left = part.end - part.begin
        while left > 0 and (raw := file.readline(min(MAX_LINE_BYTES, left))):
            left -= len(raw)
            number += 1
            n_bytes = len(raw)
            while left > 0 and not raw.endswith(b"\n"):
                raw = file.readline(min(MAX_LINE_BYTES, left))
                left -= len(raw)
                n_bytes += len(raw)
            if n_bytes > len(raw):
                message = f"the line has {n_bytes} bytes, at most {MAX_LINE_BYTES} are read"
                yield Failure(number, None, "too_large", message)
            elif (row := _parse(raw, number, zone)) is not None:
                yield row


def _parse(raw: bytes, number: int, zone: tzinfo) -> Row | Failure | None:
    if number == 1:
        raw = raw.removeprefix(_BOM)
    if not raw or raw.isspace():
        return None
    try:
        values = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(number, None, "invalid_json", "the line is not JSON in UTF-8")
    if not isinstance(values, dict):
        return Failure(number, None, "invalid_input", "the line must be an object with id and text")
    return check(number, values, zone)
