"""What a worker does with a chunk: parse, read, encode. The parent only moves bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from nlp_service.cli.batch.chunks import Answers, Chunk
from nlp_service.cli.batch.records import Failure, Record, parse
from nlp_service.cli.batch.tables import encode_row
from nlp_service.inference.process import Read
from nlp_service.types import Analysis, Message

_FIELDS = tuple(name for name in Analysis.__struct_fields__ if name != "id")


class Manner(NamedTuple):
    """How to read.

    Attributes:
        evidence: Whether to look for the characters behind each label.
        batch: Messages of one model batch.
        as_csv: Whether the output is CSV rows instead of JSON lines.
    """

    evidence: bool = True
    batch: int = 256
    as_csv: bool = False


class Desk:
    """Answers chunks with one reader."""

    def __init__(self, reader: Read, manner: Manner) -> None:
        self._reader = reader
        self._manner = manner

    def answer(self, chunk: Chunk) -> Answers:
        """Read a chunk. Each record gives one line of output or one of errors, both in order."""
        records: list[Record] = []
        failures: list[Failure] = []
        for row in _rows(chunk):
            if isinstance(row, Record):
                records.append(row)
            else:
                failures.append(row)
        output: list[bytes] = []
        for begin in range(0, len(records), self._manner.batch):
            for record, analysis in self._read(records[begin : begin + self._manner.batch]):
                if isinstance(analysis, Failure):
                    failures.append(analysis)
                else:
                    output.append(self._encode(record, analysis))
        failures.sort(key=lambda failure: failure.line)
        errors = b"".join(failure.encode() for failure in failures)
        return Answers(b"".join(output), errors, len(output), len(failures))

    def _read(self, records: Sequence[Record]) -> Iterator[tuple[Record, Analysis | Failure]]:
        messages = [Message(None, record.text, record.context) for record in records]
        try:
            analyses = self._reader.read(messages, evidence=self._manner.evidence)
        except Exception as error:
            # One message that the model cannot take must not cost the others of its batch their answers.
            if len(records) > 1:
                for record in records:
                    yield from self._read([record])
                return
            message = f"the model failed with {type(error).__name__}"
            yield records[0], Failure(records[0].line, records[0].id, "internal", message)
            return
        yield from zip(records, analyses, strict=True)

    def _encode(self, record: Record, analysis: Analysis) -> bytes:
        # Not through Message.id, which is a string: an id that came as a number goes back as one.
        line = msgspec.json.encode({"id": record.id} | {name: getattr(analysis, name) for name in _FIELDS})
        return encode_row(record.id, analysis, line) if self._manner.as_csv else line + b"\n"


def _rows(chunk: Chunk) -> Iterator[Record | Failure]:
    if not isinstance(chunk.payload, bytes):
        yield from chunk.payload
        return
    for index, raw in enumerate(chunk.payload.split(b"\n")):
        row = parse(raw, chunk.first_line + index)
        if row is not None:
            yield row
