"""What an entry of a stream says: one message, as ``POST /v1/messages`` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from nlp_service.errors import BadInput
from nlp_service.intake.arrivals import MAX_TEXT, Arrival, admit, read_message

WHOLE = b"message"
"""Field that holds a whole message as JSON; else each field of a message is a field of the entry."""

_AS_JSON = ("context", "meta")
_LEAST_MS = 1_262_304_000_000  # 2010: there are no streams from before

Fields = Mapping[bytes, bytes]


class Entry(NamedTuple):
    """An entry as it was read: its id, and its fields."""

    id: bytes
    fields: Fields


class Refused(NamedTuple):
    """An entry that cannot be taken in: which, why, and the field at fault; never what it says."""

    id: bytes
    code: str
    reason: str
    field: str


def read_entry(entry: Entry, now: datetime, *, max_text: int = MAX_TEXT) -> Arrival | Refused:
    """Make a message of an entry, or say which field is at fault.

    It was received when the stream got it: what waited there while nobody read did not come all at once.
    """
    if not entry.fields:
        return refuse(entry, "gone", "the entry was removed from the stream before it was taken in")
    received_at = _received_at(entry.id, now)
    try:
        whole = entry.fields.get(WHOLE)
        given = read_message(whole if whole is not None else _values(entry.fields))
        return admit(given, received_at, max_text=max_text)
    except BadInput as error:
        return refuse(entry, error.code, error.message, error.param or "")


def refuse(entry: Entry, code: str, reason: str, field: str = "") -> Refused:
    """The entry as one that cannot be taken in."""
    return Refused(entry.id, code, reason, field)


def _received_at(id: bytes, now: datetime) -> datetime:
    """The time in an id; now, where the writer chose ids of another kind."""
    milliseconds = id.partition(b"-")[0]
    if not milliseconds.isdigit() or not _LEAST_MS <= int(milliseconds) <= now.timestamp() * 1000:
        return now
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _values(fields: Fields) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for raw_name, raw in fields.items():
        name = raw_name.decode("utf-8", "replace")
        if not raw and name not in ("id", "text"):
            continue  # streams have no null; who writes all fields leaves those empty that he has not
        try:
            values[name] = msgspec.json.decode(raw) if name in _AS_JSON else raw.decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            expected = "JSON" if name in _AS_JSON else "UTF-8"
            raise BadInput(f"the field is not {expected}", param=name[:50]) from error
    return values
