"""Where statements lie close together: what new topics are founded on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nlp_service.insight.facts import Floats
from nlp_service.insight.topics.options import TopicOptions
from nlp_service.insight.topics.state import NOBODY, Index, Names, unit

_BLOCK = 1024


def find_crowds(
    vectors: Floats, messages: Floats, people: Names, options: TopicOptions, least: float = 0.0
) -> list[Index]:
    """Crowds among statements: the one with the most neighbours, what is near its centre, and so on with the rest.

    Args:
        vectors: Of unit length; (n, n_columns).
        messages: Of each; (n,).
        people: Up to four of each, 0 for nobody; (n, PEOPLE).
        options: What is near, and how many messages and people a crowd has at the least.
        least: Messages that it has, where that is more than `options.least_messages`.

    Returns:
        Places of each crowd's statements, rising; no statement is in two. In the order in which they were found.
    """
    neighbours, begins = _neighbours(vectors, options.near)
    crowdedness = np.add.reduceat(messages[neighbours], begins[:-1]) if len(messages) else messages
    least = max(least, options.least_messages)
    is_free = np.ones(len(messages), np.bool_)
    crowds: list[Index] = []
    for seed in np.argsort(-crowdedness, kind="stable").tolist():
        if crowdedness[seed] < least or len(crowds) == options.most_born:
            break
        if not is_free[seed]:
            continue
        members: Index = neighbours[begins[seed] : begins[seed + 1]].astype(np.int64)
        members = members[is_free[members]]
        if not _is_crowd(messages[members], people[members], least, options.least_people):
            continue
        for _ in range(2):  # the seed is the middle of nothing: the mean of its neighbours is
            centre = unit(vectors[members].sum(0, keepdims=True))[0]
            members = np.flatnonzero((vectors @ centre >= options.near) & is_free)
        if _is_crowd(messages[members], people[members], least, options.least_people):
            is_free[members] = False
            crowds.append(members)
    return crowds


def share_a_word(members: Index, words: Index, anchor: float) -> bool:
    """Whether one word is in so large a part of some statements; what has only its tone in common is no topic.

    Args:
        members: Statements, rising; none share nothing.
        words: Pairs of statement and word, by statement; (2, n_pairs).
        anchor: The part.
    """
    place = np.searchsorted(members, words[0])
    inside = place < len(members)
    inside[inside] = members[place[inside]] == words[0][inside]
    counts = np.bincount(words[1][inside]) if inside.any() else np.zeros(1, np.int64)
    return len(members) > 0 and bool(counts.max() >= max(anchor * len(members), min(2, len(members))))


def count_people(people: Names) -> int:
    """Different people among those who are told apart."""
    return len(np.unique(people[people != NOBODY]))


def _is_crowd(messages: Floats, people: Names, least: float, least_people: int) -> bool:
    return float(messages.sum()) >= least and count_people(people) >= least_people


def _neighbours(vectors: Floats, near: float) -> tuple[npt.NDArray[np.int32], Index]:
    """What is near each row, itself included: those of row i are ``found[begins[i]:begins[i + 1]]``."""
    found, counts = [], []
    for first in range(0, len(vectors), _BLOCK):
        is_near = vectors[first : first + _BLOCK] @ vectors.T >= near
        is_near[np.arange(len(is_near)), first + np.arange(len(is_near))] = True
        row, other = np.nonzero(is_near)
        found.append(other.astype(np.int32))
        counts.append(np.bincount(row, minlength=len(is_near)))
    begins = np.concatenate(([0], np.cumsum(np.concatenate(counts)))) if counts else np.zeros(1, np.int64)
    return np.concatenate(found or [np.zeros(0, np.int32)]), begins.astype(np.int64)
