"""Days that are not as days should be: empty, full of copies, of one author, of nothing, and states that grow."""

import numpy as np
import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.topics import TopicState, advance, assign
from tests.unit.insight.stated import message, table
from tests.unit.insight.topics.talks import (
    ELSE,
    OPTIONS,
    THEMES,
    day_of,
    embed,
    follow,
    on,
    replace_options,
    statements,
    talk,
)

ALL = list(THEMES)


def test_messages_that_have_nothing_in_common_are_no_topic():
    rng = np.random.default_rng(5)
    texts = ["，".join(rng.choice(ELSE, 2, replace=False).tolist()) for _ in range(10)]
    _, numbers, events = follow([day_of(0, texts)])
    assert not events
    assert (numbers[0] == -1).all()


def test_what_says_nothing_belongs_to_nothing():
    texts = ["哈哈哈", "嗯嗯", "[微笑]", "…", "", "好的"] * 20
    _, numbers, events = follow([day_of(0, texts)])
    assert not events
    assert (numbers[0] == -1).all()


def test_adverts_are_not_looked_at():
    rows = [message(i / 60, f"p{i}", "ad", text=text) for i, text in enumerate(statements(THEMES["pets"], 40, seed=1))]
    _, found, events = advance(TopicState(), on(0), table(rows), embed, OPTIONS)
    assert not events
    assert (found == -1).all()


def test_one_author_founds_no_topic_however_much_is_written():
    _, numbers, events = follow([day_of(0, statements(THEMES["pets"], 60, seed=1), people=1)])
    assert not events
    assert (numbers[0] == -1).all()


@pytest.mark.parametrize(("people", "topics"), [(1, 0), (2, 0), (3, 1), (400, 1)])
def test_copies_are_one_statement_that_weighs_as_many_people(people, topics):
    state, numbers, events = follow([day_of(0, ["快递 驿站 签收"] * 400, people=people)])
    assert len(events) == topics
    assert ((numbers[0] >= 0) == bool(topics)).all()
    if topics:
        assert state.topics.mass[0] == pytest.approx(np.sqrt(min(people, 4)))  # of four it is known who they are


def test_messages_of_nobody_known_are_people_of_their_own():
    texts = statements(THEMES["pets"], 30, seed=1)
    rows = [message(i / 60, "", text=text) for i, text in enumerate(texts)]
    assert [event.kind for event in advance(TopicState(), on(0), table(rows), embed, OPTIONS)[2]] == ["born"]


def test_an_empty_day_and_one_message_are_taken():
    state, found, events = advance(TopicState(), on(0), table([]), embed, OPTIONS)
    assert len(found) == 0
    assert not events
    state, found, events = advance(state, on(1), day_of(1, ["手冲 咖啡 豆子"]), embed, OPTIONS)
    assert found.tolist() == [-1]
    state, _, _ = advance(state, on(2), talk(2, ["coffee"]), embed, OPTIONS)
    _, _, events = advance(state, on(30), table([]), embed, OPTIONS)
    assert [(event.kind, event.at.isoformat()) for event in events] == [("faded", "2026-10-08T00:00:00+00:00")]


def test_the_state_that_was_given_is_left_as_it_was():
    state, _, _ = follow([talk(day, ALL[:2]) for day in range(2)])
    before = state.to_bytes()
    advance(state, on(2), talk(2, ALL), embed, OPTIONS)
    assign(state, talk(2, ALL), embed, OPTIONS)
    assert state.to_bytes() == before


def test_a_day_costs_the_day_and_not_the_history():
    asked = []

    def counting(texts):
        asked.append(len(texts))
        return embed(texts)

    state, sizes, read = TopicState(), {}, {}
    for day in range(30):
        asked.clear()
        state, _, _ = advance(state, on(day), talk(day, ALL), counting, OPTIONS)
        sizes[day + 1], read[day + 1] = len(state.to_bytes()), sum(asked)
    assert sizes[30] <= 1.5 * sizes[5]
    assert read[30] <= 1.1 * read[5]
    assert len(state.topics) <= 2 * len(ALL)


def test_what_is_remembered_is_bounded():
    options = replace_options(most_topics=3, most_waiting=20)
    tables = [
        day_of(
            day,
            [
                *statements(THEMES[ALL[day % 5]], 40, seed=day),
                *(f"{word}{day}号{ELSE[-1 - i]}" for i, word in enumerate(ELSE)),
            ],
        )
        for day in range(10)
    ]
    state, _, _ = follow(tables, options)
    assert len(state.topics) <= 3
    assert len(state.waiting.keys) <= 20


def test_other_vectors_than_before_are_refused():
    state, _, _ = follow([talk(0, ["coffee"])])
    with pytest.raises(BadInput, match="columns"):
        advance(state, on(1), talk(1, ["coffee"]), lambda texts: np.ones((len(texts), 5), np.float32), OPTIONS)


@pytest.mark.parametrize("bad", [np.float32("nan"), np.float32("inf")])
def test_vectors_that_are_no_numbers_are_refused(bad):
    with pytest.raises(BadInput, match="finite"):
        advance(
            TopicState(), on(0), talk(0, ["pets"]), lambda texts: np.full((len(texts), 3), bad, np.float32), OPTIONS
        )


def test_texts_without_vectors_belong_to_nothing():
    _, found, events = advance(
        TopicState(), on(0), talk(0, ["pets"]), lambda texts: np.zeros((len(texts), 8), np.float32), OPTIONS
    )
    assert not events
    assert (found == -1).all()
