"""``/v1/reviews``: what waits is looked at, claimed, kept and given back."""

from __future__ import annotations

from functools import partial
from typing import get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.resources import check_line, query_number, respond
from nlp_service.api.reviews.desk import MAX_BODY, Desk, path_id
from nlp_service.api.schemas.reviews import (
    MAX_REVIEWER,
    ClaimRequest,
    LeaseResponse,
    RenewRequest,
    ReviewerRequest,
    ReviewResponse,
    ReviewsResponse,
)
from nlp_service.errors import BadInput
from nlp_service.store.review_records import EXPERT, MODERATOR, Kind
from nlp_service.store.reviews import STATES, Wanted

PAGE, MOST_PAGE = 50, 500
_MAX_CURSOR = 100

_claim = msgspec.json.Decoder(ClaimRequest)
_reviewer = msgspec.json.Decoder(ReviewerRequest)
_renew = msgspec.json.Decoder(RenewRequest)


class Queue:
    """The routes with what they need."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def browse(self, request: Request) -> Response:
        """Show a page of reviews: ``state``, ``line``, ``kind``, ``reviewer``, ``cursor``, ``limit``.

        Raises:
            BadInput: A parameter cannot be read.
        """
        line = query_number(request, "line", 0, least=MODERATOR, most=EXPERT) or None
        wanted = Wanted(
            _one_of(request, "state", STATES) or "open",
            line,
            _one_of(request, "kind", get_args(Kind)),
            _line_of(request, "reviewer", MAX_REVIEWER),
        )
        limit = query_number(request, "limit", PAGE, least=1, most=MOST_PAGE)
        cursor = _line_of(request, "cursor", _MAX_CURSOR)
        tenant, at = tenant_of(request), self._desk.clock()
        browse = partial(self._desk.queue.browse, tenant, wanted, at, cursor=cursor, limit=limit)
        page = await self._desk.threads.run(browse)
        return respond(ReviewsResponse(request.state.request_id, page.reviews, page.next_cursor))

    async def get(self, request: Request) -> Response:
        """Show one review with all that belongs to it.

        Raises:
            NotFound: There is no such review.
        """
        get = partial(self._desk.details.get, tenant_of(request), path_id(request, "review_id"))
        return respond(ReviewResponse(request.state.request_id, await self._desk.threads.run(get)))

    async def claim(self, request: Request) -> Response:
        """Take the first reviews that nobody has.

        Raises:
            Forbidden: They are of the experts' line, and the key lacks the scope admin.
            BadInput: A field cannot be taken; `param` names it.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _claim)
        caller, attempt = caller_of(request), self._desk.attempt(request, "claim", asked.reviewer)
        if asked.line >= EXPERT:
            caller.require("admin")
        claim = partial(
            self._desk.queue.claim,
            caller.tenant,
            attempt,
            number=asked.number,
            lease_s=asked.lease_s,
            line=asked.line,
            kind=asked.kind,
        )
        return respond(ReviewsResponse(request.state.request_id, await self._desk.threads.run(claim), None))

    async def renew(self, request: Request) -> Response:
        """Keep a claimed review for longer.

        Raises:
            NotFound: There is no such review.
            Conflict: It is not this person's, or no longer.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _renew)
        review_id, attempt = path_id(request, "review_id"), self._desk.attempt(request, "renew", asked.reviewer)
        renew = partial(self._desk.queue.renew, tenant_of(request), review_id, attempt, lease_s=asked.lease_s)
        return respond(LeaseResponse(request.state.request_id, review_id, await self._desk.threads.run(renew)))

    async def release(self, request: Request) -> Response:
        """Give a claimed review back.

        Raises:
            NotFound: There is no such review.
            Conflict: It is not this person's, or no longer.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _reviewer)
        review_id, attempt = path_id(request, "review_id"), self._desk.attempt(request, "release", asked.reviewer)
        await self._desk.threads.run(partial(self._desk.queue.release, tenant_of(request), review_id, attempt))
        return respond(LeaseResponse(request.state.request_id, review_id, None))


def _one_of(request: Request, name: str, known: tuple[str, ...]) -> str | None:
    text = request.query_params.get(name)
    if text is not None and text not in known:
        raise BadInput(f"{name} must be one of {', '.join(known)}", param=name)
    return text


def _line_of(request: Request, name: str, longest: int) -> str | None:
    text = request.query_params.get(name)
    return None if text is None else check_line(name, text, longest)
