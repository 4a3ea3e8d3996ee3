"""What a request asks of insights: which period, of which channels, how many items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from starlette.requests import Request

from nlp_service.api.insights.work import Asked
from nlp_service.api.resources import check_line, query_number
from nlp_service.api.schemas.insights import MAX_CHANNEL, MAX_ZONE, MOST_CHANNELS
from nlp_service.errors import BadInput
from nlp_service.insight.engine.choosing import read_bound, zone_named
from nlp_service.store.insights import read_run_id

DAYS = 7
"""Length of a period of which only one end is given, or none."""

MOST_DAYS = 400
"""A year, and what hangs over: longer periods are many runs."""

MOST_WAIT_S = 30
"""How long a request may wait for a run."""

ITEMS, MOST_ITEMS = 50, 500

_MAX_TIME = 40
_NAMES = ("from", "to", "zone", "channel", "run", "wait", "limit")


class Wanted(NamedTuple):
    """Which run is asked for.

    Attributes:
        start, end: As they were sent; None where they were not.
        zone: None for the tenant's.
        channels: Only these, sorted, each once.
        run: This very run; None for the newest that fits.
        wait_s: How long to wait for one that must be made first.
        limit: Items of a list.
    """

    start: str | None = None
    end: str | None = None
    zone: str | None = None
    channels: tuple[str, ...] = ()
    run: int | None = None
    wait_s: int = 0
    limit: int = ITEMS

    @property
    def has_period(self) -> bool:
        """Whether a period is named, or the newest run will do."""
        return self.start is not None or self.end is not None


def wanted_of(request: Request, *more: str) -> Wanted:
    """Read the query.

    Args:
        request: What was sent.
        more: Names of parameters that this route has beside those of all.

    Raises:
        BadInput: A parameter is unknown or cannot be read; `param` names it.
    """
    query = request.query_params
    if unknown := [name for name in query if name not in (*_NAMES, *more)]:
        known = ", ".join((*_NAMES, *more))
        raise BadInput(f"{len(unknown)} parameters are unknown; there are {known}", param="query")
    run = query.get("run")
    return Wanted(
        _time(query.get("from"), "from"),
        _time(query.get("to"), "to"),
        _zone(query.get("zone")),
        channels_of(query.getlist("channel"), "channel"),
        None if run is None else read_run_id(run),
        query_number(request, "wait", 0, least=0, most=MOST_WAIT_S),
        query_number(request, "limit", ITEMS, least=1, most=MOST_ITEMS),
    )


def channels_of(given: Sequence[str], param: str) -> tuple[str, ...]:
    """Names of channels, sorted, each once.

    Raises:
        BadInput: There are too many, or one cannot be a name.
    """
    names = sorted({check_line(param, name, MAX_CHANNEL) for name in given})
    if len(names) > MOST_CHANNELS:
        raise BadInput(f"{len(names)} channels are more than {MOST_CHANNELS}", param=param)
    return tuple(names)


def asked_of(wanted: Wanted, zone: str, now: datetime) -> Asked:
    """The period that is meant, in UTC.

    Args:
        wanted: What was sent.
        zone: The tenant's, where none was sent.
        now: Aware.

    Raises:
        BadInput: A time cannot be read, or the period ends before it begins or is too long.
    """
    zone = wanted.zone or zone
    where = zone_named(zone)
    start, end = (
        None if text is None else read_bound(text, zone, param)
        for text, param in ((wanted.start, "from"), (wanted.end, "to"))
    )
    try:
        if end is None:
            end = _days(start, DAYS, where) if start is not None else _midnight(now, where)
        if start is None:
            start = _days(end, -DAYS, where)
    except OverflowError as error:
        raise BadInput("the period is out of range", param="from") from error
    if end <= start:
        raise BadInput("the period ends before it begins", param="to")
    if end - start > timedelta(days=MOST_DAYS):
        raise BadInput(f"a period has at most {MOST_DAYS} days", param="to")
    if not 1970 <= start.year <= end.year < 2200:
        raise BadInput("the period is out of range", param="from")
    return Asked(start, end, zone, wanted.channels)


Clock = Callable[[], datetime]


def _time(text: str | None, param: str) -> str | None:
    if text is None:
        return None
    # In a query a plus that was not escaped is a space.
    return check_line(param, text.replace(" ", "+") if "T" in text else text, _MAX_TIME)


def _zone(text: str | None) -> str | None:
    if text is None:
        return None
    zone_named(check_line("zone", text, MAX_ZONE))
    return text


def _midnight(now: datetime, where: ZoneInfo) -> datetime:
    """When the day began."""
    return datetime.combine(now.astimezone(where).date(), time(), where).astimezone(UTC)


def _days(at: datetime, days: int, where: ZoneInfo) -> datetime:
    """The same time of day so many days later."""
    return (at.astimezone(where) + timedelta(days=days)).astimezone(UTC)
