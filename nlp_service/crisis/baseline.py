"""What is usual in a community at an hour of the week, and how sure that is.

A week has 168 hours, and a community is new at first: an hour of the week leans on the same hour of other days, and
that on all hours, until it has been seen itself. Outliers are cut before they are learnt: a crisis is no new normal.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

MEASURES = ("messages", "negative", "risk", "authors")
"""By hour: messages; of them negative ones; sum of P(level >= 2); distinct known authors."""

HOURS = 168
_LEAN = 2.0  # weeks of the wider group that an hour of the week is worth as much as
_CUT = 3.0  # deviations beyond which a value is cut
_FIRST_DEVIATION = 1.0


class Usual(NamedTuple):
    """What is expected of a measure.

    Attributes:
        mean, deviation: Of the hour; the deviation is the mean absolute one times 1.25, and at least that of a
            Poisson count.
        weeks: For how many weeks this hour of the week has been seen; 0 is a guess from other hours.
    """

    mean: float
    deviation: float
    weeks: float


class Slot(msgspec.Struct):
    """Running mean and deviation, older values counting less."""

    n: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0

    def add(self, value: float, keep: float) -> None:
        """Learn a value, cut to what is near the mean once some are known."""
        if self.n >= 3.0:
            reach = _CUT * max(self.deviation, self.mean**0.5, _FIRST_DEVIATION)
            value = min(max(value, self.mean - reach), self.mean + reach)
        self.n = self.n * keep + 1.0
        step = 1.0 / self.n
        self.deviation += step * (1.25 * abs(value - self.mean) - self.deviation) if self.n > 1.5 else 0.0
        self.mean += step * (value - self.mean)


class Baseline(msgspec.Struct):
    """Of one measure of one community."""

    week: dict[int, Slot] = {}
    day: dict[int, Slot] = {}
    all: Slot = msgspec.field(default_factory=Slot)

    def add(self, hour: int, value: float, keep_week: float) -> None:
        """Learn what an hour of the week, 0 to 167, gave; `keep_week` is what a week leaves of older ones."""
        self.week.setdefault(hour, Slot()).add(value, keep_week)
        self.day.setdefault(hour % 24, Slot()).add(value, keep_week ** (1 / 7))
        self.all.add(value, keep_week ** (1 / HOURS))

    def usual(self, hour: int) -> Usual | None:
        """What is expected of an hour of the week; None before anything was seen."""
        if not self.all.n:
            return None
        slot, day = self.week.get(hour, Slot()), self.day.get(hour % 24, Slot())
        of_day = _lean(day.mean, day.n, self.all.mean)
        mean = _lean(slot.mean, slot.n, of_day)
        deviation = _lean(slot.deviation, slot.n, _lean(day.deviation, day.n, self.all.deviation))
        return Usual(mean, max(deviation, max(mean, 0.25) ** 0.5), slot.n)


def _lean(value: float, n: float, wider: float) -> float:
    return (n * value + _LEAN * wider) / (n + _LEAN)
