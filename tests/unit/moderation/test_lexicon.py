from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nlp_service.moderation.builtin import everyday, unwanted
from nlp_service.moderation.lexicon import MAX_HITS, Disguise, Entry, Hit, Matcher
from nlp_service.text.normalise import normalise_batch
from nlp_service.types import Span

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANY = st.text(st.characters(codec=None), max_size=40)
TRICKY = st.text(st.sampled_from("加微信薇芯vVx➕❤📞讠平论赌贝者博du bo1一oO0\n\u200b，*[微笑]妈他的"), max_size=40)


def deny(*words: str, category: str = "scam", exact: bool = False) -> list[Entry]:
    return [Entry(word, "own", "deny", category, exact=exact) for word in words]


def allow(*words: str, list_name: str = "own exceptions") -> list[Entry]:
    return [Entry(word, list_name, "allow") for word in words]


def find(entries: list[Entry], text: str, at: datetime = NOW) -> tuple[Hit, ...]:
    (hits,) = Matcher.build(entries).find([text], normalise_batch([text]), at)
    return hits


def words(entries: list[Entry], text: str) -> list[str]:
    return [hit.word for hit in find(entries, text)]


def test_a_hit_says_what_was_found_where_and_how_it_was_read() -> None:
    (hit,) = find([Entry("微信", "联系方式", "watch", "contact_spam")], "看图加 Ｖ❤ 哦")
    assert hit == Hit(Span(4, 6, "Ｖ❤"), "微信", "联系方式", "watch", "contact_spam", "v信", Disguise.SLANG)


@pytest.mark.parametrize(
    ("word", "text", "found", "disguise"),
    [
        ("评论", "看评论", "评论", Disguise.NONE),
        ("评论", "看評論", "評論", Disguise.NONE),  # the normaliser undoes it
        ("VPN", "稳定ｖｐｎ出售", "ｖｐｎ", Disguise.NONE),
        ("评论", "看评 论", "评 论", Disguise.SPACED),
        ("评论", "看评\u200b论", "评\u200b论", Disguise.SPACED),
        ("评论", "看\n评\n论", "评\n论", Disguise.SPACED),
        ("评论区", "看评论论论论区", "评论论论论区", Disguise.REPEATED),
        ("六合彩", "六台彩", "六台彩", Disguise.ALIKE),
        ("一夜情", "找1夜情", "1夜情", Disguise.DIGITS),
        ("734021", "群号 柒叁四零贰①", "柒叁四零贰①", Disguise.DIGITS),
        ("评论", "看讠平讠仑", "讠平讠仑", Disguise.SPLIT),
        ("评论", "看ping lun", "ping lun", Disguise.PINYIN),
        ("评论", "看评lun", "评lun", Disguise.PINYIN),
        ("银行卡", "收yinhangka", "yinhangka", Disguise.PINYIN),  # 行 is also read hang
        ("微信", "找薇芯", "薇芯", Disguise.SOUND),
        ("微信", "找葳❤", "葳❤", Disguise.SOUND),
        ("加微信", "＋Ｖ看图", "＋Ｖ", Disguise.SLANG),
        ("微信", "威ᚰ", "威ᚰ", Disguise.SOUND),
    ],
)
def test_finds_a_word_in_disguise(word: str, text: str, found: str, disguise: Disguise) -> None:
    assert [(hit.span.text, hit.disguise) for hit in find(deny(word), text)] == [(found, disguise)]


