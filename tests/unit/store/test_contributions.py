from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nlp_service.store.contributions import NEWEST, Asked, ContributionStore, Pick
from nlp_service.store.database import Database
from nlp_service.text.normalise import normalise_batch
from nlp_service.text.sketch import keys
from nlp_service.types import Action
from tests.unit.store.reviewing import AT, TENANT, Desk, contribution

GUIDE = "奶瓶这样洗不留味：先用温水冲掉残奶，再挤一滴清洁剂转着刷瓶底，最后倒扣晾干"
STORY = "昨天烧水突然跳闸，拆开底座才发现触点发黑，用橡皮擦了十下居然就好了"
OTHER = "从两公里就喘到跑完半马用了五个月，总结下来就是别天天跑，也别跟人比"


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def asked(text: str, name: str = "new") -> Asked:
    return Asked("wechat", name, keys(normalise_batch([text]))[0])


def post(desk: Desk, text: str, score: float, **fields: Any) -> int:
    compliance = fields.pop("compliance", 1.0)
    given = {"action": Action.PASS, "priority": None, "analysis": contribution(text, score, compliance=compliance)}
    return desk.receive(text, **given | fields)


def picks(desk: Desk, **wanted: Any) -> list[Pick]:
    given = {"since": AT - timedelta(hours=1), "until": AT + timedelta(hours=1)}
    return ContributionStore(desk.database).picks(wanted.pop("tenant", TENANT), **given | wanted)


def test_earlier_messages_are_found_by_the_keys_they_share(desk: Desk) -> None:
    store = ContributionStore(desk.database)
    desk.receive(GUIDE)
    desk.receive(STORY)
    assert store.earlier(TENANT, [asked(GUIDE + "！！"), asked(OTHER), asked("好"), asked(STORY)]) == [
        [GUIDE],
        [],
        [],
        [STORY],
    ]
    assert store.earlier("other", [asked(GUIDE)]) == [[]]
    assert store.earlier(TENANT, []) == []


def test_a_message_is_not_like_itself(desk: Desk) -> None:
    store = ContributionStore(desk.database)
    desk.receive(GUIDE, name="m")
    assert store.earlier(TENANT, [asked(GUIDE, "m"), asked(GUIDE, "n")]) == [[], [GUIDE]]


def test_what_was_deleted_makes_nothing_a_copy(desk: Desk) -> None:
    desk.receive(GUIDE, name="m")
    desk.messages.remove(TENANT, "wechat", "m", AT, "a")
    assert ContributionStore(desk.database).earlier(TENANT, [asked(GUIDE)]) == [[]]


def test_of_many_copies_only_the_newest_are_read(desk: Desk) -> None:
    for n in range(NEWEST + 3):
        desk.receive(f"{GUIDE}（{n}）", at=AT + timedelta(seconds=n))
    (found,) = ContributionStore(desk.database).earlier(TENANT, [asked(f"{GUIDE}（9）")])
    assert found == [f"{GUIDE}（{n}）" for n in range(NEWEST + 2, 2, -1)]


def test_picks_are_the_best_first(desk: Desk) -> None:
    low, high = post(desk, STORY, 0.6, author="a"), post(desk, GUIDE, 0.8, author="b")
    found = picks(desk)
    assert [pick.message_id for pick in found] == [high, low]
    assert (found[0].text, found[0].author, found[0].sent_at) == (GUIDE, "b", AT)
    assert (found[0].quality.score, found[0].quality.usefulness) == (0.8, 0.8)
    assert [pick.message_id for pick in picks(desk, limit=1)] == [high]


def test_at_most_one_an_author(desk: Desk) -> None:
    best = post(desk, GUIDE, 0.8, author="a")
    post(desk, STORY, 0.7, author="a")
    other = post(desk, OTHER, 0.6, author="b")
    assert [pick.message_id for pick in picks(desk)] == [best, other]


def test_messages_of_nobody_are_not_one_author(desk: Desk) -> None:
    posted = [post(desk, text, 0.7, author="") for text in (GUIDE, STORY)]
    assert [pick.message_id for pick in picks(desk)] == posted


def test_near_duplicates_are_picked_once(desk: Desk) -> None:
    best = post(desk, GUIDE, 0.8, author="a")
    post(desk, GUIDE + "，亲测", 0.7, author="b")
    assert [pick.message_id for pick in picks(desk)] == [best]


@pytest.mark.parametrize(
    "fields",
    [
        {"compliance": 0.49},
        {"action": Action.REMOVE},
        {"action": Action.REVIEW},
        {"at": AT + timedelta(hours=1)},  # the end of a day is not part of it
        {"tenant": "other"},
    ],
)
def test_what_is_not_picked(desk: Desk, fields: dict[str, Any]) -> None:
    post(desk, GUIDE, 0.9, **fields)
    assert picks(desk) == []


def test_the_bounds_belong_to_it(desk: Desk) -> None:
    post(desk, GUIDE, 0.9, compliance=0.5, at=AT - timedelta(hours=1))
    assert len(picks(desk)) == 1


def test_deleted_ones_and_those_without_a_quality_are_not_picked(desk: Desk) -> None:
    post(desk, GUIDE, 0.9, name="gone")
    desk.messages.remove(TENANT, "wechat", "gone", AT, "a")
    desk.receive(STORY, action=Action.PASS, priority=None)
    assert picks(desk) == []


def test_picks_of_a_channel(desk: Desk) -> None:
    one = post(desk, GUIDE, 0.8, author="a", channel="群一")
    post(desk, STORY, 0.7, author="b", channel="群二")
    assert [pick.message_id for pick in picks(desk, channel="群一")] == [one]
    assert picks(desk, channel="") == []
