from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.knowledge.search.postings import Postings, best
from nlp_service.knowledge.search.terms import K1, B, TermField, Terms, Wanted, grams, score, sounds, together
from nlp_service.text.normalise import normalise, normalise_batch
from tests.unit.knowledge.search.made_up import sensible

# Few characters, so that terms meet again; a blank, since nothing reaches over one.
texts = st.lists(st.text("甲乙丙丁 a", max_size=12), max_size=8)
questions = st.text("甲乙丙戊 a", max_size=8)

Scores = npt.NDArray[np.float32]


def terms_of(*documents: str) -> Terms:
    return grams(normalise_batch(documents))


def plain_grams(text: str) -> list[str]:
    """Characters and pairs of neighbours without blanks, the slow way."""
    return [text[i : i + n] for n in (1, 2) for i in range(len(text) - n + 1) if " " not in text[i : i + n]]


def plain_bm25(documents: list[str], question: str) -> list[float]:
    """BM25 as it stands in Kamphuis et al. 2020, for Lucene, with the factor K1 + 1 of Robertson's."""
    grammed = [plain_grams(document) for document in documents]
    usual = sum(map(len, grammed)) / max(1, len(grammed)) or 1.0
    scores = []
    for document in grammed:
        score = 0.0
        for term in plain_grams(question):  # as often as the question has it
            holders = sum(term in other for other in grammed)
            rarity = np.log(1 + (len(grammed) - holders + 0.5) / (holders + 0.5))
            frequency = document.count(term)
            score += rarity * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * len(document) / usual))
        scores.append(score)
    return scores


def scores_in(field: TermField, terms: Wanted, documents: npt.NDArray[np.intp]) -> Scores:
    return score(field, together([terms]), np.zeros(len(documents), np.intp), documents)


def total(field: TermField, terms: Wanted) -> float:
    return float(field.rarities.totals(together([terms]))[0])


def by_document(field: TermField, terms: Wanted) -> Scores:
    return scores_in(field, terms, np.arange(field.rarities.n_documents))


def by_term(field: TermField, terms: Wanted) -> Scores:
    return Postings.of(field).scores(terms)[0]


WAYS = pytest.mark.parametrize("scores", [by_document, by_term])


def normalised(text: str) -> str:
    return normalise(text).normalised


@WAYS
@given(documents=texts, question=questions)
def test_scores_are_those_of_the_formula(
    scores: Callable[[TermField, Wanted], Scores], documents: list[str], question: str
) -> None:
    documents = [normalised(document) for document in documents]
    field = TermField(terms_of(*documents))
    found = scores(field, terms_of(normalised(question)).of(0))
    assert found == pytest.approx(plain_bm25(documents, normalised(question)), rel=1e-5, abs=1e-6)


@WAYS
def test_scores_are_those_of_bm25s(scores: Callable[[TermField, Wanted], Scores]) -> None:
    bm25s = pytest.importorskip("bm25s")
    rng = np.random.default_rng(3)
    documents = ["".join(rng.choice(list("甲乙丙丁戊己庚辛"), rng.integers(1, 15))) for _ in range(60)]
    known = bm25s.BM25(method="lucene", k1=K1, b=B)
    known.index([plain_grams(document) for document in documents], show_progress=False)
    field = TermField(terms_of(*documents))
    for question in ("甲乙", "丙丁戊", "辛庚己甲"):
        theirs = known.get_scores(sorted(set(plain_grams(question)) & set(known.vocab_dict)))
        # bm25s leaves the factor K1 + 1 away, which changes no order.
        assert scores(field, terms_of(question).of(0)) == pytest.approx(theirs * (K1 + 1), rel=1e-4, abs=1e-5)


def test_documents_that_are_mostly_empty_are_measured_by_their_mean() -> None:
    # The mean is below one term here, as that of tags is where few entries have any.
    documents = ["甲", "", "", "", "乙"]
    field = TermField(terms_of(*documents))
    assert by_document(field, terms_of("甲").of(0)) == pytest.approx(plain_bm25(documents, "甲"), rel=1e-5)


@WAYS
@pytest.mark.parametrize("documents", [[], [""], ["", ""], ["甲"]])
def test_terms_that_nothing_holds_score_nothing(
    scores: Callable[[TermField, Wanted], Scores], documents: list[str]
) -> None:
    field = TermField(terms_of(*documents))
    for question in ("", "戊己"):
        assert scores(field, terms_of(question).of(0)).tolist() == [0.0] * len(documents)


