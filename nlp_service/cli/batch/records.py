"""One record of an input file: checked at the door, or named as a failure that never holds its text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

# The same limits as at the HTTP door, so that a message fails or passes alike whichever way it comes.
MAX_TEXT = 4_000
MAX_ID = 200
MAX_CONTEXT = 20

Id = str | int | None

_BOM = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """A message that can be read.

    Attributes:
        line: Where it began: line of a JSONL or CSV file, row of a Parquet file; the first is 1.
        id: The caller's, echoed as it came.
    """

    line: int
    id: Id
    text: str
    context: tuple[str, ...] = ()


class Failure(NamedTuple):
    """A record that could not be read, as `OUT.errors.jsonl` names it. ``message`` holds no text of users."""

    line: int
    id: Id
    code: str
    message: str
    param: str | None = None

    def encode(self) -> bytes:
        """Write it as one line of JSON; the id is left out where there is none."""
        known = {} if self.id is None else {"id": self.id}
        error = {"code": self.code, "message": self.message, "param": self.param}
        return msgspec.json.encode({"line": self.line, **known, "error": error}) + b"\n"


def parse(raw: bytes, line: int) -> Record | Failure | None:
    """Read one line of JSONL; None for a blank one. Bytes that are no message give a `Failure`, never an exception."""
    if line == 1:
        raw = raw.removeprefix(_BOM)
    if not raw or raw.isspace():
        return None
    try:
        values = _decode(raw)
    except (ValueError, RecursionError):
        return Failure(line, None, "invalid_json", "the line is not JSON in UTF-8")
    if not isinstance(values, dict):
        return Failure(line, None, "invalid_input", "the line must be an object with id and text")
    return check(line, values)


def check(line: int, values: Mapping[str, object]) -> Record | Failure:
    """Make a record of decoded values, or say which field is at fault."""
    id_ = values.get("id")
    if not _is_id(id_):
        return Failure(line, None, "invalid_input", f"id must be a string of at most {MAX_ID} characters", "id")
    assert id_ is None or isinstance(id_, (str, int))
    text = values.get("text")
    fault = _fault(text)
    if fault:
        return Failure(line, id_, fault[0], f"text {fault[1]}", "text")
    context = values.get("context")
    if context is None:
        context = ()
    if not isinstance(context, (list, tuple)) or len(context) > MAX_CONTEXT:
        return Failure(
            line, id_, "invalid_input", f"context must be a list of at most {MAX_CONTEXT} strings", "context"
        )
    for index, part in enumerate(context):
        fault = _fault(part)
        if fault:
            return Failure(line, id_, fault[0], f"context[{index}] {fault[1]}", f"context[{index}]")
    return Record(line, id_, str(text), tuple(context))


def _decode(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        # The slower reader also takes lone surrogates, so that the failure can name the id and the field.
        return json.loads(raw.decode("utf-8"))


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_ID and _is_encodable(value)
    # JSON writers stop at 64 bits; a bool is an int to Python, but no id.
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64)


def _fault(value: object) -> tuple[str, str] | None:
    """Code and words for what is wrong with a text; None when it can be read."""
    if value is None:
        return "invalid_input", "is missing"
    if not isinstance(value, str):
        return "invalid_input", "must be a string"
    if len(value) > MAX_TEXT:
        return "too_large", f"has {len(value)} characters, at most {MAX_TEXT} are read"
    if not _is_encodable(value):
        return "invalid_input", "is not valid Unicode"
    return None


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
