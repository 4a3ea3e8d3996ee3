"""A file of questions, one a line: ``{"id", "text", "context"?, "channel"?, "entry_id"?}``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nlp_service.cli.batch.records import Failure, Record, parse
from nlp_service.errors import BadInput
from nlp_service.knowledge.entries import MAX_ID, MAX_LABEL


class Question(NamedTuple):
    """A line that can be asked.

    Attributes:
        record: Its id, text and context.
        channel: Where it is asked; empty for anywhere.
        entry_id: The entry that answers it; None if none must, or nobody says.
    """

    record: Record
    channel: str = ""
    entry_id: str | None = None


def read_questions(path: Path) -> Iterator[Question | Failure]:
    """Read a file line by line; blank ones are left out.

    Raises:
        BadInput: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line, raw in enumerate(file, 1):
                question = parse_question(raw, line)
                if question is not None:
                    yield question
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", param="queries") from error


def parse_question(raw: bytes, line: int) -> Question | Failure | None:
    """Read one line; None for a blank one. Bytes that are no question give a `Failure`, never an exception."""
    record = parse(raw, line)
    if not isinstance(record, Record):
        return record
    # It was decoded once, so that only what hardly any line has can still fail.
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return Failure(line, record.id, "invalid_json", "the line is not JSON in UTF-8")
    for name, most in (("channel", MAX_LABEL), ("entry_id", MAX_ID)):
        value = values.get(name)
        if value is not None and not (isinstance(value, str) and 0 < len(value) <= most):
            message = f"{name} must be a string of 1 to {most} characters"
            return Failure(line, record.id, "invalid_input", message, name)
    return Question(record, values.get("channel") or "", values.get("entry_id"))
