"""Measures over time: by hour, day and week, against the period before and the same weekdays of the weeks before.

docs/trends.md has the formula of each measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.errors import BadInput
from nlp_service.insight.counting import Ledger
from nlp_service.insight.periods import (
    edges,
    edges_before,
    edges_shifted,
    from_micros,
    starts,
    to_micros,
    zone_of,
)
from nlp_service.insight.results import Period, Series
from nlp_service.insight.signals import Signals

Index = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

MEASURES = (
    "messages",
    "people",
    "sentiment",
    "negative_share",
    "complaint_rate",
    "ad_rate",
    "question_share",
    "ugc_share",
    "abuse_rate",
    "high_risk_share",
    "risk_mass",
    "dissatisfaction",
)
"""What can be followed over time."""

WEEKS_BEFORE = 4
"""Over how many weeks the usual value of a weekday is taken."""


def series(
    facts: pa.Table | Ledger | Signals,
    period: Period,
    step: str = "day",
    measures: Sequence[str] = MEASURES,
    known_from: datetime | None = None,
) -> tuple[Series, ...]:
    """Measures of every hour, day or week of a period.

    Args:
        facts: The messages of the period and, to be compared with, those of the four weeks before and of the period
            before, as far as they are known.
        period: What is looked at.
        step: ``hour``, ``day`` or ``week``.
        measures: Some of `MEASURES`.
        known_from: Since when messages are known; unless given, from the start of the day of the first one. A bucket
            that begins earlier is unknown, which is not the same as empty.

    Raises:
        BadInput: There is no such measure, step or zone; a row has no time, or they are not in order.
    """
    if unknown := set(measures) - set(MEASURES):
        raise BadInput(f"{len(unknown)} measures are not known; there are {', '.join(MEASURES)}", param="measures")
    signals = facts if isinstance(facts, Signals) else Signals(facts)
    since = _known_from(signals.ledger, period) if known_from is None else to_micros(known_from)
    windows = [edges(period, step), edges_before(period, step)]
    windows += [edges_shifted(period, step, -7 * week) for week in range(1, WEEKS_BEFORE + 1)]
    begin = starts(period, step)
    found = []
    for name in measures:
        now, before, *weeks = (_measure(signals, name, bounds, since) for bounds in windows)
        usual = _mean_known(np.array(weeks))
        found.append(
            Series(
                name=name,
                step=step,
                starts=begin,
                values=_or_none(now),
                before=_or_none(before),
                same_weekday=_or_none(usual),
            )
        )
    return tuple(found)


def _known_from(ledger: Ledger, period: Period) -> int:
    """The start of the day of the first message, in microseconds; of the period where there is none before it."""
    if not len(ledger):
        return to_micros(period.start)
    zone = zone_of(period)
    first = from_micros(int(ledger.at[0])).astimezone(zone)
    return min(to_micros(datetime.combine(first.date(), time(), zone)), to_micros(period.start))


def _measure(signals: Signals, name: str, bounds: Index, since: int) -> Values:
    """A measure between bounds, (buckets,); NaN where it cannot be said."""
    rows = np.searchsorted(signals.ledger.at, bounds)
    known = (bounds[:-1] >= since) & (np.diff(bounds) > 0)
    if name == "messages":
        found = np.diff(rows).astype(np.float64)
    elif name == "people":
        found = _people(signals.ledger, rows)
    elif name == "risk_mass":
        found = _sums(signals.risk_mass, rows)
        known &= (_sums(signals.risk >= 0, rows) > 0) | (np.diff(rows) == 0)
    else:
        values, counted = _parts(signals, name)
        with np.errstate(invalid="ignore"):
            found = _sums(np.where(counted, values, 0.0), rows) / _sums(counted, rows)
    return np.where(known, found, np.nan)


def _parts(signals: Signals, name: str) -> tuple[Values, npt.NDArray[np.bool_]]:
    """What is averaged, and over which messages."""
    if name in ("sentiment", "dissatisfaction"):
        values = signals.sentiment if name == "sentiment" else signals.dissatisfied
        return values, ~np.isnan(values)
    if name == "negative_share":
        return signals.negative.astype(np.float64), ~np.isnan(signals.sentiment)
    if name == "high_risk_share":
        return (signals.risk >= 2).astype(np.float64), signals.risk >= 0
    labels = {
        "complaint_rate": signals.complaint,
        "ad_rate": signals.ad,
        "question_share": signals.question,
        "ugc_share": signals.ugc,
        "abuse_rate": signals.abuse,
    }
    return labels[name].astype(np.float64), signals.read


def _sums(values: npt.ArrayLike, rows: Index) -> Values:
    """Of the rows between bounds; by running sums, so that windows may lie anywhere."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64))])
    return np.asarray(total[rows[1:]] - total[rows[:-1]], np.float64)


def _people(ledger: Ledger, rows: Index) -> Values:
    """Different people between bounds."""
    inside = np.arange(rows[0], rows[-1])
    place = np.searchsorted(rows, inside, side="right") - 1
    width = max(1, ledger.n_people)
    different = np.unique(place * width + ledger.people[inside]) // width
    return np.bincount(different, minlength=len(rows) - 1).astype(np.float64)


def _mean_known(weeks: Values) -> Values:
    """The mean over weeks, (weeks, buckets), of those that are known."""
    known = ~np.isnan(weeks)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, weeks, 0.0).sum(axis=0) / known.sum(axis=0), np.float64)


def _or_none(values: Values) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in values)
