from __future__ import annotations

import pytest

from examples.robots import steward
from examples.robots.arrivals import Once, is_recent
from examples.robots.steward import MUTE_S, Deeds, Steward
from nlp_service.client import NewMessage, Refused
from tests.unit.examples.fake_service import FakeService


def message(text: str) -> NewMessage:
    return NewMessage("m-1", text, "qq", channel="g", author="u")


@pytest.mark.parametrize(
    ("text", "deeds"),
    [
        ("你好", Deeds()),
        ("广告", Deeds(say=steward.WARNED)),
        ("违规", Deeds(recall=True, say=steward.REMOVED)),
        ("恶意", Deeds(recall=True, mute_s=MUTE_S, say=steward.REMOVED)),
        ("可疑", Deeds()),  # a person looks, and the group sees nothing
        ("停车收费吗", Deeds(say="前两小时免费。")),
        ("哪个停车场收费吗", Deeds(say="您想问的是哪一个？\n· 停车收费吗")),
        ("闲聊可以吗", Deeds()),
        ("买广告位吗", Deeds(say=steward.WARNED)),  # what is warned of is not answered
    ],
)
async def test_what_is_done_follows_from_the_verdict(text: str, deeds: Deeds) -> None:
    assert await Steward(FakeService().client, "shop").handle(message(text)) == deeds


async def test_a_question_for_people_is_handed_over_without_being_quoted() -> None:
    deeds = await Steward(FakeService().client, "shop").handle(message("转人工可以吗"))
    assert deeds.say == steward.HANDED_OVER
    assert "停车收费吗" in deeds.call
    assert "转人工" not in deeds.call


async def test_staff_is_called_at_a_high_risk_and_told_where_to_look() -> None:
    deeds = await Steward(FakeService().client).handle(message("牛奶变质了"))
    assert deeds == Deeds(call=deeds.call)
    assert "qq/m-1" in deeds.call
    assert "牛奶" not in deeds.call


async def test_without_a_base_nothing_is_answered() -> None:
    service = FakeService()
    assert await Steward(service.client).handle(message("停车收费吗")) == Deeds()
    assert service.questions == []


async def test_the_message_and_the_question_say_where_and_by_whom() -> None:
    service = FakeService()
    await Steward(service.client, "shop").handle(message("停车收费吗"))
    assert service.messages == [{"id": "m-1", "text": "停车收费吗", "platform": "qq", "channel": "g", "author": "u"}]
    assert (service.questions[0]["kb"], service.questions[0]["channel"], service.questions[0]["author"]) == (
        "shop",
        "g",
        "u",
    )


async def test_a_service_that_is_away_is_the_callers_to_handle() -> None:
    service = FakeService()
    service.is_down = True
    with pytest.raises(Refused):
        await Steward(service.client).handle(message("你好"))


def test_an_event_is_let_through_once_unless_it_is_forgotten() -> None:
    once = Once()
    assert [once.take("a"), once.take("a"), once.take("b")] == [True, False, True]
    once.forget("a")
    assert once.take("a")


def test_only_so_many_events_are_remembered_and_only_so_long() -> None:
    few = Once(most=2)
    assert [few.take(id) for id in "abcba"] == [True, True, True, False, True]
    short = Once(keep_s=-1.0)
    assert [short.take("a"), short.take("a")] == [True, True]


@pytest.mark.parametrize("text", ["", "now", "-5", "1e9", "٣" * 10, "9" * 400, " 1"])
def test_what_is_no_time_is_not_recent(text: str) -> None:
    assert not is_recent(text, 1e18)
