from __future__ import annotations

import msgspec
import pytest

from nlp_service.cli.batch.chunks import Chunk, Position
from nlp_service.cli.batch.reading import Desk, Manner
from nlp_service.cli.batch.records import Failure, Record
from tests.unit.cli.fakes import RAISES, FakeReader


def test_lines_are_parsed_read_and_encoded_in_order() -> None:
    payload = b'{"id": "a", "text": "xx"}\n\n{broken\n{"id": 9, "text": ""}'
    answers = Desk(FakeReader(), Manner()).answer(Chunk(payload, 5, Position()))
    first, second = map(msgspec.json.decode, answers.output.splitlines())
    assert (first["id"], first["sentiment"]["score"], second["id"]) == ("a", 0.0002, 9)
    assert first["verdict"] == {"action": "pass", "reasons": ["none"]}
    assert first["pain"] == [{"target": "xx", "span": {"start": 0, "end": 2, "text": "xx"}, "category": "other"}]
    assert msgspec.json.decode(answers.errors)["line"] == 7
    assert (answers.done, answers.failed) == (2, 1)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_message_that_the_model_cannot_take_fails_alone(batch: int) -> None:
    texts = ["a", RAISES, "b", RAISES]
    rows = tuple(Record(line, str(line), text) for line, text in enumerate(texts, 1))
    answers = Desk(FakeReader(), Manner(batch=batch)).answer(Chunk(rows, 1, Position()))
    assert [msgspec.json.decode(line)["id"] for line in answers.output.splitlines()] == ["1", "3"]
    errors = [msgspec.json.decode(line) for line in answers.errors.splitlines()]
    assert [(error["line"], error["id"], error["error"]["code"]) for error in errors] == [
        (2, "2", "internal"),
        (4, "4", "internal"),
    ]
    assert RAISES.encode() not in answers.errors


def test_failures_of_parsing_and_of_reading_come_in_order_of_lines() -> None:
    rows = (Record(1, "1", RAISES), Failure(2, None, "invalid_json", "no"), Record(3, "3", RAISES))
    answers = Desk(FakeReader(), Manner()).answer(Chunk(rows, 1, Position()))
    assert [msgspec.json.decode(line)["line"] for line in answers.errors.splitlines()] == [1, 2, 3]
