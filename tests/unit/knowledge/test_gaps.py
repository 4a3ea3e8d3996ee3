from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from nlp_service.errors import BadInput
from nlp_service.inference.analyser import Analyser
from nlp_service.knowledge import linking
from nlp_service.knowledge.entries import MAX_QUESTION, make_entry
from nlp_service.knowledge.gaps import FloatArray, Gap, KnownQuestions, Unanswered, find_gaps, open_draft, unanswered
from nlp_service.store.replies import Feedback, StoredReply

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
PET, PORT, HALL = range(3)


def asked(number: int, text: str, author: str = "", *, channel: str = "", answers: tuple[str, ...] = ()) -> Unanswered:
    return Unanswered(f"r{number}", text, author, NOON + timedelta(minutes=number), channel, answers)


def topics(*numbers: int) -> FloatArray:
    """One direction for each topic."""
    return np.eye(4, dtype=np.float32)[list(numbers)]


QUESTIONS = [
    asked(1, "狗能带进店里不", "a", channel="一群"),
    asked(2, "停车场有充电的吗", "b", channel="二群"),
    asked(3, "能带宠物吗", "c", channel="二群", answers=("小型犬可以", "可以的")),
    asked(4, "能带宠物吗？", "a", channel="一群", answers=("小型犬可以",)),
    asked(5, "猫猫可以一起去么", "d"),
]
VECTORS = topics(PET, PORT, PET, PET, PET)


def test_questions_of_one_meaning_are_one_gap_with_all_that_stands_behind_it() -> None:
    pets, port = find_gaps(QUESTIONS, VECTORS)
    assert (pets.people, pets.messages, pets.reply_ids) == (3, 4, ("r1", "r3", "r4", "r5"))
    assert (pets.first_asked_at, pets.last_asked_at) == (QUESTIONS[0].asked_at, QUESTIONS[4].asked_at)
    assert pets.channels == ("一群", "二群")
    assert pets.title == pets.examples[0]
    assert set(pets.examples) == {"狗能带进店里不", "能带宠物吗", "猫猫可以一起去么"}  # one of two that fold alike
    assert port.reply_ids == ("r2",)


def test_the_order_of_questions_changes_nothing() -> None:
    expected = find_gaps(QUESTIONS, VECTORS)
    for seed in range(5):
        order = random.Random(seed).sample(range(len(QUESTIONS)), len(QUESTIONS))
        assert find_gaps([QUESTIONS[i] for i in order], VECTORS[order]) == expected


def test_people_count_before_messages_and_then_the_last_time() -> None:
    one_loud = [asked(i, "几号放假", "a") for i in range(10)]
    two = [asked(20, "有无障碍通道吗", "b"), asked(21, "有无障碍通道吗", "c")]
    late = [asked(30, "招不招兼职", "d")]
    gaps = find_gaps([*one_loud, *two, *late], topics(*[0] * 10, 1, 1, 2))
    assert [(gap.people, gap.messages) for gap in gaps] == [(2, 2), (1, 1), (1, 10)]
    assert [gap.people for gap in find_gaps([*one_loud, *two], topics(*[0] * 10, 1, 1), minimum_people=2)] == [2]


def test_messages_without_an_author_count_as_one_person() -> None:
    (gap,) = find_gaps([asked(1, "能寄存行李吗"), asked(2, "能寄存行李吗")], topics(0, 0))
    assert (gap.people, gap.messages) == (1, 2)


def test_weak_vectors_need_words_in_common() -> None:
    # As near as unrelated questions are with the fast model.
    vectors = np.array([[0.92, 0.392], [1.0, 0.0], [0.92, -0.392]], np.float32)
    gaps = find_gaps([asked(1, "支持货到付款吗"), asked(2, "货到付款支持不"), asked(3, "儿童椅在哪里拿")], vectors)
    assert [gap.reply_ids for gap in gaps] == [("r3",), ("r1", "r2")]


def test_what_cannot_be_read_is_no_question() -> None:
    (gap,) = find_gaps([asked(1, "\u200b"), asked(2, "有轮椅借吗")], topics(0, 0))
    assert gap.reply_ids == ("r2",)
    assert find_gaps([asked(1, "")], topics(0)) == []
    assert find_gaps([], np.zeros((0, 4), np.float32)) == []


@pytest.mark.parametrize(
    ("vectors", "similarity"),
    [
        (topics(0, 0), 0.9),  # one question
        (topics(0)[0], 0.9),
        (np.full((1, 4), np.nan, np.float32), 0.9),
        (topics(0), 0.0),
        (topics(0), float("nan")),
    ],
)
def test_input_that_does_not_fit_is_refused(vectors: FloatArray, similarity: float) -> None:
    with pytest.raises(BadInput):
        find_gaps([asked(1, "可以拍照吗")], vectors, similarity=similarity)


