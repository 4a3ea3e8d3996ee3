from __future__ import annotations

import re
import unicodedata

import numpy as np
import pypinyin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.inference.heads import COLUMNS
from nlp_service.text.normalise import normalise
from nlp_service.types import INTENTS
from tests.training.made_up import examples
from training.examples import Example, key
from training.obfuscate import KINDS, OTHERS, PARTS, Edit, Variant, augment, carry, rewrite, variants

RICH = "加微信 abc123，这快递的包装真差啊！请说明！"  # every kind finds something in it


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def full(text: str, kind: str, seed: int = 0) -> str:
    """The text with every place changed that the kind could change."""
    (variant,) = variants(text, kind, rng(seed), share=1.0)
    return variant.text


def drawn(text: str, kind: str) -> set[str]:
    return {variant.text for variant in variants(text, kind, rng(), share=1.0, n=60)}


def origin(variant: Variant) -> list[tuple[int, int]]:
    return [(int(start), int(end)) for start, end in variant.origin]


@settings(max_examples=60)
@given(
    text=st.text(st.sampled_from("微信加评论的在吗群qQ1a。，！啊 [微笑]\n😀\u200b𠀀\ud800"), max_size=24),
    kind=st.sampled_from(list(KINDS)),
    seed=st.integers(0, 99),
)
def test_every_new_code_point_comes_from_a_range_of_the_old_text(text: str, kind: str, seed: int) -> None:
    for variant in variants(text, kind, rng(seed), n=2):
        starts, ends = variant.origin.T
        assert variant.text != text
        assert variant.origin.shape == (len(variant.text), 2)
        assert (starts <= ends).all()
        assert (np.diff(starts) >= 0).all()
        assert (np.diff(ends) >= 0).all()
        assert not len(starts) or (starts[0] >= 0 and ends[-1] <= len(text))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_rewrites_a_text_as_the_generator_decides(kind: str) -> None:
    first, again = (variants(RICH, kind, rng(5), n=3) for _ in range(2))
    assert RICH not in [v.text for v in first] != []
    assert [v.text for v in first] == [v.text for v in again]
    assert [origin(v) for v in first] == [origin(v) for v in again]


def test_another_seed_gives_another_text() -> None:
    assert full(RICH, "homophone", seed=1) != full(RICH, "homophone", seed=2)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("contact", "今天天气不错"),
        ("split", "春天到了"),
        ("fullwidth", "全是汉字"),
        ("homophone", "我，a 1 ？"),  # no word of two characters
        ("pinyin", "ok 666"),
        ("symbols", "嗯"),
        ("traditional", "天上"),
        ("alike", "没有字母"),
        ("speech", "123"),
        ("bare", "。。。！"),  # nothing would be left of it
        ("repeat", "酒吧里见"),  # no closing particle
        ("bare", ""),
    ],
)
def test_a_text_without_a_place_has_no_variant(kind: str, text: str) -> None:
    assert variants(text, kind, rng()) == []


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="a kind is one of contact"):
        variants("你好", "rot13", rng())


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share must be in"):
        variants("abc", "fullwidth", rng(), share=share)


@pytest.mark.parametrize(("share", "changed"), [(0.01, 1), (0.3, 3), (1.0, 10)])
def test_the_share_says_how_many_places_are_changed_and_one_at_least(share: float, changed: int) -> None:
    (variant,) = variants("abcdefghij", "fullwidth", rng(), share=share)
    assert sum(char > "z" for char in variant.text) == changed


def test_many_draws_give_different_variants() -> None:
    found = [variant.text for variant in variants(RICH, "symbols", rng(), n=20)]
    assert len(found) == len(set(found)) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_emoticon_codes_are_left_alone(kind: str) -> None:
    assert all("[微信说明OK!]" in v.text for v in variants(f"{RICH}[微信说明OK!]", kind, rng(), share=1.0, n=5))


def test_contact_hides_how_to_be_reached() -> None:
    texts = drawn("想要的加微信，也可以QQ找我", "contact")
    assert len(texts) > 20
    assert not any("微信" in text or "QQ" in text for text in texts)


