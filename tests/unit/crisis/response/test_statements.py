from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from nlp_service.crisis.response.statements import (
    EMOTIONS,
    HELPLINE,
    Draft,
    built_in,
    draft,
    emotion_of,
    read_wordings,
)
from nlp_service.errors import BadInput

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def make(purpose: str = "first", emotion: str = "anger", **options: Any) -> Draft:
    values: dict[str, Any] = {"category": "food_safety", "channels": ("一号店群",), "noticed_at": AT, "now": AT}
    return draft(purpose, emotion=emotion, **(values | options))


@pytest.mark.parametrize(
    ("texts", "emotion"),
    [
        (["吃完一直拉肚子，有点担心会不会有事", "孩子吃了，怎么办", "气死我了"], "fear"),
        (["太过分了，退钱！", "必须投诉", "有点害怕"], "anger"),
        (["呵呵 可真是好样的", "不愧是你们"], "sarcasm"),
        (["看到消息很难过", "心疼孩子"], "grief"),
        (["今天几点开门", "好的"], "calm"),
        ([], "calm"),
        (["氣死我了，退錢"], "anger"),
    ],
)
def test_what_most_people_feel(texts: list[str], emotion: str) -> None:
    assert emotion_of(texts) == emotion


def test_each_emotion_has_a_tone_of_its_own() -> None:
    drafts = [make(emotion=emotion) for emotion in (*EMOTIONS, "calm")]
    assert len({one.text for one in drafts}) == len({one.advice for one in drafts}) == 5


def test_a_draft_says_what_where_and_when_and_leaves_gaps() -> None:
    one = make(channels=("一号店群", "二号店群", "三号店群", "四号店群"))
    for part in ("食品安全", "一号店群、二号店群、三号店群 等 4 个社群", "16:00", "16:30"):
        assert part in one.text
    assert one.gaps
    assert all(f"〔{gap}〕" in one.text for gap in one.gaps)


def test_care_names_the_helpline_of_the_tenant() -> None:
    assert "010-0000" in make("care", "grief", category="self_harm", helpline="某热线 010-0000").text
    assert HELPLINE in make("care", "grief", category="self_harm").text


def test_every_purpose_can_be_drafted_for_every_category_without_braces_left() -> None:
    for purpose in built_in().purposes:
        for category in built_in().topics:
            text = make(purpose, category=category, channels=()).text
            assert "{" not in text
            assert "}" not in text


def test_a_tenants_own_words_take_the_place() -> None:
    own = {
        "tones": {"anger": {"name": "怒", "opening": "对不住大家。", "advice": "短一点"}},
        "topics": {"outage": "小程序打不开"},
    }
    words = read_wordings(own)
    one = make(wordings=words, category="outage")
    assert one.text.startswith("对不住大家。")
    assert "小程序打不开" in one.text
    assert make(wordings=words, emotion="fear").text == make(emotion="fear").text


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"nothing": {}}, "nothing"),
        ({"tones": []}, "tones"),
        ({"tones": {"anger": {"name": "x"}}}, "tones[...]"),
        ({"purposes": {"first": {"name": "x", "text": "{who}"}}}, "purposes.first.text"),
        ({"purposes": {"first": {"name": "x", "text": "{"}}}, "purposes.first.text"),
        ({"purposes": {"first": {"name": "x", "text": "{0}"}}}, "purposes.first.text"),
    ],
)
def test_wordings_that_cannot_be_are_refused(document: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_wordings(document)
    assert refused.value.param == param


def test_an_attribute_cannot_be_read_through_a_text() -> None:
    with pytest.raises(BadInput):
        read_wordings({"purposes": {"first": {"name": "x", "text": "{topic.__class__}"}}})


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        make("poem")
    assert refused.value.param == "purpose"
