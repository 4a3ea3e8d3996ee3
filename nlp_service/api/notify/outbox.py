"""``/v1/notify/outbox``: what was told, what waits, and what was given up."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.notify.parts import NotifyParts
from nlp_service.api.resources import check_line, find_id, is_number, query_number, respond
from nlp_service.api.schemas.notify import OutboxResponse, RetryResponse
from nlp_service.errors import BadInput, NotFound
from nlp_service.store.outbox import STATES

MAX_PAGE = 500
"""Messages of a page."""


class OutboxPages:
    """The routes with what they need."""

    def __init__(self, parts: NotifyParts) -> None:
        self._parts = parts

    async def browse(self, request: Request) -> Response:
        """Show a page, the newest first.

        Raises:
            BadInput: A parameter cannot be read.
        """
        tenant, state, subject = tenant_of(request), request.query_params.get("state"), None
        if state is not None and state not in STATES:
            raise BadInput(f"state is one of {', '.join(STATES)}", param="state")
        if "subject" in request.query_params:
            subject = check_line("subject", request.query_params["subject"], 200)
        limit = query_number(request, "limit", 100, least=1, most=MAX_PAGE)
        before = query_number(request, "before", 0, least=0, most=2**31 - 1) or None
        outbox = self._parts.outbox
        counts, found = await self._parts.threads.run(
            lambda: (
                outbox.counts(tenant),
                outbox.browse(tenant, state=state, subject=subject, before=before, limit=limit),
            )
        )
        last = found[-1].id if len(found) == limit else None
        return respond(OutboxResponse(request.state.request_id, counts, found, last))

    async def retry(self, request: Request) -> Response:
        """Send a message that was given up once more.

        Raises:
            NotFound: There is no such message.
            Conflict: It was not given up.
        """
        caller, text = caller_of(request), find_id("id", request.path_params["id"], 18)
        if not is_number(text):
            raise NotFound("there is nothing with this id", param="id")
        retry, now = self._parts.outbox.retry, self._parts.now()
        await self._parts.threads.run(lambda: retry(caller.tenant, int(text), now, actor=caller.actor))
        self._parts.sender.wake()
        return respond(RetryResponse(request.state.request_id, int(text)))
