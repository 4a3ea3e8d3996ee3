"""That the watch is fast enough, and does not grow: 200 communities, 30 days."""

from __future__ import annotations

import random
from time import process_time

import pytest

from nlp_service.crisis.sightings import Sighting
from nlp_service.crisis.watch import Watch
from tests.unit.crisis.talk import grave, say

N_CHANNELS, DAYS, A_DAY = 200, 30, 1_200


@pytest.mark.timeout(300)  # ten seconds where nobody else computes
def test_thirty_days_of_200_communities_are_fast_and_leave_no_more_than_fifteen() -> None:
    rng = random.Random(7)
    guard, spent, sizes = Watch(), 0.0, []
    for day in range(DAYS):
        minutes = sorted(day * 1440 + rng.random() * 1440 for _ in range(A_DAY))
        part = [_message(rng, minute) for minute in minutes]
        begun = process_time()
        guard.feed(part)
        spent += process_time() - begun
        if day in (DAYS // 2, DAYS - 1):
            sizes.append(len(guard.state()))
    assert DAYS * A_DAY / spent > 5_000  # of CPU time, so that a busy machine does not fail it
    assert sizes[1] < 1.15 * sizes[0]


def _message(rng: random.Random, minute: float) -> Sighting:
    channel, kind = f"c{rng.randrange(N_CHANNELS)}", rng.random()
    if kind < 0.002:
        return grave(minute, channel=channel, level=3, p_high=0.95, p_watch=0.96)
    if kind < 0.1:
        return say(minute, channel=channel, level=1, p_watch=0.5, p_high=0.05, categories={"product_quality": 0.6})
    return say(minute, channel=channel)
