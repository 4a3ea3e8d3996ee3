"""Answers phrased by a language model, whole or as they are said; the written answer wherever that does not work."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Send

from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.metrics import Metrics
from nlp_service.api.schemas.replies import ReplyResponse
from nlp_service.api.schemas.streams import ReplyDone, ReplyPiece
from nlp_service.errors import NotReady
from nlp_service.knowledge.claims import Source
from nlp_service.knowledge.prompting import MAX_TURNS
from nlp_service.knowledge.sentences import citations_of
from nlp_service.telemetry import describe
from nlp_service.text.pii import mask

# Outcomes in the figures. GONE is a caller who hung up, or a stop of the service.
PHRASED, WRITTEN, REPLACED, GONE = "phrased", "written", "replaced", "gone"

_encoder = msgspec.json.Encoder()

log = logging.getLogger(__name__)


class Material(NamedTuple):
    """What an answer may be phrased from.

    Attributes:
        question: As it was asked; personal data is masked here before anything leaves.
        context: What was said before, the oldest first, likewise.
        sources: The best first; none if the answer is not to be phrased.
    """

    question: str
    context: Sequence[str]
    sources: Sequence[Source]


class Phrasing:
    """Phrases answers with the generator of `knowledge`, if it has one."""

    def __init__(self, knowledge: Knowledge, metrics: Metrics) -> None:
        self._knowledge = knowledge
        self._generator = knowledge.generator
        self._metrics = metrics

    async def phrase(self, written: ReplyResponse, material: Material) -> ReplyResponse:
        """The reply with its answer phrased; `written` itself if that fails, or there is nothing to phrase it with.

        It takes no longer than the generator may take.
        """
        if self._generator is None or not material.sources:
            return written
        said = None
        try:
            question, context = await self._masked(material)
            said = await self._generator.phrase(question, material.sources, context)
        except Exception as error:
            # There is an answer whatever goes wrong here.
            _tell(error)
        self._metrics.reply_phrased(PHRASED if said else WRITTEN)
        if said is None:
            return written
        return msgspec.structs.replace(written, answer=said.text, citations=list(said.citations), phrased=True)

    async def events(self, written: ReplyResponse, material: Material) -> AsyncGenerator[bytes, None]:
        """The reply as server-sent events: ``reply``, ``piece`` for each part of a phrased answer, ``done``.

        Closing the generator ends the request to the language model.
        """
        done = ReplyDone(written.answer, written.citations, phrased=False)
        if self._generator is None or not material.sources:
            yield _event("reply", written)
            yield _event("done", done)
            return
        outcome, said, is_whole = GONE, "", True
        try:
            yield _event("reply", msgspec.structs.replace(written, answer=None))
            try:
                async with aclosing(self._pieces(material)) as pieces:
                    async for piece in pieces:
                        said += piece
                        yield _event("piece", ReplyPiece(piece))
            except Exception as error:
                _tell(error)
                is_whole = False
            if said and is_whole:
                outcome, done = PHRASED, ReplyDone(said.strip(), list(citations_of(said, material.sources)), True)
            else:
                outcome, done.replaces = (REPLACED, True) if said else (WRITTEN, False)
            yield _event("done", done)
        finally:
            self._metrics.reply_phrased(outcome)

    async def _pieces(self, material: Material) -> AsyncGenerator[str, None]:
        assert self._generator is not None
        question, context = await self._masked(material)
        async with aclosing(self._generator.stream(question, material.sources, context)) as pieces:
            async for piece in pieces:
                yield piece

    async def _masked(self, material: Material) -> tuple[str, list[str]]:
        """Question and context as they may leave; in a thread, for a text full of numbers takes 0.2 s."""
        texts = [material.question, *material.context[-MAX_TURNS:]]
        question, *context = await self._knowledge.quick.run(lambda: [mask(text) for text in texts])
        return question, context


class EventStream(StreamingResponse):
    """Server-sent events, whose source is closed when the caller hangs up."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        # nginx would hold the events back until it has a page of them.
        super().__init__(events, headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._events = events

    async def stream_response(self, send: Send) -> None:
        """Send the events; the source is closed whatever ends this."""
        async with aclosing(self._events):
            await super().stream_response(send)


def _event(name: str, value: msgspec.Struct) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encoder.encode(value) + b"\n\n"


def _tell(error: Exception) -> None:
    # The generator has logged why it broke off.
    if not isinstance(error, NotReady):
        log.error("phrasing_failed", extra={"fields": describe(error)})
