from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from nlp_service.errors import BadInput
from nlp_service.store.browsing import MAX_PAGE, Filters, StoredMessage
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Windows
from nlp_service.store.messages import MessageStore
from tests.unit.store.deliveries import Judge, after, analysis, message

SENT: list[Incoming] = [
    message("a", "今天的物流真慢", at=1),
    message("b", "打折100%_真的吗", at=2, author="mei", meta={"likes": 5, "话题": "穿搭", "top": True, "price": 1.5}),
    message("c", "Buy NOW\\c", at=3, platform="qq", channel="shop", analysis=analysis("ad", unsafe={"scam": 0.9})),
    message(
        "d", "快递破了", at=4, analysis=analysis("complaint", risk=2), meta={"likes": "5", 'a"b.c': "x", "no": None}
    ),
    message("e", "骂人的话", at=5, analysis=analysis(flagged=True, risk=1), meta={"deep": {"likes": "5"}}),
]


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    store = MessageStore(database)
    store.record("t", SENT, Judge(), Windows())
    store.record("another", [message("a"), message("z")], Judge(), Windows())
    return store


def ids(found: Sequence[StoredMessage]) -> str:
    return "".join(one.external_id for one in found)


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "edcba"),
    ({"oldest_first": True}, "abcde"),
    ({"sent_from": after(1), "sent_to": after(3)}, "cb"),  # each was sent a second before it came
    ({"platform": "qq"}, "c"),
    ({"channel": "shop"}, "c"),
    ({"author": "mei"}, "b"),
    ({"labels": ("ad",)}, "c"),
    ({"labels": ("scam", "complaint")}, "dc"),
    ({"labels": ("abuse",)}, "e"),
    ({"action": "warn"}, "c"),
    ({"min_risk": 1}, "ed"),
    ({"min_risk": 2}, "d"),
    ({"intent": "complaint"}, "d"),
    ({"text": "物流"}, "a"),
    ({"text": "%"}, "b"),
    ({"text": "_"}, "b"),
    ({"text": "now"}, "c"),
    ({"text": "\\C"}, "c"),
    ({"text": "1%0"}, ""),
    ({"meta": {"likes": "5"}}, "db"),  # a number and its digits
    ({"meta": {"likes": "5", "话题": "穿搭"}}, "b"),
    ({"meta": {"top": "true"}}, "b"),
    ({"meta": {"price": "1.5"}}, "b"),
    ({"meta": {'a"b.c': "x"}}, "d"),
    ({"meta": {"no": "null"}}, ""),
    ({"meta": {"$": "x"}}, ""),
    ({"labels": ("complaint",), "min_risk": 2, "text": "破"}, "d"),
]


# One database for all of them: to make one takes longer than to ask it.
def test_a_filter_lets_through_what_it_says(messages_of: MessageStore) -> None:
    found = [(filters, ids(messages_of.browse("t", Filters(**filters)).messages)) for filters, _ in FILTERS]
    assert found == FILTERS


def test_deleted_messages_are_shown_on_demand(messages_of: MessageStore) -> None:
    messages_of.remove("t", "wechat", "a", after(60), "key:a")
    assert ids(messages_of.browse("t").messages) == "edcb"
    assert ids(messages_of.browse("t", Filters(include_deleted=True)).messages) == "edcba"


def pages(store: MessageStore, filters: Filters, limit: int) -> Iterator[str]:
    cursor: str | None = None
    while True:
        page = store.browse("t", filters, cursor, limit)
        yield ids(page.messages)
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


@pytest.mark.parametrize(
    ("is_reversed", "limit", "expected"),
    [
        (False, 2, ["ed", "cb", "a"]),
        (True, 2, ["ab", "cd", "e"]),
        (False, 5, ["edcba"]),  # no cursor to an empty page
        (False, 1, ["e", "d", "c", "b", "a"]),
    ],
)
def test_pages_follow_one_another(
    messages_of: MessageStore, is_reversed: bool, limit: int, expected: list[str]
) -> None:
    assert list(pages(messages_of, Filters(oldest_first=is_reversed), limit)) == expected


