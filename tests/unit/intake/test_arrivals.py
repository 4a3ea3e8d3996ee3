from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nlp_service.errors import BadInput, TooLarge
from nlp_service.intake.arrivals import Arrival, admit, read_message
from nlp_service.intake.moments import read_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def arrive(**fields: Any) -> Arrival:
    given = {"id": "m1", "text": "好", "platform": "wechat", "sent_at": "2026-03-01T11:00:00Z"} | fields
    return admit(read_message(given), NOW)


def test_a_message_comes_in_as_it_was_sent() -> None:
    given = {
        "id": 7,
        "text": " 好\n",
        "platform": "wechat",
        "channel": "room-1",
        "author": 42,
        "sent_at": "2026-03-01T11:00:00+08:00",
        "edited_at": 1772334000,
        "context": ["在吗"],
        "meta": {"region": "华东", "n": [1, {"a": None}]},
        "colour": "red",
    }
    assert admit(read_message(given), NOW) == Arrival(
        id=7,
        external_id="7",
        text=" 好\n",
        context=("在吗",),
        platform="wechat",
        channel="room-1",
        author="42",
        sent_at=datetime(2026, 3, 1, 3, tzinfo=UTC),
        received_at=NOW,
        edited_at=datetime(2026, 3, 1, 3, tzinfo=UTC),
        meta={"region": "华东", "n": [1, {"a": None}]},
        is_adjusted=False,
    )


def test_channel_author_and_times_may_be_missing() -> None:
    arrival = admit(read_message(b'{"id": "1", "text": "", "platform": "qq"}'), NOW)
    assert (arrival.channel, arrival.author, arrival.edited_at, arrival.meta) == ("", "", None, {})
    assert (arrival.sent_at, arrival.is_adjusted) == (NOW, True)


@pytest.mark.parametrize(
    ("ahead", "sent_at", "is_adjusted"),
    [
        (timedelta(seconds=-1), NOW - timedelta(seconds=1), False),
        (timedelta(), NOW, False),
        (timedelta(seconds=1), NOW, False),  # a clock that is a little ahead: no later than it came
        (timedelta(minutes=5), NOW, False),  # the bound itself is believed
        (timedelta(minutes=5, seconds=1), NOW, True),
        (timedelta(days=4000), NOW, True),
    ],
)
def test_clocks_that_are_ahead(ahead: timedelta, sent_at: datetime, is_adjusted: bool) -> None:
    arrival = arrive(sent_at=(NOW + ahead).isoformat())
    assert (arrival.sent_at, arrival.is_adjusted) == (sent_at, is_adjusted)


def test_an_edit_of_the_future_was_now() -> None:
    assert arrive(edited_at=(NOW + timedelta(days=1)).isoformat()).edited_at == NOW


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T11:00:00Z",
        "2026-03-01T19:00:00+08:00",
        "2026-03-01 19:00:00+08:00",
        " 2026-03-01T11:00:00.000Z ",
        "20260301T110000Z",
        1772362800,
        1772362800.0,
        1772362800000,
        "1772362800",
        "1772362800000",
    ],
)
def test_times(value: str | float) -> None:
    assert read_time(value) == datetime(2026, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-03-01",
        "2026-03-01T11:00:00",  # of which zone?
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "2026-02-30T00:00:00Z",
        "99999999999999999",
        "١٧٧٢٣٦٢٨٠٠",
        -1,
        10**15,
        float("nan"),
        float("inf"),
    ],
)
@pytest.mark.parametrize("name", ["sent_at", "edited_at"])
def test_what_is_no_time_is_refused_by_name_and_not_quoted(name: str, value: str | float) -> None:
    with pytest.raises(BadInput) as caught:
        arrive(**{name: value})
    assert caught.value.param == name
    assert not value or str(value) not in caught.value.message


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"id": None}, "id"),
    "empty id": ({"id": ""}, "id"),
    "long id": ({"id": "x" * 201}, "id"),
    "NUL in id": ({"id": "a\0"}, "id"),
    "fraction as id": ({"id": 1.5}, "id"),
    "id of 65 bits": ({"id": 2**63}, "id"),
    "no text": ({"text": None}, "text"),
    "NUL in text": ({"text": "a\0b"}, "text"),
    "half an emoji": ({"text": "a\ud83d"}, "text"),
    "empty platform": ({"platform": ""}, "platform"),
    "long platform": ({"platform": "p" * 51}, "platform"),
    "slash in platform": ({"platform": "a/b"}, "platform"),
    "space in platform": ({"platform": "a b"}, "platform"),
    "dots as platform": ({"platform": ".."}, "platform"),
    "NUL in platform": ({"platform": "a\0"}, "platform"),
    "long channel": ({"channel": "c" * 201}, "channel"),
    "NUL in channel": ({"channel": "\0"}, "channel"),
    "number as channel": ({"channel": 7}, "channel"),
    "long author": ({"author": "a" * 201}, "author"),
    "NUL in author": ({"author": "\0"}, "author"),
    "boolean as time": ({"sent_at": True}, "sent_at"),
    "context a text": ({"context": "a"}, "context"),
    "NUL in context": ({"context": ["a", "\0"]}, "context[1]"),
    "meta a list": ({"meta": []}, "meta"),
    "NUL in meta": ({"meta": {"a": ["\0"]}}, "meta"),
    "NUL in a name of meta": ({"meta": {"\0": 1}}, "meta"),
    "long name in meta": ({"meta": {"n" * 101: 1}}, "meta"),
    "number of 65 bits in meta": ({"meta": {"a": 2**63}}, "meta"),
    "infinity in meta": ({"meta": {"a": float("inf")}}, "meta"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_by_name(name: str) -> None:
    fields, param = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        arrive(**fields)
    assert caught.value.param == param


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"text": "字" * 4001}, "text"),
        ({"context": ["a"] * 21}, "context"),
        ({"context": ["a" * 4001]}, "context[0]"),
        ({"meta": {"a": "x" * (16 * 1024 - 8 + 1)}}, "meta"),
        ({"meta": nested(7)}, "meta"),
    ],
)
def test_what_is_too_much_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(TooLarge) as caught:
        arrive(**fields)
    assert caught.value.param == param


def test_the_bounds_themselves_are_taken() -> None:
    arrival = arrive(
        id="x" * 200,
        text="😀" * 4000,
        platform="微" * 50,
        channel="c" * 200,
        author="a" * 200,
        context=["b" * 4000] * 20,
        meta={"a": "x" * (16 * 1024 - 8)},  # the rest are braces, quotation marks and the name
    )
    assert len(arrival.text) == 4000
    assert arrive(meta=nested(6)).meta == nested(6)


def test_the_place_of_a_message_stands_before_the_name() -> None:
    with pytest.raises(BadInput) as caught:
        admit(read_message({"id": "", "text": "a", "platform": "qq"}), NOW, at="messages[3].")
    assert caught.value.param == "messages[3].id"


def test_the_length_of_texts_is_what_the_operator_says() -> None:
    message = read_message({"id": "1", "text": "abcd", "platform": "qq"})
    assert admit(message, NOW, max_text=4).text == "abcd"
    with pytest.raises(TooLarge):
        admit(message, NOW, max_text=3)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b'{"id": "1", "text": "a"}'])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        read_message(raw)
    assert caught.value.param == ("platform" if raw.startswith(b"{") and len(raw) > 1 else "body")
