"""Periods, and the hours, days and weeks that they are cut into, as the clocks of a zone show them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from nlp_service.errors import BadInput
from nlp_service.insight.results import Period

STEPS = ("hour", "day", "week")
"""What a period is cut into; weeks begin on Monday."""

MAX_BUCKETS = 100_000
"""More than eleven years of hours: whoever asks for more has made a mistake."""

Index = npt.NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def zone_of(period: Period) -> ZoneInfo:
    """The zone of a period.

    Raises:
        BadInput: There is no such zone.
    """
    try:
        return ZoneInfo(period.zone)
    except (OSError, ValueError):  # a name that is a folder, or no name; ZoneInfoNotFoundError is a KeyError
        raise BadInput("there is no such time zone", param="zone") from None
    except KeyError:
        raise BadInput("there is no such time zone", param="zone") from None


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 in UTC, as `at` of FACTS counts them."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """What `to_micros` took, in UTC."""
    return _EPOCH + timedelta(microseconds=int(micros))


def shift(period: Period, days: int) -> Period:
    """The period so many days later (earlier below 0) by the clocks of its zone: Monday 9:00 stays Monday 9:00.

    Raises:
        BadInput: There is no such zone.
    """
    zone = zone_of(period)
    start, end = (_shifted(at, days, zone) for at in (period.start, period.end))
    if end <= start:  # all of it fell into an hour that the clocks skip there
        end = start + (period.end - period.start)
    return Period(start=start, end=end, zone=period.zone)


def previous(period: Period) -> Period:
    """The period before, which ends where this one starts.

    A period of whole days of its zone has as many days before it, whatever the clocks do in between; any other one as
    many microseconds.

    Raises:
        BadInput: There is no such zone.
    """
    zone = zone_of(period)
    start, end = (at.astimezone(zone) for at in (period.start, period.end))
    if start.time() == end.time() and start.fold == end.fold:
        first = _shifted(period.start, (start.date() - end.date()).days, zone)
    else:
        first = period.start - (period.end - period.start)
    return Period(start=first, end=period.start.astimezone(UTC), zone=period.zone)


@lru_cache(maxsize=256)
def starts(period: Period, step: str) -> tuple[datetime, ...]:
    """Where the buckets of a period start, in UTC: gapless, the first at the start of the period.

    The first and the last may be cut short by the period. An hour that the clocks show twice is two buckets, one that
    they skip is none.

    Args:
        period: What is cut.
        step: One of `STEPS`.

    Raises:
        BadInput: There is no such step or zone, or the period has more than `MAX_BUCKETS`.
    """
    if step not in STEPS:
        raise BadInput(f"there is no such step; there are {', '.join(STEPS)}", param="step")
    zone = zone_of(period)
    hours = {"hour": 1, "day": 24, "week": 168}[step]
    if (period.end - period.start) / timedelta(hours=hours) > MAX_BUCKETS:
        raise BadInput(f"the period has more than {MAX_BUCKETS} buckets of an {step}", param="step")
    found = [period.start.astimezone(UTC)]
    while (at := _next(found[-1], step, zone)) < period.end:
        found.append(at)
    return tuple(found)


def edges(period: Period, step: str) -> Index:
    """`starts` and the end of the period in microseconds, (buckets + 1,), strictly rising.

    Raises:
        BadInput: As `starts`.
    """
    return np.array([*map(to_micros, starts(period, step)), to_micros(period.end)], np.int64)


def edges_before(period: Period, step: str) -> Index:
    """Where the buckets of a period lie in the `previous` one, (buckets + 1,), rising.

    They are as many as those of the period; one in an hour that the clocks skip there is empty.

    Raises:
        BadInput: As `starts`.
    """
    before = previous(period)
    zone = zone_of(period)
    days = (before.start.astimezone(zone).date() - period.start.astimezone(zone).date()).days
    if _shifted(period.start, days, zone) == before.start and _shifted(period.end, days, zone) == before.end:
        return edges_shifted(period, step, days)
    return edges(period, step) - (to_micros(period.start) - to_micros(before.start))


def edges_shifted(period: Period, step: str, days: int) -> Index:
    """Where the buckets of a period lie so many days later by the clocks of its zone, (buckets + 1,), rising.

    Raises:
        BadInput: As `starts`.
    """
    zone = zone_of(period)
    found = [to_micros(_shifted(at, days, zone)) for at in (*starts(period, step), period.end)]
    return np.maximum.accumulate(np.array(found, np.int64))


def _shifted(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    return (local + timedelta(days=days)).astimezone(UTC)  # within one zone Python adds by the clock on the wall


def _next(at: datetime, step: str, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    if step == "hour":
        # In absolute time, so that the hour that clocks show twice is counted twice.
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return at + timedelta(hours=1) - past
    days = 1 if step == "day" else 7 - local.weekday()
    while (midnight := _midnight(local.date() + timedelta(days=days), zone)) <= at:
        days += 1  # Samoa skipped the 30th of December 2011
    return midnight


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins; where the clocks skip its midnight, that is the moment at which they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
