"""Every request that a client makes, as a value; `Client` and `AsyncClient` send them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from nlp_service.client import values
from nlp_service.client.splitting import MOST_BYTES, MOST_MESSAGES, split
from nlp_service.client.wire import FILE, Call, path_of, write
from nlp_service.types import Message

T = TypeVar("T")

Filters = Mapping[str, "str | int | bool | datetime | list[str] | None"]


class _Context(msgspec.Struct, omit_defaults=True):
    """A message to read, as it goes over the wire."""

    text: str
    id: str | int | None = None
    context: tuple[str, ...] = ()


class MessagesPage(msgspec.Struct):
    """A page of stored messages."""

    messages: list[values.MessageRecord]
    next_cursor: str | None


class ReviewsPage(msgspec.Struct):
    """A page of reviews."""

    reviews: list[values.Review]
    next: str | None = None


class WordsPage(msgspec.Struct):
    """A page of words."""

    words: list[values.Word]
    next: str | None = None


class BaseAnswer(msgspec.Struct):
    """One base."""

    base: values.Base


class LexiconAnswer(msgspec.Struct):
    """One list."""

    lexicon: values.Lexicon


class LexiconsAnswer(msgspec.Struct):
    """All lists."""

    lexicons: list[values.Lexicon]


class OutcomeAnswer(msgspec.Struct):
    """What a step led to."""

    outcome: values.ReviewOutcome


class Nothing(msgspec.Struct):
    """An answer of which nothing is wanted."""


def analyze(
    messages: Sequence[str | Message], *, evidence: bool, most: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES
) -> Iterator[Call[values.Analyzed]]:
    """Read messages, in as many requests as it takes; texts alone have no ids."""
    given = [
        _Context(message) if isinstance(message, str) else _Context(message.text, message.id, message.context)
        for message in messages
    ]
    rest = b"" if evidence else b',"evidence":false'
    for body in split(given, most=most, most_bytes=most_bytes, rest=rest):
        yield Call("POST", "/v1/analyze", values.Analyzed, body=body)


def send_messages(
    messages: Sequence[values.NewMessage], *, most: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES
) -> Iterator[Call[values.Sent]]:
    """Take messages in. A message is named by platform and id, so that to send it twice is as good as once."""
    for body in split(messages, most=most, most_bytes=most_bytes):
        yield Call("POST", "/v1/messages", values.Sent, body=body)


def messages(filters: Filters, cursor: str | None) -> Call[MessagesPage]:
    """A page of stored messages."""
    query = {name.rstrip("_"): value for name, value in filters.items()} | {"cursor": cursor}
    return Call("GET", "/v1/messages", MessagesPage, query=query)


def delete_message(platform: str, id: str | int) -> Call[values.Removed]:
    """Delete a message as its platform did."""
    return Call("DELETE", path_of("v1", "messages", platform, id), values.Removed)


def reply(question: str, kb: str | int, **fields: Any) -> Call[values.Reply]:
    """Decide what to do with a question. It changes nothing but the figures of the base."""
    body = write({"question": question, "kb": kb} | _given(fields))
    return Call("POST", "/v1/reply", values.Reply, body=body)


def feedback(reply_id: str, **fields: Any) -> Call[values.Feedback]:
    """Say what a reply was worth."""
    body = write({"reply_id": reply_id} | _given(fields))
    return Call("POST", "/v1/reply/feedback", values.Feedback, body=body, is_harmless=False)


def search(kb: str | int, text: str, **fields: Any) -> Call[values.Found]:
    """Find entries that may answer a text."""
    return Call("POST", path_of("v1", "kb", kb, "search"), values.Found, body=write({"text": text} | _given(fields)))


def make_base(name: str) -> Call[BaseAnswer]:
    """Make a base."""
    return Call("POST", "/v1/kb", BaseAnswer, body=write({"name": name}), is_harmless=False)


def import_entries(kb: str | int, data: bytes, **query: str | bool | None) -> Call[values.Imported]:
    """Write the entries of a file into the draft; the same file twice changes nothing."""
    path = path_of("v1", "kb", kb, "import")
    return Call("POST", path, values.Imported, query=query, body=data, media_type=FILE)


def publish(kb: str | int, **fields: Any) -> Call[values.Published]:
    """Answer from the draft."""
    path = path_of("v1", "kb", kb, "publish")
    return Call("POST", path, values.Published, body=write(_given(fields)), is_harmless=False)


def reviews(filters: Filters, cursor: str | None) -> Call[ReviewsPage]:
    """A page of reviews."""
    return Call("GET", "/v1/reviews", ReviewsPage, query=dict(filters) | {"cursor": cursor})


def claim_reviews(reviewer: str, **fields: Any) -> Call[ReviewsPage]:
    """Take the first reviews that nobody has. Who asks again gets further ones."""
    body = write({"reviewer": reviewer} | _given(fields))
    return Call("POST", "/v1/reviews/claim", ReviewsPage, body=body, is_harmless=False)


def step_of_review(review_id: int, step: str, reviewer: str, answer: type[T], **fields: Any) -> Call[T]:
    """Decide, escalate, overturn, undo, renew or release."""
    path, body = path_of("v1", "reviews", review_id, step), write({"reviewer": reviewer} | _given(fields))
    return Call("POST", path, answer, body=body, is_harmless=step in ("renew", "release"))


def lexicons() -> Call[LexiconsAnswer]:
    """All word lists."""
    return Call("GET", "/v1/lexicons", LexiconsAnswer)


def put_lexicon(name: str, kind: str, **fields: Any) -> Call[LexiconAnswer]:
    """Make a list, or change what it is for."""
    return Call("PUT", path_of("v1", "lexicons", name), LexiconAnswer, body=write({"kind": kind} | _given(fields)))


def delete_lexicon(name: str) -> Call[Nothing]:
    """Remove a list with its words."""
    return Call("DELETE", path_of("v1", "lexicons", name), Nothing)


def words(name: str, filters: Filters, after: str | None) -> Call[WordsPage]:
    """A page of words."""
    return Call("GET", path_of("v1", "lexicons", name, "words"), WordsPage, query=dict(filters) | {"after": after})


def add_words(name: str, given: Sequence[str | values.Word], **fields: Any) -> Call[values.WordsWritten]:
    """Put words into a list; one that is in it becomes what is given."""
    body = write({"words": list(given)} | _given(fields))
    return Call("POST", path_of("v1", "lexicons", name, "words"), values.WordsWritten, body=body)


def remove_words(name: str, given: Sequence[str], **fields: Any) -> Call[values.WordsWritten]:
    """Take words out of a list."""
    body = write({"words": list(given)} | _given(fields))
    return Call("DELETE", path_of("v1", "lexicons", name, "words"), values.WordsWritten, body=body)


def import_words(name: str, data: bytes, **query: str | bool | None) -> Call[values.WordsWritten]:
    """Put the words of a file into a list; the same file twice changes nothing."""
    path = path_of("v1", "lexicons", name, "import")
    return Call("POST", path, values.WordsWritten, query=query, body=data, media_type=FILE)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that somebody has set."""
    return {name: value for name, value in fields.items() if value is not None}
