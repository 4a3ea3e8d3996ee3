"""A client of OpenAI's chat protocol, as vLLM, Ollama and the clouds speak it: one answer, whole or in pieces.

Everything that comes back is bounded: the time until the first piece, the time of the whole, the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from time import monotonic
from typing import NamedTuple

import httpx
import msgspec

MAX_ANSWER_BYTES = 1_000_000
"""Of one response, whatever the endpoint sends; an honest one of 400 tokens has some 100,000 as a stream."""

_PATH = "/chat/completions"
_DONE = b"[DONE]"


class Piece(NamedTuple):
    """Part of an answer; `finish` is why it ended, on the last piece only: "stop", "length" and others."""

    text: str
    finish: str | None


class ChatFailed(Exception):
    """No answer, or no whole one. The message is a word for the log, without anything that was sent or received."""

    def __init__(self, reason: str, *, is_late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_late = is_late


class _Said(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Said | None = None
    delta: _Said | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_DECODER = msgspec.json.Decoder(_Completion)


class Chat:
    """One model at one endpoint; it belongs to the event loop that uses it first."""

    def __init__(
        self, url: str, model: str, *, key: str, timeout_s: float, first_token_s: float, max_tokens: int
    ) -> None:
        """Prepare the client, see `generation.Generator`; nothing is sent.

        Raises:
            ValueError: An argument cannot be used; the message quotes neither `url` nor `key`.
        """
        if min(timeout_s, first_token_s) <= 0 or max_tokens < 1:
            raise ValueError("timeout_s and first_token_s must be over 0, max_tokens at least 1")
        self._url = _endpoint(url)
        self._model, self._max_tokens = model, max_tokens
        self._timeout_s, self._first_token_s = timeout_s, first_token_s
        # The environment (proxies, netrc) is read in settings alone. Not compressed, so that bytes can be counted.
        headers = {"accept-encoding": "identity", "content-type": "application/json"} | _authorization(key)
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout_s, trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, messages: Sequence[Mapping[str, str]]) -> Piece:
        """The whole answer in one piece.

        Raises:
            ChatFailed: There is none, or not in time.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._send(messages, is_stream=False)
                try:
                    body = b"".join([chunk async for chunk in _bounded(response)])
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise _failure(error) from None
        choice = _first(body)
        if choice is None:
            raise ChatFailed("no_choice")
        return Piece((choice.message and choice.message.content) or "", choice.finish_reason)

    async def stream(self, messages: Sequence[Mapping[str, str]]) -> AsyncGenerator[Piece, None]:
        """The answer as it arrives. Closing the generator ends the request.

        Raises:
            ChatFailed: There is none, not in time, or it ended without saying that this is its end.
        """
        # No limit is open while the caller holds a piece: it would strike the caller's own awaits.
        started, limit_s = monotonic(), min(self._first_token_s, self._timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                response = await self._send(messages, is_stream=True)
            try:
                async with aclosing(_events(response)) as events:
                    while True:
                        async with asyncio.timeout(limit_s - (monotonic() - started)):
                            event = await anext(events, None)
                        if event is None:
                            raise ChatFailed("broke_off")
                        limit_s = self._timeout_s
                        piece = _piece(event)
                        yield piece
                        if piece.finish:
                            return
            finally:
                await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise _failure(error) from None

    async def _send(self, messages: Sequence[Mapping[str, str]], *, is_stream: bool) -> httpx.Response:
        body = msgspec.json.encode(
            {
                "model": self._model,
                "messages": messages,
                "max_tokens": self._max_tokens,
                "temperature": 0,
                "stream": is_stream,
            }
        )
        response = await self._client.send(self._client.build_request("POST", self._url, content=body), stream=True)
        if response.status_code != httpx.codes.OK:
            await response.aclose()
            raise ChatFailed(f"status_{response.status_code}")
        return response


async def _bounded(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    n_bytes = 0
    async with aclosing(_raw(response)) as chunks:
        async for chunk in chunks:
            n_bytes += len(chunk)
            if n_bytes > MAX_ANSWER_BYTES:
                raise ChatFailed("too_large")
            yield chunk


async def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    chunks: AsyncIterator[bytes] = response.aiter_raw()
    async for chunk in chunks:
        yield chunk


async def _events(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The data of each server-sent event; all endpoints write it on one line."""
    begun: list[bytes] = []
    async with aclosing(_bounded(response)) as chunks:
        async for chunk in chunks:
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                whole, begun = b"".join((*begun, line)), []
                if whole.startswith(b"data:"):
                    yield whole.removeprefix(b"data:").strip()
            begun.append(rest)


def _piece(event: bytes) -> Piece:
    if event == _DONE:
        return Piece("", "stop")
    choice = _first(event)
    if choice is None:  # numbers of tokens come without a choice
        return Piece("", None)
    return Piece((choice.delta and choice.delta.content) or "", choice.finish_reason)


def _first(body: bytes) -> _Choice | None:
    try:
        return next(iter(_DECODER.decode(body).choices), None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ChatFailed("not_the_protocol") from None


def _failure(error: Exception) -> ChatFailed:
    is_late = isinstance(error, TimeoutError | httpx.TimeoutException)
    return ChatFailed("timeout" if is_late else type(error).__name__, is_late=is_late)


def _endpoint(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("url must begin with http:// or https:// and name a host")
    if parsed.userinfo:
        raise ValueError("url must hold no name or password: addresses are logged")
    return url.rstrip("/").removesuffix(_PATH) + _PATH


def _authorization(key: str) -> dict[str, str]:
    if not (key.isascii() and key.isprintable()):
        raise ValueError("key must be of printable ASCII characters")
    return {"authorization": f"Bearer {key}"} if key else {}
