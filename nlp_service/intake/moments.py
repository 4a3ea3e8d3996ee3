"""When something was written, from what callers say of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from nlp_service.errors import BadInput

SKEW = timedelta(minutes=5)
"""How far a sender's clock may be ahead; a time later than that is not believed."""

Time = str | int | float
"""ISO 8601 with a zone, or seconds or milliseconds since 1970."""

_EXPECTED = "must be ISO 8601 with a zone, or seconds or milliseconds since 1970"
_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973
_LATEST = 1e14
_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,9})?", re.ASCII)


def read_time(value: Time) -> datetime:
    """A moment in UTC.

    Raises:
        ValueError: It is none, or before 1970; the message says what is expected and quotes nothing.
    """
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return _read_iso(value)
        value = float(value)
    if not 0 <= value < _LATEST:  # refuses NaN too
        raise ValueError(_EXPECTED)
    return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)


def settle(given: Time | None, received_at: datetime, name: str) -> tuple[datetime, bool]:
    """When something was, no later than it was received.

    Args:
        given: What the caller says; None if nothing.
        received_at: Stands in for what is missing or not believed.
        name: Of the field.

    Returns:
        The time, and whether `received_at` stands in for another one. A clock that is ahead by less than `SKEW` is not
        told so.

    Raises:
        BadInput: It is no time.
    """
    if given is None:
        return received_at, True
    try:
        at = read_time(given)
    except ValueError as error:
        raise BadInput(f"{name} {error}", param=name) from error
    if at > received_at + SKEW:
        return received_at, True
    return min(at, received_at), False


def _read_iso(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(_EXPECTED)
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED) from None  # the errors of the library quote the text
    if at < _OLDEST:
        raise ValueError(_EXPECTED)
    return at
