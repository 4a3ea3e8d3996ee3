"""The whole text of a report, compared with one that was read by a person."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from nlp_service.insight.report.building import build
from nlp_service.insight.report.language import LANGUAGES, Language
from nlp_service.insight.report.markdown import render_markdown
from nlp_service.insight.report.plainjson import ReportFile, render_json
from nlp_service.insight.results import MessageKey, Mining
from tests.unit.insight.report.made import MINING, OPTIONS, pain

GOLDEN = Path(__file__).parent / "golden"


def test_the_week_reads_as_it_was_approved() -> None:
    options = replace(OPTIONS, most_messages=3, base_url="https://nlp.example.com")
    assert render_markdown(build(MINING, options).document) == (GOLDEN / "week.md").read_text("utf-8")


def test_the_three_sentences_hold_the_figures() -> None:
    first, second, third = build(MINING, OPTIONS).sentences
    assert first == "2026 年 9 月 7 日至 9 月 13 日共有 1.28 万条消息，来自 2,316 人，比上一周期多 12%。"
    assert second == (
        "排在首位的痛点是「配送延误」：121 人、143 条消息，占全部消息的 1.1%，比上一周期多 138%；"
        "在雨天的消息里，出现率是其他消息的 3.2 倍。"
    )
    assert third == "有 2 条预警，最紧迫的是：咖啡一群投诉率 5.2%，高于警戒线 4.0%，已连续 3 天。"


def test_english_says_the_same() -> None:
    first, second, third = build(MINING, replace(OPTIONS, language="en")).sentences
    assert first == "7 Sep 2026 to 13 Sep: 12,845 messages by 2,316 people, 12% more than in the period before."
    assert "“配送延误”: 121 people, 143 messages, 1.1% of all" in second
    assert third.startswith(
        "Early warnings: 2; the most urgent: 咖啡一群: complaint rate 5.2%, above the bound of 4.0%"
    )


def test_the_json_names_every_message_and_gives_the_data_back() -> None:
    built = build(MINING, OPTIONS)
    report = msgspec.json.decode(render_json(built, MINING), type=ReportFile)
    (loudest,) = (ref for ref in report.refs.values() if ref.title == "痛点：配送延误")
    assert loudest.count == len(loudest.messages) == 143
    assert loudest.messages[7] == MessageKey("wecom", "m00007", 1007)
    assert report.mining == MINING  # nothing in it is personal, so nothing is covered
    assert report.sentences == built.sentences


def test_both_languages_have_the_same_wordings_with_the_same_fields() -> None:
    chinese, english = (Language(code).table for code in LANGUAGES)
    assert chinese.keys() == english.keys()
    for section, words in chinese.items():
        assert words.keys() == english[section].keys(), section
        for name, said in words.items():
            fields = {str(found) for found in re.findall(r"{(\w+)", str(said))}
            other = set(re.findall(r"{(\w+)", str(english[section][name])))
            if section == "form":  # English has names of months, Chinese their numbers
                fields, other = fields - {"month"}, other - {"name"}
            assert fields == other, (section, name)


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "0"), (9999, "9,999"), (10_000, "1 万"), (12_845, "1.28 万"), (1_234_567, "123 万"), (250_000_000, "2.5 亿")],
)
def test_large_counts_in_chinese(n: int, said: str) -> None:
    assert Language("zh").count(n) == said
    assert Language("en").count(n) == f"{n:,}"


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0.0%"), (0.0001, "<0.1%"), (0.0005, "0.1%"), (0.1234, "12.3%"), (1.0, "100.0%")]
)
def test_a_share_that_is_there_is_never_written_as_none(share: float, said: str) -> None:
    assert Language("zh").share(share) == said


def test_a_change_that_may_be_chance_is_neither_good_nor_bad() -> None:
    mining = _with(pain("p", "涨一点", 52, 50, 50, p_value=0.8))
    html = _html(mining)
    assert 'class="muted n">▲ 4.0%</a>' in html
    assert 'class="bad n">▲ 4.0%</a>' not in html


def test_a_pain_that_clearly_rises_is_bad_and_a_need_is_not() -> None:
    assert 'class="bad n">▲ 100%</a>' in _html(_with(pain("p", "漏水", 80, 70, 40)))
    assert 'class="bad n">▲ 100%</a>' not in _html(_with(pain("p", "小包装", 80, 70, 40, kind="need")))


def test_only_ten_are_shown_and_the_others_are_said_to_be_there() -> None:
    pains = tuple(pain(f"p{i}", f"痛点甲{i:02d}号", 90 - i, 80 - i, 20) for i in range(13))
    text = render_markdown(build(msgspec.structs.replace(MINING, pain_points=pains), OPTIONS).document)
    assert "痛点甲09号" in text
    assert "痛点甲10号" not in text.split("## 哪里更突出")[0]
    assert "另有 3 项，见 JSON。" in text


def _with(item: object) -> Mining:
    return msgspec.structs.replace(MINING, pain_points=(item,), segments=(), topics=(), topic_events=(), keywords=())


def _html(mining: Mining) -> str:
    from nlp_service.insight.report.html import render_html

    return render_html(build(mining, OPTIONS).document)
