from __future__ import annotations

import msgspec
import pytest

from nlp_service.inference.frames import (
    HEADER,
    Answer,
    ReadRequest,
    Started,
    decode_request,
    decode_word,
    frame,
    without_surrogates,
)
from nlp_service.types import Message
from tests.fakes import analysis_of


def body(written: bytes) -> bytes:
    assert HEADER.unpack_from(written)[0] == len(written) - HEADER.size
    return written[HEADER.size :]


def test_an_answer_arrives_as_it_was_sent() -> None:
    answer = Answer([analysis_of(Message("1", "快递没到😀"))], ["ValueError"], 0.25)
    assert decode_word(body(frame(answer))) == answer


def test_a_batch_arrives_as_it_was_sent() -> None:
    request = ReadRequest([Message(None, "a\0b", ("before", ""))], False)
    assert decode_request(body(frame(request))) == request


def test_lone_surrogates_become_replacement_characters_in_place() -> None:
    request = ReadRequest([Message("\udc00", "a\ud83db", ("\ud83d",))], True)
    assert decode_request(body(frame(request))).messages == [Message("\ufffd", "a\ufffdb", ("\ufffd",))]


def test_a_whole_emoji_is_no_lone_surrogate() -> None:
    assert without_surrogates("😀\ud83d") == "😀\ufffd"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xc1",
        body(frame(Started("m", "p")))[:-1],
        msgspec.msgpack.encode(["Nobody", 1]),
        msgspec.msgpack.encode(["Answer", [{"id": None}], [], 0.1]),
        # A probability outside [0, 1] is refused by the type on the way in as well.
        body(frame(Answer([analysis_of(Message("1", "a"))], [], 0.1))).replace(
            msgspec.msgpack.encode(0.9), msgspec.msgpack.encode(1.9)
        ),
    ],
)
def test_what_is_no_word_is_refused(broken: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_word(broken)
