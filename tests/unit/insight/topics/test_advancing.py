"""A day more: who keeps an identity, what happens to topics, what a day costs."""

from dataclasses import replace

import numpy as np

from nlp_service.insight.topics import TopicState, advance, assign
from tests.unit.insight.topics.talks import (
    OPTIONS,
    THEMES,
    day_of,
    embed,
    follow,
    main_topic,
    on,
    replace_options,
    statements,
    talk,
)

ALL = list(THEMES)
BACKGROUND = ("phones", "lessons", "plants")


def with_more(day: int, texts: list[str]):
    """A day on which three other themes are spoken of, 120 messages, and these texts after them."""
    others = [text for place, name in enumerate(BACKGROUND) for text in statements(THEMES[name], 40, 10 * day + place)]
    return day_of(day, [*others, *texts], people=17 + day)  # so that others say them every day


def kinds(events, day: int) -> list[str]:
    return [event.kind for when, event in events if when == day]


def test_each_theme_is_a_topic_on_the_first_day_and_the_same_one_on_every_other():
    _, numbers, events = follow([talk(day, ALL) for day in range(4)])

    first = [main_topic(numbers[0], place) for place in range(len(ALL))]
    assert len(set(first)) == len(ALL)
    assert kinds(events, 0) == ["born"] * len(ALL)
    for found in numbers[1:]:
        assert [main_topic(found, place) for place in range(len(ALL))] == first


def test_a_day_more_leaves_nine_tenths_of_the_members_where_they_were():
    tables = [talk(day, ALL) for day in range(6)]
    state, numbers, _ = follow(tables[:5])
    later, _, _ = advance(state, on(5), tables[5], embed, OPTIONS)

    for number, each in zip(numbers, tables[:5], strict=True):
        told = state.resolve(number)
        assert (later.resolve(number) == told).mean() >= 0.9
        again = assign(later, each, embed, OPTIONS)
        assert (again[told >= 0] == told[told >= 0]).mean() >= 0.9


