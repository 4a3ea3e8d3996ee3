"""Counts of each channel and each day, and of the days before: what warnings look at."""

from __future__ import annotations

from datetime import datetime, time

import numpy as np
import numpy.typing as npt

from nlp_service.insight.periods import edges, from_micros, to_micros, zone_of
from nlp_service.insight.results import Period
from nlp_service.insight.signals import Signals, satisfaction

Index = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ZONE = "Asia/Shanghai"


class Days:
    """The days of a table, from that of its first message to the end of a period.

    Attributes:
        signals: The messages.
        names: Of the channels, sorted, after None, which is all of them together.
        first: The first day of the period.
        n_days: How many there are.
    """

    def __init__(self, signals: Signals, period: Period | None) -> None:
        self.signals = signals
        at, channels = signals.ledger.at, signals.ledger.channels
        zone = zone_of(period) if period else zone_of(Period(from_micros(0), from_micros(1), _ZONE))
        known = datetime.combine(from_micros(int(at[0])).astimezone(zone).date(), time(), zone)
        start = min(known, period.start) if period else known
        end = period.end if period else from_micros(int(at[-1]) + 1)
        self._edges = edges(Period(start, end, zone.key), "day")
        self.n_days = len(self._edges) - 1
        self.first = int(np.searchsorted(self._edges, to_micros(period.start), "right")) - 1 if period else 0
        self.names: tuple[str | None, ...] = (None, *sorted(channels.names))
        rank = {name: place for place, name in enumerate(self.names)}
        self._place = np.array([*(rank[name] for name in channels.names), 0], np.int64)[channels.codes]
        self._day = np.searchsorted(self._edges, at, side="right") - 1
        self._inside = (self._day >= 0) & (self._day < self.n_days)
        self._order = np.argsort(self._place, kind="stable")
        self._bounds = np.searchsorted(self._place[self._order], np.arange(len(self.names) + 1))

    def count(self, mask: Bools) -> Values:
        """Messages of each channel and day, (channels, days)."""
        chosen = mask & self._inside
        shape = len(self.names), self.n_days
        codes = self._place[chosen] * shape[1] + self._day[chosen]
        found = np.bincount(codes, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
        found[0] = found.sum(axis=0)  # what has no channel stood there before
        return found

    @staticmethod
    def window(counts: Values, days: int, back: int = 0) -> Values:
        """The sums over so many days up to each one, which is included, or over those that end `back` days earlier."""
        total = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
        stop = np.maximum(np.arange(1, counts.shape[1] + 1) - back, 0)
        return np.asarray(total[:, stop] - total[:, np.maximum(stop - days, 0)], np.float64)

    def rows(self, place: int, first: int, last: int) -> Index:
        """The rows of a channel from one day to another, both included, rising."""
        start, stop = np.searchsorted(self.signals.ledger.at, self._edges[[max(0, first), last + 1]])
        if place == 0:
            return np.arange(int(start), int(stop))
        own: Index = self._order[self._bounds[place] : self._bounds[place + 1]]
        found: Index = own[(own >= start) & (own < stop)]
        return found

    def satisfaction(self, days: int) -> tuple[Values, Values]:
        """Satisfaction lost, and its weight, over so many days up to each day of the period; nothing before it."""
        shape = len(self.names), self.n_days
        lost, weight = np.zeros(shape), np.zeros(shape)
        for day in range(self.first, self.n_days):
            rows = self.rows(0, day - days + 1, day)
            rows = rows[self.signals.speaks_of_feeling[rows]]
            for groups, n in ((self._place[rows], shape[0]), (np.zeros(len(rows), np.int64), 1)):
                lost[:n, day], weight[:n, day] = satisfaction(self.signals, rows, groups, n)
        return lost, weight

    def reach(self, behind: Index, rows: Index) -> float:
        """Part of the members among rows who wrote those behind something."""
        ledger, staff = self.signals.ledger, self.signals.staff
        active = ledger.count_people(rows[~staff[rows]])
        return ledger.count_people(behind[~staff[behind]]) / active if active else 0.0

    def end(self, day: int) -> datetime:
        """When a day ends, in UTC."""
        return from_micros(int(self._edges[day + 1]))
