"""How severe an incident is: reach x gravity x speed, each from 0 to 1."""

from __future__ import annotations

import math
from typing import NamedTuple

LOOK, INCIDENT, SERIOUS, CRISIS = 1, 2, 3, 4
FROM_SERIOUS, FROM_CRISIS = 0.38, 0.68
"""Products of the three from which an incident is serious, and a crisis."""

_PEOPLE, _MESSAGES = 40, 60  # reach and speed are full at these
_ELSEWHERE = 0.8  # what is missing to a full reach is cut to so much by each further community


class Factors(NamedTuple):
    """The three, each 0 to 1."""

    reach: float
    gravity: float
    speed: float

    @property
    def product(self) -> float:
        """Of all three."""
        return self.reach * self.gravity * self.speed


def factors(people: int, rooms: int, serious: float, fastest: int) -> Factors:
    """Weigh an incident.

    Args:
        people: Distinct ones who speak of it.
        rooms: Communities.
        serious: Mean P(level >= 2) of the graver half of its messages.
        fastest: Messages of its fastest hour.
    """
    missing = 1 - min(1.0, math.log1p(people) / math.log1p(_PEOPLE))
    reach = 1 - missing * _ELSEWHERE ** (rooms - 1)
    speed = min(1.0, math.log1p(fastest) / math.log1p(_MESSAGES))
    return Factors(round(reach, 4), round(0.4 + 0.6 * serious, 4), round(speed, 4))


def severity(found: Factors) -> int:
    """Of a burst: 2 to 4."""
    product = found.product
    return CRISIS if product >= FROM_CRISIS else SERIOUS if product >= FROM_SERIOUS else INCIDENT
