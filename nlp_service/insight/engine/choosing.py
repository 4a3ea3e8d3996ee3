"""Which period is looked at: as given, or what the messages themselves suggest."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nlp_service.errors import BadInput
from nlp_service.insight.periods import previous, shift
from nlp_service.insight.results import Period

WHOLE_UP_TO = timedelta(days=8)
"""Messages of less time than this are one period."""

HISTORY_DAYS = 35
"""What the days of a period are compared with: warnings look five weeks back, same weekdays four."""

_FULL_FROM = time(23)  # a day whose last message is later than this is over, as far as the messages can say
_WEEK = 7


class Choice(NamedTuple):
    """What is looked at.

    Attributes:
        period: Half-open.
        previous: What it is held against.
        notes: Codes of `Mining.notes` that say how the period came about.
    """

    period: Period
    previous: Period
    notes: tuple[str, ...] = ()


def read_bound(text: str, zone: str, param: str) -> datetime:
    """A moment in UTC: midnight of a date in the zone, or an ISO time, which is in the zone where it has none.

    Args:
        text: ``2026-09-21``, ``2026-09-21T08:00``, ``2026-09-21T00:00:00+00:00``.
        zone: IANA name.
        param: What the moment is for, for the error.

    Raises:
        BadInput: It is none of these, or there is no such zone.
    """
    where = zone_named(zone)
    try:
        if len(text.strip()) <= len("2026-09-21"):
            at = datetime.combine(date.fromisoformat(text.strip()), time(), where)
        else:
            at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=where)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{param} must be a date or an ISO 8601 time", param=param) from None


def zone_named(name: str) -> ZoneInfo:
    """A zone by its IANA name.

    Raises:
        BadInput: There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a folder's name is an OSError
        raise BadInput("there is no time zone of this name", param="zone") from None


def choose(
    first: datetime | None, last: datetime | None, start: datetime | None, end: datetime | None, zone: str
) -> Choice:
    """Choose a period.

    What is given holds. Messages of less than `WHOLE_UP_TO` are one period, of whole days; of more, the last seven
    full days are. A single bound is completed by the messages (a start) or by seven days (an end).

    Args:
        first: Time of the first message; None where there are none.
        last: Time of the last one.
        start: First moment of the period, where one is given.
        end: First moment behind it, where one is given.
        zone: IANA name of the zone whose days count.

    Raises:
        BadInput: The period would end before it starts, or there is no such zone.
    """
    where = zone_named(zone)
    notes: tuple[str, ...] = ()
    if start is None and end is None:
        start, end, notes = _suggested(first, last, where)
    elif end is None:
        assert start is not None
        end = _day_after(last, where) if last is not None and last >= start else start + timedelta(days=_WEEK)
    elif start is None:
        start = (end.astimezone(where) - timedelta(days=_WEEK)).astimezone(UTC)
    assert start is not None
    assert end is not None
    if end <= start:
        raise BadInput("the period ends before it starts", param="to")
    period = Period(start, end, zone)
    return Choice(period, previous(period), notes)


def history_start(period: Period) -> datetime:
    """From when on messages are looked at for a period: that before it, and `HISTORY_DAYS`."""
    return min(previous(period).start, shift(period, -HISTORY_DAYS).start)


def _suggested(
    first: datetime | None, last: datetime | None, zone: ZoneInfo
) -> tuple[datetime, datetime, tuple[str, ...]]:
    if first is None or last is None:
        # Nothing has a time. Undated messages stand at the beginning of 1970 in UTC, which this day is around.
        start = datetime(1970, 1, 1, tzinfo=UTC)
        return start, start + timedelta(days=1), ("undated_all",)
    if last - first < WHOLE_UP_TO:
        return _day_of(first, zone), _day_after(last, zone), ("period_whole",)
    is_over = last.astimezone(zone).time() >= _FULL_FROM
    end = _day_after(last, zone) if is_over else _day_of(last, zone)
    start = (end.astimezone(zone) - timedelta(days=_WEEK)).astimezone(UTC)
    return start, end, ("period_last_days",)


def _day_of(at: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date(), time(), zone).astimezone(UTC)


def _day_after(at: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date() + timedelta(days=1), time(), zone).astimezone(UTC)
