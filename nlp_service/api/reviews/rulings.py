"""What people decide on reviews: one by one or on near-duplicates together, taken back, overturned; appeals, labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of
from nlp_service.api.resources import check_line, respond
from nlp_service.api.reviews.desk import MAX_BODY, Desk, path_id, ruling_of
from nlp_service.api.schemas.reviews import (
    MAX_NOTE,
    AppealRequest,
    AppealResponse,
    BulkRequest,
    BulkResponse,
    DecideRequest,
    LabelsRequest,
    ReviewerRequest,
    ReviewOutcomeResponse,
)
from nlp_service.errors import BadInput
from nlp_service.store.review_records import ReviewOutcome

_decide = msgspec.json.Decoder(DecideRequest)
_reviewer = msgspec.json.Decoder(ReviewerRequest)
_bulk = msgspec.json.Decoder(BulkRequest)
_labels = msgspec.json.Decoder(LabelsRequest)
_appeal = msgspec.json.Decoder(AppealRequest)


class Rulings:
    """The routes with what they need."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def decide(self, request: Request) -> Response:
        """Decide on an open review.

        Raises:
            NotFound: There is no such review.
            Forbidden: It is for experts, or an appeal against a decision of this person.
            Conflict: It is decided, somebody else has it, or the message was edited or deleted.
            BadInput: A field cannot be taken; `param` names it.
        """
        return await self._judge(request, "decide", self._desk.rulings.decide)

    async def overturn(self, request: Request) -> Response:
        """Decide anew on a review that was decided.

        Raises:
            NotFound: There is no such review.
            Forbidden: Somebody else must, or an expert.
            Conflict: Nobody has decided on it, or the message was edited or deleted.
            BadInput: A field cannot be taken; `param` names it.
        """
        return await self._judge(request, "overturn", self._desk.rulings.overturn)

    async def escalate(self, request: Request) -> Response:
        """Hand an open review to experts.

        Raises:
            NotFound: There is no such review.
            Conflict: It is decided, with experts already, or somebody else has it.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _reviewer)
        attempt, note = self._desk.attempt(request, "escalate", asked.reviewer), _note_of(asked)
        return await self._run(request, partial(self._desk.rulings.escalate), attempt, note)

    async def undo(self, request: Request) -> Response:
        """Take the last step of a review back, within ten minutes and by who took it.

        Raises:
            NotFound: There is no such review.
            Forbidden: It was somebody else.
            Conflict: There is none, it is too late, or the message has changed since.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _reviewer)
        return await self._run(request, self._desk.rulings.undo, self._desk.attempt(request, "undo", asked.reviewer))

    async def bulk(self, request: Request) -> Response:
        """Decide on a review, and alike on those of its near-duplicates that wait.

        Raises:
            NotFound, Forbidden, Conflict, BadInput: As for one.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _bulk)
        caller, attempt = caller_of(request), self._desk.attempt(request, "decide", asked.reviewer, asked.revision)
        decide = partial(self._desk.rulings.decide_alike, is_exact=asked.match == "exact", actor=caller.actor)
        done = await self._desk.threads.run(partial(decide, caller.tenant, asked.review_id, attempt, ruling_of(asked)))
        return respond(BulkResponse(request.state.request_id, *done))

    async def label(self, request: Request) -> Response:
        """Say what a message should have been read as.

        Raises:
            NotFound: There is no such message.
            Conflict: It was deleted, or edited since it was looked at.
            BadInput: Nothing is said, or a field cannot be taken; `param` names it.
        """
        asked = decode_body(await read_body(request, MAX_BODY), _labels)
        if not asked.confirm and (asked.labels is None or asked.labels == type(asked.labels)()):
            raise BadInput("nothing is said of the message", param="labels")
        caller, message_id = caller_of(request), path_id(request, "message_id")
        attempt = self._desk.attempt(request, "correct", asked.reviewer, asked.revision)
        correct = partial(self._desk.rulings.correct, caller.tenant, message_id, attempt, ruling_of(asked))
        outcome = await self._desk.threads.run(partial(correct, actor=caller.actor))
        return respond(ReviewOutcomeResponse(request.state.request_id, outcome), 201)

    async def appeal(self, request: Request) -> Response:
        """Ask for another look at what was done with a message; an empty body says nothing more.

        Raises:
            NotFound: There is no such message.
            Conflict: It was deleted, nothing was done with it, or an appeal was decided.
        """
        asked = decode_body(await read_body(request, MAX_BODY) or b"{}", _appeal)
        caller, message_id = caller_of(request), path_id(request, "message_id")
        appeal = partial(self._desk.rulings.appeal, caller.tenant, message_id, self._desk.clock(), _note_of(asked))
        made = await self._desk.threads.run(partial(appeal, actor=caller.actor))
        return respond(AppealResponse(request.state.request_id, *made), 201 if made.is_new else 200)

    async def _judge(self, request: Request, what: str, judge: Callable[..., ReviewOutcome]) -> Response:
        asked = decode_body(await read_body(request, MAX_BODY), _decide)
        attempt = self._desk.attempt(request, what, asked.reviewer, asked.revision)
        return await self._run(request, judge, attempt, ruling_of(asked))

    async def _run(self, request: Request, step: Callable[..., ReviewOutcome], *given: Any) -> Response:
        caller, review_id = caller_of(request), path_id(request, "review_id")
        outcome = await self._desk.threads.run(partial(step, caller.tenant, review_id, *given, actor=caller.actor))
        return respond(ReviewOutcomeResponse(request.state.request_id, outcome))


def _note_of(asked: ReviewerRequest | AppealRequest) -> str:
    return check_line("note", asked.note, MAX_NOTE)
