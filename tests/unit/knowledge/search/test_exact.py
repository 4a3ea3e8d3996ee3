from __future__ import annotations

import pytest

from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.search.exact import key
from nlp_service.knowledge.search.index import Index
from nlp_service.text.normalise import normalise
from tests.unit.knowledge.search.made_up import ask, sensible


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("啥时候寄", "啥时候寄"),
        ("啥时候寄", "请问，啥时候寄呀？"),
        ("啥时候寄", "亲 啥时候寄啊谢谢"),
        ("VIP怎么开", "vip怎么开吗"),
        ("東西壞了怎麼辦", "东西坏了怎么办"),
    ],
)
def test_the_same_question_in_other_clothes_has_the_same_key(one: str, other: str) -> None:
    assert key(normalise(one).normalised) == key(normalise(other).normalised)


@pytest.mark.parametrize(("one", "other"), [("能退吗", "不能退吗"), ("7天能退吗", "15天能退吗"), ("已经寄了", "没寄")])
def test_another_question_has_another_key(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(("text", "left"), [("", ""), ("？！", ""), ("谢谢", "谢谢"), ("你好", "你好"), ("吗", "吗")])
def test_something_is_left_unless_there_was_nothing(text: str, left: str) -> None:
    assert key(text) == left


def test_a_row_of_pleasantries_takes_no_time() -> None:
    assert key("亲" * 20_000 + "寄" + "亲谢谢" * 10_000 + "寄").startswith("寄")


def shop(*, twice: bool = False) -> Index:
    entries = [
        make_entry("ship", ["多久发货？", "啥时候寄"], "付款后两天内发出。"),
        make_entry("open", ["几点开门？"], "早上九点。"),
        make_entry("back", ["怎么退货？", *(["啥时候寄"] if twice else [])], "在订单页申请。"),
    ]
    return Index(entries, sensible())


def test_a_wording_itself_is_answered_by_its_entry() -> None:
    found = ask(shop(), "请问啥时候寄呀")
    assert shop().entries[found.hits[0].entry].id == "ship"
    assert found.hits[0].wording == 1
    assert found.hits[0].probability > 0.9


def test_a_wording_of_two_entries_is_sure_of_neither() -> None:
    first, second, *_ = ask(shop(twice=True), "啥时候寄").hits
    assert {first.entry, second.entry} == {0, 2}
    assert first.probability == pytest.approx(second.probability)
    assert first.probability < 0.55


def test_what_is_not_allowed_is_not_found_by_its_wording_either() -> None:
    assert all(hit.entry != 0 for hit in ask(shop(), "啥时候寄", allowed=[False, True, True]).hits)
