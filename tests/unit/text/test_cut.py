from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.text.segment import Segmenter, cut


def test_cuts_each_text_into_words_and_punctuation() -> None:
    assert cut(["客服一直不回复，", "", " \t", "怎么退款"]) == [
        ["客服", "一直", "不", "回复", "，"],
        [],
        [],
        ["怎么", "退款"],
    ]


def test_no_texts_are_no_lists() -> None:
    assert cut([]) == []


def test_taught_words_change_nothing() -> None:
    before = cut(["星穹云图的客服"])
    segmenter = Segmenter()
    segmenter.add(["星穹云图"])
    assert segmenter.words("星穹云图的客服") == ["星穹云图", "的", "客服"]
    assert cut(["星穹云图的客服"]) == before


@given(st.text("退款怎么办理会员卡vip 12，。😀\n", max_size=20))
def test_nothing_is_lost_but_white_space(text: str) -> None:
    (words,) = cut([text])
    assert "".join("".join(words).split()) == "".join(text.split())
    assert all(word and not word.isspace() for word in words)


@pytest.mark.parametrize(
    "text", ["请问会员卡怎么退款", "地下车库前两小时免费", "vip2的积分能换什么", "奶粉开罐后能放几天？"]
)
def test_cuts_as_the_segmenter_does(text: str) -> None:
    # Another library with the same dictionary.
    assert cut([text]) == [Segmenter().words(text)]
