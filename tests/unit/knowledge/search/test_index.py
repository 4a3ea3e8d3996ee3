from __future__ import annotations

import pytest

from nlp_service.knowledge.entries import Entry, make_entry
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.synonyms import Synonyms
from tests.unit.knowledge.search.made_up import SHOP, ask, entry, ids, sensible


def test_wordings_know_their_entry_and_their_number() -> None:
    index = Index([entry("a", "几点开门", "营业时间"), entry("b", "怎么退款")], sensible(), version=7)
    assert index.wordings.entry.tolist() == [0, 0, 1]
    assert index.wordings.number.tolist() == [0, 1, 0]
    assert index.begins.tolist() == [0, 2, 3]
    assert (index.n_wordings, index.version) == (3, 7)


def test_an_index_of_nothing_finds_nothing() -> None:
    index = Index([], sensible())
    assert index.n_wordings == 0
    found = ask(index, "怎么退款")
    assert (found.hits, found.cover) == ([], 0.0)


@pytest.mark.parametrize("text", ["怎么退款", "退款", "今天天气"])
def test_one_entry_is_enough(text: str) -> None:
    index = Index([entry("only", "怎么退款")], sensible())
    assert ids(index, ask(index, text)) == ["only"]


def test_an_entry_without_labels_is_found_beside_those_with_some() -> None:
    index = Index(SHOP, sensible())
    assert ids(index, ask(index, "怎么开发票"))[0] == "invoice"
    assert ids(index, ask(index, "停车要钱吗"))[0] == "parking"


def test_labels_say_what_the_wordings_do_not() -> None:
    plain = make_entry("plain", ["怎么操作"], "请看说明。")
    labelled = make_entry("labelled", ["如何操作"], "请看说明。", category="净水器", tags=["滤芯"])
    index = Index([plain, labelled], sensible())
    assert ids(index, ask(index, "净水器滤芯"))[0] == "labelled"


def test_an_entry_of_many_wordings_does_not_hide_the_others() -> None:
    many = entry("many", *(f"第{i}号会员卡怎么退款" for i in range(300)))
    index = Index([many, *SHOP[1:]], sensible())
    assert index.n_wordings == 300 + sum(len(each.questions) for each in SHOP[1:])
    found = ask(index, "会员卡怎么退款")
    assert sorted(ids(index, found)) == sorted(["many", *(each.id for each in SHOP[1:])])
    assert ids(index, found)[0] == "many"
    assert ids(index, ask(index, "几点开门"))[0] == "hours"


def test_texts_of_emoji_alone_are_found_by_themselves() -> None:
    smile = entry("smile", "😀😀", answer="😂")
    index = Index([smile, entry("heart", "❤️❤️❤️", answer="💔")], sensible())
    assert ids(index, ask(index, "😀😀"))[0] == "smile"
    assert ask(index, "🚗").hits == []


def test_the_longest_question_is_found() -> None:
    long = "请问" + "退款" * 249
    assert len(long) == 500
    index = Index([entry("long", long), *SHOP[1:]], sensible())
    assert ids(index, ask(index, long))[0] == "long"
    assert ids(index, ask(index, "几点开门" + "啊" * 496))[0] == "hours"


def test_other_synonyms_make_another_index_of_the_same_parts() -> None:
    index = Index(SHOP, sensible()).build()
    twin = index.with_synonyms(Synonyms([["发票", "凭证"]]))
    assert twin.wordings is index.wordings
    assert ids(twin, ask(twin, "凭证"))[0] == "invoice"
    assert index.synonyms.extend("凭证") == "凭证"


def test_the_entries_are_those_of_the_time_when_it_was_made() -> None:
    entries: list[Entry] = list(SHOP)
    index = Index(entries, sensible())
    entries.clear()
    assert ids(index, ask(index, "怎么退款"))[0] == "refund"
