"""The different statements of two periods, with how often, by how many, and how angrily each was made.

A statement is a core (`wording.stripping`): a million identical messages are one. Groups are made of statements, and
messages are counted through them, so what a group has of the period and of the period before follows from one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.insight.counting import Ledger
from nlp_service.insight.facts import VECTOR_COLUMNS
from nlp_service.insight.wording import Corpus
from nlp_service.store.packing import LABELS

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Embed = Callable[[Sequence[str]], Floats]

MOST_OF_ONE = 3
"""Times that one person can make a statement and still add a voice: what one repeats is not more widely said."""

NEED = "need"

_COMPLAINT = 1 << LABELS.index("complaint")
_BLOCK = 65_536  # rows whose vectors are held unpacked at a time
_SAD = -0.2
_EVIDENCE = {"complaint": 1.0, "risk": 1.0, "pain": 1.0, "need": 0.5, "sad": 0.4}


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns of the messages of both periods, those of the period before first.

    Attributes:
        core: Statement of each row.
        now: Rows of the period; the others are of the period before.
        person: Number of its author; one of its own where nobody is known.
        evidence: That it complains or asks for something, in [0, 1].
        severity: In [0, 1].
        sentiment: In [-1, 1]; NaN where the model could not say.
        need: It names a need and complains of nothing.
    """

    core: Index
    now: Flags
    person: Index
    evidence: Floats
    severity: Floats
    sentiment: Floats
    need: Flags


@dataclass(frozen=True, eq=False)
class Statements:
    """Sums over the messages of each statement, one entry a core.

    Attributes:
        now, before: Messages.
        voices_now, voices_before: People, each counted up to `MOST_OF_ONE` times.
        evidence: Mean of its messages.
    """

    now: Index
    before: Index
    voices_now: Index
    voices_before: Index
    evidence: Reals

    @property
    def messages(self) -> Index:
        """Of both periods."""
        return self.now + self.before


def read_rows(ledger: Ledger, n_before: int, corpus: Corpus) -> Rows:
    """Read the columns that pains are judged by.

    Args:
        ledger: FACTS of the period before and, behind it, of the period.
        n_before: Rows of the period before.
        corpus: Of the same table.
    """
    table = ledger.facts
    labels = _filled(table, "labels", 0).astype(np.int64)
    risk = np.maximum(_filled(table, "risk", 0), 0).astype(np.float32)
    sentiment = _filled(table, "sentiment", np.nan).astype(np.float32)
    pain, need = _named(table)
    complaint = (labels & _COMPLAINT) > 0
    with np.errstate(invalid="ignore"):
        sad = sentiment < _SAD
    signs = {"complaint": complaint, "risk": risk >= 1, "pain": pain, "need": need, "sad": sad}
    evidence = np.zeros(len(labels), np.float32)
    for name, flags in signs.items():
        np.maximum(evidence, np.where(flags, np.float32(_EVIDENCE[name]), np.float32(0)), out=evidence)
    anger = np.clip(-np.nan_to_num(sentiment), 0.0, 1.0)
    severity = np.maximum.reduce([risk / 3.0, anger, np.where(complaint | pain, 1 / 3, 0.0).astype(np.float32)])
    now = np.arange(len(labels)) >= n_before
    wanted = need & ~complaint & ~pain & (risk < 1)
    return Rows(corpus.row_core, now, ledger.people, evidence, severity, sentiment, wanted)


def count(rows: Rows, n_cores: int) -> Statements:
    """Sum rows by statement."""
    now, before = (np.bincount(rows.core[part], minlength=n_cores) for part in (rows.now, ~rows.now))
    voices = [voices_of(rows.core[part], rows.person[part], n_cores) for part in (rows.now, ~rows.now)]
    evidence = np.bincount(rows.core, rows.evidence, n_cores) / np.maximum(now + before, 1)
    return Statements(now, before, voices[0], voices[1], evidence)


def voices_of(group: Index, person: Index, n_groups: int) -> Index:
    """People of each group of rows, each counted up to `MOST_OF_ONE` times."""
    return _people_by(group, person, n_groups, MOST_OF_ONE)


def people_of(group: Index, person: Index, n_groups: int) -> Index:
    """Different people of each group of rows."""
    return _people_by(group, person, n_groups, 1)


def _people_by(group: Index, person: Index, n_groups: int, most: int) -> Index:
    if not len(group):
        return np.zeros(n_groups, np.int64)
    pair, times = np.unique(group * (person.max() + 1) + person, return_counts=True)
    return np.bincount(pair // (person.max() + 1), np.minimum(times, most), n_groups).astype(np.int64)


def mean_vectors(table: pa.Table, groups: Index, n_groups: int) -> Floats:
    """Mean vector of each group of rows less that of all rows, of unit length; zero where there is none.

    Args:
        table: With the column ``vector``.
        groups: Of each row; -1 for none.
        n_groups: How many.
    """
    sums = np.zeros((n_groups + 1, VECTOR_COLUMNS))
    counts = np.zeros(n_groups + 1)
    column = table.column("vector")
    for first in range(0, len(groups), _BLOCK):
        block = column.slice(first, _BLOCK).combine_chunks()
        there = np.asarray(block.is_valid())
        packed = b"".join(block.drop_null().to_pylist())
        vectors = np.frombuffer(packed, "<f2").reshape(-1, VECTOR_COLUMNS).astype(np.float64)
        own = groups[first : first + _BLOCK][there]
        order = np.argsort(own, kind="stable")
        starts = np.flatnonzero(np.diff(own[order], prepend=own.min(initial=0) - 1))
        if len(starts):
            sums[own[order][starts]] += np.add.reduceat(vectors[order], starts, axis=0)
        counts += np.bincount(own % (n_groups + 1), minlength=n_groups + 1)
    centre = sums.sum(0) / max(counts.sum(), 1.0)
    means = sums[:-1] - counts[:-1, None] * centre
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    return np.asarray(means, np.float32)


def _filled(table: pa.Table, name: str, value: float) -> npt.NDArray[np.generic]:
    return np.asarray(pc.fill_null(table.column(name), pa.scalar(value, table.column(name).type)))


def _named(table: pa.Table) -> tuple[Flags, Flags]:
    """Which rows name a pain, and which a need."""
    n = len(table)
    pain, need = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    first = 0
    for chunk in table.column("pains").chunks:
        # A slice of a list column keeps its values; their parents tell where each belongs.
        parents = np.asarray(pc.list_parent_indices(chunk)).astype(np.int64) + first
        is_need = np.asarray(pc.fill_null(pc.equal(pc.struct_field(pc.list_flatten(chunk), "category"), NEED), False))
        need[parents[is_need]] = True
        pain[parents[~is_need]] = True
        first += len(chunk)
    return pain, need
