"""Names of groups of complaints: what they are about, of which category, and whether they are pains or needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from nlp_service.insight import wording
from nlp_service.insight.pains.statements import NEED, Index, Rows
from nlp_service.insight.wording import Corpus
from nlp_service.insight.wording.reading import is_break
from nlp_service.insight.wording.stripping import strip

MOSTLY = 0.5
"""Part of a group's messages that must have a target, for the group to go by it."""

LONGEST_TARGET = 8
"""Code points; what is longer is not a name but a quotation."""

_OTHER = "other"


class Named(NamedTuple):
    """What a group is called; as in `PainPoint`."""

    kind: str
    name: str
    target: str
    category: str
    terms: tuple[str, ...]


def name_groups(table: pa.Table, groups: Sequence[Index], rows: Rows, corpus: Corpus) -> list[Named]:
    """Names of groups of rows, in their order. No two have one kind, category and target: the earlier keeps the target.

    Args:
        table: FACTS.
        groups: Rows of each group, none empty.
        rows: Columns of the table.
        corpus: Of the table.
    """
    named: list[Named] = []
    taken: set[tuple[str, str, str]] = set()
    for members, terms in zip(groups, wording.terms(corpus, groups), strict=True):
        targets, categories = _said(table, members)
        kind = NEED if rows.need[members].mean() > MOSTLY else "pain"
        category = NEED if kind == NEED else _first(categories, skip=(NEED, _OTHER)) or _OTHER
        target = _first(targets)
        name = wording.name(terms, target or wording.excerpt(corpus, members))
        if not target or targets[target] < MOSTLY * len(members) or (kind, category, target) in taken:
            target = name
        number = 2
        while (kind, category, target) in taken:
            target, number = f"{name} {number}", number + 1
        taken.add((kind, category, target))
        named.append(Named(kind, name, target, category, terms))
    return named


def _said(table: pa.Table, members: Index) -> tuple[Counter[str], Counter[str]]:
    """In how many messages each target is named, and how often each category is."""
    part = table.select(["pains", "opinions", "risk_categories"]).take(pa.array(members))
    targets: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    columns = (part.column(name).to_pylist() for name in ("pains", "opinions", "risk_categories"))
    for pains, opinions, risks in zip(*columns, strict=True):
        negative = (each["target"] for each in opinions or () if (each["polarity"] or 0.0) <= 0.0)
        targets.update({*(each["target"] for each in pains or ()), *negative})
        categories.update(each["category"] for each in pains or ())
        categories.update(risks or ())
    short = [target for target in targets if target and len(target) <= LONGEST_TARGET]
    real = {target for target, core in zip(short, strip(short), strict=True) if len(core) > 1 and not is_break(target)}
    return Counter({target: n for target, n in targets.items() if target in real}), categories


def _first(counted: Counter[str], skip: Sequence[str] = ()) -> str:
    """The most frequent, of several the first by name; "" where there is none."""
    left = [(-n, name) for name, n in counted.items() if name and name not in skip]
    return min(left)[1] if left else ""
