"""One message of a file, checked at the door, or named as a failure that never holds its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple

import msgspec

from nlp_service.insight.facts import plain_meta

MAX_TEXT = 4_000
"""Code points of a text; the same as at every other door."""

MAX_NAME = 200
"""Code points in the name of a message, a channel or an author."""

_LATEST = 1e14
_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,9})?", re.ASCII)
_EXPECTED = "must be ISO 8601, or seconds or milliseconds since 1970"
_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)

_NO_META = frozenset(
    "id text platform channel author sent_at at edited_at received_at context meta analysis vector".split()
)


class Row(NamedTuple):
    """A message as a source gives it.

    Attributes:
        line: Where it stands: line of a JSONL or CSV file, row of a Parquet file; the first is 1.
        at: When it was written, aware; None where nothing says so.
        edited_at: When this wording was written; None for a first one.
        meta: Fields to group by, see `plain_meta`.
    """

    line: int
    id: str
    platform: str
    channel: str
    author: str
    at: datetime | None
    edited_at: datetime | None
    text: str
    context: tuple[str, ...]
    meta: dict[str, str]


class Failure(NamedTuple):
    """A record that could not be taken, as ``OUT.errors.jsonl`` names it; ``message`` holds no text of users."""

    line: int
    id: str | None
    code: str
    message: str
    param: str | None = None

    def encode(self, file: str | None = None) -> bytes:
        """Write it as one line of JSON; `file` is the one that it stands in, where there are several."""
        where: dict[str, object] = {"line": self.line} if file is None else {"file": file, "line": self.line}
        if self.id is not None:
            where["id"] = self.id
        error = {"code": self.code, "message": self.message, "param": self.param}
        return msgspec.json.encode({**where, "error": error}) + b"\n"


def check(line: int, values: Mapping[str, Any], zone: tzinfo) -> Row | Failure:
    """Make a row of decoded values, or say which field is at fault.

    Fields that nobody knows are taken as fields of ``meta``, so that a table of any shape can be grouped by them.

    Args:
        line: Of the record.
        values: Its fields; ``sent_at`` may also be called ``at``, and stands in for it ``received_at``.
        zone: Of times that have none.
    """
    try:
        id_ = _name(values, "id")
    except _Refused as fault:
        return Failure(line, None, "invalid_input", f"id {fault}", "id")
    if not id_:
        return Failure(line, None, "invalid_input", "id is missing", "id")
    field = "text"
    try:
        text = _text(values.get("text"))
        field = "context"
        context = _context(values.get(field))
        names: dict[str, str] = {}
        for field in ("platform", "channel", "author"):
            names[field] = _name(values, field)
        field = next((name for name in ("sent_at", "at", "received_at") if values.get(name) not in (None, "")), "at")
        at = _time(values.get(field), zone)
        field = "edited_at"
        edited_at = _time(values.get(field), zone)
        field = "meta"
        meta = _meta(values)
    except _Refused as fault:
        return Failure(line, id_, "too_large" if fault.is_size else "invalid_input", f"{field} {fault}", field)
    return Row(line, id_, **names, at=at, edited_at=edited_at, text=text, context=context, meta=meta)


class _Refused(Exception):
    """A value cannot be taken; the message says what is expected."""

    def __init__(self, message: str, *, is_size: bool = False) -> None:
        super().__init__(message)
        self.is_size = is_size


def _name(values: Mapping[str, Any], field: str) -> str:
    value = values.get(field)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _Refused("must be a string or a number")
    text = str(value)
    if len(text) > MAX_NAME:
        raise _Refused(f"has {len(text)} characters, at most {MAX_NAME} are read", is_size=True)
    return _encodable(text)


def _text(value: object) -> str:
    if value is None:
        raise _Refused("is missing")
    if not isinstance(value, str):
        raise _Refused("must be a string")
    if len(value) > MAX_TEXT:
        raise _Refused(f"has {len(value)} characters, at most {MAX_TEXT} are read", is_size=True)
    return _encodable(value)


def _context(value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, (list, tuple)):
        raise _Refused("must be a list of strings")
    return tuple(_text(part) for part in value)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Refused("is not valid Unicode") from None
    return text


def _time(value: object, zone: tzinfo) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        at = _moment(value, zone)
    except (ValueError, OverflowError, OSError):
        raise _Refused(_EXPECTED) from None  # the errors of the library quote the text
    if at < _OLDEST:
        raise _Refused(_EXPECTED)
    return at


def _moment(value: object, zone: tzinfo) -> datetime:
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            value = datetime.fromisoformat(value.replace("/", "-"))
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError
    number = float(value)
    if not 0 <= number < _LATEST:  # refuses NaN too
        raise ValueError
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)


def _meta(values: Mapping[str, Any]) -> dict[str, str]:
    given = values.get("meta")
    if isinstance(given, str) and given:
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            raise _Refused("must be an object") from None
    if isinstance(given, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in given):
        given = dict(given)  # a map of Parquet is read as pairs
    if given is not None and given != "" and not isinstance(given, Mapping):
        raise _Refused("must be an object")
    fields = dict(given or {})
    for name, value in values.items():
        if name not in _NO_META and value not in (None, ""):
            fields.setdefault(name.removeprefix("meta."), value)
    plain = plain_meta(fields)
    for name, text in plain.items():
        _encodable(name)
        _encodable(text)
    return plain
