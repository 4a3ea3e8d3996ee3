"""What operators of a base look at: feedback, gaps, usage, conflicts, alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.knowledge.asked import Kb, base_of, query_version
from nlp_service.api.knowledge.entries import answer_of
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.knowledge.recorder import Recorder
from nlp_service.api.knowledge.versions import number_of
from nlp_service.api.resources import check_line, find_id, query_number, respond
from nlp_service.api.schemas.operations import (
    AlertsResponse,
    ConflictsResponse,
    GapEntryRequest,
    GapEntryResponse,
    GapsResponse,
    UsageResponse,
)
from nlp_service.api.schemas.replies import MAX_PERSON, FeedbackRequest, FeedbackResponse
from nlp_service.errors import BadInput, Conflict, NotFound, TooLarge
from nlp_service.knowledge.conflicts import find_conflicts
from nlp_service.knowledge.drafts import KnownQuestions
from nlp_service.knowledge.entries import MAX_ANSWER, MAX_ID, Entry, to_record
from nlp_service.knowledge.gaps import Gap, find_gaps, open_draft, unanswered
from nlp_service.knowledge.tallies import MAX_IDS
from nlp_service.knowledge.usage import ALERT_LIMIT, alerts, by_channel, measure
from nlp_service.knowledge.versions import read_entries, read_published
from nlp_service.store.replies import Feedback
from nlp_service.store.usage import MISSED

DAYS, MOST_DAYS = 30, 3_650
GAPS, MOST_GAPS = 100, 1_000

MOST_QUESTIONS = 20_000
"""Unanswered questions that are compared; these take seconds, and more of them ever longer."""

_feedback = msgspec.json.Decoder(FeedbackRequest)
_gap_entry = msgspec.json.Decoder(GapEntryRequest)


class _Lacks(NamedTuple):
    gaps: list[Gap]
    draft: list[Entry]


class Operations:
    """The routes with what they need."""

    def __init__(self, knowledge: Knowledge, recorder: Recorder, max_body_bytes: int) -> None:
        self._knowledge = knowledge
        self._recorder = recorder
        self._max_body_bytes = max_body_bytes

    async def post_feedback(self, request: Request) -> Response:
        """Write down what somebody says of a reply; an answer or an entry ends the wait of a question.

        Raises:
            NotFound: There is no such reply.
            BadInput: It says nothing, or a text cannot be stored.
        """
        asked = decode_body(await read_body(request, self._max_body_bytes), _feedback)
        reply_id, given = find_id("reply_id", asked.reply_id, MAX_ID), _read_feedback(asked)
        tenant, replies = tenant_of(request), self._knowledge.replies
        await self._recorder.settled()

        def work() -> bool:
            reply = replies.get(tenant, reply_id)
            replies.give_feedback(tenant, given)
            if reply.decision not in MISSED or reply.answered_at is not None:
                return True
            if given.answer or given.entry_id:
                replies.mark_answered(tenant, reply_id, given.by, given.given_at)
                return True
            return False

        is_answered = await self._knowledge.quick.run(work)
        return respond(FeedbackResponse(request.state.request_id, reply_id, is_answered))

    async def get_gaps(self, request: Request) -> Response:
        """Show what nobody could answer: ``days``, ``limit``.

        Raises:
            NotFound: There is no such base.
            TooLarge: There are too many questions to compare.
        """
        tenant, kb = tenant_of(request), base_of(request)
        days = query_number(request, "days", DAYS, least=1, most=MOST_DAYS)
        limit = query_number(request, "limit", GAPS, least=1, most=MOST_GAPS)
        await self._recorder.settled()
        gaps, draft = await self._knowledge.long.run(lambda: self._find_gaps(tenant, kb, days))
        there = {entry.id for entry in draft}
        opened = {gap.id: f"gap-{gap.id}" for gap in gaps[:limit] if f"gap-{gap.id}" in there}
        return respond(GapsResponse(request.state.request_id, days, gaps[:limit], len(gaps), opened))

    async def open_gap(self, request: Request) -> Response:
        """Make an entry of a gap, in the draft: ``days`` as when it was shown.

        Raises:
            NotFound: There is no such base or gap.
            Conflict: The draft has an entry of this id.
            BadInput: There is no answer, or a field cannot be taken; `param` names it.
        """
        body = await read_body(request, self._max_body_bytes)
        asked = decode_body(body or b"{}", _gap_entry)
        (tenant, actor, *_), kb = caller_of(request), base_of(request)
        gap_id = find_id("gap_id", request.path_params["gap_id"], MAX_ID)
        days = query_number(request, "days", DAYS, least=1, most=MOST_DAYS)
        await self._recorder.settled()

        def work() -> GapEntryResponse:
            gaps, draft = self._find_gaps(tenant, kb, days)
            gap = next((gap for gap in gaps if gap.id == gap_id), None)
            if gap is None:
                raise NotFound(f"there is no such gap within {days} days", param="gap_id")
            entry = open_draft(
                gap, asked.answer, id=asked.id, category=asked.category, tags=asked.tags, owner=asked.owner
            )
            if any(other.id == entry.id for other in draft):
                raise Conflict("the draft has an entry of this id already", param="id")
            written = self._knowledge.store.put(tenant, kb, [to_record(entry)], actor=actor)
            answer = answer_of(self._knowledge, tenant, kb, request.state.request_id, [entry], written)
            return GapEntryResponse(answer.request_id, entry, answer.conflicts, answer.conflicts_checked)

        return respond(await self._knowledge.long.run(work), 201)

    async def get_usage(self, request: Request) -> Response:
        """Show how the published version is used: ``days``.

        Raises:
            NotFound: There is no such base.
        """
        tenant, kb = tenant_of(request), base_of(request)
        days = query_number(request, "days", DAYS, least=1, most=MOST_DAYS)
        await self._recorder.settled()

        def work() -> UsageResponse:
            version, entries = read_published(self._knowledge.store, tenant, kb)
            until = datetime.now(UTC)
            since = until - timedelta(days=days)
            usage = measure(self._knowledge.usage, tenant, kb, entries, since=since, until=until)
            return UsageResponse(request.state.request_id, version, usage)

        return respond(await self._knowledge.long.run(work))

    async def get_conflicts(self, request: Request) -> Response:
        """Show duplicates and contradictions: ``version``.

        Raises:
            NotFound: There is no such base or version.
        """
        tenant, kb = tenant_of(request), base_of(request)
        asked = query_version(request, "version", "draft")

        def work() -> ConflictsResponse:
            version = number_of(self._knowledge.store, tenant, kb, asked)
            entries = read_entries(self._knowledge.store, tenant, kb, version)
            found = find_conflicts(entries, self._knowledge.vectors_of)
            return ConflictsResponse(request.state.request_id, version, found)

        return respond(await self._knowledge.long.run(work))

    async def get_alerts(self, request: Request) -> Response:
        """Show where questions wait for a person: ``limit``, how many may without an alert.

        Raises:
            NotFound: There is no such base.
        """
        tenant, kb = tenant_of(request), base_of(request)
        limit = query_number(request, "limit", ALERT_LIMIT, least=0, most=MAX_IDS - 1)
        await self._recorder.settled()
        waiting = await self._knowledge.quick.run(lambda: by_channel(self._knowledge.usage.waiting(tenant, kb)))
        return respond(AlertsResponse(request.state.request_id, limit, alerts(waiting, limit), waiting))

    def _find_gaps(self, tenant: str, kb: Kb, days: int) -> _Lacks:
        knowledge = self._knowledge
        since = datetime.now(UTC) - timedelta(days=days)
        missed = knowledge.replies.read(tenant, kb, since=since, decisions=MISSED, limit=MOST_QUESTIONS + 1)
        if len(missed) > MOST_QUESTIONS:
            raise TooLarge(f"more than {MOST_QUESTIONS} questions were not answered; ask for fewer days", param="days")
        questions = list(unanswered(missed, knowledge.replies.read_feedback(tenant, kb, since=since)))
        draft = read_entries(knowledge.store, tenant, kb)
        known = KnownQuestions(draft, knowledge.vectors_of([entry.questions[0] for entry in draft]))
        return _Lacks(find_gaps(questions, knowledge.vectors_of([one.text for one in questions]), known=known), draft)


def _read_feedback(asked: FeedbackRequest) -> Feedback:
    if asked.helpful is None and not asked.entry_id and not (asked.answer or "").strip():
        raise BadInput("feedback needs helpful, entry_id or answer", param="helpful")
    return Feedback(
        reply_id=asked.reply_id,
        given_at=datetime.now(UTC),
        by=check_line("by", asked.by, MAX_PERSON),
        helpful=asked.helpful,
        entry_id=check_line("entry_id", asked.entry_id, MAX_ID) if asked.entry_id else None,
        answer=check_line("answer", asked.answer, MAX_ANSWER).strip() if asked.answer else None,
    )