def test_what_comes_meanwhile_does_not_shift_pages(messages_of: MessageStore) -> None:
    first = messages_of.browse("t", None, None, 2)
    messages_of.record("t", [message("f")], Judge(), Windows())
    messages_of.erase_author("t", "wechat", "mei", "key:a")
    second = messages_of.browse("t", None, first.next_cursor, 2)
    assert (ids(first.messages), ids(second.messages)) == ("ed", "ca")


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_a_page_has_bounds(messages_of: MessageStore, limit: int) -> None:
    with pytest.raises(BadInput) as caught:
        messages_of.browse("t", None, None, limit)
    assert caught.value.param == "limit"


@pytest.mark.parametrize(
    ("tenant", "filters"),
    [("t", {"labels": ("ad",)}), ("t", {"oldest_first": True}), ("t", {"meta": {"a": "b"}}), ("another", {})],
)
def test_a_cursor_of_another_query_is_refused(messages_of: MessageStore, tenant: str, filters: dict[str, Any]) -> None:
    cursor = messages_of.browse("t", None, None, 2).next_cursor
    with pytest.raises(BadInput) as caught:
        messages_of.browse(tenant, Filters(**filters), cursor, 2)
    assert caught.value.param == "cursor"


DAMAGED = ["", "x", "!!!!", "AAAA", "é", "a" * 1000, "A" * 23, "=", "ARcx J24RlE20AAAAAAAAAAM"]


def test_a_damaged_cursor_is_refused(messages_of: MessageStore) -> None:
    for cursor in DAMAGED:
        with pytest.raises(BadInput) as caught:
            messages_of.browse("t", None, cursor)
        assert caught.value.param == "cursor"


def test_a_forged_cursor_shows_nothing_of_others(messages_of: MessageStore) -> None:
    cursor = messages_of.browse("t", None, None, 2).next_cursor
    assert cursor is not None
    packed = base64.urlsafe_b64decode(cursor + "=")
    n_refused = 0
    for place in range(len(packed)):
        forged = bytes(byte ^ 0xFF if place == n else byte for n, byte in enumerate(packed))
        try:
            page = messages_of.browse("t", None, base64.urlsafe_b64encode(forged).decode().rstrip("="))
        except BadInput:
            n_refused += 1
        else:
            assert set(ids(page.messages)) <= set("abcde")
    assert n_refused == 9  # version and filters; any id may be asked for


@pytest.mark.parametrize(
    ("filters", "param"),
    [
        ({"labels": ("spam",)}, "label"),
        ({"action": "hug"}, "action"),
        ({"sent_from": datetime(2025, 3, 1)}, "sent_from"),
        ({"sent_to": datetime(2025, 3, 1)}, "sent_to"),
        ({"text": "a\x00"}, "text"),
        ({"author": "\ud800"}, "author"),
        ({"meta": {"a\x00": "b"}}, "meta"),
        ({"meta": {"a": "\x00"}}, "meta"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_its_name(
    messages_of: MessageStore, filters: dict[str, Any], param: str
) -> None:
    with pytest.raises(BadInput) as caught:
        messages_of.browse("t", Filters(**filters))
    assert caught.value.param == param


def test_a_stream_gives_all_in_parts(messages_of: MessageStore) -> None:
    parts = list(messages_of.stream("t", Filters(oldest_first=True), rows_at_a_time=2))
    assert [ids(part) for part in parts] == ["ab", "cd", "e"]
    assert parts[0][0] == messages_of.find("t", "wechat", "a")
    assert list(messages_of.stream("nobody")) == []


def test_a_stream_refuses_a_filter_before_it_begins(messages_of: MessageStore) -> None:
    with pytest.raises(BadInput):
        messages_of.stream("t", Filters(action="hug"))


def test_a_stream_sees_one_state(messages_of: MessageStore) -> None:
    stream = messages_of.stream("t", rows_at_a_time=2)
    assert ids(next(stream)) == "ed"
    messages_of.record("t", [message("f"), message("b", "改了", at=9, edited=8)], Judge(), Windows())
    messages_of.remove("t", "wechat", "a", after(60), "key:a")
    rest = [one for part in stream for one in part]
    assert [(one.external_id, one.text) for one in rest] == [
        ("c", SENT[2].text),
        ("b", SENT[1].text),
        ("a", SENT[0].text),
    ]


def test_a_stream_that_is_left_gives_its_connection_back(messages_of: MessageStore) -> None:
    for _ in range(30):  # more than there are connections
        stream = messages_of.stream("t", rows_at_a_time=1)
        next(stream)
        stream.close()
