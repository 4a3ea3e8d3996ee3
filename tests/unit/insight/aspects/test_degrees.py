from __future__ import annotations

import pytest

from nlp_service.insight.aspects.degrees import PLAIN, strength


def of(text: str, words: str, polarity: float = -1.0) -> float:
    start = text.index(words)
    return strength(text, start, start + len(words), polarity)


def test_words_of_degree_order_what_is_said() -> None:
    said = ["有点慢", "慢", "挺慢", "太慢", "巨慢"]
    values = [of(f"快递{words}", words) for words in said]
    assert values == sorted(set(values))
    assert values[1] == PLAIN


@pytest.mark.parametrize("text", ["快递不太快", "快递不是很快", "快递没那么快"])
def test_a_weakened_strong_word_is_weak(text: str) -> None:
    assert of(text, text[2:]) < PLAIN


def test_a_word_before_the_opinion_counts() -> None:
    assert of("快递超级慢", "慢") > of("快递慢", "慢")


def test_a_word_further_away_does_not() -> None:
    assert of("非常感谢你，慢", "慢") == PLAIN


@pytest.mark.parametrize("text", ["快递慢！！", "快递慢啊啊啊"])
def test_who_shouts_means_it(text: str) -> None:
    assert of(text, "慢") > PLAIN


@pytest.mark.parametrize(("polarity", "least"), [(0.0, 0.0), (1.0, 0.9), (-1.0, 0.9)])
def test_strength_stays_in_its_range(polarity: float, least: float) -> None:
    assert least <= of("味道绝了！！！", "绝了", polarity) <= 1.0


def test_what_is_neither_for_nor_against_is_not_strong() -> None:
    assert of("味道太普通", "太普通", 0.0) < of("味道太普通", "太普通", -0.9)
