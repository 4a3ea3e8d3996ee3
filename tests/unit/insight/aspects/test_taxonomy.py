from __future__ import annotations

from pathlib import Path

import pytest

from nlp_service.errors import BadInput
from nlp_service.inference.targets import OTHER as NO_TARGET
from nlp_service.inference.targets import TARGETS
from nlp_service.insight.aspects import Taxonomy
from nlp_service.insight.aspects.taxonomy import MAX_TERM, OTHER, OVERALL
from nlp_service.text.normalise import normalise_batch


@pytest.fixture(scope="module")
def shipped() -> Taxonomy:
    return Taxonomy.load()


def loaded(tmp_path: Path, text: str) -> Taxonomy:
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    return Taxonomy.load(path)


def implied(taxonomy: Taxonomy, *texts: str) -> list[tuple[int, str, str, float]]:
    """Message, words, target and polarity of each."""
    found = taxonomy.implied(normalise_batch(texts))
    return [(one.message, texts[one.message][one.start : one.end], one.target, one.polarity) for one in found]


def test_every_target_of_the_model_is_in_the_tree_under_its_own_name(shipped: Taxonomy) -> None:
    names = [target.name for i, target in enumerate(TARGETS) if i != NO_TARGET]
    assert [shipped.canonical(name)[0] for name in names] == names


def test_the_tree_counts_by_no_other_names_than_the_model(shipped: Taxonomy) -> None:
    assert {target for target, _ in shipped.targets} <= {target.name for target in TARGETS}


@pytest.mark.parametrize("words", ["物流", "快递", "配送", "Ｋ快遞", "快递 员"])
def test_synonyms_are_counted_as_one(shipped: Taxonomy, words: str) -> None:
    assert shipped.canonical(words) == ("物流速度", "电商配送/物流/时效")


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("那个客服小妹", "客服态度"),  # a synonym inside
        ("手机续航能力", "电池续航"),  # the longest one
        ("客服电话费用", "客服态度"),  # of 客服电话 and 费用 the longer one
        ("味道价格", "价格"),  # of two as long the last one
        ("量", "分量"),  # a single character stands for something only by itself
        ("质量好量", "产品质量"),
    ],
)
def test_words_are_found_in_a_longer_term(shipped: Taxonomy, words: str, target: str) -> None:
    assert shipped.canonical(words)[0] == target


def test_what_is_in_no_tree_goes_by_its_own_words(shipped: Taxonomy) -> None:
    assert shipped.canonical("「翡翠ＡＢ卷」！") == ("翡翠ab卷", OTHER)
    assert shipped.known("「翡翠ＡＢ卷」！") is None


@pytest.mark.parametrize("term", ["", "！？", " "])
def test_nothing_is_about_the_whole(shipped: Taxonomy, term: str) -> None:
    assert shipped.canonical(term) == OVERALL


def test_a_long_term_is_cut(shipped: Taxonomy) -> None:
    assert len(shipped.canonical("翡" + "翠" * 5000)[0]) <= MAX_TERM


@pytest.mark.parametrize(
    ("text", "words", "target"),
    [
        ("下单三天了还没到", "三天了还没到", "物流速度"),
        ("拍下5天了还没发货呢", "5天了还没发货", "发货速度"),
        ("等了两个小时外卖才到", "等了两个小时外卖才到", "送餐速度"),
        ("這也太貴了吧", "太貴", "价格"),
        ("才用了两次就坏了", "用了两次就坏", "产品质量"),
    ],
)
def test_what_is_only_implied_is_found(shipped: Taxonomy, text: str, words: str, target: str) -> None:
    assert implied(shipped, text) == [(0, words, target, -1.0)]


def test_a_negation_turns_what_is_implied_around(tmp_path: Path) -> None:
    text = '[industries.a]\n[[industries.a.nodes]]\ncategory = "x"\ntarget = "气味甲"\ncomplaints = ["呱呱甲"]\n'
    taxonomy = loaded(tmp_path, text)
    assert [row[3] for row in implied(taxonomy, "有呱呱甲", "没有任何呱呱甲", "有没有呱呱甲")] == [-1.0, 1.0]


def test_no_expression_reads_from_one_message_into_the_next(shipped: Taxonomy) -> None:
    assert implied(shipped, "我等了三天了", "没到时候") == []


def test_places_are_those_of_each_message(shipped: Taxonomy) -> None:
    found = implied(shipped, "", "太贵了", "😀 好了", "嗯，太贵")
    assert [row[:2] for row in found] == [(1, "太贵"), (3, "太贵")]


def test_of_several_that_overlap_the_longest_counts(tmp_path: Path) -> None:
    node = '[[industries.a.nodes]]\ncategory = "x"\ntarget = "{}"\ncomplaints = ["{}"]\n'
    taxonomy = loaded(tmp_path, "[industries.a]\n" + node.format("短甲", "甲乙") + node.format("长甲", "甲乙丙丁"))
    assert [row[2] for row in implied(taxonomy, "甲乙丙丁")] == ["长甲"]


def test_a_file_of_ones_own_adds_and_wins(tmp_path: Path) -> None:
    text = """
[industries.pets]
title = "宠物"
[[industries.pets.nodes]]
category = "主粮/适口"
target = "适口性"
synonyms = ["狗粮", "味道"]
[industries.ecommerce]
[[industries.ecommerce.nodes]]
target = "物流速度"
synonyms = ["闪送"]
"""
    taxonomy = loaded(tmp_path, text)
    assert taxonomy.canonical("狗粮") == ("适口性", "宠物/主粮/适口")
    assert taxonomy.canonical("味道")[0] == "适口性"
    assert taxonomy.canonical("闪送")[0] == "物流速度"
    assert taxonomy.canonical("快递") == ("物流速度", "电商配送/物流/时效")  # what was there stays


def test_a_file_of_ones_own_replaces_removes_and_leaves_out(tmp_path: Path) -> None:
    text = """
[industries.ecommerce]
[[industries.ecommerce.nodes]]
target = "物流速度"
only = true
synonyms = ["闪送"]
[[industries.ecommerce.nodes]]
target = "发票"
remove = true
[industries.games]
use = false
"""
    taxonomy = loaded(tmp_path, text)
    assert taxonomy.known("快递") is None
    assert taxonomy.canonical("闪送")[0] == "物流速度"
    assert taxonomy.known("开票") is None
    assert not any(category.startswith("游戏文娱") for _, category in taxonomy.targets)


def test_only_the_chosen_industries_are_read_in_their_order() -> None:
    taxonomy = Taxonomy.load(industries=("home", "cars"))
    assert {category.split("/")[0] for _, category in taxonomy.targets} == {"家电数码", "汽车"}
    assert taxonomy.known("快递") is None


def test_an_industry_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInput, match="no industry 'space'"):
        Taxonomy.load(industries=("space",))
