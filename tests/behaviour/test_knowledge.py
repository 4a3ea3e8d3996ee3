"""What the shipped search must get right in every version: a small base of our own, and two beside the copy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.loaded import Asked, Loaded
from nlp_service.knowledge.probes import INTENTS
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.store.records import Standing
from training import bases

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)

CINEMA = [
    make_entry("order", ["订单怎么查询", "在哪里看我的订单"], "在我的页面点订单。", category="订单"),
    make_entry("order-refund", ["订单怎么退款", "买错了能退吗"], "开场前两小时可以在订单页退款。", category="订单"),
    make_entry("card", ["会员卡怎么办理", "会员卡多少钱"], "在前台办理，每年九十九元。", category="会员"),
    make_entry("card-refund", ["会员卡怎么退款", "会员卡不想要了"], "会员卡七天内没有用过可以退款。", category="会员"),
    make_entry("hours", ["几点开门", "营业时间"], "早上十点到夜里一点。", category="门店"),
    make_entry("parking", ["停车收费吗", "哪里可以停车"], "地下车库看电影三小时免费。", category="门店"),
    make_entry("snacks", ["可以自带饮料吗", "能带吃的进去吗"], "可以，味道重的请先吃完。", category="门店"),
]


@pytest.fixture(scope="module")
def model(repository: Path) -> SearchModel:
    return SearchModel.load(repository / "models" / "search")


@pytest.fixture(scope="module")
def cinema(model: SearchModel) -> Loaded:
    return Loaded(Index(CINEMA, model), model.thresholds, Standing(1, 0))


def first(base: Loaded, text: str, *context: str) -> str:
    """Id of the entry that comes back first."""
    hits = base.find(Asked(text, NOW, context), INTENTS).hits
    return base.index.entries[hits[0].entry].id


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("会员卡要多少钱啊", "card"),
        ("你们早上啥时候开门", "hours"),
        ("开车来有地方停吗", "parking"),
        ("停车位收不收费", "parking"),
        ("能不能自己带奶茶进去", "snacks"),
        ("订單怎麼退款", "order-refund"),  # as it is written in Taiwan
        ("慧员卡怎么办理", "card"),  # as it sounds
    ],
)
def test_members_words_find_the_entry(cinema: Loaded, text: str, entry: str) -> None:
    assert first(cinema, text) == entry


@pytest.mark.parametrize(
    ("before", "entry"), [("我的订单在哪里看", "order-refund"), ("会员卡在哪里办理", "card-refund")]
)
def test_what_was_said_before_changes_the_answer(cinema: Loaded, before: str, entry: str) -> None:
    assert first(cinema, "那退款呢", before) == entry


def test_what_the_base_does_not_answer_is_less_likely_answered(cinema: Loaded) -> None:
    def cover(text: str) -> float:
        return cinema.find(Asked(text, NOW), INTENTS).cover

    answered = [cover(text) for text in ("停车收费吗", "会员卡怎么退款", "几点开门")]
    outside = [cover(text) for text in ("今天股市怎么样", "推荐一本小说", "感冒了吃什么药")]
    assert min(answered) > max(outside)


@pytest.mark.parametrize("name", ["muying", "smarthome"])
def test_the_right_entry_comes_first_often_enough(model: SearchModel, shared_data: Path, name: str) -> None:
    base = bases.load(shared_data / "faq" / name)
    loaded = Loaded(Index(base.entries, model), model.thresholds, Standing(1, 0))
    hits = 0
    for text, right in zip(base.queries, base.answers, strict=True):
        found = loaded.find(Asked(text, NOW), INTENTS, n=1).hits
        hits += bool(found) and found[0].entry == right
    # The floor of the acceptance check; what is measured lies above it.
    assert hits / len(base.queries) >= 0.53
