"""Topics as they are reported."""

import numpy as np
import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.topics import TopicState, assign, summarise
from tests.unit.insight.stated import days, table
from tests.unit.insight.topics.talks import OPTIONS, THEMES, embed, follow, main_topic, talk


@pytest.fixture(scope="module")
def week():
    import pyarrow as pa

    tables = [talk(0, ["coffee", "pets"]), talk(1, ["coffee", "pets"]), talk(2, ["coffee"])]
    state, numbers, _ = follow(tables)
    return state, pa.concat_tables(tables), np.concatenate(numbers)


def test_topics_are_named_after_what_is_said_of_them_and_counted(week):
    state, facts, numbers = week
    found = summarise(state, facts, numbers, days(0, 2))
    coffee = found[0]
    assert set(coffee.terms) & set(THEMES["coffee"])
    assert any(word in coffee.name for word in THEMES["coffee"])
    rows = numbers == main_topic(numbers, 0)
    assert coffee.messages == len(coffee.keys) == rows.sum()
    assert {key.id for key in coffee.keys} == {id for id, own in zip(facts["id"].to_pylist(), rows, strict=True) if own}
    assert coffee.people == 20
    assert coffee.share == pytest.approx(rows.sum() / facts.num_rows)
    assert [bucket.messages for bucket in coffee.trend] == [rows[:80].sum(), rows[80:160].sum(), rows[160:].sum()]
    assert coffee.first_at == facts["at"][int(np.flatnonzero(rows)[0])].as_py()
    assert 1 <= len(coffee.quotes) <= 3


def test_topics_of_most_people_come_first_and_small_ones_are_left_out(week):
    state, facts, numbers = week
    found = summarise(state, facts, numbers, days(0, 2))
    order = [(-topic.people, -topic.messages) for topic in found]
    assert order == sorted(order)
    assert summarise(state, facts, numbers, days(0, 2), least_people=21) == ()
    assert len(summarise(state, facts, numbers, days(0, 2), most=1)) == 1


def test_only_the_period_is_counted(week):
    state, facts, numbers = week
    (only,) = (topic for topic in summarise(state, facts, numbers, days(2, 2)) if topic.messages > 10)
    assert only.messages == (numbers[160:] == main_topic(numbers, 0)).sum()
    assert only.first_at == facts["at"][0].as_py()  # it is older than the period


def test_the_change_is_against_the_same_rule_in_the_period_before(week):
    state, facts, numbers = week
    earlier = facts.slice(0, 160)
    before = assign(state, earlier, embed, OPTIONS)
    topic = summarise(state, facts, numbers, days(2, 2), before=before)[0]
    assert topic.change.known
    assert topic.change.before == (before == main_topic(numbers, 0)).sum()
    assert not summarise(state, facts, numbers, days(2, 2))[0].change.known


def test_nothing_gives_no_topics():
    nothing = np.zeros(0, np.int64)
    assert summarise(TopicState(), table([]), nothing, days(0, 2)) == ()


def test_numbers_of_another_table_are_refused(week):
    state, facts, numbers = week
    with pytest.raises(BadInput, match="rows"):
        summarise(state, facts, numbers[1:], days(0, 2))
