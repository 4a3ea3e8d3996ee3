"""A base too large to hold answers as the same base held."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_service.knowledge.search import index as indexes
from nlp_service.knowledge.search.features import features, read, survey
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.postings import Packer, Postings, best
from nlp_service.knowledge.search.terms import TermField, grams, together
from nlp_service.text.normalise import normalise_batch
from tests.unit.knowledge.search.made_up import SHOP, ask, entry, ids, sensible

BASE = [*SHOP, entry("smile", "😀😀", answer="😂"), entry("long", "请问" + "退款" * 200), entry("rain", "下雨 送不送")]
QUESTIONS = ["怎么退款", "营业到几点呀", "停车", "奈粉开了能放多久", "😀", "", "今天天气", "退款退款退款发票"]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setattr(indexes, "HELD_UP_TO", 0)
    return Index(BASE, sensible())


@pytest.mark.parametrize("text", QUESTIONS)
def test_features_are_those_of_the_base_held(large: Index, text: str) -> None:
    held = Index(BASE, sensible())
    (question,) = read(held.model, [text], held.synonyms)
    rows = np.arange(held.n_wordings)
    wanted = features(held, question, rows, survey(held, question))
    # Weights and vectors of 16 bits have three digits.
    found = features(large, question, rows, survey(large, question))
    np.testing.assert_allclose(found, wanted, rtol=3e-3, atol=3e-3)


@pytest.mark.parametrize("text", QUESTIONS)
def test_it_finds_the_same(large: Index, text: str) -> None:
    held = Index(BASE, sensible())
    wanted, found = ask(held, text), ask(large, text)
    assert ids(large, found)[:1] == ids(held, wanted)[:1]
    assert found.cover == pytest.approx(wanted.cover, abs=0.02)


def test_common_terms_are_left_out_when_looking_and_not_when_ranking(
    large: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    (question,) = read(large.model, ["退款发票"], large.synonyms)
    whole = large.wordings.postings.scores(question.terms)
    part = large.wordings.postings.scores(question.terms, most=2)
    assert (whole[1], part[1]) == (True, False)
    assert (part[0] <= whole[0] + 1e-6).all()
    assert 0 < part[0].sum() < whole[0].sum()
    rows = np.arange(large.n_wordings)
    wanted = features(large, question, rows, survey(large, question))
    monkeypatch.setattr(Postings.scores_of, "__defaults__", (2,))
    assert not survey(large, question).is_whole
    np.testing.assert_allclose(features(large, question, rows, survey(large, question)), wanted, rtol=3e-3, atol=3e-3)


def test_postings_that_come_in_blocks_are_those_of_the_whole() -> None:
    texts = [f"{'甲乙丙丁'[i % 4]}{'戊己庚'[i % 3]} 乙" * (1 + i % 5) for i in range(60)] + ["", "丁" * 3]
    field = TermField(grams(normalise_batch(texts)))
    packer = Packer()
    for first in range(0, len(texts), 7):
        packer.add(grams(normalise_batch(texts[first : first + 7])))
    postings = packer.postings()
    for text in ("甲戊", "乙", "庚丁丁", "辛"):
        question = grams(normalise_batch([text])).of(0)
        assert postings.rarities.totals(together([question])) == pytest.approx(
            field.rarities.totals(together([question]))
        )
        wanted, _ = Postings.of(field).scores(question)
        np.testing.assert_allclose(postings.scores(question)[0], wanted, rtol=2e-3, atol=2e-3)


def test_postings_of_nothing_find_nothing() -> None:
    postings = Packer().postings()
    assert postings.scores(grams(normalise_batch(["甲"])).of(0))[0].tolist() == []


@pytest.mark.parametrize("n", [1, 5, 24])
def test_the_best_of_many_are_the_best(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = np.where(rng.random(5000) < 0.3, rng.random(5000), 0.0).astype(np.float32)
    assert sorted(best(scores, n).tolist()) == sorted(np.argsort(-scores)[:n].tolist())
    few = np.where(np.arange(5000) % 1700 == 5, scores + 1, 0).astype(np.float32)
    assert sorted(best(few, n).tolist()) == sorted(np.argsort(-few)[: min(n, 3)].tolist())
