"""How an item's messages differ between a segment and all others: sizes of differences, and whether they are chance."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.insight.counting import Ledger
from nlp_service.insight.fields import Clusters, Field
from nlp_service.insight.statistics import cohens_h, log_likelihood, share_p

Index = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class SegmentBounds(msgspec.Struct, frozen=True):
    """From where on a difference is told.

    Attributes:
        least_total: Messages of a segment, and of all others.
        least_messages: Messages of an item on the side where it is more.
        least_people: Their authors.
        least_ratio: Of the larger share to the smaller one; or
        least_h: Cohen's h, for items so frequent that no share can be much larger than another.
        least_added: Part of an item that is there because of the segment, where it is more.
        least_kept_away: Part of what there would be without the segment and is not, where it is less.
        most_q: Of the corrected p.
        most_values: Of a field; one with more is no grouping.
        most_segments: Told of an item.
        least_others: Other items from which on something is held against what is common to them.
    """

    least_total: int = 20
    least_messages: int = 5
    least_people: int = 3
    least_ratio: float = 2.0
    least_h: float = 0.2
    least_added: float = 0.15
    least_kept_away: float = 0.2
    most_q: float = 0.01
    most_values: int = 200
    most_segments: int = 5
    least_others: int = 5


class Contrast(NamedTuple):
    """An item in a segment, against the same item in all other messages.

    Attributes:
        item, field, value: Which; places in what was given.
        inside, total: Messages of the item in the segment, of all that are in it.
        outside, rest: The same of all others.
        spread: Design effect, the larger of the two sides, at least 1.
        p: Two-sided, of equal shares.
        strength: G² of counts that are divided by their design effects.
    """

    item: int
    field: int
    value: int
    inside: int
    total: int
    outside: int
    rest: int
    spread: float
    p: float
    strength: float

    @property
    def is_less(self) -> bool:
        """Whether the item is rarer in the segment than elsewhere."""
        return self.inside * self.rest < self.outside * self.total


class _Grouping(NamedTuple):
    """A field, with its place among all, and its messages by author."""

    place: int
    field: Field
    clusters: Clusters


def contrast(
    ledger: Ledger, fields: tuple[Field, ...], items: list[Index], bounds: SegmentBounds
) -> tuple[list[Contrast], int]:
    """The differences that would matter, tested; and how many pairs of item and value were looked at.

    Args:
        ledger: The messages.
        fields: What they are grouped by.
        items: The rows of each item, rising.
        bounds: What would matter.
    """
    found: list[Contrast] = []
    n_looked_at = 0
    for place, field in enumerate(fields):
        grouping = _Grouping(place, field, Clusters(field, ledger))
        counts = np.array([np.bincount(field.codes[rows], minlength=len(field.totals)) for rows in items])
        ratios = _log_ratios(counts, field.totals)
        broad = _broad(field, bounds)
        for item, rows in enumerate(items):
            if bounds.least_messages <= len(rows) < len(ledger):
                n_looked_at += int(broad.sum())
                own = _is_own(ratios, item, bounds)
                found += _compare(item, rows, counts[item], grouping, broad & own, bounds)
    return found, n_looked_at


def _broad(field: Field, bounds: SegmentBounds) -> Bools:
    """The values with enough messages, in them and beside them."""
    broad = (field.totals >= bounds.least_total) & (len(field.codes) - field.totals >= bounds.least_total)
    broad[-1] = False  # all else is no segment
    return broad


def _log_ratios(counts: Index, totals: Index) -> Values:
    """How much more each item is said in each value, (items, values), as a logarithm.

    Half a message is added to every count. NaN where an item is too small to expect five messages.
    """
    n, whole = totals.sum(), counts.sum(axis=1, keepdims=True)
    ratios = np.log((counts + 0.5) / (totals + 1)) - np.log((whole - counts + 0.5) / (n - totals + 1))
    return np.where(whole * totals >= 5 * n, ratios, np.nan)


def _is_own(ratios: Values, item: int, bounds: SegmentBounds) -> Bools:
    """Whether at least half of a ratio, as a logarithm, is the item's own and not that of most other items too."""
    others = np.delete(ratios, item, axis=0)
    known = (~np.isnan(others)).sum(axis=0)
    common = np.zeros(ratios.shape[1])
    for value in np.flatnonzero(known >= bounds.least_others):
        common[value] = np.nanmedian(others[:, value])
    own = np.nan_to_num(ratios[item])
    return np.asarray(np.sign(own) * (own - common) >= 0.5 * np.abs(own), np.bool_)


def _compare(
    item: int, rows: Index, counts: Index, grouping: _Grouping, looked_at: Bools, bounds: SegmentBounds
) -> list[Contrast]:
    place, field, clusters = grouping
    n_values = len(field.totals)
    who, said = np.unique(clusters.of[rows], return_counts=True)
    spread = clusters.spread(who, said, len(rows) / len(field.codes))
    people = np.bincount(clusters.values[clusters.cells[who]], minlength=n_values)
    inside = np.stack([counts, field.totals, people, np.pad(spread, (0, n_values - len(spread)))]).astype(np.float64)
    outside = inside.sum(axis=1, keepdims=True) - inside
    large = _is_large(inside, outside, bounds) & looked_at
    effects = _design_effects(inside, outside)
    return [
        _test(item, place, int(v), inside[:2, v], outside[:2, v], (float(effects[0][v]), float(effects[1][v])))
        for v in np.flatnonzero(large)
    ]


def _is_large(inside: Values, outside: Values, bounds: SegmentBounds) -> Bools:
    """Whether a difference would matter, were it no chance; (4, values) each: hits, messages, people, spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share_in, share_out = inside[0] / inside[1], outside[0] / outside[1]
        more = share_in > share_out
        ratio = np.where(more, share_in / share_out, share_out / share_in)
        large = (ratio >= bounds.least_ratio) | (np.abs(cohens_h(share_in, share_out)) >= bounds.least_h)
        expected = inside[1] * share_out
        added = (inside[0] - expected) / (inside[0] + outside[0])
        kept_away = (expected - inside[0]) / ((inside[1] + outside[1]) * share_out)
        large &= np.where(more, added >= bounds.least_added, kept_away >= bounds.least_kept_away)
    side = np.where(more, inside, outside)
    return np.asarray(large & (side[0] >= bounds.least_messages) & (side[2] >= bounds.least_people), np.bool_)


def _test(item: int, field: int, value: int, inside: Values, outside: Values, spread: tuple[float, float]) -> Contrast:
    counts = [*(inside / spread[0]), *(outside / spread[1])]
    a, n, b, m = (round(float(count)) for count in counts)
    p = float(share_p(min(a, n), n, min(b, m), m))
    hits, total, others, rest = (int(count) for count in (*inside, *outside))
    return Contrast(item, field, value, hits, total, others, rest, max(spread), p, float(log_likelihood(*counts)))


def _design_effects(inside: Values, outside: Values) -> tuple[Values, Values]:
    """How many messages of a group say as much as one that is independent (Rao and Scott 1992), at least 1.

    The variance between authors against that of a binomial share. A group where nobody or everybody says it, whose
    spread cannot be seen, takes that of the other.
    """
    found = []
    for x, n, _, spread in (inside, outside):
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.where((x <= 0) | (x >= n), np.nan, np.maximum(1.0, spread / (x * (1 - x / n)))))
    first, second = found
    first, second = np.where(np.isnan(first), second, first), np.where(np.isnan(second), first, second)
    return np.nan_to_num(first, nan=1.0), np.nan_to_num(second, nan=1.0)
