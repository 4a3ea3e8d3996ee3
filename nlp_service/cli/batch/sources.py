"""Input files as chunks, in constant memory.

A chunk depends only on the place where it begins, so a run that was interrupted and continued makes the same chunks,
and so the same model batches, as one that was not. Streams are the exception: there, a pause ends a chunk.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from nlp_service.cli.batch.chunks import CHUNK_BYTES, Chunk, Position
from nlp_service.cli.batch.records import Failure
from nlp_service.errors import BadInput

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}

MAX_LINE_BYTES = 4 << 20
"""A longer line cannot be a message: 4,000 characters of text and 20 of context, escaped, stay below 2 MiB."""

_Read = Callable[[int], bytes | None]
"""Reads up to so many bytes: None when nothing came for a while, empty at the end."""

_PAUSE_S = 0.05  # short for somebody who watches, long enough for a writer that is merely slow
_LATEST_S = 0.2  # a steady trickle has no pauses; it is not to wait for a full chunk either


class Source(Protocol):
    """An input as chunks.

    Attributes:
        total: Its size in the unit of `Position.offset`; None for a stream.
        n_chunks: About how many chunks it makes; None for a stream.
    """

    total: int | None
    n_chunks: int | None

    def chunks(self, start: Position) -> Iterator[Chunk | None]:
        """Cut what lies behind `start` into chunks; None stands for a pause in which nothing came."""
        ...


def format_of(path: Path, given: str | None) -> str:
    """Name the format of a file: as given, else by its extension.

    Raises:
        BadInput: Neither says it.
    """
    named = given or FORMATS.get(path.suffix.lower())
    if named is None or named not in FORMATS.values():
        what = f"unknown format {given}" if given else f"cannot tell the format of {path.name}"
        raise BadInput(f"{what}: name it with --format jsonl, csv or parquet", param="format")
    return named


def open_source(path: Path | None, given: str | None) -> Source:
    """Open an input file, or standard input for None.

    Raises:
        BadInput: It is missing, unreadable, of an unknown format, or lacks a column.
    """
    if path is None or not path.is_file():
        return _open_stream(path, given)
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", param="IN") from error
    kind = format_of(path, given)
    # The others bring libraries that a JSONL file does not need.
    if kind == "csv":
        from nlp_service.cli.batch.csv_source import CsvFile

        return CsvFile(path)
    if kind == "parquet":
        from nlp_service.cli.batch.parquet_source import ParquetFile

        return ParquetFile(path)
    return JsonLinesFile(path)


def _open_stream(path: Path | None, given: str | None) -> Source:
    if given not in (None, "jsonl"):
        raise BadInput("only JSONL can be read from a pipe", param="format")
    if path is None:
        return JsonLinesStream(0)
    if path.is_dir():
        raise BadInput(f"cannot read {path}: it is a folder", param="IN")
    try:
        return JsonLinesStream(os.open(path, os.O_RDONLY))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", param="IN") from error


class JsonLinesFile:
    """A regular file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.total: int | None = path.stat().st_size
        self.n_chunks: int | None = self.total // CHUNK_BYTES + 1

    def chunks(self, start: Position) -> Iterator[Chunk | None]:
        """Cut the file behind `start` into chunks of whole lines."""
        with self._path.open("rb", buffering=0) as file:
            file.seek(start.offset)
            yield from _cut(file.read, start)


class JsonLinesStream:
    """A pipe of JSON lines, which may pause at any time. It has no place to come back to."""

    total: int | None = None
    n_chunks: int | None = None

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def chunks(self, start: Position) -> Iterator[Chunk | None]:
        """Cut what comes into chunks of whole lines, a smaller one wherever the writer pauses."""
        yield from _cut(self._read, start)

    def _read(self, size: int) -> bytes | None:
        parts: list[bytes] = []
        begun = time.monotonic()
        while size > 0 and time.monotonic() - begun < _LATEST_S:
            if not select.select([self._descriptor], [], [], _PAUSE_S)[0]:
                break
            part = os.read(self._descriptor, size)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size -= len(part)
        return b"".join(parts) or None


def _cut(read: _Read, start: Position) -> Iterator[Chunk | None]:
    """Cut blocks at their last newline. A line over `MAX_LINE_BYTES` is passed over and named."""
    rest, place = b"", start
    while True:
        block = read(CHUNK_BYTES - len(rest) if len(rest) < CHUNK_BYTES else CHUNK_BYTES)
        if block is None:
            yield None
            continue
        data = rest + block
        # At the end of the input a last line without a newline is whole too.
        cut = data.rfind(b"\n") + 1 if block else len(data)
        if cut:
            n_lines = data.count(b"\n", 0, cut) + (not data.endswith(b"\n", 0, cut))
            end = Position(place.offset + cut, place.line + n_lines)
            yield Chunk(data[:cut], place.line + 1, end)
            place, rest = end, data[cut:]
        elif len(data) > MAX_LINE_BYTES:
            chunk, rest = _skip_line(read, len(data), place)
            yield chunk
            place = chunk.end
        else:
            rest = data
        if not block:
            return


def _skip_line(read: _Read, n_bytes: int, place: Position) -> tuple[Chunk, bytes]:
    """Read on to the next newline; give the failure that stands for the line, and what came behind it."""
    rest = b""
    while (block := read(CHUNK_BYTES)) != b"":
        if block is None:
            continue
        cut = block.find(b"\n") + 1
        n_bytes += cut or len(block)
        if cut:
            rest = block[cut:]
            break
    end = Position(place.offset + n_bytes, place.line + 1)
    failure = Failure(end.line, None, "too_large", f"the line has {n_bytes} bytes, at most {MAX_LINE_BYTES} are read")
    return Chunk((failure,), end.line, end), rest
