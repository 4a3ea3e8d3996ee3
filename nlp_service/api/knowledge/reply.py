"""``POST /v1/reply``, its feedback, and the searches behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.analyze import Limits
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.knowledge.asked import Kb, base_of, kb_of
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.knowledge.phrasing import EventStream, Material, Phrasing
from nlp_service.api.knowledge.recorder import Given, Recorder
from nlp_service.api.metrics import Metrics
from nlp_service.api.resources import check_line, respond
from nlp_service.api.schemas.analysis import MAX_CONTEXT
from nlp_service.api.schemas.replies import (
    MAX_CHANNEL,
    MAX_PERSON,
    CalibrateRequest,
    CalibrateResponse,
    ReplyRequest,
    ReplyResponse,
    SearchRequest,
    SearchResponse,
)
from nlp_service.errors import TooLarge
from nlp_service.inference.batcher import Batcher
from nlp_service.knowledge.claims import Source
from nlp_service.knowledge.loaded import Asked
from nlp_service.knowledge.reply import Reply
from nlp_service.store.records import Base
from nlp_service.store.replies import StoredReply
from nlp_service.types import Analysis, Message

NEAR = 0.1
"""Probability from which a question counts as asked of its nearest entry although that was not given as the answer."""

_reply = msgspec.json.Decoder(ReplyRequest)
_search = msgspec.json.Decoder(SearchRequest)
_calibrate = msgspec.json.Decoder(CalibrateRequest)


class Replies:
    """The routes with what they need."""

    def __init__(
        self, knowledge: Knowledge, batcher: Batcher, recorder: Recorder, metrics: Metrics, limits: Limits
    ) -> None:
        self._knowledge = knowledge
        self._batcher = batcher
        self._recorder = recorder
        self._metrics = metrics
        self._limits = limits
        self._phrasing = Phrasing(knowledge, metrics)

    async def post(self, request: Request) -> Response:
        """Decide what to do with a question; as events if the caller wants them.

        Raises:
            BadInput: A field cannot be taken; `param` names it.
            TooLarge: A text is too long, or there are too many.
            NotFound: There is no such base.
            Overloaded: There is no room in the queue.
            NotReady: No worker could read the question, or not in time.
        """
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _reply)
        self._check("question", asked.question)
        self._check_context(asked.context or ())
        channel = check_line("channel", asked.channel, MAX_CHANNEL)
        author = check_line("author", str(asked.author), MAX_PERSON)
        tenant, at = tenant_of(request), datetime.now(UTC)
        kb = await self._name_of(tenant, kb_of(asked.kb))
        context = tuple(asked.context or ())
        reply, sources = await self._decide(tenant, kb, Asked(asked.question, at, context, channel))
        stored = _stored(reply, asked.question, channel, at)
        self._recorder.put(Given(tenant, kb, author, stored))
        self._metrics.reply_given(reply.decision.value)
        written = self._answer(request.state.request_id, stored.id, reply)
        material = Material(asked.question, context, sources if asked.phrase else ())
        if asked.stream:
            return EventStream(self._phrasing.events(written, material))
        return respond(await self._phrasing.phrase(written, material))

    async def _decide(self, tenant: str, kb: str, asked: Asked) -> tuple[Reply, tuple[Source, ...]]:
        """Have the question read by a worker while the base is searched here."""
        reading = asyncio.create_task(self._read(Message(None, asked.text, asked.context)))
        try:
            await asyncio.sleep(0)
            if reading.done():
                await reading  # refused at once: nothing is searched then
            return await self._knowledge.assistant.reply_with_sources(tenant, kb, asked, reading)
        finally:
            reading.cancel()
            reading.add_done_callback(_look_at)

    async def _read(self, message: Message) -> Analysis:
        (analysis,) = await self._batcher.read([message], evidence=False)
        return analysis

    async def search(self, request: Request) -> Response:
        """Find entries that may answer a text.

        Raises:
            BadInput: A field cannot be taken; `param` names it.
            NotFound: There is no such base or version.
        """
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _search)
        self._check("text", asked.text)
        channel = check_line("channel", asked.channel, MAX_CHANNEL)
        tenant, base = await self._base_of(request)
        assistant = self._knowledge.assistant
        found = await assistant.search(tenant, base.name, asked.text, n=asked.n, channel=channel, version=asked.version)
        version = base.published if asked.version is None else asked.version
        return respond(SearchResponse(request.state.request_id, assistant.model_version, version, found))

    async def calibrate(self, request: Request) -> Response:
        """Fit the thresholds of a base on its own wordings; an empty body is for the usual precision.

        Raises:
            BadInput: The precision is not between 0 and 1.
            NotFound: There is no such base.
        """
        body = await read_body(request, self._limits.max_body_bytes)
        asked = decode_body(body or b"{}", _calibrate)
        tenant, base = await self._base_of(request)
        assistant = self._knowledge.assistant
        fitted = await assistant.calibrate(tenant, base.name, asked.precision, actor=caller_of(request).actor)
        values = msgspec.structs.asdict(fitted)
        return respond(CalibrateResponse(request.state.request_id, assistant.model_version, **values))

    def _answer(self, request_id: str, reply_id: str, reply: Reply) -> ReplyResponse:
        return ReplyResponse(
            request_id=request_id,
            model_version=self._batcher.model_version,
            search_version=self._knowledge.assistant.model_version,
            kb_version=reply.kb_version,
            reply_id=reply_id,
            decision=reply.decision,
            reason=reply.reason,
            probability=reply.probability,
            margin=reply.margin,
            threshold=reply.threshold,
            answer=reply.answer,
            entry_id=reply.entry_id,
            wording=reply.wording,
            citations=list(reply.citations),
            phrased=False,
            alternatives=list(reply.alternatives),
            summary=reply.summary,
        )

    async def _base_of(self, request: Request) -> tuple[str, Base]:
        tenant, kb = tenant_of(request), base_of(request)
        return tenant, await self._knowledge.quick.run(lambda: self._knowledge.store.get(tenant, kb))

    async def _name_of(self, tenant: str, kb: Kb) -> str:
        """The assistant knows bases by name; most callers do too, and then nothing is looked up."""
        if isinstance(kb, str):
            return kb
        return (await self._knowledge.quick.run(lambda: self._knowledge.store.get(tenant, kb))).name

    def _check(self, name: str, text: str) -> None:
        if len(text) > self._limits.max_text:
            raise TooLarge(f"{len(text)} code points are more than {self._limits.max_text}", param=name)

    def _check_context(self, context: Sequence[str]) -> None:
        if len(context) > MAX_CONTEXT:
            raise TooLarge(f"{len(context)} texts are more than {MAX_CONTEXT}", param="context")
        for place, text in enumerate(context):
            self._check(f"context[{place}]", text)


def _look_at(reading: asyncio.Task[Analysis]) -> None:
    """Take note of an error that nobody waits for any more; asyncio would complain of it."""
    if not reading.cancelled():
        reading.exception()


def _stored(reply: Reply, question: str, channel: str, at: datetime) -> StoredReply:
    """A reply as it is counted: its entry is the one that the decision went by, also where it was not given."""
    nearest = reply.alternatives[0] if reply.alternatives else None
    is_near = nearest is not None and nearest.probability >= NEAR
    return StoredReply(
        id=str(uuid4()),
        kb_version=reply.kb_version,
        asked_at=at,
        question=question,
        decision=reply.decision.value,
        reason=reply.reason,
        channel=channel,
        entry_id=reply.entry_id or (nearest.entry_id if nearest and is_near else None),
        wording=reply.wording,
        probability=reply.probability,
    )
