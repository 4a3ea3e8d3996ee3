"""A reply phrased by a language model from the entries that were found, each sentence checked against them.

Any endpoint that speaks OpenAI's chat protocol will do. The model is not trusted: a sentence leaves only if everything
that it claims stands in the sources that it cites (`claims.check`), whatever the question, the sources or the model
say. In every other case the caller has the written answer.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from nlp_service.errors import DeadlineExceeded, NotReady
from nlp_service.knowledge.chat import Chat, ChatFailed
from nlp_service.knowledge.claims import Source
from nlp_service.knowledge.prompting import MAX_SOURCES, messages_for
from nlp_service.knowledge.sentences import Checker, Splitter

__all__ = ["Generator", "Phrased", "Source"]

log = logging.getLogger(__name__)


class Phrased(msgspec.Struct, frozen=True):
    """A reply that has passed the check.

    Attributes:
        text: Its ``[n]`` means ``sources[n - 1]``.
        citations: Entry ids, in order of first citation; at least one.
    """

    text: str
    citations: tuple[str, ...]


class Generator:
    """Phrases replies with one model at one endpoint; it belongs to the event loop that uses it first."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str = "",
        timeout_s: float = 8.0,
        first_token_s: float = 3.0,
        max_tokens: int = 400,
    ) -> None:
        """Prepare the client; nothing is sent.

        Args:
            url: Where the protocol begins, usually ends in ``/v1``.
            model: Its name at the endpoint.
            key: Sent as bearer token; empty where none is needed. It appears in no log and no error.
            timeout_s: For a whole answer, over 0.
            first_token_s: For the first piece of a streamed answer, over 0. Servers that load a model when it is
                first asked may need more.
            max_tokens: Length of an answer, at least 1.

        Raises:
            ValueError: An argument cannot be used; the message quotes neither `url` nor `key`.
        """
        self._chat = Chat(url, model, key=key, timeout_s=timeout_s, first_token_s=first_token_s, max_tokens=max_tokens)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._chat.aclose()

    async def phrase(self, question: str, sources: Sequence[Source], context: Sequence[str] = ()) -> Phrased | None:
        """Answer `question` from the first `prompting.MAX_SOURCES` of `sources`.

        Sentences that fail the check are left out. None if the model failed or took too long, or if no sentence with a
        citation is left; without sources nothing is sent.

        Args:
            question: With personal data masked.
            sources: The best first.
            context: What was said before, the oldest first, masked as well.
        """
        if not sources:
            return None
        try:
            answer = await self._chat.ask(messages_for(question, sources, context))
        except ChatFailed as failure:
            log.warning("phrasing_failed", extra={"fields": {"reason": failure.reason}})
            return None
        splitter, checker = Splitter(), Checker(sources[:MAX_SOURCES])
        sentences = splitter.feed(answer.text) + splitter.flush(is_cut_off=_is_cut_off(answer.finish))
        text = "".join(part for sentence in sentences for part in checker.pass_on(sentence)).strip()
        _report(checker)
        return Phrased(text, checker.citations) if text else None

    async def stream(
        self, question: str, sources: Sequence[Source], context: Sequence[str] = ()
    ) -> AsyncGenerator[str, None]:
        """Like `phrase`, but each sentence is handed over as soon as it has passed the check.

        The pieces together are the text. Nothing is handed over before a sentence with a citation has passed; if none
        does, or the model fails before, there are no pieces. A caller that stops early closes the generator, which
        ends the request.

        Raises:
            NotReady: The model failed after a piece was handed over: what was said was checked, but lacks its end.
            DeadlineExceeded: The same, because time was over.
        """
        checker, n_pieces = Checker(sources[:MAX_SOURCES]), 0
        try:
            async with aclosing(self._sentences(question, sources, context)) as sentences:
                async for sentence in sentences:
                    for part in checker.pass_on(sentence):
                        n_pieces += 1
                        yield part
        except ChatFailed as failure:
            log.warning("phrasing_failed", extra={"fields": {"reason": failure.reason, "n_pieces": n_pieces}})
            if n_pieces:
                kind = DeadlineExceeded if failure.is_late else NotReady
                raise kind(f"the language model broke off after {n_pieces} sentences") from failure
        _report(checker)

    async def _sentences(
        self, question: str, sources: Sequence[Source], context: Sequence[str]
    ) -> AsyncGenerator[str, None]:
        if not sources:
            return
        splitter, finish = Splitter(), None
        async with aclosing(self._chat.stream(messages_for(question, sources, context))) as pieces:
            async for piece in pieces:
                finish = piece.finish
                for sentence in splitter.feed(piece.text):
                    yield sentence
        for sentence in splitter.flush(is_cut_off=_is_cut_off(finish)):
            yield sentence


def _is_cut_off(finish: str | None) -> bool:
    return finish not in (None, "stop")


def _report(checker: Checker) -> None:
    if checker.n_refused:
        log.warning("sentences_refused", extra={"fields": {"n_sentences": checker.n_refused}})
