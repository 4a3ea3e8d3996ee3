"""The client for programs that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from nlp_service.client import calls
from nlp_service.client.blocking.knowledge import Knowledge
from nlp_service.client.blocking.lexicons import Lexicons
from nlp_service.client.blocking.reviews import Reviews
from nlp_service.client.blocking.sending import Sender
from nlp_service.client.retrying import Retries
from nlp_service.client.splitting import MOST_BYTES, MOST_MESSAGES
from nlp_service.client.values import Analyzed, Feedback, MessageRecord, NewMessage, Removed, Reply, Sent
from nlp_service.client.wire import TIMEOUT_S, check_url
from nlp_service.types import Message


class Client:
    """Speaks with the service. Meant to be kept: it holds connections, and may be shared between threads.

    Every method raises a `ClientError`: `Refused` and its kinds where the service says no, `Unreachable` where no
    answer comes. What may be repeated is repeated first, as `retries` says.

    Args:
        url: Where the service is, such as ``http://127.0.0.1:8000``.
        key: Of the tenant; None where the service asks for none.
        timeout_s: For connecting, and between two pieces of an answer.
        retries: How patient it is.
        most_bytes: Bytes of messages in one request; what is more goes in several.
        transport: In place of httpx's own, as tests have it.

    Attributes:
        kb, reviews, lexicons: Knowledge bases, the queue of reviews, word lists.

    Raises:
        ValueError: The address is none of http or https.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        most_bytes: int = MOST_BYTES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._size = {"most": MOST_MESSAGES, "most_bytes": most_bytes}
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=check_url(url), headers=headers, timeout=timeout_s, transport=transport)
        sender = Sender(self._http, retries or Retries())
        self._do = sender.do
        self.kb = Knowledge(sender)
        self.reviews = Reviews(sender)
        self.lexicons = Lexicons(sender)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def analyze(self, messages: Sequence[str | Message], *, evidence: bool = True) -> Analyzed:
        """Read messages, any number; nothing is stored."""
        whole = Analyzed("", "", "", [])
        for call in calls.analyze(messages, evidence=evidence, **self._size):
            part = self._do(call)
            part.results = whole.results + part.results
            whole = part
        return whole

    def send_messages(self, messages: Sequence[NewMessage]) -> Sent:
        """Take messages in, any number, in deliveries of which each is stored whole or not at all.

        Where one fails, those before it are stored; to send all again does no harm.
        """
        whole = Sent("", "", "", [])
        for call in calls.send_messages(messages, **self._size):
            part = self._do(call)
            part.results = whole.results + part.results
            whole = part
        return whole

    def messages(self, **filters: Any) -> Iterator[MessageRecord]:
        """Stored messages, the newest first, page by page as they are read.

        ``from_`` and ``to`` are times; ``label``, ``channel``, ``author``, ``action`` ... as in the service's document.
        """
        cursor: str | None = None
        while True:
            page = self._do(calls.messages(filters, cursor))
            yield from page.messages
            cursor = page.next_cursor
            if cursor is None:
                return

    def delete_message(self, platform: str, id: str | int) -> Removed:
        """Delete a message as its author or platform did; also one that has not come yet."""
        return self._do(calls.delete_message(platform, id))

    def reply(
        self,
        question: str,
        kb: str | int,
        *,
        context: Sequence[str] = (),
        channel: str = "",
        author: str | int = "",
        phrase: bool = True,
    ) -> Reply:
        """Decide what to do with a question: answer it, ask back, fetch a person, or nothing."""
        fields = {"context": list(context), "channel": channel, "author": author, "phrase": phrase}
        return self._do(calls.reply(question, kb, **fields))

    def feedback(
        self,
        reply_id: str,
        *,
        helpful: bool | None = None,
        entry_id: str | None = None,
        answer: str | None = None,
        by: str = "",
    ) -> Feedback:
        """Say what a reply was worth: a thumb, the right entry, or the right answer."""
        return self._do(calls.feedback(reply_id, helpful=helpful, entry_id=entry_id, answer=answer, by=by))
