"""Early warnings, as operators know them, and how urgent each thing is beside how many it touches.

Three rules, for each channel and for all of them together:

- ``complaint_rate``: above twice the benchmark on three days running,
- ``ugc_share``: contributions under 15 % of what was written in seven days,
- ``satisfaction``: an index under 85 over seven days.

Each needs a least volume (`WarningBounds`), so that three messages are no warning. docs/health.md has the formulas.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.community import SATISFACTION, UGC_SHARE, Benchmark
from nlp_service.insight.days import Days
from nlp_service.insight.priorities import quadrant, urgency
from nlp_service.insight.results import Period, Warning
from nlp_service.insight.signals import Signals
from nlp_service.insight.statistics import share_p

Index = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_SURE = 1_000_000
"""Messages that a benchmark somebody set counts as, when a rate is tested against it."""


class WarningBounds(msgspec.Struct, frozen=True):
    """From where on something is a warning.

    Attributes:
        times: The benchmark, for complaints.
        days: On how many days running.
        ugc_share, satisfaction: What is to be kept.
        least_a_day: Messages of each of the days.
        least_complaints, least_people: In all of these days.
        most_p: Of the rate being that of the benchmark.
        least_history: Messages of the four weeks before that make a benchmark.
        least_messages: Of seven days, for a share or an index.
        least_weight: Of seven days, of people with at most ten messages each, for satisfaction.
    """

    times: float = 2.0
    days: int = 3
    ugc_share: float = UGC_SHARE
    satisfaction: float = SATISFACTION
    least_a_day: int = 20
    least_complaints: int = 10
    least_people: int = 5
    most_p: float = 0.01
    least_history: int = 200
    least_messages: int = 100
    least_weight: float = 100.0


DEFAULT_BOUNDS = WarningBounds()


class _Run(NamedTuple):
    """Days running on which something was so: places from `first` to `last`, both included."""

    place: int  # of the channel; 0 is all together
    first: int
    last: int

    @property
    def days(self) -> int:
        return self.last - self.first + 1


class _Measured(NamedTuple):
    """What was measured in a run; `excess` is how far the bound is passed, in [0, 1]."""

    kind: str
    value: float
    bound: float
    excess: float


def early_warnings(
    facts: pa.Table | Signals,
    benchmark: Benchmark | None = None,
    period: Period | None = None,
    bounds: WarningBounds = DEFAULT_BOUNDS,
) -> tuple[Warning, ...]:
    """What an operator should look at: by channel (all together first), then kind, then time.

    Args:
        facts: The messages of the period and, as far as they are known, those of the five weeks before it.
        benchmark: Rates of complaints that were set; unless given, each channel's own four weeks before.
        period: Only what goes on in it is told; unless given, the days from the first message to the last one.
        bounds: From where on.

    Raises:
        BadInput: A row has no time, or they are not in order; there is no such zone.
    """
    signals = facts if isinstance(facts, Signals) else Signals(facts)
    if not len(signals.ledger):
        return ()
    days = Days(signals, period)
    found = [
        *_complaints(days, benchmark or Benchmark(), bounds),
        *_contributions(days, bounds),
        *_satisfied(days, bounds),
    ]
    return tuple(sorted(found, key=lambda each: (each.channel is not None, each.channel or "", each.kind, each.at)))


def _complaints(days: Days, benchmark: Benchmark, bounds: WarningBounds) -> list[Warning]:
    """Runs of days above twice the benchmark."""
    read, complaints = days.count(days.signals.read), days.count(days.signals.complaint)
    # The four weeks before the three days: what they themselves add is not held against them.
    n, a = (days.window(each, 28, bounds.days) for each in (read, complaints))
    thin = n < bounds.least_history
    n, a = (np.where(thin, each[0], each) for each in (n, a))  # a channel that is new is held against all of them
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(n >= bounds.least_history, a / n, np.nan)
        high = complaints / read
    for place, name in enumerate(days.names):
        if (given := benchmark.rate(name)) is not None:
            rate[place], n[place], a[place] = given, _SURE, round(given * _SURE)
    over = (read >= bounds.least_a_day) & (high > bounds.times * rate)
    found = []
    for run in _runs(over, bounds.days, days.first):
        span = slice(run.first, run.last + 1)
        hits, total = int(complaints[run.place, span].sum()), int(read[run.place, span].sum())
        third = run.first + bounds.days - 1  # whose end made it, and whose benchmark it is held against
        rows = days.rows(run.place, run.first, run.last)
        said = rows[days.signals.complaint[rows]]
        p = float(share_p(hits, total, int(a[run.place, third]), int(n[run.place, third])))
        people = days.signals.ledger.count_people(said)
        if hits >= bounds.least_complaints and people >= bounds.least_people and p <= bounds.most_p:
            bound = bounds.times * float(rate[run.place, third])
            measured = _Measured("complaint_rate", hits / total, bound, 1.0 - bound / (hits / total))
            found.append(_warning(days, run, third, measured, rows, said))
    return found


def _contributions(days: Days, bounds: WarningBounds) -> list[Warning]:
    """Runs of days at whose end the seven days before hold too few contributions."""
    read, ugc = (days.window(days.count(each), 7) for each in (days.signals.read, days.signals.ugc))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = ugc / read
    under = (read >= bounds.least_messages) & (share < bounds.ugc_share)
    found = []
    for run in _runs(under, 1, days.first):
        value = float(share[run.place, run.last])
        rows = days.rows(run.place, run.last - 6, run.last)
        writes = rows[days.signals.ugc[rows]]
        measured = _Measured("ugc_share", value, bounds.ugc_share, 1.0 - value / bounds.ugc_share)
        warning = _warning(days, run, run.first, measured, rows, writes)
        reach = 1.0 - days.reach(writes, rows)  # it touches those who contribute nothing
        found.append(msgspec.structs.replace(warning, reach=reach, quadrant=quadrant(reach, warning.urgency)))
    return found


def _satisfied(days: Days, bounds: WarningBounds) -> list[Warning]:
    """Runs of days at whose end the index of the seven days before is too low."""
    lost, weight = days.satisfaction(7)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = 100.0 * (1.0 - lost / weight)
    under = (weight >= bounds.least_weight) & (index < bounds.satisfaction)
    found = []
    for run in _runs(under, 1, days.first):
        value = float(index[run.place, run.last])
        rows = days.rows(run.place, run.last - 6, run.last)
        rows = rows[days.signals.speaks_of_feeling[rows]]
        unhappy = rows[days.signals.dissatisfied[rows] > 0]
        measured = _Measured("satisfaction", value, bounds.satisfaction, 1.0 - value / bounds.satisfaction)
        found.append(_warning(days, run, run.first, measured, rows, unhappy))
    return found


def _warning(days: Days, run: _Run, made: int, measured: _Measured, rows: Index, behind: Index) -> Warning:
    """The warning of a run; `made` is the day that made it, `behind` are those of its `rows` that speak for it."""
    reach = days.reach(behind, rows)
    grave = float((days.signals.risk[behind] >= 2).mean()) if len(behind) else 0.0
    # A share that is low for months is a state; complaints that go on are not.
    lasting = run.last - made if measured.kind == "complaint_rate" else 0
    urgent = urgency(measured.excess, grave, lasting)
    return Warning(
        kind=measured.kind,
        channel=days.names[run.place],
        at=days.end(made),
        value=measured.value,
        bound=measured.bound,
        days=run.days,
        reach=reach,
        urgency=urgent,
        quadrant=quadrant(reach, urgent),
        keys=days.signals.ledger.keys(behind),
    )


def _runs(so: Bools, least: int, first: int) -> list[_Run]:
    """Longest runs of days, (channels, days), of at least some length that end at or after the day `first`."""
    padded = np.pad(so, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    begin, end = np.nonzero(change == 1), np.nonzero(change == -1)
    runs = (_Run(*each) for each in zip(begin[0].tolist(), begin[1].tolist(), (end[1] - 1).tolist(), strict=True))
    return [run for run in runs if run.days >= least and run.last >= first]