def test_a_draft_proposes_the_answer_that_most_people_gave_and_becomes_an_entry() -> None:
    pets = find_gaps(QUESTIONS, VECTORS)[0]
    assert pets.draft.questions[0] == pets.title
    assert set(pets.draft.questions) == set(pets.examples)
    assert (pets.draft.answer, pets.draft.proposal) == ("", "小型犬可以")
    entry = open_draft(pets, category="门店", tags=["宠物"])
    assert (entry.id, entry.questions, entry.answer) == (f"gap-{pets.id}", pets.draft.questions, "小型犬可以")
    assert (entry.category, entry.tags) == ("门店", ("宠物",))
    assert open_draft(pets, " 不可以 ", id="pet-1").answer == "不可以"


def test_a_draft_without_any_answer_cannot_be_opened() -> None:
    port = find_gaps(QUESTIONS, VECTORS)[1]
    with pytest.raises(BadInput) as caught:
        open_draft(port)
    assert caught.value.param == "answer"


def test_the_category_is_that_of_the_nearest_entry_if_one_is_near() -> None:
    hall = make_entry("h", ["包间怎么订"], "打电话", category="预订")
    shop = make_entry("s", ["宠物能进店吗"], "能", category="门店")
    known = KnownQuestions([hall, shop], topics(HALL, PET))
    pets, port = find_gaps(QUESTIONS, VECTORS, known=known)
    assert (pets.draft.category, port.draft.category) == ("门店", "")


def test_a_message_of_several_lines_or_pages_is_cut_to_a_wording() -> None:
    (gap,) = find_gaps([asked(1, "请教一下\n团建\0包场" + "怎么算" * MAX_QUESTION, "a")], topics(0))
    entry = open_draft(gap, "按人头算")
    assert entry.questions[0].startswith("请教一下 团建 包场怎么算")
    assert len(entry.questions[0]) == MAX_QUESTION


def test_stored_replies_bring_the_answers_of_people() -> None:
    reply = StoredReply(
        id="r9", kb_version=1, asked_at=NOON, question="有储物柜吗", decision="none", reason="far", author_hash="h"
    )
    said = [
        Feedback(reply_id="r9", given_at=NOON, by="x", answer="二楼有"),
        Feedback(reply_id="r9", given_at=NOON, by="y", helpful=False),
    ]
    assert list(unanswered([reply], said)) == [Unanswered("r9", "有储物柜吗", "h", NOON, "", ("二楼有",))]


def naive_link(vectors: FloatArray, bound: float) -> set[frozenset[int]]:
    """Average link by its definition: merge the nearest two until none are near."""
    products = vectors @ vectors.T
    clusters = [[i] for i in range(len(vectors))]
    while len(clusters) > 1:
        means = {
            (a, b): float(products[np.ix_(clusters[a], clusters[b])].mean())
            for b in range(len(clusters))
            for a in range(b)
        }
        (a, b), best = max(means.items(), key=lambda item: item[1])
        if best < bound:
            break
        clusters[a] += clusters.pop(b)
    return {frozenset(cluster) for cluster in clusters}


@pytest.mark.parametrize("bound", [0.2, 0.5, 0.8])
def test_linking_is_average_link(bound: float) -> None:
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((8, 6))[rng.integers(8, size=30)] + 0.5 * rng.standard_normal((30, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    labels = linking.link(vectors, bound)
    found = {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}
    assert found == naive_link(vectors, bound)
    assert 1 < len(found) < 30  # else there was nothing to decide
    assert all(min(cluster) in labels for cluster in found)


def test_a_crowd_of_near_copies_is_one_cluster_across_blocks() -> None:
    rng = np.random.default_rng(3)
    centres = np.repeat(np.eye(3, 16), 500, axis=0)
    vectors = centres + 0.02 * rng.standard_normal((1500, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    assert np.unique(linking.link(vectors, 0.9), return_counts=True)[1].tolist() == [500, 500, 500]


def test_the_shipped_model_joins_what_members_ask_again_and_again(repository: Path) -> None:
    texts = ["能开专票吗", "专票能开吗", "请问能开专票吗", "周末几点开门", "周末几点开门呀"]
    vectors = Analyser.load(repository / "models" / "fast").vectors(texts)
    gaps: list[Gap] = find_gaps([asked(i, text, f"p{i}") for i, text in enumerate(texts)], vectors)
    assert [gap.reply_ids for gap in gaps] == [("r0", "r1", "r2"), ("r3", "r4")]
