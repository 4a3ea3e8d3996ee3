"""What becomes of topics: they return, split, merge, fade."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nlp_service.insight.facts import Floats
from nlp_service.insight.periods import from_micros
from nlp_service.insight.results import TopicEvent
from nlp_service.insight.topics.belonging import ASLEEP, Day, count_people
from nlp_service.insight.topics.births import make_id
from nlp_service.insight.topics.options import TopicOptions
from nlp_service.insight.topics.state import Index, Topics, TopicState, unit

_ROUNDS = 20  # of the power method; the direction need not be exact, what follows settles it

Events = tuple[TopicEvent, ...]


def wake(topics: Topics, day: Day, places: Index) -> tuple[Topics, Index, Events]:
    """Bring back faded topics that enough people speak of; the statements near the others become `ASLEEP`."""
    enough = count_people(day.said, places, len(topics)) >= day.options.least_people
    back = np.flatnonzero(topics.faded & enough)
    events = tuple(
        TopicEvent("returned", topics.ids[i], from_micros(day.begin_of(np.flatnonzero(places == i))))
        for i in back.tolist()
    )
    topics = replace(topics, faded=topics.faded & ~enough)
    asleep = np.append(topics.faded, False)[places]
    return topics, np.where(asleep, ASLEEP, places), events


def split(state: TopicState, day: Day, places: Index) -> tuple[TopicState, Index, Events]:
    """Split topics whose statements of the day have come apart; the half that is nearer to what it was keeps the id."""
    events = []
    options, said = day.options, day.said
    places = places.copy()
    sizes = np.bincount(places[places >= 0], minlength=len(state.topics))
    for place in np.flatnonzero(sizes >= 4 * options.least_messages).tolist():
        members = np.flatnonzero(places == place)
        weights = said.weights[members]
        is_new = _halves(said.vectors[members], weights, state.topics.sums[place])
        parts = np.stack([_sum(said.vectors[members[each]], weights[each]) for each in (~is_new, is_new)])
        people = count_people(said, np.where(np.isin(np.arange(len(places)), members[is_new]), 1, places * 0 - 1), 2)[1]
        enough = min(is_new.sum(), (~is_new).sum()) >= 2 * options.least_messages and people >= 2 * options.least_people
        directions = unit(parts)
        if not enough or directions[0] @ directions[1] > options.split:
            continue
        state = _divided(state, day, place, parts, members[is_new], float(weights[is_new].sum()))
        places[members[is_new]] = len(state.topics) - 1
        events.append(TopicEvent("split", state.topics.ids[-1], day.end, state.topics.ids[place]))
    return state, places, tuple(events)


def merge(state: TopicState, day: Day) -> tuple[TopicState, Events]:
    """Merge topics that have come together, the nearest ones first; the older one stays."""
    topics = state.topics
    centres = topics.centres()
    likeness = np.triu(centres @ centres.T, 1)
    pairs = np.stack(np.nonzero(likeness >= day.options.merge))
    pairs = pairs[:, np.argsort(-likeness[pairs[0], pairs[1]], kind="stable")]
    sums, mass, faded = topics.sums.copy(), topics.mass.copy(), topics.faded.copy()
    last, first_at = topics.last.copy(), topics.first_at.copy()
    gone: dict[int, int] = {}
    for old, young in pairs.T.tolist():  # places are in order of numbers, so the first of a pair is the older one
        if old in gone or young in gone:
            continue
        gone[young] = old
        sums[old] += sums[young]
        mass[old] += mass[young]
        faded[old] &= faded[young]
        last[old], first_at[old] = max(last[old], last[young]), min(first_at[old], first_at[young])
    if not gone:
        return state, ()
    events = tuple(TopicEvent("merged", topics.ids[young], day.end, topics.ids[old]) for young, old in gone.items())
    topics = replace(topics, sums=sums, mass=mass, faded=faded, last=last, first_at=first_at)
    numbers = topics.numbers
    rows = [(numbers[young], numbers[old], day.number) for young, old in gone.items()]
    stays = np.ones(len(topics), np.bool_)
    stays[list(gone)] = False
    merged = np.concatenate((state.merged, np.array(rows, np.int64)))
    return replace(state, topics=topics.take(stays), merged=merged), events


def fade(state: TopicState, day: Day) -> tuple[TopicState, Events]:
    """Let topics fade that are spoken of no more, and forget what faded long ago or is too much."""
    options, topics = day.options, state.topics
    silent = day.number - topics.last
    fades = ~topics.faded & (silent >= options.fade_days)
    faded = topics.faded | fades
    stays = ~faded | (silent < options.forget_days)
    order = np.lexsort((topics.numbers, -topics.mass, faded, ~stays))
    stays[order[options.most_topics :]] = False
    fades |= ~stays & ~faded
    events = tuple(TopicEvent("faded", topics.ids[i], day.end) for i in np.flatnonzero(fades).tolist())
    return replace(state, topics=replace(topics, faded=faded).take(stays)), events


def age(state: TopicState, day: int, options: TopicOptions) -> TopicState:
    """The state on the morning of a day: whatever was said counts less than the evening before."""
    left = 0.5 ** ((day - state.day) / options.half_life_days) if state.day else 1.0
    topics, waiting = state.topics, state.waiting
    return replace(
        state,
        day=day,
        topics=replace(topics, sums=topics.sums * np.float32(left), mass=topics.mass * np.float32(left)),
        waiting=waiting.take(waiting.day >= day - options.wait_days),
        counts=state.counts * np.float32(left),
        statements=state.statements * left,
        common=state.common * np.float32(left),
        merged=state.merged[state.merged[:, 2] > day - options.forget_days],
    )


def _halves(vectors: Floats, weights: Floats, old: Floats) -> npt.NDArray[np.bool_]:
    """Which of some statements are in the half farther from `old`: along their widest direction, then by 2-means."""
    apart = vectors - (_sum(vectors, weights) / weights.sum())[None]
    direction = apart[int(np.argmax(np.einsum("ij,ij->i", apart, apart)))]
    for _ in range(_ROUNDS):
        direction = (apart @ direction) @ apart
        direction /= max(float(np.linalg.norm(direction)), 1e-9)
    is_new: npt.NDArray[np.bool_] = apart @ direction > 0.0
    for _ in range(2):
        if is_new.all() or not is_new.any():
            break
        centres = unit(np.stack([_sum(vectors[each], weights[each]) for each in (~is_new, is_new)]))
        is_new = vectors @ centres[1] > vectors @ centres[0]
    if is_new.all() or not is_new.any():
        return np.zeros(len(vectors), np.bool_)
    centres = unit(np.stack([_sum(vectors[each], weights[each]) for each in (~is_new, is_new)]))
    return is_new if centres[0] @ old >= centres[1] @ old else ~is_new


def _divided(state: TopicState, day: Day, place: int, parts: Floats, members: Index, mass: float) -> TopicState:
    """A state in which a topic is two: both begin anew with what was said of them on the day."""
    topics = state.topics
    sums, masses = topics.sums.copy(), topics.mass.copy()
    sums[place] = parts[0]
    masses[place] = max(float(masses[place]) - mass, 1.0)
    now = np.array([day.number], np.int64)
    name = make_id(day.number, day.said.keys[members], topics.ids)
    other = Topics(
        np.array([state.next_number], np.int64),
        (name,),
        parts[1:],
        np.array([mass], np.float32),
        now,
        now.copy(),
        np.array([day.begin_of(members)], np.int64),
        np.zeros(1, np.bool_),
    )
    topics = replace(topics, sums=sums, mass=masses).join(other)
    return replace(state, topics=topics, next_number=state.next_number + 1)


def _sum(vectors: Floats, weights: Floats) -> Floats:
    found: Floats = weights @ vectors
    return found
