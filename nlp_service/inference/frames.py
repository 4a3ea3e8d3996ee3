"""What the service and its workers say to each other: four bytes of length, then a msgpack body."""

from __future__ import annotations

import re
import struct

import msgspec

from nlp_service.types import Analysis, Message

HEADER = struct.Struct(">I")
"""Length of the body in bytes."""

_SURROGATES = re.compile("[\ud800-\udfff]")


class ReadRequest(msgspec.Struct, array_like=True):
    """A batch on its way to a worker."""

    messages: list[Message]
    evidence: bool
    vectors: bool = False


class Started(msgspec.Struct, tag=True, array_like=True):
    """The first word of a worker that has loaded its model."""

    model_version: str
    policy_version: str


class StartFailed(msgspec.Struct, tag=True, array_like=True):
    """The only word of a worker that could not load its model; ``code`` is that of a `ServiceError`."""

    code: str
    message: str


class Answer(msgspec.Struct, tag=True, array_like=True):
    """What a worker read.

    Attributes:
        analyses: One for each message, in order; each an `Analysis` in JSON, so that what only passes them on need not
            read them.
        failures: Type names of the errors of the messages that could not be read; each has an empty analysis above.
        inference_s: Time that reading took in the worker.
        vectors: The embeddings of the messages as `vectors.pack` writes them; empty when they were not asked for.
    """

    analyses: list[bytes]
    failures: list[str]
    inference_s: float
    vectors: list[bytes] = []


Word = Started | StartFailed | Answer
"""All that a worker says."""

_encoder = msgspec.msgpack.Encoder()
_words: msgspec.msgpack.Decoder[Word] = msgspec.msgpack.Decoder(Word)
_analysis_encoder = msgspec.json.Encoder()
_analyses = msgspec.json.Decoder(Analysis)
_requests = msgspec.msgpack.Decoder(ReadRequest)


def frame(value: ReadRequest | Word) -> bytes:
    """Write a frame. Lone surrogates in a request, which UTF-8 cannot carry, become U+FFFD."""
    try:
        body = _encoder.encode(value)
    except UnicodeEncodeError:
        if not isinstance(value, ReadRequest):
            raise
        body = _encoder.encode(
            msgspec.structs.replace(value, messages=[_writable(message) for message in value.messages])
        )
    return HEADER.pack(len(body)) + body


def decode_word(body: bytes) -> Word:
    """Read what a worker said.

    Raises:
        msgspec.DecodeError: It is no word, or a value in it is out of its range.
    """
    return _words.decode(body)


def decode_request(body: bytes) -> ReadRequest:
    """Read a batch.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _requests.decode(body)


def write_analysis(analysis: Analysis) -> bytes:
    """An analysis in JSON."""
    return _analysis_encoder.encode(analysis)


def read_analysis(written: bytes) -> Analysis:
    """An analysis from JSON.

    Raises:
        msgspec.DecodeError: It is none, or a value in it is out of its range.
    """
    return _analyses.decode(written)


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, as a cut emoji leaves one; positions stay the same."""
    return _SURROGATES.sub("\ufffd", text)


def _writable(message: Message) -> Message:
    return msgspec.structs.replace(
        message,
        id=without_surrogates(message.id) if isinstance(message.id, str) else message.id,
        text=without_surrogates(message.text),
        context=tuple(map(without_surrogates, message.context)),
    )
