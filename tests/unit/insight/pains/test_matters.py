from pathlib import Path

import pytest

from nlp_service.insight.pains import matters


def named(text: str) -> set[int]:
    return set(matters.count([text]).nonzero()[1].tolist())


def test_words_for_one_part_are_one_matter():
    assert named("刹车总响") == named("制动总响") != named("变速箱总响")


def test_the_longest_word_at_a_place_is_meant():
    assert len(named("气囊减震")) == 1  # of the suspension, not an air bag as well


def test_a_later_matter_counts_less():
    first, later = (matters.count([text]).sum() for text in ("刹车响了", "说来话长，" * 20 + "刹车响了"))
    assert first == pytest.approx(1.0)
    assert 0 < later < 0.7  # 100 code points in: 1 / sqrt(1 + 100 / 60) = 0.61


def test_a_text_that_names_none_has_none():
    assert matters.count(["", "今天心里真不是滋味"]).nnz == 0
    assert matters.count([]).shape[0] == 0


def test_no_word_of_the_list_stands_twice_and_none_is_written_as_the_normaliser_does_not():
    lines = Path(matters.__file__).with_name("matters.txt").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    assert len(words) == len(set(words))
    assert [word for word in words if word != word.lower()] == []
