from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from nlp_service.inference.analyser import Analyser
from nlp_service.knowledge.conflicts import conflicts_of, find_conflicts
from nlp_service.knowledge.entries import Entry, make_entry

MAY, JUNE, JULY = (datetime(2025, month, 1, tzinfo=UTC) for month in (5, 6, 7))


def entry(id: str, question: str | list[str], answer: str, **fields: object) -> Entry:
    return make_entry(id, [question] if isinstance(question, str) else question, answer, **fields)  # type: ignore[arg-type]


def alike(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors that hold everything for the same."""
    return np.ones((len(texts), 1), np.float32)


def unlike(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors that hold nothing for the same."""
    return np.eye(len(texts), dtype=np.float32)


def test_the_same_question_with_the_same_answer_is_a_duplicate() -> None:
    entries = [entry("a", "怎么办停卡？", "到前台填表。"), entry("b", ["想停一阵", "怎么办停卡"], "到前台填表")]
    (found,) = find_conflicts(entries, unlike)
    assert (found.kind, found.is_exact, found.similarity) == ("duplicate", True, 1.0)
    assert (found.entry_ids, found.questions) == (("a", "b"), ("怎么办停卡？", "怎么办停卡"))
    assert found.facts == ((), ())


@pytest.mark.parametrize(
    ("one", "other", "facts"),
    [
        ("签收后7天内可以退。", "签收后15天内可以退。", (("7天",), ("15天",))),
        ("签收后七天内可以退。", "签收后7日内可以退。", ((), ())),  # the same number in other writing
        ("可以退，寄回来就行。", "不可以退，寄回来也不行。", (("可以",), ("不可以",))),
        ("支持。", "不支持。", (("支持",), ("不支持",))),
        ("5月1日起可以退。", "6月1日起可以退。", (("5月1日",), ("6月1日",))),
        ("找店长登记。", "在公众号里提交申请。", ((), ())),
    ],
)
def test_what_differs_between_answers_is_named(one: str, other: str, facts: tuple[tuple[str, ...], ...]) -> None:
    (found,) = find_conflicts([entry("a", "开封了还能退吗", one), entry("b", "开封了还能退吗?", other)], unlike)
    stated = tuple(set(own) for own in found.facts)
    assert all(set(expected) <= own for expected, own in zip(facts, stated, strict=True))
    assert any(stated) == any(facts)
    assert found.kind == ("duplicate" if "七天" in one else "contradiction")


@pytest.mark.parametrize(
    ("fields", "others", "n"),
    [
        ({"valid_to": JUNE}, {"valid_from": JUNE}, 0),  # the end is not in it
        ({"valid_to": JULY}, {"valid_from": JUNE}, 1),
        ({"valid_from": MAY, "valid_to": JUNE}, {}, 1),
        ({"audience": ["一群"]}, {"audience": ["二群"]}, 0),
        ({"audience": ["一群", "三群"]}, {"audience": ["三群"]}, 1),
        ({"audience": ["一群"]}, {}, 1),  # no audience is every audience
    ],
)
def test_only_what_holds_at_one_time_in_one_channel_conflicts(
    fields: dict[str, object], others: dict[str, object], n: int
) -> None:
    entries = [entry("a", "周末营业吗", "营业", **fields), entry("b", "周末营业吗", "不营业", **others)]
    assert len(find_conflicts(entries, alike)) == n
    assert len(conflicts_of(entries[0], entries[1:], alike)) == n


def test_near_questions_need_both_characters_and_vectors() -> None:
    near = [entry("a", "会员卡丢了怎么补办", "带证件来"), entry("b", "请问会员卡丢了如何补办呢", "带证件来")]
    assert [found.is_exact for found in find_conflicts(near, unlike)] == [True]  # only words of asking differ
    near[1] = entry("b", "会员卡弄丢了怎么补办", "带证件来")
    (found,) = find_conflicts(near, alike)
    assert (found.kind, found.is_exact) == ("duplicate", False)
    assert find_conflicts(near, unlike) == []
    far = [entry("a", "会员卡丢了怎么补办", "x"), entry("b", "卡找不到了能重新做一张吗", "y")]
    assert find_conflicts(far, alike) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("第一年续费的会员价格是多少", "第二年续费的会员价格是多少"),
        ("商品发货前想要取消订单怎么操作", "商品发货后想要取消订单怎么操作"),
        ("收到了货物但是订单状态一直显示异常", "没收到货物但是订单状态一直显示异常"),
        ("满200减30的优惠券可以叠加用吗", "满300减50的优惠券可以叠加用吗"),
        ("尺寸3.5寸的屏幕多少钱一块呢", "尺寸35寸的屏幕多少钱一块呢"),
    ],
)
def test_another_case_is_another_question(one: str, other: str) -> None:
    assert find_conflicts([entry("a", one, "甲"), entry("b", other, "乙")], alike) == []
    # The same text in both would meet, so it is the case that keeps them apart.
    assert len(find_conflicts([entry("a", one, "甲"), entry("b", one, "乙")], alike)) == 1


def test_each_two_entries_are_named_once_and_contradictions_first() -> None:
    both = ["可以改地址吗", "地址能改吗"]
    entries = [
        entry("a", both, "发货前能改"),
        entry("b", both, "发货前能改"),
        entry("c", "可以改地址吗", "下单3分钟内能改"),
        entry("d", "有没有停车位", "有"),
    ]
    found = find_conflicts(entries, alike)
    assert [(one.kind, one.entry_ids) for one in found] == [
        ("contradiction", ("a", "c")),
        ("contradiction", ("b", "c")),
        ("duplicate", ("a", "b")),
    ]
    assert find_conflicts(entries, alike) == found


def test_the_check_on_write_finds_what_the_check_of_the_base_finds() -> None:
    entries = [entry("a", "几点关门", "22点"), entry("b", "几点关门？", "21点"), entry("c", "有儿童区吗", "有")]
    (found,) = conflicts_of(entries[1], entries, alike)  # the entry itself, or its older self, is among the others
    assert (found.entry_ids, found.facts) == (("b", "a"), (("21点",), ("22点",)))
    assert conflicts_of(entries[2], entries, alike) == []


def test_vectors_are_asked_only_for_what_is_near_in_characters() -> None:
    asked: list[str] = []

    def watched(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        asked.extend(texts)
        return alike(texts)

    others = [entry(f"o{i}", f"编号{i}的商品在哪个货架", "看指示牌") for i in range(50)]
    others.append(entry("near", "会员卡弄丢了怎么补办", "带证件来"))
    assert len(conflicts_of(entry("new", "会员卡丢了怎么补办", "不能补办"), others, watched)) == 1
    assert sorted(asked) == ["会员卡丢了怎么补办", "会员卡弄丢了怎么补办"]


def test_the_shipped_model_agrees_with_what_is_written_nearly_alike(repository: Path) -> None:
    model = Analyser.load(repository / "models" / "fast")
    entries = [
        entry("a", "会员卡丢了怎么补办", "带证件到前台，工本费10元"),
        entry("b", "会员卡弄丢了怎么补办", "带证件到前台，工本费20元"),
        entry("c", "积分怎么兑换礼品", "在小程序里兑换"),
    ]
    (found,) = find_conflicts(entries, model.vectors)
    assert (found.kind, found.entry_ids, found.facts) == ("contradiction", ("a", "b"), (("10元",), ("20元",)))
