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
    read_analysis,
    without_surrogates,
    write_analysis,
)
from nlp_service.types import Abuse, Analysis, Message, Risk
from tests.fakes import analysis_of


def body(written: bytes) -> bytes:
    assert HEADER.unpack_from(written)[0] == len(written) - HEADER.size
    return written[HEADER.size :]


def test_an_answer_arrives_as_it_was_sent() -> None:
    answer = Answer([write_analysis(analysis_of(Message("1", "快递没到😀")))], ["ValueError"], 0.25)
    assert decode_word(body(frame(answer))) == answer


SILENT = Analysis(None, None, None, Risk(0, None, None), Abuse(None, False), None, ())
"""What is said when no head could say anything."""


@pytest.mark.parametrize(
    "analysis", [analysis_of(Message("1", '快递没到😀\0"\n')), analysis_of(Message(-(2**63), "")), SILENT]
)
def test_an_analysis_is_read_as_it_was_written(analysis: Analysis) -> None:
    assert read_analysis(write_analysis(analysis)) == analysis


@pytest.mark.parametrize("id_", ["m1", "", 7, -(2**63), 2**63 - 1, None])
def test_an_id_keeps_its_type_on_the_way_to_a_worker_and_back(id_: str | int | None) -> None:
    (message,) = decode_request(body(frame(ReadRequest([Message(id_, "a")], True)))).messages
    back = read_analysis(write_analysis(analysis_of(message))).id
    assert (back, type(back)) == (id_, type(id_))


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
        msgspec.msgpack.encode(["Answer", [b"{}"], [], "soon"]),
    ],
)
def test_what_is_no_word_is_refused(broken: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_word(broken)


WRITTEN = write_analysis(analysis_of(Message("1", "a")))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        WRITTEN[:-1],
        b"[]",
        b"{}",
        WRITTEN.replace(b'"id":"1"', b'"id":1.5'),
        WRITTEN.replace(b'"action":"pass"', b'"action":"shrug"'),
        # What the types refuse when a value is made, they refuse on the way in as well.
        WRITTEN.replace(b"0.9", b"1.9"),
        WRITTEN.replace(b'"level":1', b'"level":4'),
        WRITTEN.replace(b'"start":0', b'"start":1'),
    ],
)
def test_what_is_no_analysis_is_refused(broken: bytes) -> None:
    assert broken != WRITTEN
    with pytest.raises(msgspec.DecodeError):
        read_analysis(broken)
