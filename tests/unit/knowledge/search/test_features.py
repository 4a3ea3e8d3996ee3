from __future__ import annotations

import numpy as np
import pytest

from nlp_service.knowledge.search.features import MAX_UNITS, MAX_WORDS, features, read, survey
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import FEATURES
from nlp_service.knowledge.search.synonyms import Synonyms
from tests.unit.knowledge.search.made_up import SHOP, entry, sensible

NONE = Synonyms(())


def values(index: Index, text: str) -> dict[str, list[float]]:
    """Features of all wordings by name."""
    (question,) = read(index.model, [text], index.synonyms)
    table = features(index, question, np.arange(index.n_wordings), survey(index, question))
    assert table.shape == (index.n_wordings, len(FEATURES))
    assert np.isfinite(table).all()
    return dict(zip(FEATURES, table.T.tolist(), strict=True))


def test_a_question_that_stands_in_the_base_matches_itself_whole() -> None:
    found = values(Index([entry("a", "怎么退款"), entry("b", "几点开门")], sensible()), "怎么退款")
    for name in ("words.wording", "aligned.wording", "aligned.wording.back", "aligned.entry"):
        assert found[name][0] == pytest.approx(1.0, abs=1e-3), name
        assert found[name][1] < 0.9, name
    for name in ("terms.wording.best", "terms.entry.best"):
        assert found[name] == pytest.approx([1.0, 0.0], abs=1e-3), name


def test_an_answer_is_read_too() -> None:
    base = [entry("a", "说明甲", answer="羊毛毯可以手洗"), entry("b", "说明乙", answer="库房在二楼")]
    found = values(Index(base, sensible()), "羊毛毯手洗")
    for name in ("terms.answer", "terms.entry", "sounds.answer", "words.answer", "aligned.answer", "aligned.entry"):
        assert found[name][0] > found[name][1], name


def test_homophones_meet_by_their_sound() -> None:
    found = values(Index([entry("a", "奶粉保质期"), entry("b", "面粉保质期")], sensible()), "奈粉")
    assert found["sounds.wording"][0] > 0 == found["sounds.wording"][1]
    assert found["terms.wording"][0] == pytest.approx(found["terms.wording"][1])  # only 粉 is written alike


@pytest.mark.parametrize("text", ["", "😀", "？！"])
def test_a_question_without_words_has_no_features_of_words(text: str) -> None:
    found = values(Index(SHOP, sensible()), text)
    for name in FEATURES:
        if name.startswith(("words.", "aligned.")):
            assert set(found[name]) == {0.0}, name


def test_the_end_of_a_long_text_is_not_read() -> None:
    # Different characters, since the normaliser shortens what is repeated.
    long = "".join(map(chr, range(0x4E00, 0x4E00 + MAX_UNITS)))
    first, second = read(sensible(), [long, long + "退款"], NONE)
    assert first.terms.keys.tolist() == second.terms.keys.tolist()
    assert len(first.words) <= MAX_WORDS


def test_of_many_words_the_rarest_are_kept_in_order() -> None:
    table = sensible().table
    words = [chr(code) for code in range(0x4E00, 0x9FA5, 7) if table.rows([chr(code)])][: 2 * MAX_WORDS]
    (question,) = read(sensible(), [" ".join(words)], NONE)
    assert len(question.words) == MAX_WORDS
    weights = table.weights[table.rows(words)]
    assert question.weights.min() >= np.sort(weights)[-MAX_WORDS]


def test_a_word_that_is_said_twice_counts_once() -> None:
    once, twice = read(sensible(), ["退款 流程", "退款 流程 退款"], NONE)
    assert twice.words.tolist() == once.words.tolist()


def test_synonyms_are_read_with_the_question() -> None:
    synonyms = Synonyms([["小蓝卡", "会员卡"]])
    extended, plain = read(sensible(), ["小蓝卡"], synonyms)[0], read(sensible(), ["会员卡"], NONE)[0]
    assert set(plain.terms.keys.tolist()) < set(extended.terms.keys.tolist())


def test_no_questions_are_read_as_none() -> None:
    assert read(sensible(), [], NONE) == []