def test_a_topic_that_drifts_stays_itself():
    old, new = THEMES["parcels"], THEMES["coffee"]
    _, numbers, _ = follow(
        [
            # One of its six words is another one every third day.
            with_more(day, statements(old[day // 3 :] + new[: day // 3], 40, seed=day))
            for day in range(8)
        ]
    )
    tops = [main_topic(found[120:], 0) for found in numbers]
    assert len(set(tops)) == 1
    assert all((found[120:] == top).mean() >= 0.8 for found, top in zip(numbers, tops, strict=True))


def test_a_theme_that_nobody_speaks_of_fades_and_returns_under_its_name():
    quiet = [talk(day, ["parcels"]) for day in range(1, 10)]
    state, numbers, events = follow([talk(0, ["parcels", "pets"]), *quiet, talk(10, ["parcels", "pets"])])

    pets = main_topic(numbers[0], 1)
    assert kinds(events, 7) == ["faded"]  # fade_days after it was last spoken of
    assert kinds(events, 10) == ["returned"]
    assert main_topic(numbers[10], 1) == pets
    faded, returned = (event for _, event in events if event.kind in ("faded", "returned"))
    assert faded.topic_id == returned.topic_id == state.topics.ids[list(state.topics.numbers).index(pets)]


def test_a_faded_topic_does_not_return_for_one_person():
    tables = [talk(0, ["parcels", "pets"]), *(talk(day, ["parcels"]) for day in range(1, 9))]
    state, _, _ = follow(tables)
    alone = day_of(9, statements(THEMES["pets"], 20, seed=9), people=1)
    _, found, events = advance(state, on(9), alone, embed, OPTIONS)
    assert not events
    assert (found == -1).all()


def test_two_topics_that_come_to_be_about_the_same_merge_into_the_older_one():
    both = [*THEMES["coffee"][:3], *THEMES["pets"][:3]]
    options = replace_options(merge=0.6, half_life_days=1.0)
    tables = [talk(0, ["coffee", "pets"]), *(day_of(day, statements(both, 80, seed=day)) for day in range(1, 8))]
    state, numbers, events = follow(tables, options)

    coffee, pets = main_topic(numbers[0], 0), main_topic(numbers[0], 1)
    old, young = min(coffee, pets), max(coffee, pets)
    ids = {event.topic_id: event.other for _, event in events if event.kind == "merged"}
    assert state.resolve(np.array([young, old, -1])).tolist() == [old, old, -1]
    assert state.topics.ids[list(state.topics.numbers).index(old)] in ids.values()
    assert not set(state.topics.ids) & set(ids)


def test_a_topic_whose_talk_comes_apart_is_split_and_the_nearer_half_keeps_the_id():
    mixed = [*THEMES["lessons"][:3], *THEMES["phones"][:3]]
    apart = [*statements(THEMES["lessons"][:3], 40, seed=1), *statements(THEMES["phones"][:3], 40, seed=2)]
    options = replace_options(near=0.25)
    _, numbers, events = follow([day_of(0, statements(mixed, 80, seed=0)), day_of(1, apart)], options)

    (born,) = (event for day, event in events if event.kind == "born" and day == 0)
    (split,) = (event for day, event in events if event.kind == "split")
    assert split.other == born.topic_id
    assert split.topic_id != born.topic_id
    halves = {main_topic(numbers[1], place) for place in range(2)}
    assert len(halves) == 2
    assert set(numbers[0][numbers[0] >= 0].tolist()) < halves


def test_the_same_days_give_the_same_ids_numbers_and_bytes():
    tables = [talk(day, ALL[:3]) for day in range(3)]
    one, two = follow(tables), follow(tables)
    assert one[0].to_bytes() == two[0].to_bytes()
    assert one[2] == two[2]
    assert all((a == b).all() for a, b in zip(one[1], two[1], strict=True))


def test_ids_begin_with_the_founding_day():
    state, _, _ = follow([talk(0, ["coffee"]), talk(1, ["coffee", "pets"])])
    assert [name[:9] for name in state.topics.ids] == ["20260907-", "20260908-"]


def test_late_messages_find_their_topic_and_found_none():
    state, numbers, _ = follow([talk(day, ["coffee"]) for day in range(3)])
    late = day_of(1, [*statements(THEMES["coffee"], 20, seed=77), *statements(THEMES["pets"], 40, seed=78)], first=500)
    after, found, events = advance(state, on(1), late, embed, OPTIONS)
    assert (found[:20] == main_topic(numbers[0], 0)).mean() >= 0.8
    assert (found[20:] == -1).all()
    assert not events
    assert (after.day, len(after.topics)) == (state.day, len(state.topics))
    assert after.topics.mass[0] > state.topics.mass[0]


def test_a_day_may_come_in_two_parts():
    whole = talk(0, ["coffee", "pets"])
    state, first, _ = advance(TopicState(), on(0), whole.slice(0, 40), embed, OPTIONS)
    state, second, events = advance(state, on(0), whole.slice(40), embed, OPTIONS)
    assert [event.kind for event in events] == ["born"]
    assert len(set(first[first >= 0].tolist()) | set(second[second >= 0].tolist())) == 2


def test_what_is_said_a_little_each_day_becomes_a_topic_all_the_same():
    _, numbers, events = follow([with_more(day, statements(THEMES["pets"], 2, seed=day)) for day in range(4)])
    assert kinds(events, 0) == ["born"] * 3
    assert kinds(events, 1) == []
    assert kinds(events, 2) == ["born"]  # six of the least_messages, 5
    assert (numbers[1][120:] == -1).all()
    assert (numbers[3][120:] >= 0).all()


def test_numbers_that_are_forgotten_stand_for_nothing():
    state, _, _ = follow([talk(0, ["coffee"])])
    assert state.resolve(np.array([1, 99, -1])).tolist() == [1, -1, -1]
    assert replace(state, topics=state.topics.take(np.zeros(0, np.int64))).resolve(np.array([1])).tolist() == [-1]
