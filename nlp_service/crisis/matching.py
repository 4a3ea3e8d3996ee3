"""Which incident a message, or a burst of them, belongs to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.cases import Case
from nlp_service.crisis.evidence import Evidence
from nlp_service.crisis.incidents import BURST

UNNAMED = 0.3
"""Affinity of a message of which the model names no category."""

SAME_SUBJECT = 0.4
"""Affinity from which a message elsewhere is taken to be about the same."""

SPLIT_FROM = 10
"""Messages of another subject from which they are an incident of their own in a place that has one."""

_ALIKE, _SOMEWHAT_ALIKE = 0.6, 0.35
_STRANGE = 0.12  # below that, a message that names its category well is about something else
_SURE = 0.75
_ELSEWHERE = 0.25  # what a community counts that the incident has not reached yet


def affinity(categories: Mapping[str, float], mass: Mapping[str, float]) -> float:
    """How well categories fit those of an incident, 0 to 1."""
    if not categories or not mass:
        return UNNAMED
    most = max(mass.values())
    return max(probability * mass.get(name, 0.0) for name, probability in categories.items()) / most


def alike(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Cosine of the categories of two incidents; that of `UNNAMED` where one names none."""
    if not one or not other:
        return UNNAMED
    product = sum(value * other.get(name, 0.0) for name, value in one.items())
    return product / math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))


def best_case(
    cases: Iterable[Case], evidence: Evidence, room: str, room_rate: float, settings: WatchSettings
) -> Case | None:
    """The burst that a message most probably belongs to; None if it is likelier to be ordinary talk."""
    found, most = None, 1.0
    for case in cases:
        if case.kind != BURST or case.severity < 2 or case.closed_at is not None:
            continue
        odds = _odds(case, evidence, room, room_rate, settings)
        if odds > most:
            found, most = case, odds
    return found


def _odds(case: Case, evidence: Evidence, room: str, room_rate: float, settings: WatchSettings) -> float:
    """Odds that a message is of the incident: its rate times the likelihood ratio, over the rate of ordinary talk."""
    fits = affinity(evidence.categories, case.mass)
    silent_hours = (evidence.at - case.last_at) / 3600
    if fits < _STRANGE and max(evidence.categories.values()) >= _SURE:
        return 0.0
    factor = 0.2 + 2 * fits
    if room not in case.rooms:
        if fits < SAME_SUBJECT or silent_hours > settings.window_hours:
            return 0.0
        factor *= _ELSEWHERE
    return case.rate(evidence.at) * evidence.ratio * factor / room_rate


def same_event(
    cases: Iterable[Case], mass: Mapping[str, float], rooms: Sequence[str], at: float, settings: WatchSettings
) -> Case | None:
    """The incident that a new burst is a part of; None where it is another event."""
    found, most = None, 0.0
    for case in cases:
        needed = _needed(case, rooms, at, settings)
        fits = alike(mass, case.mass)
        if fits >= needed and fits >= most:
            found, most = case, fits
    return found


def _needed(case: Case, rooms: Sequence[str], at: float, settings: WatchSettings) -> float:
    """How alike a burst must be to an incident to be a part of it; above 1 where it cannot be."""
    if case.kind != BURST or case.severity < 2:
        return 2.0
    is_here = any(room in case.rooms for room in rooms)
    if case.closed_at is not None or (at - case.last_at) / 3600 > settings.window_hours:
        # It fell silent. Those who begin again in the same place and about the same go on with it.
        return _ALIKE if is_here else 2.0
    if not is_here:
        # What spreads begins small elsewhere, and few messages say little of what they are about.
        return _SOMEWHAT_ALIKE if len(rooms) < SPLIT_FROM <= case.n else _ALIKE
    # Two events at once in one place are rare, and what a crisis is about is read in many ways: another subject needs
    # many messages before it is another incident.
    return 0.0 if len(rooms) < SPLIT_FROM else _SOMEWHAT_ALIKE
