from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import msgspec
import pytest

from nlp_service.client import calls, errors
from nlp_service.client.splitting import split
from nlp_service.client.values import NewMessage
from nlp_service.client.wire import Call, check_url, path_of, read, request_of, write


class Answer(msgspec.Struct):
    n: int


CALL = Call("GET", "/x", Answer)


def bodies(texts: list[str], **sizes: int) -> list[list[str]]:
    return [
        [message["text"] for message in msgspec.json.decode(body)["messages"]]
        for body in split([{"text": text} for text in texts], **sizes)
    ]


def test_a_list_is_cut_where_the_service_would_refuse_it() -> None:
    texts = [str(number) for number in range(1025)]
    cut = bodies(texts)
    assert [len(part) for part in cut] == [512, 512, 1]
    assert [text for part in cut for text in part] == texts


def test_a_list_is_cut_by_its_bytes_too() -> None:
    # {"text":"好好好"} has 20 bytes, and a comma follows
    assert [len(part) for part in bodies(["好好好"] * 5, most_bytes=42)] == [2, 2, 1]
    assert bodies(["a", "好" * 100, "b"], most_bytes=30) == [["a"], ["好" * 100], ["b"]]


def test_no_body_is_larger_than_asked_but_for_a_message_that_is() -> None:
    parts = list(split([{"text": "好" * (number % 40)} for number in range(500)], most_bytes=1000, rest=b',"a":1'))
    assert all(len(part) <= 1000 + len(b'{"messages":[],"a":1}') for part in parts)


def test_nothing_gives_no_request() -> None:
    assert list(split([])) == []
    assert list(calls.analyze([], evidence=True)) == []


def test_half_an_emoji_is_escaped() -> None:
    assert msgspec.json.decode(write({"a": "好"})) == {"a": "好"}
    assert write(NewMessage("m", "a\ud83d", "qq")) == rb'{"id": "m", "text": "a\ud83d", "platform": "qq"}'


def test_unset_fields_of_a_message_are_left_out() -> None:
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert msgspec.json.decode(write(NewMessage(7, "a", "qq", sent_at=at))) == {
        "id": 7,
        "text": "a",
        "platform": "qq",
        "sent_at": "2026-03-01T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("v1", "kb", 7, "search"), "/v1/kb/7/search"),
        (("v1", "messages", "qq", "群/1#?%&好"), "/v1/messages/qq/%E7%BE%A4/1%23%3F%25%26%E5%A5%BD"),
        (("v1", "messages", "qq", ".."), "/v1/messages/qq/%2E%2E"),
        (("v1", "messages", "qq", "a/./b"), "/v1/messages/qq/a/%2E/b"),
        (("v1", "kb", "a.b"), "/v1/kb/a.b"),
    ],
)
def test_paths_are_escaped(parts: tuple[str | int, ...], path: str) -> None:
    assert path_of(*parts) == path
    assert httpx.URL("http://h").join(path).raw_path.decode() == path


def test_parameters_that_are_none_are_left_out() -> None:
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    call = calls.messages({"from_": at, "label": ["ad", "abuse"], "text": None, "include_deleted": True}, None)
    assert request_of(call)["params"] == {
        "from": "2026-03-01T08:00:00+00:00",
        "label": ["ad", "abuse"],
        "include_deleted": "true",
    }


def test_an_answer_is_read_and_fields_that_are_not_known_are_left_aside() -> None:
    assert read(CALL, httpx.Response(200, json={"n": 3, "more": []})) == Answer(3)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"n":"x"}', b"\xff", b"[]"])
def test_what_is_no_answer_is_told_apart(body: bytes) -> None:
    with pytest.raises(errors.UnexpectedAnswer) as caught:
        read(CALL, httpx.Response(200, content=body))
    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.Refused),
        (409, errors.Conflict),
        (413, errors.TooLarge),
        (422, errors.InvalidInput),
        (429, errors.Overloaded),
        (500, errors.Unavailable),
        (503, errors.Unavailable),
        (302, errors.Refused),
    ],
)
def test_a_refusal_has_the_class_of_its_status_and_all_that_is_told(status: int, kind: type[errors.Refused]) -> None:
    body = {"error": {"code": "c", "message": "m", "type": "t", "param": "messages[3].text"}, "request_id": "r-1"}
    with pytest.raises(errors.Refused) as caught:
        read(CALL, httpx.Response(status, json=body, headers={"retry-after": "7"}))
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.message, error.param) == (status, "c", "m", "messages[3].text")
    assert (error.request_id, error.retry_after_s) == ("r-1", 7.0)


def test_a_page_of_a_proxy_is_a_refusal_too() -> None:
    with pytest.raises(errors.Unavailable) as caught:
        read(CALL, httpx.Response(502, content=b"<html>Bad Gateway"))
    assert (caught.value.status, caught.value.code, caught.value.retry_after_s) == (502, "", None)


def test_a_time_to_come_back_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with pytest.raises(errors.Refused) as caught:
        read(CALL, httpx.Response(503, content=b"", headers={"retry-after": at}))
    assert caught.value.retry_after_s == pytest.approx(60, abs=5)
    for text in ("soon", "-1", "9" * 20, "1.5"):
        with pytest.raises(errors.Refused) as caught:
            read(CALL, httpx.Response(503, content=b"", headers={"retry-after": text}))
        assert caught.value.retry_after_s is None


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "", "httpx://host"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        check_url(url)
