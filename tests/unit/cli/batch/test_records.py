from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.cli.batch.records import MAX_ID, MAX_TEXT, Failure, Record, parse


def line(**values: object) -> bytes:
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    ("raw", "record"),
    [
        (b'{"id": "a", "text": "b"}', Record(7, "a", "b")),
        (b'{"id": "a", "text": ""}', Record(7, "a", "")),  # an empty message is one
        (b'{"id": 5, "text": "b"}\r', Record(7, 5, "b")),
        (b'{"text": "b", "more": [1]}', Record(7, None, "b")),
        (b'{"id": "a", "text": "b", "context": ["c", ""]}', Record(7, "a", "b", ("c", ""))),
        (b'{"id": "a", "text": "b", "context": null}', Record(7, "a", "b")),
        (line(id="i" * MAX_ID, text="t" * MAX_TEXT), Record(7, "i" * MAX_ID, "t" * MAX_TEXT)),
        (b'{"id": "a", "text": "\\ud83d\\ude00"}', Record(7, "a", "😀")),
        (b'{"id": "a", "text": "b", "meta": {"x": NaN}}', Record(7, "a", "b")),
    ],
)
def test_a_line_with_id_and_text_is_a_record(raw: bytes, record: Record) -> None:
    assert parse(raw, 7) == record


@pytest.mark.parametrize(
    ("raw", "id_", "code", "param"),
    [
        (b"{broken", None, "invalid_json", None),
        (b'{"text": "\xff"}', None, "invalid_json", None),
        (b"[" * 100_000, None, "invalid_json", None),
        (b'"text"', None, "invalid_input", None),
        (b'{"id": "a"}', "a", "invalid_input", "text"),
        (b'{"id": "a", "text": null}', "a", "invalid_input", "text"),
        (b'{"id": "a", "text": 5}', "a", "invalid_input", "text"),
        (line(id="a", text="t" * (MAX_TEXT + 1)), "a", "too_large", "text"),
        (b'{"id": "a", "text": "x\\ud800"}', "a", "invalid_input", "text"),
        (line(id="i" * (MAX_ID + 1), text=""), None, "invalid_input", "id"),
        (b'{"id": true, "text": ""}', None, "invalid_input", "id"),
        (b'{"id": 1.5, "text": ""}', None, "invalid_input", "id"),
        (b'{"id": 99999999999999999999, "text": ""}', None, "invalid_input", "id"),
        (b'{"id": "\\udfff", "text": ""}', None, "invalid_input", "id"),
        (b'{"id": "a", "text": "", "context": "c"}', "a", "invalid_input", "context"),
        (line(id="a", text="", context=[""] * 21), "a", "invalid_input", "context"),
        (b'{"id": "a", "text": "", "context": ["", 1]}', "a", "invalid_input", "context[1]"),
    ],
)
def test_any_other_line_is_a_failure_that_names_the_field(
    raw: bytes, id_: str | None, code: str, param: str | None
) -> None:
    failure = parse(raw, 7)
    assert isinstance(failure, Failure)
    assert (failure.line, failure.id, failure.code, failure.param) == (7, id_, code, param)


@pytest.mark.parametrize("raw", [b"", b"\r", b" \t "])
def test_a_blank_line_is_nothing(raw: bytes) -> None:
    assert parse(raw, 1) is None


def test_a_byte_order_mark_is_taken_off_the_first_line_only() -> None:
    raw = b'\xef\xbb\xbf{"id": "a", "text": "b"}'
    assert parse(raw, 1) == Record(1, "a", "b")
    assert isinstance(parse(raw, 2), Failure)


def test_a_failure_never_shows_the_text() -> None:
    for raw in (b'{"text": ["SECRET"]}', b'{"text": "SECRET", "id": []}', b'{"text": "SECRET'):
        failure = parse(raw, 1)
        assert isinstance(failure, Failure)
        assert b"SECRET" not in failure.encode()


def test_a_failure_is_written_with_its_id_only_where_it_has_one() -> None:
    error = {"code": "c", "message": "m", "param": "p"}
    assert json.loads(Failure(3, 5, "c", "m", "p").encode()) == {"line": 3, "id": 5, "error": error}
    assert json.loads(Failure(3, None, "c", "m", "p").encode()) == {"line": 3, "error": error}


@given(st.one_of(st.binary(), st.text().map(lambda text: json.dumps({"id": text, "text": text}).encode())))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(parse(raw, 1), Record | Failure | None)
