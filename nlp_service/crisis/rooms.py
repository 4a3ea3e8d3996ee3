"""One community: what is usual there, who talks there, and the risky messages of its last hours."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from nlp_service.crisis.baseline import HOURS, MEASURES, Baseline, Usual
from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.evidence import Evidence, Reading, Shares

HOUR_S = 3600.0
MAX_RECENT = 64
"""Risky messages that are added up; the newest where there are more."""

_RATE_S = 1800.0  # over which the present rate is taken
_LEAST_RATE = 1.0  # messages an hour: a night without any is no infinite surprise
_MAX_AUTHORS, _KEPT_AUTHORS = 256, 64
_REPEAT = 0.1  # share of the talk at which a second message of one author counts half
_MOST_SERIOUS, _MOST_WATCH = 0.03, 0.25


class Measure(NamedTuple):
    """A measure of the hour that is running.

    Attributes:
        value: So far.
        usual: Of a whole hour; None while nothing is known.
    """

    name: str
    value: float
    usual: Usual | None


class Room(msgspec.Struct):
    """State of a community."""

    n: float = 0.0  # messages, decayed
    serious: float = 0.0
    watch: float = 0.0
    rate: float = 0.0  # messages an hour, at `rated_at`
    rated_at: float = 0.0
    began_at: float = 0.0
    hour: int = -1  # since 1970, of the counts
    counts: list[float] = []
    here: set[str] = set()
    unread: int = 0
    baselines: list[Baseline] = []
    authors: dict[str, float] = {}
    recent: list[Evidence] = []

    def pass_time(self, at: float, settings: WatchSettings) -> None:
        """Close the hours that are over."""
        hour = int(at // HOUR_S)
        if hour <= self.hour:
            return
        if self.hour < 0:
            self.baselines = [Baseline() for _ in MEASURES]
            self.began_at = self.rated_at = at
        else:
            keep = 0.5 ** (7 / settings.half_life_days)
            # Hours without a message are values too, but no more than a week of them: then nobody watched.
            for gone in range(min(hour - self.hour, HOURS)):
                self._learn(self.hour + gone, self.counts if gone == 0 else [0.0] * len(MEASURES), keep, settings)
            self._fade(0.5 ** ((hour - self.hour) / 24 / settings.half_life_days))
        self.hour, self.counts, self.here = hour, [0.0] * len(MEASURES), set()

    def count(self, at: float, author: str, *, is_negative: bool, risk: float) -> None:
        """Count a message, whatever it says."""
        counts = self.counts
        counts[0] += 1.0
        counts[1] += is_negative
        counts[2] += risk
        if author and author not in self.here:
            self.here.add(author)
            counts[3] += 1.0
        self.n += 1.0
        if at > self.rated_at:
            self.rate *= math.exp((self.rated_at - at) / _RATE_S)
            self.rated_at = at
        self.rate += HOUR_S / _RATE_S
        self.authors[author] = self.authors.get(author, 0.0) + 1.0
        if len(self.authors) > _MAX_AUTHORS:
            ranked = sorted(self.authors.items(), key=lambda item: (-item[1], item[0]))
            self.authors = dict(ranked[:_KEPT_AUTHORS])

    def uncount(self) -> None:
        """Take a message that belongs to an incident out of the rate of ordinary talk."""
        self.rate = max(0.0, self.rate - HOUR_S / _RATE_S)

    def learn(self, reading: Reading) -> None:
        """Learn from a message that belongs to no incident."""
        self.serious += reading.serious
        self.watch += reading.watch

    def shares(self, settings: WatchSettings) -> Shares:
        """What part of the talk is serious, and worth watching."""
        n = self.n + settings.prior_messages
        serious = (self.serious + settings.prior_messages * settings.serious) / n
        watch = (self.watch + settings.prior_messages * settings.watch) / n
        return Shares(min(serious, _MOST_SERIOUS), min(watch, _MOST_WATCH))

    def rate_at(self, at: float, settings: WatchSettings) -> float:
        """Messages an hour of ordinary talk: what is usual, or what is said now where that is more."""
        now = self.rate * math.exp(min(0.0, (self.rated_at - at) / _RATE_S))
        usual = self.baselines[0].usual(_hour_of_week(int(at // HOUR_S), settings)) if self.baselines else None
        return max(_LEAST_RATE, now, usual.mean if usual else 0.0)

    def repeat_weight(self, author: str, before: int) -> float:
        """What a message counts of whose author there are others: much if most of the talk is that author's anyway."""
        if not before or not author:
            return 1.0
        share = self.authors.get(author, 0.0) / max(self.n, 50.0)
        weight = share / (share + _REPEAT)
        return weight if weight >= 0.5 else weight**before

    def remember(self, evidence: Evidence, oldest: float) -> None:
        """Keep a risky message; what was sent before `oldest` goes."""
        self.recent.append(evidence)
        self.recent.sort(key=lambda each: (each.at, each.key))
        self.recent = [each for each in self.recent if each.at >= oldest][-MAX_RECENT:]

    def forget(self, keys: set[tuple[str, str]]) -> None:
        """Let go of messages that have become part of an incident."""
        self.recent = [each for each in self.recent if each.key not in keys]

    def measures(self, settings: WatchSettings) -> tuple[Measure, ...]:
        """The hour that is running, beside what is usual."""
        hour = _hour_of_week(self.hour, settings)
        return tuple(
            Measure(name, value, baseline.usual(hour))
            for name, value, baseline in zip(MEASURES, self.counts, self.baselines, strict=True)
        )

    def _learn(self, hour: int, counts: list[float], keep: float, settings: WatchSettings) -> None:
        for baseline, value in zip(self.baselines, counts, strict=True):
            baseline.add(_hour_of_week(hour, settings), value, keep)

    def _fade(self, keep: float) -> None:
        self.n *= keep
        self.serious *= keep
        self.watch *= keep
        self.authors = {name: count * keep for name, count in self.authors.items()}


def _hour_of_week(hour: int, settings: WatchSettings) -> int:
    # 1970 began on a Thursday; hour 0 is the first of Monday where the communities are.
    return int(hour + settings.zone_hours + 72) % HOURS
