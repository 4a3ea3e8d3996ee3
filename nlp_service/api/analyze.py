"""``POST /v1/analyze``: read messages and answer what they say; nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from nlp_service.api.body import decode_body, read_body
from nlp_service.api.caller import tenant_of
from nlp_service.api.schemas.analysis import MAX_CONTEXT, AnalyzeRequest, MessageIn
from nlp_service.errors import BadInput, TooLarge
from nlp_service.inference.batcher import Batcher
from nlp_service.types import Message

if TYPE_CHECKING:
    from nlp_service.moderation.rulebook import Rules

WATCHED_FROM = 32
"""Requests of this many messages are given up when their caller has gone; for smaller ones looking costs more."""

LOOK_EVERY_S = 0.25

THREAD_FROM = 16
"""Messages from which they are judged in a thread, so that others are answered meanwhile."""

_decoder = msgspec.json.Decoder(AnalyzeRequest)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold.

    Attributes:
        max_messages: Messages.
        max_text: Code points in a text, and in each text of a context.
        max_body_bytes: Bytes of the body.
    """

    max_messages: int = 512
    max_text: int = 4000
    max_body_bytes: int = 16 * 2**20


class _Answer(msgspec.Struct):
    """An `AnalyzeResponse` whose results are written already."""

    request_id: str
    model_version: str
    policy_version: str
    results: list[msgspec.Raw]


class RulesOf(Protocol):
    """What knows the rules of tenants."""

    async def of(self, tenant: str) -> Rules:
        """The rules that hold now."""
        ...


class Analyze:
    """The route with what it needs.

    Args:
        batcher: Has messages read.
        limits: What one request may hold.
        rules: What they are judged by where a tenant has rules of its own; None for the built-in ones.
    """

    def __init__(self, batcher: Batcher, limits: Limits, rules: RulesOf | None = None) -> None:
        self._batcher = batcher
        self._limits = limits
        self._rules = rules

    async def post(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            BadInput: The body is no list of messages; `param` names the field.
            TooLarge: The body, the list or a text is over its limit.
            Overloaded: There is no room in the queue.
            NotReady: No worker could read it, or not in time.
        """
        body = await read_body(request, self._limits.max_body_bytes)
        asked = decode_body(body, _decoder)
        check(asked.messages, self._limits)
        request.state.n_messages = len(asked.messages)
        messages = [Message(item.id, item.text, tuple(item.context or ())) for item in asked.messages]
        rules = await self._rules.of(tenant_of(request)) if self._rules else None
        if len(messages) < WATCHED_FROM:
            analyses = await self._batcher.read_json(messages, evidence=asked.evidence)
        else:
            analyses = await self._read_while_wanted(messages, asked.evidence, request)
        policy_version = self._batcher.policy_version
        if rules is not None and not rules.is_default:
            texts = [message.text for message in messages]
            analyses = await self._judge(texts, analyses, rules, evidence=asked.evidence)
            policy_version = rules.policy_version("")
        versions = (self._batcher.model_version, policy_version)
        answer = _Answer(request.state.request_id, *versions, list(map(msgspec.Raw, analyses)))
        return Response(_encoder.encode(answer), media_type="application/json")

    async def _judge(self, texts: Sequence[str], analyses: list[bytes], rules: Rules, *, evidence: bool) -> list[bytes]:
        """Judge by the rules of a tenant what the workers have judged by the built-in ones."""
        # Here, because a service without a database needs neither.
        from nlp_service.intake.alone import judge_written

        work = partial(judge_written, texts, analyses, rules, datetime.now(UTC), evidence=evidence)
        return work() if len(texts) < THREAD_FROM else await asyncio.to_thread(work)

    async def _read_while_wanted(self, messages: list[Message], evidence: bool, request: Request) -> list[bytes]:
        """Read, but stop when the caller hangs up, so that no worker is kept busy for nobody."""
        reading = asyncio.ensure_future(self._batcher.read_json(messages, evidence=evidence))
        try:
            while not (await asyncio.wait({reading}, timeout=LOOK_EVERY_S))[0]:
                if await request.is_disconnected():
                    raise ClientDisconnect
            return reading.result()
        finally:
            reading.cancel()


def check(messages: Sequence[MessageIn], limits: Limits) -> None:
    """Refuse what the types alone do not.

    Raises:
        BadInput: There is no message.
        TooLarge: There are too many, or a text or a context is too long; `param` names it.
    """
    if not messages:
        raise BadInput("there is no message", param="messages")
    if len(messages) > limits.max_messages:
        raise TooLarge(f"{len(messages)} messages are more than {limits.max_messages}", param="messages")
    for index, message in enumerate(messages):
        _check_text(message.text, f"messages[{index}].text", limits)
        context = message.context or ()
        if len(context) > MAX_CONTEXT:
            raise TooLarge(f"{len(context)} texts are more than {MAX_CONTEXT}", param=f"messages[{index}].context")
        for position, text in enumerate(context):
            _check_text(text, f"messages[{index}].context[{position}]", limits)


def _check_text(text: str, param: str, limits: Limits) -> None:
    if len(text) > limits.max_text:
        raise TooLarge(f"{len(text)} code points are more than {limits.max_text}", param=param)
