"""Where a thing is said clearly more, or less, than elsewhere: found among all fields that messages have.

Every item (a pain, a topic, a label) is held against every value of every field. A difference is told when it is

- large enough to matter (`SegmentBounds`), which keeps a million messages from making trifles significant,
- no chance: two-sided p of equal shares, corrected for all pairs that were looked at (Benjamini and Hochberg),
- not the work of one person: messages of one author count for as many independent ones as they behave like,
- the item's own: not what most other items show there too,
- and the segment's own: not explained by a stronger one ("room 5", where all of "region south" is so).

docs/trends.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.contrasts import Contrast, SegmentBounds, contrast
from nlp_service.insight.counting import Ledger, RowSet, rows_of
from nlp_service.insight.fields import OWN, Field, find_fields
from nlp_service.insight.results import Segment
from nlp_service.insight.statistics import adjust, chi_square_p, cohens_h

Index = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

DEFAULT_BOUNDS = SegmentBounds()


def find_segments(
    facts: pa.Table | Ledger, members: Mapping[str, RowSet], bounds: SegmentBounds = DEFAULT_BOUNDS
) -> list[tuple[str, Segment]]:
    """Where items are said more or less than elsewhere, by themselves.

    Args:
        facts: The messages of a period.
        members: The rows of each item, under its name. Items of one call are of one kind: what most of them share in
            a segment is told of none.
        bounds: What is worth telling.

    Returns:
        Item and segment, in the order of the items, of each the largest effect first.

    Raises:
        BadInput: A row has no time, or they are not in order.
    """
    ledger = Ledger.of(facts)
    fields = find_fields(ledger, bounds.least_total, bounds.most_values)
    names = sorted(members)
    items = [rows_of(members[name], len(ledger)) for name in names]
    if not items:
        return []
    contrasts, n_looked_at = contrast(ledger, fields, items, bounds)
    # Those that were looked at and do not matter count with the p that is worst for all others.
    q = adjust(np.concatenate([[each.p for each in contrasts], np.ones(n_looked_at - len(contrasts))]))
    likely: dict[str, list[tuple[Contrast, float]]] = {name: [] for name in members}
    for each, corrected in zip(contrasts, q.tolist(), strict=False):
        if corrected <= bounds.most_q:
            likely[names[each.item]].append((each, corrected))
    tables = _Tables(fields)
    found: list[tuple[str, Segment]] = []
    for name, pairs in likely.items():
        told = [
            _segment(each, fields[each.field], corrected)
            for each, corrected in _unexplained(pairs, items, tables, bounds)
        ]
        told.sort(key=lambda segment: (-abs(segment.effect), segment.field, segment.value))
        found += [(name, segment) for segment in told]
    return found


class _Tables:
    """How many messages have one value of one field and one of another, counted when they are asked for."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self._whole: dict[tuple[int, int], Index] = {}

    def all(self, first: int, second: int) -> Index:
        if (first, second) not in self._whole:
            self._whole[first, second] = self._count(self.fields[first], self.fields[second])
        return self._whole[first, second]

    def of(self, first: int, second: int, rows: Index) -> Index:
        return self._count(self.fields[first], self.fields[second], rows)

    def _count(self, first: Field, second: Field, rows: Index | slice = slice(None)) -> Index:
        shape = len(first.totals), len(second.totals)
        codes = first.codes[rows] * shape[1] + second.codes[rows]
        return np.bincount(codes, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)


def _unexplained(
    pairs: list[tuple[Contrast, float]], items: list[Index], tables: _Tables, bounds: SegmentBounds
) -> list[tuple[Contrast, float]]:
    """The contrasts of an item that no stronger one of it explains, with their q."""
    kept: list[tuple[Contrast, float]] = []
    for each, q in sorted(pairs, key=lambda pair: _rank(pair[0], tables.fields)):
        if len(kept) == bounds.most_segments:
            break
        if all(_stands(each, other, items[each.item], tables, bounds.most_q) for other, _ in kept):
            kept.append((each, q))
    return kept


def _rank(each: Contrast, fields: tuple[Field, ...]) -> tuple[bool, bool, float, str, int]:
    """In which order they explain one another.

    What is more somewhere before what is less elsewhere; a caller's field before the channel, since a channel is where
    a thing is said and the field may be why; then the strongest first.
    """
    name = fields[each.field].name
    return each.is_less, name in OWN, -round(each.strength, 6), name, each.value


def _stands(each: Contrast, other: Contrast, rows: Index, tables: _Tables, most_p: float) -> bool:
    """Whether a difference is there too within another segment and outside it (Mantel and Haenszel 1959).

    It must be no chance, and keep half of its ratio, as a logarithm.
    """
    whole, item = tables.all(each.field, other.field), tables.of(each.field, other.field, rows)
    n, a = (_strata(table[each.value], other.value) for table in (whole, item))
    both, hits = (_strata(table.sum(axis=0), other.value) for table in (whole, item))
    there = both > 1
    n, a, both, hits = (part[there] for part in (n, a, both, hits))
    m, b = both - n, hits - a
    variance = float((n * m * hits * (both - hits) / (both**2 * (both - 1))).sum())
    if variance <= 0:
        return False
    distance = max(0.0, abs(float((a - n * hits / both).sum())) - 0.5)
    p = float(chi_square_p(distance**2 / variance / each.spread))
    counts = (each.inside, each.total, each.outside, each.rest)
    before = _log_ratio(*(np.array([count], np.float64) for count in counts))
    return p <= most_p and _log_ratio(a, n, b, m) * before >= 0.5 * before**2


def _strata(counts: Index, value: int) -> Values:
    """What falls into a value of the other field, and what does not."""
    return np.array([counts[value], counts.sum() - counts[value]], np.float64)


def _log_ratio(a: Values, n: Values, b: Values, m: Values) -> float:
    """Of two shares, joined over strata; half a message is added where it would not be finite."""
    above, below = ((part * beside / (n + m)).sum() for part, beside in ((a, m), (b, n)))
    if not (above and below):
        above, below = (((part + 0.5) * beside / (n + m)).sum() for part, beside in ((a, m), (b, n)))
    return float(np.log(above / below)) if above and below else 0.0


def _segment(each: Contrast, field: Field, q: float) -> Segment:
    share_in, share_out = each.inside / each.total, each.outside / each.rest
    return Segment(
        field=field.name,
        value=field.values[each.value],
        messages=each.inside,
        total=each.total,
        share_in=share_in,
        share_out=share_out,
        ratio=share_in / share_out if each.outside else None,
        effect=float(cohens_h(share_in, share_out)),
        p_value=each.p,
        q_value=q,
    )
