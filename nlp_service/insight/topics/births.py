"""New topics, of what belongs to none: today's, and what was left over on the days before."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

import numpy as np

from nlp_service.insight.facts import Floats
from nlp_service.insight.periods import from_micros
from nlp_service.insight.results import TopicEvent
from nlp_service.insight.topics.belonging import NONE, Day, feed, find_nearest
from nlp_service.insight.topics.crowds import find_crowds, share_a_word
from nlp_service.insight.topics.state import PEOPLE, Index, Names, Topics, TopicState, Waiting


def found_topics(state: TopicState, day: Day, places: Index) -> tuple[TopicState, Index, tuple[TopicEvent, ...]]:
    """Found topics where those who belong to none are a crowd.

    Args:
        state: With the topics that are known; new ones come behind them.
        day: What was said.
        places: Topic of each statement, `NONE` for none; (n,).

    Returns:
        The state, the places, and a ``born`` for each new topic.
    """
    left = np.flatnonzero(places == NONE)
    if not len(left):
        return state, places, ()
    pool, vectors, statements = _pool(state.waiting, day, left)
    least = day.options.least_share * float(day.said.messages.sum())
    crowds = [
        each
        for each in find_crowds(vectors, pool.messages, pool.people, day.options, least)
        if share_a_word(np.sort(statements[each][statements[each] >= 0]), day.said.words, day.options.anchor)
    ]
    places = places.copy()
    for number, members in enumerate(crowds):
        today = statements[members]
        places[today[today >= 0]] = len(state.topics) + number
    born = _topics(state, day, pool, vectors, statements, crowds)
    # Of very many only some were compared; the others may belong to what these founded.
    rest = left[places[left] == NONE]
    nearest = find_nearest(day.said.vectors[rest], born, day.options.near)
    more = np.full(len(places), NONE, np.int64)
    more[rest] = nearest
    places[rest] = np.where(nearest >= 0, nearest + len(state.topics), NONE)
    born = feed(born, day, more)
    is_left = np.ones(len(pool.keys), np.bool_)
    is_left[np.concatenate([*crowds, np.zeros(0, np.int64)])] = False
    state = replace(
        state,
        topics=state.topics.join(born),
        waiting=_newest(pool.take(is_left), day.options.most_waiting),
        next_number=state.next_number + len(born),
    )
    events = (TopicEvent("born", born.ids[i], from_micros(int(born.first_at[i]))) for i in range(len(born)))
    return state, places, tuple(events)


def make_id(day: int, keys: Names, taken: tuple[str, ...] = ()) -> str:
    """Id of a topic: its founding day, and a hash of what was said then.

    Args:
        day: Ordinal.
        keys: Of the founding statements, in any order.
        taken: Ids that others have.
    """
    content = np.sort(keys).tobytes()
    while True:
        name = f"{date.fromordinal(day):%Y%m%d}-{hashlib.sha256(content).hexdigest()[:10]}"
        if name not in taken:
            return name
        content += b"+"


def _pool(waiting: Waiting, day: Day, left: Index) -> tuple[Waiting, Floats, Index]:
    """What is compared: today's statements and those that wait, with the vectors and today's numbers (-1 for none)."""
    said = day.said
    again = np.isin(waiting.keys, said.keys)
    before = waiting.take(again)
    today = Waiting(
        said.keys[left],
        said.vectors[left].astype(np.float16),
        said.messages[left].copy(),
        said.people[left].copy(),
        np.full(len(left), day.number, np.int64),
    )
    # What was said before and is said again counts both times.
    _, here, there = np.intersect1d(today.keys, before.keys, return_indices=True)
    today.messages[here] += before.messages[there]
    today.people[here] = _together(today.people[here], before.people[there])
    older = waiting.take(~again)
    pool = Waiting(*(np.concatenate((getattr(today, name), getattr(older, name))) for name in Waiting.__annotations__))
    vectors = np.concatenate((said.vectors[left], older.vectors.astype(np.float32)))
    statements = np.concatenate((left, np.full(len(older.keys), NONE, np.int64)))
    if len(pool.keys) > day.options.most_compared:
        # By how often they were said, then by their hashes, which is a draw that comes out the same every time.
        chosen = np.sort(np.lexsort((pool.keys, -pool.messages))[: day.options.most_compared])
        pool, vectors, statements = pool.take(chosen), vectors[chosen], statements[chosen]
    return pool, vectors, statements


def _together(some: Names, others: Names) -> Names:
    """Up to four different people of both; (n, PEOPLE)."""
    both = np.sort(np.concatenate((some, others), axis=1), axis=1)
    both[:, 1:][both[:, 1:] == both[:, :-1]] = 0
    found: Names = np.sort(both, axis=1)[:, ::-1][:, :PEOPLE]
    return found


def _topics(
    state: TopicState, day: Day, pool: Waiting, vectors: Floats, statements: Index, crowds: list[Index]
) -> Topics:
    """A topic of each crowd."""
    n, columns = len(crowds), vectors.shape[1]
    sums, mass, first_at = np.zeros((n, columns), np.float32), np.zeros(n, np.float32), np.zeros(n, np.int64)
    ids: list[str] = []
    for i, members in enumerate(crowds):
        today = statements[members][statements[members] >= 0]
        weights = np.sqrt((pool.people[members] != 0).sum(1)).astype(np.float32)
        sums[i], mass[i] = weights @ vectors[members], weights.sum()
        first_at[i] = day.begin_of(today)
        ids.append(make_id(day.number, pool.keys[members], (*state.topics.ids, *ids)))
    days = np.full(n, day.number, np.int64)
    numbers = np.arange(state.next_number, state.next_number + n, dtype=np.int64)
    return Topics(numbers, tuple(ids), sums, mass, days, days.copy(), first_at, np.zeros(n, np.bool_))


def _newest(waiting: Waiting, most: int) -> Waiting:
    """At most so many: the newest, of these the most said."""
    order = np.lexsort((waiting.keys, -waiting.messages, -waiting.day))[:most]
    return waiting.take(np.sort(order))
