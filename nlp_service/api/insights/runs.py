"""``/v1/insights/runs``: a period is looked at anew, and what was looked at so far."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import tenant_of
from nlp_service.api.insights.answers import show_run
from nlp_service.api.insights.asked import Wanted, channels_of
from nlp_service.api.insights.finding import Shelf, start_run
from nlp_service.api.jobs.desk import accepted
from nlp_service.api.resources import check_line, is_number, query_number, respond
from nlp_service.api.schemas.insights import MAX_ZONE, RunRequest, RunsResponse
from nlp_service.errors import BadInput
from nlp_service.insight.engine.choosing import zone_named
from nlp_service.notify.addresses import read_url
from nlp_service.store.job_records import Callback

MAX_BODY = 64 * 1024
PAGE, MOST_PAGE = 50, 500
_MAX_TIME, _MAX_CURSOR = 40, 18

_decoder = msgspec.json.Decoder(RunRequest)


class Runs:
    """The routes with what they need.

    Args:
        shelf: What all routes of insights share.
        is_private_allowed: Whether callbacks may go to addresses that are not public.
    """

    def __init__(self, shelf: Shelf, *, is_private_allowed: bool) -> None:
        self._shelf, self._is_private_allowed = shelf, is_private_allowed

    async def start(self, request: Request) -> Response:
        """Look at a period anew, whatever is stored of it.

        Raises:
            BadInput: A field cannot be; `param` names it.
            Overloaded: Too many jobs of the tenant wait already.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _decoder)
        callback = None
        if asked.callback is not None:
            check_line("callback.secret", asked.callback.secret, len(asked.callback.secret))
            read_url(asked.callback.url, is_private_allowed=self._is_private_allowed)
            callback = Callback(asked.callback.url, asked.callback.secret)
        job, is_new = await start_run(self._shelf, request, _wanted(asked), callback)
        return accepted(request, job, is_new=is_new)

    async def browse(self, request: Request) -> Response:
        """Show a page of stored runs, the newest first: ``cursor``, ``limit``.

        Raises:
            BadInput: A parameter cannot be read.
        """
        cursor = request.query_params.get("cursor")
        if cursor is not None and (len(cursor) > _MAX_CURSOR or not is_number(cursor)):
            raise BadInput("the cursor is none of these pages", param="cursor")
        before = None if cursor is None else int(cursor)
        limit = query_number(request, "limit", PAGE, least=1, most=MOST_PAGE)
        browse = partial(self._shelf.runs.browse, tenant_of(request), before=before, limit=limit)
        page = await self._shelf.threads.run(browse)
        following = None if page.next_cursor is None else str(page.next_cursor)
        return respond(RunsResponse(request.state.request_id, [show_run(run) for run in page.runs], following))


def _wanted(asked: RunRequest) -> Wanted:
    for name, text in (("from", asked.start), ("to", asked.end)):
        check_line(name, text or "", _MAX_TIME)
    if asked.zone is not None:
        zone_named(check_line("zone", asked.zone, MAX_ZONE))
    return Wanted(asked.start, asked.end, asked.zone, channels_of(asked.channels, "channels"))
