from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from nlp_service.errors import BadInput, TooLarge
from nlp_service.knowledge.entries import (
    MAX_ANSWER,
    MAX_LABELS,
    MAX_QUESTION,
    MAX_QUESTIONS,
    Entry,
    from_record,
    make_entry,
    to_record,
)

DAY = datetime(2025, 3, 1, tzinfo=UTC)


def test_blanks_at_the_ends_go_and_lines_end_alike() -> None:
    entry = make_entry(" e1 ", ["  几点开门？ "], "\r\n九点\r\n周日十点\r休息\n", category=" 营业 ", owner=" 小李 ")
    assert (entry.id, entry.questions, entry.answer) == ("e1", ("几点开门？",), "九点\n周日十点\n休息")
    assert (entry.category, entry.owner) == ("营业", "小李")


def test_wordings_that_normalise_alike_are_one() -> None:
    entry = make_entry("e", ["能用VIP卡吗", "能用ｖｉｐ卡吗", "能用vip卡嗎", "会员卡能用吗", "会员卡能用吗"], "能")
    assert entry.questions == ("能用VIP卡吗", "会员卡能用吗")


def test_labels_that_come_twice_are_one() -> None:
    assert make_entry("e", ["问"], "答", tags=["退款", " 退款 ", "售后"]).tags == ("退款", "售后")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"id": ""}, "id"),
        ({"id": "长" * 129}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"questions": []}, "questions"),
        ({"questions": ["问", " "]}, "questions"),
        ({"questions": ["问", "\u200b\u200b"]}, "questions"),  # nothing of it is left to search for
        ({"questions": ["上\n下"]}, "questions"),
        ({"questions": ["问" * (MAX_QUESTION + 1)]}, "questions"),
        ({"questions": ["\ud800"]}, "questions"),
        ({"questions": [f"问{i}" for i in range(MAX_QUESTIONS + 1)]}, "questions"),
        ({"answer": ""}, "answer"),
        ({"answer": "\n \n"}, "answer"),
        ({"answer": "答" * (MAX_ANSWER + 1)}, "answer"),
        ({"answer": "答\x00案"}, "answer"),
        ({"answer": "答\x0b案"}, "answer"),
        ({"answer": "答\uffff案"}, "answer"),
        ({"category": "类" * 101}, "category"),
        ({"tags": ["一,二"]}, "tags"),
        ({"tags": ["一", ""]}, "tags"),
        ({"tags": [f"签{i}" for i in range(MAX_LABELS + 1)]}, "tags"),
        ({"audience": ["群一|群二"]}, "audience"),
        ({"owner": "a\nb"}, "owner"),
        ({"valid_from": datetime(2025, 3, 1)}, "valid_from"),
        ({"valid_from": DAY, "valid_to": DAY}, "valid_to"),  # half-open, so it would never hold
        ({"valid_to": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "valid_to"),
    ],
)
def test_what_is_refused_is_named(change: dict[str, object], param: str) -> None:
    with pytest.raises(BadInput) as caught:
        make_entry(**({"id": "e", "questions": ["问"], "answer": "答"} | change))
    assert caught.value.param == param


def test_the_bounds_themselves_are_taken() -> None:
    questions = ["问" * MAX_QUESTION] + [f"问{i}" for i in range(MAX_QUESTIONS - 1)]
    entry = make_entry("长" * 128, questions, "答" * MAX_ANSWER, tags=[f"签{i}" for i in range(MAX_LABELS)])
    assert (len(entry.questions), len(entry.answer), len(entry.tags)) == (MAX_QUESTIONS, MAX_ANSWER, MAX_LABELS)


def test_sizes_have_an_error_of_their_own() -> None:
    with pytest.raises(TooLarge, match=f"answer has {MAX_ANSWER + 1} characters"):
        make_entry("e", ["问"], "答" * (MAX_ANSWER + 1))


def test_errors_never_show_the_text() -> None:
    with pytest.raises(BadInput) as caught:
        make_entry("e", ["秘密\x00"], "答")
    assert "秘密" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"questions": ("问 ",)},
        {"questions": ("问", "问")},
        {"answer": "答\r\n"},
        {"valid_to": DAY.astimezone(timezone(timedelta(hours=8)))},
    ],
)
def test_an_entry_that_is_not_tidy_cannot_be_made(fields: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Entry(**({"id": "e", "questions": ("问",), "answer": "答"} | fields))


def test_an_entry_comes_back_from_its_record() -> None:
    entry = make_entry(
        "e", ["问", "另问"], "答\n案", category="类", tags=["签"], valid_from=DAY, audience=["群"], owner="李"
    )
    assert from_record(to_record(entry)) == entry
    assert from_record(to_record(make_entry("e", ["问"], "答"))) == make_entry("e", ["问"], "答")


def test_the_same_time_in_another_zone_is_the_same_record() -> None:
    shanghai = make_entry("e", ["问"], "答", valid_from=DAY.astimezone(timezone(timedelta(hours=8))))
    assert to_record(shanghai) == to_record(make_entry("e", ["问"], "答", valid_from=DAY))


def test_empty_fields_are_not_in_the_record() -> None:
    # Else a field that is added later would change the digest of every entry.
    assert to_record(make_entry("e", ["问"], "答")).content == '{"questions":["问"],"answer":"答"}'


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (DAY - timedelta(seconds=1), False),
        (DAY, True),  # the first moment is in it
        (DAY + timedelta(days=1, seconds=-1), True),
        (DAY + timedelta(days=1), False),  # the last is not
    ],
)
def test_validity_is_half_open(at: datetime, expected: bool) -> None:
    entry = make_entry("e", ["问"], "答", valid_from=DAY, valid_to=DAY + timedelta(days=1))
    assert entry.is_valid(at) is expected


def test_without_a_period_an_entry_always_holds() -> None:
    assert make_entry("e", ["问"], "答").is_valid(DAY)