@pytest.mark.parametrize(
    "text",
    """
    路口交通堵死了 三黄鸡多少钱 他妈妈来了 新到女装 干嘛呢 我妹妹好看 女儿三岁 上海微信息科技 交通信号灯 心情很好
    24口交换机 吉他妈妈买的
    """.split(),
)
def test_everyday_words_pass_although_they_hold_denied_ones(text: str) -> None:
    assert words(deny("口交", "黄鸡", "他妈", "装", "干", "妹", "女", "微信", "通信", "情"), text) == []


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("微信", "老板在员工里很有威信"),  # a word of its own
        ("微信", "我为新来的同学准备了礼物"),  # characters that stand everywhere
        ("微信", "尚未新增联系人"),  # both in words that end elsewhere
        ("口交", "前面路口,交通管制"),
        ("套现", "家里没有套 现在去买"),
        ("他妈的", "他妈妈的生日"),
        ("好人", "女子人人平等"),
        ("加我", "加5斤苹果"),
        ("微信", "weixing电视"),
        ("大麻", "打吗 一起打"),
        ("返利", "八宝饭里有石子"),
        ("734021", "订单号17340215"),
        ("sex", "sexy"),
        ("刷单", "我去刷，单子放桌上"),
    ],
)
def test_ordinary_text_that_sounds_like_a_word_passes(word: str, text: str) -> None:
    assert words(deny(word), text) == []


@pytest.mark.parametrize(("text", "is_found"), [("她有威信", False), ("加威信聊", True), ("威信 kk8877", True)])
def test_a_common_word_is_taken_for_contact_where_another_sign_stands(text: str, is_found: bool) -> None:
    assert bool(find(deny("微信"), text)) is is_found


def test_other_words_have_no_such_benefit() -> None:
    assert find(deny("赌博"), "加油读博 kk8877") == ()


@pytest.mark.parametrize("text", ["评 论", "评lun", "讠平论", "坪论"])
def test_an_exact_word_is_found_only_as_it_is_listed(text: str) -> None:
    assert words(deny("评论", exact=True), text) == []
    assert words(deny("评论", exact=True), "看評論") == ["评论"]


def test_a_word_of_one_sound_is_found_only_as_it_is_listed() -> None:
    assert words(deny("滚"), "你滚") == ["滚"]
    assert words(deny("滚"), "棍子 gun") == []
    assert words(deny("妹妹"), "妹 妹") == []


def test_signs_and_emoticon_codes_are_words_too() -> None:
    assert words(deny("[菜刀]", "👙"), "来[菜刀]和👙") == ["[菜刀]", "👙"]


def test_a_word_that_normalises_to_nothing_is_never_found() -> None:
    assert words(deny("\u200b", "赌博"), "\u200b赌博") == ["赌博"]


def test_the_longest_allowed_phrase_wins_over_a_shorter_denied_word_within_it() -> None:
    entries = [*deny("口交"), *allow("路口交")]
    assert words(entries, "路口交叉口交流") == ["口交"]  # the second one stands outside
    assert words([*deny("干货满满"), *allow("干货")], "干货满满") == ["干货满满"]  # longer than what is allowed


def test_an_allowed_phrase_holds_a_disguised_word_too() -> None:
    assert words(deny("博彩"), "bo cai") == ["博彩"]
    assert words([*deny("博彩"), *allow("bo cai wang")], "bo cai wang") == []


def test_what_is_denied_and_allowed_as_it_is_listed_is_found_in_disguise_only() -> None:
    entries = [*deny("微信"), *allow("微信")]
    assert words(entries, "我的微信") == []
    assert words(entries, "我的薇芯 微*信") == ["微信", "微信"]


def test_a_tenants_own_word_stands_against_the_built_in_phrase() -> None:
    assert "妹妹" in {entry.word for entry in everyday()}
    assert words(deny("妹妹"), "我妹妹") == ["妹妹"]
    built_in = [Entry("妹妹", "builtin/deny", "deny")]
    assert words(built_in, "我妹妹") == []
    assert words([*deny("妹妹"), *allow("妹妹")], "我妹妹") == []


def test_of_one_list_the_longer_word_is_told() -> None:
    assert words(deny("微信", "加微信"), "加微信") == ["加微信"]
    two_lists = [*deny("加微信"), Entry("微信", "other", "deny")]
    assert words(two_lists, "加微信") == ["加微信", "微信"]
    assert words(deny("加微", "微信"), "加微信") == ["加微", "微信"]  # neither holds the other


