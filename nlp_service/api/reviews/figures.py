"""``/v1/reviews/figures`` and ``/v1/ugc/picks``: how the reviews go, and the best contributions of a day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import tenant_of
from nlp_service.api.resources import check_line, query_number, respond
from nlp_service.api.reviews.desk import Desk
from nlp_service.api.schemas.reviews import PicksResponse, ReviewFiguresResponse, WaitingLine
from nlp_service.errors import BadInput
from nlp_service.intake.arrivals import MAX_ID
from nlp_service.moderation.review import backlog, expert_agreement, machine_agreement

DAYS, MOST_DAYS = 7, 366
PICKS, MOST_PICKS = 10, 100


class Figures:
    """The routes with what they need."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> Response:
        """Show what waits, how fast it is decided, and how well people and machine agree: ``days``.

        Raises:
            BadInput: The parameter cannot be read.
        """
        days = query_number(request, "days", DAYS, least=1, most=MOST_DAYS)
        tenant, at, history = tenant_of(request), self._desk.clock(), self._desk.history
        since = at - timedelta(days=days)

        def work() -> ReviewFiguresResponse:
            took_s = history.took_s(tenant, since, at)
            found = backlog(history.waiting(tenant, at), took_s, days * 24.0)
            judged = history.judged(tenant, since, at)
            lines = [
                WaitingLine(one.line, one.n_open, one.n_claimed, round((at - one.oldest_at).total_seconds(), 1))
                for one in found.waiting
            ]
            return ReviewFiguresResponse(
                request.state.request_id,
                days,
                lines,
                len(took_s),
                found.median_s,
                found.per_hour,
                machine_agreement(judged),
                expert_agreement(judged),
            )

        return respond(await self._desk.threads.run(work))

    async def picks(self, request: Request) -> Response:
        """Show the best contributions of a day of the tenant: ``day``, yesterday unless given, ``channel``, ``limit``.

        Raises:
            BadInput: A parameter cannot be read.
        """
        asked, channel = _day_of(request), request.query_params.get("channel")
        if channel is not None:
            channel = check_line("channel", channel, MAX_ID)
        limit = query_number(request, "limit", PICKS, least=1, most=MOST_PICKS)
        tenant, at = tenant_of(request), self._desk.clock()

        def work() -> PicksResponse:
            zone = self._desk.tenants.settings(tenant).timezone
            day = asked or at.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
            since, until = bounds(day, zone)
            found = self._desk.contributions.picks(tenant, since=since, until=until, channel=channel, limit=limit)
            return PicksResponse(request.state.request_id, day.isoformat(), zone, found)

        return respond(await self._desk.threads.run(work))


def bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """When a day begins and ends in a time zone; it may have 23 or 25 hours."""
    first, last = (datetime.combine(one, time(), ZoneInfo(zone)) for one in (day, day + timedelta(days=1)))
    return first, last


def _day_of(request: Request) -> date | None:
    text = request.query_params.get("day")
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 2200:
        raise BadInput("day must be a date as 2026-03-01", param="day")
    return day
