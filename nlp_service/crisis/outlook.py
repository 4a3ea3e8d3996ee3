"""What the next hours of an incident bring: its present rate, carried on with the fall that incidents show."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nlp_service.crisis.incidents import Outlook

HOURS = 3
POINT_S = 600
FALL = 0.7
"""What an hour keeps of the messages of the hour before, once an incident has passed its peak: half in two hours."""

_RISE = 1.5  # the most that an hour is taken to bring over the one before
_SPREAD = 0.35  # variance beyond that of a Poisson count, as a share of the squared mean; grows with the hours
_Z = 1.2816  # four in five


def look_ahead(points: Mapping[int, int], last: int) -> tuple[Outlook, ...]:
    """Expect the next hours.

    Args:
        points: Messages by ten minutes, numbered since 1970.
        last: Number of the ten minutes that the last message fell in.
    """
    new = sum(points.get(last - i, 0) for i in range(3))
    old = sum(points.get(last - i, 0) for i in range(3, 6))
    now = new + old
    if not now:
        return ()
    # Half an hour against the half before it, each leaning on the usual fall as if four messages had shown it.
    growth = (new + 4 * FALL**0.5) / (old + 4)
    factor = min(_RISE, max(0.3, growth**2)) if old else 1.0
    expected, found = float(now), []
    for hour in range(1, HOURS + 1):
        expected *= factor
        factor += (FALL - factor) / 2  # a rise does not last
        spread = math.sqrt(expected + hour * _SPREAD * expected * expected) * _Z
        found.append(
            Outlook(hour, round(expected, 2), max(0, math.floor(expected - spread)), math.ceil(expected + spread))
        )
    return tuple(found)