def test_split_writes_left_and_right_part() -> None:
    assert full("看评论", "split") == "看讠平讠仑"


def test_split_knows_common_characters_by_parts_that_are_characters() -> None:
    assert len(PARTS) >= 150
    for char, parts in PARTS.items():
        assert len(parts) == 2
        assert char not in parts
        assert all(unicodedata.name(part).startswith("CJK UNIFIED IDEOGRAPH") for part in parts), char


def test_homophones_sound_the_same() -> None:
    old = "快递放在门口"
    for new in drawn(old, "homophone"):
        assert new != old
        assert [pypinyin.lazy_pinyin(char) for char in new] == [[sound] for sound in pypinyin.lazy_pinyin(old)]


def test_pinyin_is_the_whole_word_or_its_initials() -> None:
    assert drawn("微信", "pinyin") == {"weixin", "wx"}


def test_pinyin_reads_a_character_as_its_word_does() -> None:
    assert "yinhang" in drawn("银行", "pinyin")


def test_fullwidth_is_what_the_normaliser_undoes() -> None:
    assert full("Ab 1!", "fullwidth") == "Ａｂ\u3000１！"
    assert normalise(full("Ab 1!", "fullwidth")).normalised == normalise("Ab 1!").normalised


def test_symbols_stand_inside_words_only() -> None:
    texts = drawn("快递，包装", "symbols")
    marks = {text[1] for text in texts}
    assert "\u200b" in marks
    assert {"*", "."} <= marks
    assert texts == {f"快{mark}递，包{mark}装" for mark in marks}


def test_traditional_writes_words_as_they_are_written() -> None:
    assert full("头发, 发展", "traditional") == "頭髮, 發展"


def test_alike_changes_letters_and_digits_one_for_one() -> None:
    for text in drawn("Vb: 8z", "alike"):
        assert len(text) == 6
        assert text[2:4] == ": "
        assert not set(text) & set("Vb8z")


@pytest.mark.parametrize(
    ("char", "sounds"), [("是", {"si"}), ("三", {"shan"}), ("牛", {"liu"}), ("兰", {"nan"}), ("心", {"xing"})]
)
def test_speech_confuses_sounds_that_are_near(char: str, sounds: set[str]) -> None:
    assert {pypinyin.lazy_pinyin(text)[0] for text in drawn(char, "speech")} == sounds


@pytest.mark.parametrize(("char", "others"), [("的", {"地", "得"}), ("在", {"再"}), ("她", {"他", "它"})])
def test_speech_confuses_small_words(char: str, others: set[str]) -> None:
    assert drawn(char, "speech") == others


def test_bare_takes_punctuation_away_or_writes_spaces() -> None:
    assert drawn("慢，很慢。", "bare") == {"慢很慢", "慢 很慢 "}


def test_bare_leaves_numbers_and_addresses_whole() -> None:
    assert drawn("3.5元，见shop.example.", "bare") == {"3.5元见shop.example", "3.5元 见shop.example "}


def test_repeat_stretches_closing_particles_and_marks() -> None:
    for text in drawn("好啊！", "repeat"):
        assert re.fullmatch("好啊{3,6}！{3,6}", text)


def test_rewrite_says_where_each_code_point_comes_from() -> None:
    variant = rewrite("加微信吧", [Edit(3, 4, ""), Edit(1, 3, "薇"), Edit(0, 0, "~")])
    assert variant.text == "~加薇"
    assert origin(variant) == [(0, 0), (0, 1), (1, 3)]


def test_rewrite_shares_the_old_range_among_the_new_code_points() -> None:
    assert origin(rewrite("微信", [Edit(0, 2, "wx")])) == [(0, 1), (1, 2)]
    assert origin(rewrite("的", [Edit(0, 1, "白勺")])) == [(0, 1), (0, 1)]
    assert origin(rewrite("公众号", [Edit(0, 3, "gh")])) == [(0, 1), (1, 3)]


