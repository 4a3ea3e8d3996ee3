"""That a summary can say no number that the data does not hold."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.errors import BadInput, NotReady
from nlp_service.insight.report import numerals
from nlp_service.insight.report.building import build
from nlp_service.insight.report.checking import Fact, Value, is_held, sentences
from nlp_service.insight.report.content.context import Context
from nlp_service.insight.report.summary import facts, prompt, summarise
from nlp_service.insight.report.writing import write_report
from tests.unit.insight.report.made import MINING, OPTIONS

FACTS = facts(Context(MINING, OPTIONS))

_DIGITS = "零一二三四五六七八九"


def in_han(n: int) -> str:
    """A number below 100,000,000 as it is written in Han numerals."""
    if n < 10:
        return _DIGITS[n]
    for power, name in ((10_000, "万"), (1000, "千"), (100, "百"), (10, "十")):
        if n >= power:
            whole, rest = divmod(n, power)
            gap = "零" if rest and rest < power // 10 else ""
            return in_han(whole) + name + gap + (in_han(rest) if rest else "")
    raise AssertionError(n)


@pytest.mark.parametrize(
    "sentence",
    [
        "本周共有 12,845 条消息，来自 2,316 人，比上一周期多 12%。",
        "本周约有 1.28 万条消息。",
        "本周共有一万两千八百四十五条消息。",
        "本周有１２８４５条消息。",
        "配送延误有 121 人提到，比上一周期多 138%。",
        "配送延误有一百二十一人提到，占百分之一点一。",
        "配送延误有一百二十多人提到。",
        "提到配送延误的超过 120 人，约 140 条消息。",
        "配送延误排第一，雨天是其他时候的 3.2 倍。",
        "投诉率升至 3.1%，上升 1.2 个百分点，高于 2.0%。",
        "进一步看，咖啡一群投诉率 5.2%，已连续三天高于 4.0%。",
        "9 月 10 日有 2,230 条消息。",
        "有两条预警。",
        "客服不回复有 58 条，减少 7.9%。",
        "提问得到回答的占八成一。",
        "There were 12,845 messages by 2,316 people, 12% more than before.",
        "配送延误 was raised by 121 people, one hundred and forty-three messages.",
        "首次回答用时（中位数）为 21 分钟。",
    ],
)
def test_what_the_data_holds_may_be_said(sentence: str) -> None:
    assert is_held(sentence, FACTS)


@pytest.mark.parametrize(
    "sentence",
    [
        "本周共有 12,846 条消息。",
        "本周约有 1.38 万条消息。",
        "本周约有 2 万条消息。",
        "配送延误有 84 人提到。",  # those are the people of another pain
        "配送延误 121 人，包装漏液 121 人。",
        "投诉率下降到 3.1%。",  # it rose
        "客服不回复有 58 条，增加 7.9%。",  # it fell
        "三成用户提到配送延误。",
        "半数用户不满。",
        "过半成员投诉。",
        "三分之一的人不满。",
        "配送延误翻了一番。",  # 2.4 times
        "配送延误有壹佰贰拾贰人提到。",
        "配送延误有ⅷ人提到，共 121 人。",
        "配送延误有 ١٢٢ 人提到。",
        "配送延误排第二。",
        "9 月 11 日有 2,230 条消息。",  # the day before
        "有三条预警。",
        "Two thirds of the members complain.",
        "Complaints doubled, 401 of them.",
        "大家都很生气。",  # no number: nothing that could be checked
        "配送延误 121 人，详见 https://example.com。",
        "配送延误 121 人 <b>。",
        "配送延误 121 人\u202e。",
        "配送延误 121 人，" + "很" * 200,
    ],
)
def test_what_it_does_not_hold_may_not(sentence: str) -> None:
    assert not is_held(sentence, FACTS)


PLAIN = (Fact(("漏水",), "", (Value("people", 4321), Value("percent", 37.4, 1))),)


@given(st.integers(1, 99_999_999))
@settings(max_examples=150, deadline=None)
def test_a_count_is_held_if_and_only_if_it_is_the_true_one(n: int) -> None:
    for said in (f"{n}", f"{n:,}", in_han(n)):
        assert is_held(f"漏水有 {said} 人提到。", PLAIN) == (n == 4321), said


@given(st.integers(1, 99_999_999))
@settings(max_examples=150, deadline=None)
def test_every_writing_of_a_count_is_read_as_that_count(n: int) -> None:
    fact = (Fact((), "", (Value("messages", n),)),)
    for said in (f"{n}", f"{n:,}", in_han(n), "".join(chr(ord("０") + int(digit)) for digit in str(n))):
        assert is_held(f"共 {said} 条消息。", fact), said
    assert is_held(f"共 {n / 10_000:.4f} 万条消息。", fact)


@given(st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_a_percentage_is_held_only_where_it_rounds_to_the_true_one(tenths: int) -> None:
    said = f"{tenths / 10:.1f}"
    assert is_held(f"漏水占 {said}%。", PLAIN) == (tenths == 374)
    assert is_held(f"漏水占百分之{said}。", PLAIN) == (tenths == 374)


def test_rounding_stops_where_it_would_mislead() -> None:
    assert is_held("漏水占 37%。", PLAIN)
    assert not is_held("漏水占 38%。", PLAIN)
    assert not is_held("漏水占四成。", PLAIN)  # 37.4 is further than a twentieth from 40
    assert is_held("漏水约 4,300 人。", PLAIN)
    assert not is_held("漏水有 4,300 人。", PLAIN)  # without 约 it claims to be exact


@given(st.text(alphabet="0123456789一二三十百千万亿零半成倍分之多约%％.,点第周年月日人条个 ⅣⅧ½①", max_size=20))
@settings(max_examples=300, deadline=None)
def test_whatever_is_said_is_read_without_an_error(text: str) -> None:
    plain = numerals.plain(text)
    for number in numerals.read(plain):
        assert 0 <= number.start < number.end <= len(plain)
    is_held(text, FACTS)


def test_a_summary_is_cut_into_sentences_without_its_marks() -> None:
    said = "<think>9 条？</think>1. 共 3 条。2 人！\n- 第三句 3.5%；\n* Rose by 3.5%. Then 4 more."
    assert sentences(said) == ["共 3 条。", "2 人！", "第三句 3.5%；", "Rose by 3.5%.", "Then 4 more."]


def test_only_checked_sentences_are_kept() -> None:
    said = "本周共有 12,845 条消息。配送延误有 999 人提到。包装漏液有 84 人提到。"
    assert summarise(MINING, OPTIONS, lambda _: said) == ("本周共有 12,845 条消息。", "包装漏液有 84 人提到。")


def test_the_model_is_given_the_figures_and_no_words_of_members() -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return ""

    assert summarise(MINING, OPTIONS, ask) == ()
    assert "「配送延误」：121 人，143 条消息，占 1.1%" in asked[0]
    assert "下单三天了还没到" not in asked[0]
    assert asked[0] == prompt(Context(MINING, OPTIONS), FACTS)


def test_without_a_sentence_that_passes_the_report_is_that_of_the_figures() -> None:
    plain = write_report(MINING, OPTIONS, ("html", "markdown"))
    assert write_report(MINING, OPTIONS, ("html", "markdown"), lambda _: "有 777 人生气。") == plain


def test_a_model_that_fails_does_not_stop_the_report() -> None:
    def away(_: str) -> str:
        raise NotReady("it does not answer")

    assert summarise(MINING, OPTIONS, away) == ()


def test_a_setting_that_is_wrong_is_told() -> None:
    def wrong(_: str) -> str:
        raise BadInput("no such address", param="summary")

    with pytest.raises(BadInput):
        summarise(MINING, OPTIONS, wrong)


def test_an_empty_period_is_not_worth_a_question() -> None:
    def never(_: str) -> str:
        raise AssertionError

    assert summarise(msgspec.structs.replace(MINING, messages=0), OPTIONS, never) == ()


def test_the_summary_stands_before_our_own_sentences() -> None:
    options = replace(OPTIONS, language="zh")
    said = "包装漏液有 84 人提到。"
    text = write_report(MINING, options, ("markdown",), lambda _: said)["markdown"].decode()
    assert text.index(said) < text.index("其中每个数字都与本报告的数据核对过") < text.index("排在首位的痛点是")
    assert build(MINING, options, (said,)).phrased == (said,)
