"""Statements and the topics that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from nlp_service.insight.facts import Floats
from nlp_service.insight.periods import from_micros
from nlp_service.insight.topics.options import TopicOptions
from nlp_service.insight.topics.reading import Statements
from nlp_service.insight.topics.state import Index, Topics

NONE = -1
"""Belongs to no topic."""

ASLEEP = -2
"""Belongs to a faded topic of which too few people speak: counted for none, and founds none."""

_BLOCK = 8192


@dataclass(frozen=True, eq=False)
class Day:
    """What was said on a day.

    Attributes:
        number: The day, as an ordinal.
        said: Its statements.
        at: When each row was written, microseconds since 1970; (n_rows,).
        first: First row of each statement; (n,).
        options: How topics are found.
    """

    number: int
    said: Statements
    at: Index
    first: Index
    options: TopicOptions

    @property
    def end(self) -> datetime:
        """When the last of it was written; the end of the day in UTC where nothing was."""
        if len(self.at):
            return from_micros(int(self.at[-1]))
        return datetime.combine(date.fromordinal(self.number), time(), UTC) + timedelta(days=1)

    def begin_of(self, statements: Index) -> int:
        """When the first of some statements was made, microseconds since 1970."""
        return int(self.at[self.first[statements]].min())


def find_nearest(vectors: Floats, topics: Topics, near: float) -> Index:
    """Place of the nearest topic of each vector, `NONE` where none is near; (n,)."""
    found = np.full(len(vectors), NONE, np.int64)
    if not len(topics):
        return found
    centres = topics.centres().T
    for first in range(0, len(vectors), _BLOCK):
        likeness = vectors[first : first + _BLOCK] @ centres
        best = likeness.argmax(1)
        is_near = likeness[np.arange(len(best)), best] >= near
        found[first : first + _BLOCK] = np.where(is_near, best, NONE)
    return found


def feed(topics: Topics, day: Day, places: Index, factor: float = 1.0) -> Topics:
    """Topics with what was said of them.

    Args:
        topics: As they were.
        day: Where it was said.
        places: Topic of each statement, below 0 for none; (n,).
        factor: What the statements count for their age.
    """
    there = np.flatnonzero(places >= 0)
    if not len(there):
        return topics
    there = there[np.argsort(places[there], kind="stable")]
    different, begins = np.unique(places[there], return_index=True)
    weights = (day.said.weights[there] * factor).astype(np.float32)
    sums, mass, first_at = topics.sums.copy(), topics.mass.copy(), topics.first_at.copy()
    sums[different] += np.add.reduceat(day.said.vectors[there] * weights[:, None], begins, axis=0)
    mass[different] += np.add.reduceat(weights, begins)
    np.minimum.at(first_at, places[there], day.at[day.first[there]])
    last = np.where(count_people(day.said, places, len(topics)) >= 2, np.maximum(topics.last, day.number), topics.last)
    return replace(topics, sums=sums, mass=mass, last=last, first_at=first_at)


def count_people(said: Statements, places: Index, n: int) -> Index:
    """Different people who speak of each of `n` topics; (n,)."""
    of_row = np.append(places, NONE)[said.of_row]
    rows = np.flatnonzero(of_row >= 0)
    order = np.lexsort((said.row_people[rows], of_row[rows]))
    topic, who = of_row[rows][order], said.row_people[rows][order]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (topic[1:] != topic[:-1]) | (who[1:] != who[:-1])
    return np.bincount(topic[new], minlength=n)


def to_rows(said: Statements, places: Index, topics: Topics) -> Index:
    """Number of the topic of each row, -1 for none; (n_rows,)."""
    numbers = np.append(topics.numbers, NONE)[np.maximum(places, NONE)]
    found: Index = np.append(numbers, NONE)[said.of_row]
    return found