@pytest.mark.parametrize("edits", [[Edit(0, 2, "a"), Edit(1, 3, "b")], [Edit(2, 4, "")], [Edit(-1, 1, "")]])
def test_rewrite_refuses_edits_that_overlap_or_leave_the_text(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="overlaps another or leaves the text"):
        rewrite("一二三", edits)


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], "物流"),
        ([Edit(1, 2, "牛勿")], "牛勿流"),
        ([Edit(2, 2, "*")], "物*流"),
        ([Edit(1, 1, "*"), Edit(3, 3, "*")], "物流"),  # what is put in beside a span does not belong to it
        ([Edit(0, 1, "")], "物流"),
        ([Edit(1, 3, "wuliu")], "wuliu"),
        ([Edit(2, 5, "x")], "物x"),  # a piece that lies half inside counts
        ([Edit(1, 3, "")], None),
    ],
)
def test_spans_go_with_their_characters(edits: list[Edit], expected: str | None) -> None:
    variant = rewrite("这物流太慢", edits)
    carried = [(variant.text[start:end], name) for start, end, name in carry([(1, 3, "物流速度")], variant.origin)]
    assert carried == ([] if expected is None else [(expected, "物流速度")])


def is_harmful(example: Example) -> bool:
    targets = example.targets
    advert = targets[COLUMNS["intent"].start + INTENTS.index("ad")]
    return bool(advert == 1 or (targets[COLUMNS["abuse"]] == 1).any() or (targets[COLUMNS["unsafe"]] == 1).any())


def test_harmful_messages_are_copied_more_often() -> None:
    messages = examples(60)
    copies = augment(messages, 0.9, seed=3)
    harmful = sum(map(is_harmful, messages))
    copied = sum(map(is_harmful, copies))
    others = len(messages) - harmful
    assert copied / harmful == pytest.approx(0.9, abs=0.1)
    assert (len(copies) - copied) / others == pytest.approx(0.9 * OTHERS, abs=0.1)


def test_copies_keep_the_labels_and_read_differently() -> None:
    messages = examples(1)
    copies = augment(messages * 20, 1.0, seed=1)
    by_labels = {message.targets.tobytes(): message for message in messages}
    assert len(copies) > 40
    for copy in copies:
        assert key(copy.text) != key(by_labels[copy.targets.tobytes()].text)


def test_copies_carry_the_spans_over() -> None:
    message = Example("物流！慢，慢", "street", spans=[(0, 2, "物流速度")])
    copies = augment([message] * 100, 1.0, seed=2)
    for copy in copies:
        before_the_rest = re.match("[^！ 慢]+", copy.text)
        assert before_the_rest is not None
        assert copy.spans == [(0, before_the_rest.end(), "物流速度")]
    assert {"wl", "wuliu", "物流"} <= {copy.text.split("！")[0] for copy in copies}


def test_copies_drop_the_tags_of_teachers_and_leave_the_message_as_it_was() -> None:
    message = Example("广告加微信", "street", tags=np.zeros((5, 3), np.float16))
    message.targets[COLUMNS["abuse"]] = 1.0
    (copy,) = augment([message], 1.0, seed=1)
    assert copy.tags is None
    assert copy.spans is None
    copy.targets[:] = 0.0
    assert message.text == "广告加微信"
    assert message.targets[COLUMNS["abuse"]] == 1.0


def test_no_share_gives_no_copies_and_a_seed_the_same_ones() -> None:
    messages = examples(4)
    assert augment(messages, 0.0, seed=1) == []
    first, again, other = ([copy.text for copy in augment(messages, 1.0, seed)] for seed in (1, 1, 2))
    assert first == again != other


def test_a_message_that_no_kind_can_change_is_not_copied() -> None:
    message = Example("😀", "street")
    message.targets[COLUMNS["abuse"]] = 1.0
    assert augment([message], 1.0, seed=1) == []


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_augment_refuses_a_share_out_of_range(share: float) -> None:
    with pytest.raises(ValueError, match="share must be in"):
        augment([], share, seed=1)
