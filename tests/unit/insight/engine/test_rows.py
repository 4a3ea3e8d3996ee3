from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nlp_service.insight.engine.rows import MAX_NAME, MAX_TEXT, Failure, Row, check

SHANGHAI = ZoneInfo("Asia/Shanghai")


def checked(**values: Any) -> Row:
    row = check(7, {"id": "a", "text": "早", **values}, SHANGHAI)
    assert isinstance(row, Row), row
    return row


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("2026-03-02T12:00:00+00:00", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02 12:00:00", datetime(2026, 3, 2, 4, tzinfo=UTC)),  # no zone: that of the run
        ("2026/03/02 12:00", datetime(2026, 3, 2, 4, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 1, 16, tzinfo=UTC)),
        (datetime(2026, 3, 2, 12), datetime(2026, 3, 2, 4, tzinfo=UTC)),
        (1772452800, datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("1772452800000", datetime(2026, 3, 2, 12, tzinfo=UTC)),  # milliseconds
        (None, None),
        ("", None),
    ],
)
def test_times_of_all_kinds_are_read(given: object, at: datetime | None) -> None:
    assert checked(sent_at=given).at == at


def test_the_time_may_be_called_at_and_receipt_stands_in_for_it() -> None:
    assert checked(at="2026-03-02T12:00:00Z").at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert checked(received_at="2026-03-02T12:00:00Z").at == datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "code", "param"),
    [
        ({"id": None}, "invalid_input", "id"),
        ({"id": ""}, "invalid_input", "id"),
        ({"id": True}, "invalid_input", "id"),
        ({"text": None}, "invalid_input", "text"),
        ({"text": 5}, "invalid_input", "text"),
        ({"text": "好" * (MAX_TEXT + 1)}, "too_large", "text"),
        ({"text": "\ud800"}, "invalid_input", "text"),
        ({"channel": "x" * (MAX_NAME + 1)}, "too_large", "channel"),
        ({"author": ["x"]}, "invalid_input", "author"),
        ({"sent_at": "gestern"}, "invalid_input", "sent_at"),
        ({"sent_at": "1969-12-31T00:00:00Z"}, "invalid_input", "sent_at"),
        ({"sent_at": float("nan")}, "invalid_input", "sent_at"),
        ({"edited_at": "später"}, "invalid_input", "edited_at"),
        ({"meta": "keins"}, "invalid_input", "meta"),
        ({"meta": [1]}, "invalid_input", "meta"),
        ({"context": 3}, "invalid_input", "context"),
    ],
)
def test_what_cannot_be_taken_is_named_by_its_field(values: dict[str, Any], code: str, param: str) -> None:
    failure = check(7, {"id": "a", "text": "早", **values}, SHANGHAI)
    assert isinstance(failure, Failure)
    assert (failure.line, failure.code, failure.param) == (7, code, param)


def test_a_failure_never_holds_what_was_written() -> None:
    failure = check(7, {"id": "a", "text": "早", "sent_at": "我家住在 5 号"}, SHANGHAI)
    assert isinstance(failure, Failure)
    assert "5" not in failure.encode().decode().replace('"line":7', "")


def test_unknown_fields_are_taken_as_fields_to_group_by() -> None:
    row = checked(
        meta={"weather": "rain", "deep": {"a": 1}}, region="华东", received_at="2026-03-02T12:00:00Z", stars=5
    )
    assert row.meta == {"weather": "rain", "region": "华东", "stars": "5"}


def test_meta_may_be_written_as_json_and_as_columns() -> None:
    assert checked(**{"meta": '{"weather": "rain"}', "meta.region": "华东"}).meta == {
        "weather": "rain",
        "region": "华东",
    }
