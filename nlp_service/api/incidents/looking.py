"""Incidents are listed and shown, with their timelines, messages and drafts of statements."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.incidents.parts import IncidentParts, key_of, who_of
from nlp_service.api.resources import check_line, query_number, respond
from nlp_service.api.schemas.incidents import (
    IncidentMessage,
    IncidentMessagesResponse,
    IncidentsResponse,
    StatementsResponse,
    TimelineResponse,
    response_of,
    summary_of,
)
from nlp_service.errors import BadInput
from nlp_service.store.incident_records import STATES
from nlp_service.types import RISK_CATEGORIES


class Looking:
    """The routes with what they need."""

    def __init__(self, parts: IncidentParts) -> None:
        self._parts = parts

    async def browse(self, request: Request) -> Response:
        """Show a page of incidents.

        Raises:
            BadInput: A parameter cannot be read.
        """
        who = who_of(request)
        state, category = request.query_params.get("state"), request.query_params.get("category")
        if state is not None and state not in STATES:
            raise BadInput(f"state is one of {', '.join(STATES)}", param="state")
        if category is not None and category not in RISK_CATEGORIES:
            raise BadInput("there is no such risk category", param="category")
        limit = query_number(request, "limit", 50, least=1, most=200)
        before = query_number(request, "before", 0, least=0, most=2**31 - 1) or None
        least = query_number(request, "min_severity", 0, least=0, most=4)
        browse = self._parts.incidents.browse
        found = await self._parts.threads.run(
            lambda: browse(
                who.tenant,
                state=state,
                min_severity=least,
                category=category,
                with_private=who.is_entrusted,
                before=before,
                limit=limit,
            )
        )
        last = found[-1].id if len(found) == limit else None
        return respond(IncidentsResponse(request.state.request_id, [summary_of(row) for row in found], last))

    async def get(self, request: Request) -> Response:
        """Show an incident.

        Raises:
            NotFound: There is no such incident.
            Forbidden: It is private.
        """
        who, key = who_of(request), key_of(request)
        shown = await self._parts.threads.run(lambda: self._parts.desk.show(who, key))
        return respond(response_of(request.state.request_id, shown))

    async def timeline(self, request: Request) -> Response:
        """Show what happened to an incident. Raises as `get`."""
        who, key = who_of(request), key_of(request)

        def work() -> TimelineResponse:
            self._parts.desk.show(who, key)  # refuses what is private
            return TimelineResponse(request.state.request_id, self._parts.incidents.timeline(who.tenant, key))

        return respond(await self._parts.threads.run(work))

    async def messages(self, request: Request) -> Response:
        """Show a page of the messages of an incident. Raises as `get`, and BadInput for a parameter."""
        who, key = who_of(request), key_of(request)
        limit = query_number(request, "limit", 100, least=1, most=500)
        after = query_number(request, "after", 0, least=0, most=2**31 - 1)

        def work() -> IncidentMessagesResponse:
            self._parts.desk.show(who, key)
            found = self._parts.incidents.messages(who.tenant, key, after=after, limit=limit)
            shown = [
                IncidentMessage(
                    one.id,
                    one.external_id,
                    one.platform,
                    one.channel,
                    one.author,
                    one.sent_at,
                    one.text,
                    one.analysis.risk.level if one.analysis else 0,
                    one.action,
                )
                for one in found
            ]
            last = found[-1].id if len(found) == limit else None
            return IncidentMessagesResponse(request.state.request_id, shown, last)

        return respond(await self._parts.threads.run(work))

    async def statements(self, request: Request) -> Response:
        """Draft statements: all, or that of a ``purpose``. Raises as `get`, and BadInput for a parameter."""
        who, key = who_of(request), key_of(request)
        asked = {name: request.query_params.get(name) for name in ("purpose", "emotion")}
        purpose, emotion = (value and check_line(name, value, 64) for name, value in asked.items())
        found = await self._parts.threads.run(lambda: self._parts.desk.drafts(who, key, purpose, emotion))
        return respond(StatementsResponse(request.state.request_id, found))
