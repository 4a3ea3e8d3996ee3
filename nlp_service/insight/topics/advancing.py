"""A day more: its messages to the topics that are known, new topics of what is left, and what became of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa

from nlp_service.errors import BadInput
from nlp_service.insight.counting import times
from nlp_service.insight.results import TopicEvent
from nlp_service.insight.topics import changes
from nlp_service.insight.topics.belonging import Day, feed, find_nearest, to_rows
from nlp_service.insight.topics.births import found_topics
from nlp_service.insight.topics.options import Embed, TopicOptions
from nlp_service.insight.topics.reading import Statements, first_rows, known_of, read_statements
from nlp_service.insight.topics.state import Index, TopicState, no_topics, nothing_waiting
from nlp_service.insight.wording import Corpus

DEFAULTS = TopicOptions()


def advance(
    state: TopicState,
    day: date,
    table: pa.Table,
    embed: Embed,
    options: TopicOptions = DEFAULTS,
    *,
    corpus: Corpus | None = None,
) -> tuple[TopicState, Index, tuple[TopicEvent, ...]]:
    """Read the messages of a day.

    What earlier days were told stays true: nothing of them is read or numbered again, so a day costs what is in it.
    A day may come in several parts. Messages of a day before the last one are late: they find the topics that are
    there, weigh as much as messages of their age, and change nothing else.

    Args:
        state: After the days before; it is left as it is.
        day: Which day this is, by the zone that the caller cuts days in.
        table: FACTS of the day. It may be empty: time goes by all the same.
        embed: Gives the vectors; the same one each time.
        options: How topics are found; the same each time.
        corpus: The words of the table's rows, where they have been read.

    Returns:
        The new state; of each row the number of its topic, -1 for none, (n,); and what happened, in this order: born,
        returned, split, merged, faded. `TopicState.resolve` tells what numbers of earlier days stand for now.

    Raises:
        BadInput: `embed` gives no vectors or others than on the days before, rows are out of order, or the corpus is
            of another table.
    """
    number = day.toordinal()
    is_late = number < state.day
    if not is_late:
        state = changes.age(state, number, options)
    said, known = read_statements(table, embed, options, known_of(state), learn=not is_late, corpus=corpus)
    state = _fitted(state, said)
    now = Day(number, said, times(table), first_rows(said.of_row, len(said)), options)
    places = find_nearest(said.vectors, state.topics, options.near)
    if is_late:
        weight = 0.5 ** ((state.day - number) / options.half_life_days)
        topics, places, _ = changes.wake(state.topics, now, places)
        state = replace(state, topics=feed(replace(topics, faded=state.topics.faded), now, places, weight))
        return state, to_rows(said, places, state.topics), ()
    topics, places, returned = changes.wake(state.topics, now, places)
    state = replace(state, counts=known.counts, statements=known.statements, common=known.common)
    state = replace(state, topics=feed(topics, now, places))
    state, places, born = found_topics(state, now, places)
    state, places, split = changes.split(state, now, places)
    numbers = to_rows(said, places, state.topics)
    state, merged = changes.merge(state, now)
    state, faded = changes.fade(state, now)
    return state, state.resolve(numbers), (*born, *returned, *split, *merged, *faded)


def assign(
    state: TopicState, table: pa.Table, embed: Embed, options: TopicOptions = DEFAULTS, *, corpus: Corpus | None = None
) -> Index:
    """Topics of messages of any time by what is known now; nothing is learnt. (n,), -1 for none.

    By this the period before a report is counted: its topics may have been born in the report's own period.

    Raises:
        BadInput: As for `advance`.
    """
    said, _ = read_statements(table, embed, options, known_of(state), learn=False, corpus=corpus)
    state = _fitted(state, said)
    return to_rows(said, find_nearest(said.vectors, state.topics, options.near), state.topics)


def _fitted(state: TopicState, said: Statements) -> TopicState:
    """The state for vectors of as many columns as these have; one that knows none yet takes any."""
    columns = said.vectors.shape[1]
    if not len(said) or columns == state.columns:
        return state
    if state.columns:
        raise BadInput(f"vectors of {columns} columns for topics of {state.columns}", param="embed")
    return replace(state, topics=no_topics(columns), waiting=nothing_waiting(columns))
