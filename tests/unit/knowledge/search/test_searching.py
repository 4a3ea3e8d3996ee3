from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.knowledge.search.candidates import CANDIDATES, KEPT
from nlp_service.knowledge.search.features import features, read, survey
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import FEATURES
from nlp_service.knowledge.search.searching import Inquiry, candidates, conclude, rank_all, search
from tests.unit.knowledge.search.made_up import ASKS, SHOP, ask, entry, ids, planted, sensible, with_ranker

QUESTIONS = ["怎么退款", "钱退到哪", "几点关门呀", "停车", "奈粉能放多久", "发票", "你好", "今天真冷", "😀", "a"]


@pytest.fixture(scope="module")
def shop() -> Index:
    return Index(SHOP, sensible())


@pytest.mark.parametrize("text", QUESTIONS)
def test_the_same_question_finds_the_same(text: str) -> None:
    assert ask(Index(SHOP, sensible()), text) == ask(Index(SHOP, sensible()), text)


@given(text=st.sampled_from(QUESTIONS) | st.text("退款停车奶粉几点的吗 a", max_size=12), chat=st.floats(0, 1))
@settings(max_examples=60)
def test_probabilities_fall_and_do_not_exceed_one(shop: Index, text: str, chat: float) -> None:
    (question,) = read(shop.model, [text], shop.synonyms)
    found = search(shop, question, {"question": 1 - chat, "chat": chat, "ad": 0.5})
    chances = [hit.probability for hit in found.hits]
    assert all(0 <= chance <= 1 for chance in [*chances, found.cover])
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= found.cover + 1e-6
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


def test_an_entry_comes_back_once_by_its_best_wording(shop: Index) -> None:
    found = ask(shop, "钱什么时候退回来")
    assert len(set(ids(shop, found))) == len(found.hits)
    assert (ids(shop, found)[0], found.hits[0].wording) == ("refund", 1)


def test_no_more_come_back_than_are_wanted(shop: Index) -> None:
    every = ask(shop, "怎么退款")
    assert len(every.hits) == len(SHOP)
    assert ask(shop, "怎么退款", n=2).hits == every.hits[:2]  # fewer hits, and the same probabilities
    assert ask(shop, "怎么退款", n=0).hits == []


@given(
    allowed=st.lists(st.booleans(), min_size=len(SHOP), max_size=len(SHOP)),
    text=st.sampled_from(QUESTIONS),
)
@settings(max_examples=80)
def test_what_is_not_allowed_or_left_out_never_comes_back(shop: Index, allowed: list[bool], text: str) -> None:
    for hit in ask(shop, text, allowed=allowed).hits:
        assert allowed[hit.entry]


def test_what_an_entry_says_finds_it_where_its_wordings_do_not() -> None:
    filler = [entry(f"f{i}", f"第{i}条公告", answer="见附件。") for i in range(CANDIDATES + 10)]
    index = Index([*filler, entry("deep", "其他说明", answer="羊驼毛毯只能手洗。")], sensible())
    assert ids(index, ask(index, "羊驼毛毯"))[0] == "deep"


def test_candidates_are_wordings_each_once(shop: Index) -> None:
    (question,) = read(shop.model, ["怎么退款"], shop.synonyms)
    rows = candidates(shop, question, survey(shop, question))
    assert rows.dtype == np.intp
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert 0 in rows


def test_scores_are_those_of_the_ranker() -> None:
    index = Index(SHOP, with_ranker(planted({"terms.wording.share": 4.0}, constant=0.0)))
    found = ask(index, "开门几点")
    (question,) = read(index.model, ["开门几点"], index.synonyms)
    seen = survey(index, question)
    values = features(index, question, candidates(index, question, seen), seen)
    assert found.hits[0].score == pytest.approx(4.0 * values[:, FEATURES.index("terms.wording.share")].max(), rel=1e-5)
    assert found.cover == pytest.approx(0.5)
    scores = np.array([hit.score for hit in found.hits])
    shares = np.exp(scores) / np.exp(scores).sum()
    assert [hit.probability for hit in found.hits] == pytest.approx(0.5 * shares, rel=1e-4)


def test_whether_anything_answers_is_read_from_the_intents() -> None:
    model = with_ranker(planted({"terms.wording.share": 4.0}, {"chat": -8.0}, constant=4.0))
    index = Index(SHOP, model)
    (question,) = read(model, ["开门几点"], index.synonyms)
    asked = search(index, question, ASKS)
    chatted = search(index, question, {"chat": 1.0})
    assert asked.cover > 0.9 > 0.1 > chatted.cover
    assert [hit.entry for hit in asked.hits] == [hit.entry for hit in chatted.hits]


def test_a_question_is_read_with_what_was_said_before_it() -> None:
    index = Index([entry("ticket", "门票退款"), entry("card", "会员卡退款")], sensible())
    questions = read(index.model, ["退款", "退款 会员卡"], index.synonyms)
    joined = search(index, questions[0], ASKS, joined=(questions[1], 0.5))
    assert ids(index, joined)[0] == "card"
    assert search(index, questions[0], ASKS, joined=(questions[1], 0.0)).hits == search(index, questions[0], ASKS).hits


def test_questions_that_are_asked_together_are_answered_as_each_alone(shop: Index) -> None:
    texts = [*QUESTIONS, "怎么退款 发票", "退款" * 40]
    questions = read(shop.model, texts, shop.synonyms)
    masks = [None, np.arange(len(SHOP)) % 2 == 0, np.zeros(len(SHOP), np.bool_)]
    inquiries = []
    for i, question in enumerate(questions):
        other = (questions[i - 1], 0.3) if i % 4 == 1 else None
        inquiries.append(Inquiry(question, masks[i % 3], other, 1 + i))
    together = [conclude(shop, ranked, ASKS) for ranked in rank_all(shop, inquiries)]
    for (question, allowed, joined, n), found in zip(inquiries, together, strict=True):
        alone = search(shop, question, ASKS, allowed=allowed, joined=joined, n=n)
        assert [hit[:2] for hit in found.hits] == [hit[:2] for hit in alone.hits]
        numbers = [number for hit in found.hits for number in hit[2:]]
        assert numbers == pytest.approx([number for hit in alone.hits for number in hit[2:]], abs=1e-5)
        assert found.cover == pytest.approx(alone.cover, abs=1e-5)
    assert rank_all(shop, []) == []


def test_in_a_base_of_many_each_question_keeps_its_own_candidates() -> None:
    index = Index(
        [entry(f"e{i}", f"第{i}号柜退款{i % 7}", f"柜{i}停车", answer=f"柜{i}") for i in range(150)], sensible()
    )
    questions = read(index.model, ["第三号柜退款", "停车", "柜7退款", "😀"], index.synonyms)
    together = rank_all(index, [Inquiry(question) for question in questions])
    for question, ranked in zip(questions, together, strict=True):
        alone = search(index, question, ASKS)
        assert [row[0] for row in ranked.rows] == [hit.entry for hit in alone.hits]
        rows = candidates(index, question, survey(index, question))
        assert len(rows) <= KEPT
