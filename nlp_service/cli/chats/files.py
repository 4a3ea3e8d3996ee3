"""A file of messages by what is in it."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import msgspec

from nlp_service.cli.batch.chunks import Position
from nlp_service.cli.batch.records import Failure
from nlp_service.cli.batch.sources import JsonLinesFile, JsonLinesStream
from nlp_service.cli.chats.documents import read_document
from nlp_service.cli.chats.rows import Origin, Row, Rows
from nlp_service.cli.chats.tables import find_table, read_table
from nlp_service.cli.chats.transcripts import is_qq, is_wechat, read_qq, read_wechat
from nlp_service.errors import BadInput
from nlp_service.inference.frames import without_surrogates

_HEAD_BYTES = 1 << 16
_MAX_DOCUMENT = 2 << 30
"""Bytes of a JSON document, which is read whole; some ten million messages."""

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))
_REFUSED = {
    b"PK\x03\x04": "an archive or a spreadsheet; save it as CSV",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed",
    b"SQLite format 3": "a database; export its chats",
    b"PAR1": "Parquet; import takes JSONL or CSV",
}


def read_messages(path: Path | None, origin: Origin) -> Rows:
    """Read a file of messages or an export of chats, row by row; None reads JSONL from standard input.

    Raises:
        BadInput: It is not there, empty, or nothing that is known.
    """
    if path is None:
        return _lines(JsonLinesStream(0))
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", param="FILE") from error
    for magic, words in _REFUSED.items():
        if head.startswith(magic):
            raise BadInput(f"{path.name} is {words}", param="FILE")
    if not head.strip():
        raise BadInput(f"{path.name} is empty", param="FILE")
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if begin[:1] in (b"{", b"["):
        return _lines(JsonLinesFile(path)) if _is_lines(begin) else _document(path, origin)
    if begin[:1] == b"<":
        raise BadInput(f"{path.name} is HTML; export the chat as CSV, text or JSON", param="FILE")
    return _text(path, head, origin)


def _text(path: Path, head: bytes, origin: Origin) -> Rows:
    encoding = _encoding(head)
    # The head may end in the middle of a character.
    beginning = head.decode(encoding, "ignore").removeprefix("\ufeff")
    table = find_table(beginning)
    if table is None and not is_qq(beginning) and not is_wechat(beginning):
        raise BadInput(f"{path.name} is no file of messages and no export that is known", param="FILE")
    # Bytes that are not of the encoding become surrogates, which the door refuses by name.
    with path.open(encoding=encoding, errors="surrogateescape", newline="" if table else None) as file:
        if table is not None:
            yield from read_table(file, *table, origin)
        elif is_qq(beginning):
            yield from read_qq(file, origin)
        else:
            yield from read_wechat(file, origin)


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    for cut in range(4):  # bytes that a character cut in two leaves
        try:
            head[: len(head) - cut].decode("utf-8")
            return "utf-8"
        except UnicodeDecodeError:
            continue
    damaged = head.decode("utf-8", "surrogateescape")
    n_bad = sum("\udc80" <= char <= "\udcff" for char in damaged)
    n_good = sum(char > "\x7f" for char in damaged) - n_bad
    return "utf-8" if n_good > n_bad else "gb18030"


def _is_lines(begin: bytes) -> bool:
    """Whether the first line is a whole object of a message, and not the beginning of a document."""
    try:
        first = json.loads(begin.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "messages" not in first and "chats" not in first


def _document(path: Path, origin: Origin) -> Rows:
    size = path.stat().st_size
    if size > _MAX_DOCUMENT:
        raise BadInput(f"{path.name} has {size} bytes; a document of at most {_MAX_DOCUMENT} is read", param="FILE")
    return read_document(path.read_bytes().removeprefix(codecs.BOM_UTF8), origin)


def _lines(source: JsonLinesFile | JsonLinesStream) -> Rows:
    for chunk in source.chunks(Position()):
        if chunk is None:
            continue
        if not isinstance(chunk.payload, bytes):
            yield from (item for item in chunk.payload if isinstance(item, Failure))
            continue
        for index, raw in enumerate(chunk.payload.split(b"\n")):
            line = chunk.first_line + index
            raw = raw.removeprefix(codecs.BOM_UTF8) if line == 1 else raw
            if raw and not raw.isspace():
                yield _line(raw, line)


def _line(raw: bytes, line: int) -> Row | Failure:
    values = _decode(raw)
    if not isinstance(values, dict):
        return Failure(line, None, "invalid_json", "the line is no JSON object in UTF-8")
    return Row(line, values)


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # The slower reader takes half of an emoji, which becomes what HTTP makes of it too.
    try:
        return json.loads(without_surrogates(json.dumps(json.loads(raw), ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None