def test_a_wall_of_a_word_is_one_hit_and_many_are_cut_off() -> None:
    assert [hit.span.text for hit in find(deny("赌博网"), "赌博博博博博网")] == ["赌博博博博博网"]
    assert len(find(deny("赌博"), "赌博" * 500)) == MAX_HITS


def test_validity_is_half_open() -> None:
    entry = Entry("赌博", "own", "deny", "", NOW, NOW + timedelta(hours=1))
    second = timedelta(seconds=1)
    for at, is_found in ((NOW - second, False), (NOW, True), (entry.valid_to, False)):
        assert at is not None
        assert bool(find([entry], "赌博", at)) is is_found


def test_an_allowed_phrase_that_is_over_hides_nothing() -> None:
    past = Entry("路口交通", "own", "allow", "", None, NOW)
    matcher = Matcher.build([*deny("口交"), past], with_everyday=False)
    assert len(matcher.find(["路口交通"], normalise_batch(["路口交通"]), NOW)[0]) == 1
    assert matcher.find(["路口交通"], normalise_batch(["路口交通"]), NOW - timedelta(1)) == [()]


def test_everyday_phrases_are_left_out_on_demand_and_not_counted() -> None:
    text = "路口交通"
    assert len(Matcher.build(deny("口交"), with_everyday=False).find([text], normalise_batch([text]), NOW)[0]) == 1
    assert len(Matcher.build(deny("口交"))) == 1


@pytest.mark.parametrize("entries", [[], allow("赌博")])
def test_a_matcher_without_anything_to_find_finds_nothing(entries: list[Entry]) -> None:
    matcher = Matcher.build(entries)
    assert len(matcher) == len(entries)
    assert matcher.find(["赌博", ""], normalise_batch(["赌博", ""]), NOW) == [(), ()]


def test_no_messages_give_no_hits() -> None:
    assert Matcher.build(deny("赌博")).find([], normalise_batch([]), NOW) == []


@pytest.fixture(scope="module")
def everything() -> Matcher:
    return Matcher.build([*unwanted(), *deny("评论区", "他妈", "1o1", "滚", "[微笑]"), *allow("加微")])


@given(texts=st.lists(st.one_of(TRICKY, ANY), max_size=6))
@example(texts=["", "\ud800", "加" * 50, "薇❤" * 30])
def test_any_message_gives_hits_within_it_as_if_it_were_alone(everything: Matcher, texts: list[str]) -> None:
    together = everything.find(texts, normalise_batch(texts), NOW)
    assert len(together) == len(texts)
    for text, hits in zip(texts, together, strict=True):
        assert everything.find([text], normalise_batch([text]), NOW) == [hits]
        assert all(hit.span.text == text[hit.span.start : hit.span.end] for hit in hits)
        assert [hit.span.start for hit in hits] == sorted(hit.span.start for hit in hits)


@pytest.mark.parametrize("wall", ["薇❤", "weixin", "讠平", "1o", "加\n微\n", "他妈妈", "女子"])
def test_the_longest_message_of_one_wall_takes_no_second(everything: Matcher, wall: str) -> None:
    text = wall * (4_000 // len(wall))
    batch = normalise_batch([text])
    started = time.process_time()
    everything.find([text], batch, NOW)
    assert time.process_time() - started < 1.0


def test_threads_may_share_a_matcher(everything: Matcher) -> None:
    texts = ["加薇❤看图", "刷dan日结", "今天天气不错"]
    expected = everything.find(texts, normalise_batch(texts), NOW)
    results: list[list[tuple[Hit, ...]]] = []

    def look() -> None:
        for _ in range(20):
            results.append(everything.find(texts, normalise_batch(texts), NOW))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 80
