"""What travels between the parent, which moves bytes, and the workers, which read them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from nlp_service.cli.batch.records import Failure, Record

CHUNK_BYTES = 1 << 16
"""About 600 messages: some tenths of a second of work, so that all workers stay busy and a crash costs little."""

CHUNK_ROWS = 512
"""Messages in a chunk of a CSV or Parquet file."""


class Position(NamedTuple):
    """A place between two records.

    Attributes:
        offset: Bytes before it (JSONL, CSV) or rows before it (Parquet).
        line: Lines or rows before it, for naming records.
    """

    offset: int = 0
    line: int = 0


class Chunk(NamedTuple):
    """Some records in a row.

    Attributes:
        payload: Whole lines as they lay in a JSONL file, or records that are already parsed.
        first_line: Line of the first record.
        end: The place after the last one.
    """

    payload: bytes | tuple[Record | Failure, ...]
    first_line: int
    end: Position


class Answers(NamedTuple):
    """What became of a chunk: lines for the output, lines for the errors, and how many messages each stands for."""

    output: bytes
    errors: bytes
    done: int
    failed: int


class Progress(msgspec.Struct):
    """How far a run is, as ``OUT.progress.json`` keeps it.

    Attributes:
        run: What must be the same for the run to be continued: input, options and versions.
        offset, line: The `Position` behind the last chunk that is written.
        output_bytes, error_bytes: Sizes of the two files at that place.
        done, failed: Messages answered and records that were not.
    """

    run: dict[str, str | int | bool]
    offset: int = 0
    line: int = 0
    output_bytes: int = 0
    error_bytes: int = 0
    done: int = 0
    failed: int = 0

    @property
    def position(self) -> Position:
        """Where to go on."""
        return Position(self.offset, self.line)

    def add(self, chunk: Chunk, answers: Answers) -> None:
        """Count a chunk that is written."""
        self.offset, self.line = chunk.end
        self.output_bytes += len(answers.output)
        self.error_bytes += len(answers.errors)
        self.done += answers.done
        self.failed += answers.failed
