from __future__ import annotations

from pathlib import Path

import pytest

from nlp_service.cli.batch.records import Failure, Record
from nlp_service.cli.queries import Question, parse_question, read_questions
from nlp_service.errors import BadInput


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"id": "a", "text": "x"}', Question(Record(1, "a", "x"))),
        (b'\xef\xbb\xbf{"id": 7, "text": "x"}', Question(Record(1, 7, "x"))),
        (
            b'{"id": "a", "text": "x", "context": ["y"], "channel": "vip", "entry_id": "e", "kind": "near"}',
            Question(Record(1, "a", "x", ("y",)), "vip", "e"),
        ),
        (b'{"id": "a", "text": "x", "channel": null, "entry_id": null}', Question(Record(1, "a", "x"))),
        (b"  \r\n", None),
    ],
)
def test_a_line_is_read(raw: bytes, expected: Question | None) -> None:
    assert parse_question(raw, 1) == expected


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b'"x"', "invalid_input", None),
        (b'{"id": "a"}', "invalid_input", "text"),
        (b'{"id": "a", "text": 5}', "invalid_input", "text"),
        (b'{"id": "a", "text": "x", "entry_id": 5}', "invalid_input", "entry_id"),
        (b'{"id": "a", "text": "x", "entry_id": ""}', "invalid_input", "entry_id"),
        (b'{"id": "a", "text": "x", "channel": ["vip"]}', "invalid_input", "channel"),
        (b'{"id": "a", "text": "x", "channel": "' + b"v" * 101 + b'"}', "invalid_input", "channel"),
        (b'{"id": "a", "text": "x", "more": ' + b"[" * 100_000, "invalid_json", None),
    ],
)
def test_a_line_that_is_no_question_names_its_field(raw: bytes, code: str, param: str | None) -> None:
    failure = parse_question(raw, 3)
    assert isinstance(failure, Failure)
    assert (failure.line, failure.code, failure.param) == (3, code, param)


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'{"id": "a", "text": "x"}\n\n{\n{"id": "b", "text": "y"}')
    rows = list(read_questions(path))
    assert [row.line if isinstance(row, Failure) else row.record.line for row in rows] == [1, 3, 4]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.jsonl: No such file"):
        list(read_questions(tmp_path / "none.jsonl"))