def test_scores_follow_the_documents_that_are_asked_for() -> None:
    field = TermField(terms_of("甲乙", "丙", "", "甲"))
    question = terms_of("甲").of(0)
    every = by_document(field, question)
    rows = np.array([3, 2, 0, 3])
    assert scores_in(field, question, rows).tolist() == every[rows].tolist()
    assert scores_in(field, question, rows[:0]).tolist() == []


def test_the_total_is_what_a_usual_document_reaches() -> None:
    # Two documents of the mean length: each holds its term once, and so scores the term's rarity.
    field = TermField(terms_of("甲", "乙"))
    question = terms_of("甲").of(0)
    assert by_document(field, question)[0] == pytest.approx(total(field, question))


def test_a_term_that_nothing_holds_counts_in_the_total() -> None:
    field = TermField(terms_of("甲", "乙"))
    assert total(field, terms_of("戊").of(0)) == pytest.approx(np.log(1 + 2.5 / 0.5))
    assert total(field, terms_of("甲 戊").of(0)) > total(field, terms_of("甲").of(0))
    assert total(field, terms_of("").of(0)) == 0.0


def test_the_best_are_those_with_the_highest_scores() -> None:
    postings = Postings.of(TermField(terms_of("甲乙丙", "甲", "丁", "甲乙")))
    question = terms_of("甲乙丙").of(0)
    assert sorted(best(postings.scores(question)[0], 2).tolist()) == [0, 3]
    assert sorted(best(postings.scores(question)[0], 9).tolist()) == [0, 1, 3]  # 丁 shares nothing
    assert best(postings.scores(terms_of("戊").of(0))[0], 2).tolist() == []


def test_the_best_are_found_among_those_that_are_allowed() -> None:
    postings = Postings.of(TermField(terms_of("甲乙丙", "甲", "丁", "甲乙")))
    allowed = np.array([False, True, True, False])
    assert best(postings.scores(terms_of("甲乙丙").of(0))[0], 1, allowed).tolist() == [1]


def test_nothing_reaches_from_one_text_into_the_next() -> None:
    apart = terms_of("甲", "乙")
    together = terms_of("甲乙").of(0)
    assert not set(apart.keys.tolist()) >= set(together.keys.tolist())
    assert apart.offsets.tolist() == [0, 1, 2]


def heard(text: str) -> set[int]:
    return set(sounds(normalise_batch([text]), sensible().syllables).keys.tolist())


def test_homophones_sound_alike() -> None:
    assert heard("奈粉") == heard("奶粉") != set()
    assert heard("奶粉") < heard("换奈粉")


def test_other_sounds_do_not() -> None:
    assert heard("奶粉").isdisjoint(heard("面粉"))


def test_what_has_no_sound_parts_what_has() -> None:
    assert heard("奶😀粉") == heard("奶 粉") == heard("abc") == heard("奶") == set()


def test_questions_that_are_scored_together_score_as_each_alone() -> None:
    field = TermField(terms_of("甲乙丙", "甲", "", "丁甲甲"))
    asked = [terms_of(text).of(0) for text in ("甲丁", "", "戊", "丙甲甲")]
    several = together(asked)
    every, is_whole = Postings.of(field).scores_of(several)
    questions, documents = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)
    pairs = score(field, several, questions, documents).reshape(4, 4)
    for row, terms in enumerate(asked):
        assert every[row] == pytest.approx(by_term(field, terms))
        assert pairs[row] == pytest.approx(by_document(field, terms))
        assert field.rarities.totals(several)[row] == pytest.approx(total(field, terms))
    assert is_whole.tolist() == [True] * 4


def test_of_several_questions_each_leaves_out_its_own_common_terms() -> None:
    postings = Postings.of(TermField(terms_of("甲乙", "甲", "甲丙")))
    several = together([terms_of(text).of(0) for text in ("甲", "甲丙", "乙")])
    scores, is_whole = postings.scores_of(several, most=2)
    assert is_whole.tolist() == [False, False, True]
    assert scores[0].min() > 0  # of its only term there is no rarer one
    assert scores[1].tolist()[:2] == [0.0, 0.0] < scores[1].tolist()[1:]
    assert scores[2] == pytest.approx(postings.scores(terms_of("乙").of(0))[0])
