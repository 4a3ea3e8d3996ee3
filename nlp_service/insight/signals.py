"""What the labels of messages say, as columns to add up."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.insight.counting import Coded, Ledger
from nlp_service.insight.fields import Meta
from nlp_service.store.packing import label_mask

Bools = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

NEGATIVE = -0.25
"""Sentiment up to which a message is negative: where the score agrees best (97 %) with P(negative) >= .5."""

RISK_WEIGHTS = (0.0, 1.0, 3.0, 9.0)
"""What a message of each risk level adds to the risk mass: three of one level weigh as much as one of the next."""

MOST_OF_ONE = 10.0
"""Messages of one person that count in full for satisfaction; more of them weigh no more."""

STAFF_ROLES = frozenset("staff official admin administrator moderator owner support service agent bot".split()) | {
    *"官方 客服 管理员 管理 运营 版主 群主 机器人 小助手".split()
}
"""Values of ``meta.role`` that are no ordinary member, in lower case."""

_YES = frozenset(("true", "1", "yes", "是"))


class Signals:
    """Columns of a table, one value a message.

    Attributes:
        read: The model could say what the message is for; only of these rates are made.
        question, ugc, ad, complaint, abuse: Labels, among others that a message has.
        sentiment: -1 to 1, NaN where nobody could say.
        negative: Sentiment up to `NEGATIVE`.
        risk: Level, -1 where nobody could say.
        risk_mass: `RISK_WEIGHTS` of the level, 0 where nobody could say.
        dissatisfied: 0 to 1: 1 for a complaint, half the strength of its feeling for another negative message, else 0;
            NaN where nobody could say, and for adverts.
        staff: By somebody who is staff by ``meta.role``, ``meta.official`` or by name.
        speaks_of_feeling: Counts for `satisfaction`: `dissatisfied` is known, and it is not by staff.
        reply_to: The id that ``meta.reply_to`` names.
    """

    def __init__(self, facts: pa.Table | Ledger, staff: Collection[tuple[str, str]] = ()) -> None:
        self.ledger = Ledger.of(facts)
        facts = self.ledger.facts
        labels = _numbers(facts.column("labels"), 0).astype(np.int64)
        self.read: Bools = np.asarray(facts.column("intent").is_valid()).astype(np.bool_)
        names = ("question", "ugc", "ad", "complaint", "abuse")
        bits = [(labels & label_mask([name])) > 0 for name in names]
        self.question, self.ugc, self.ad, self.complaint = (each & self.read for each in bits[:4])
        self.abuse = bits[4]
        self.sentiment = _numbers(facts.column("sentiment"), np.nan)
        self.negative: Bools = self.sentiment <= NEGATIVE
        self.risk = _numbers(facts.column("risk"), -1).astype(np.int64)
        self.risk_mass = np.array([*RISK_WEIGHTS, 0.0])[self.risk]
        mood = np.where(self.complaint, 1.0, np.where(self.negative, -self.sentiment / 2, 0.0))
        known = (self.read | ~np.isnan(self.sentiment)) & ~self.ad
        self.dissatisfied: Values = np.where(known, mood, np.nan)
        meta = Meta(facts)
        self.staff = self._staff(meta, staff)
        self.speaks_of_feeling: Bools = ~np.isnan(self.dissatisfied) & ~self.staff
        self.reply_to = meta.field("reply_to")

    def _staff(self, meta: Meta, named: Collection[tuple[str, str]]) -> Bools:
        """Whoever is marked once is staff in all that they write."""
        marked = _is_one_of(meta.field("role"), STAFF_ROLES) | _is_one_of(meta.field("official"), _YES)
        if named:
            columns = (self.ledger.facts.column(name).to_pylist() for name in ("platform", "author"))
            wanted = set(named)
            marked |= np.fromiter((pair in wanted for pair in zip(*columns, strict=True)), np.bool_, len(marked))
        is_staff = np.zeros(max(1, self.ledger.n_people), np.bool_)
        is_staff[self.ledger.people[marked]] = True
        found: Bools = is_staff[self.ledger.people]
        return found


def satisfaction(signals: Signals, rows: Index, groups: Index, n_groups: int) -> tuple[Values, Values]:
    """What is lost of satisfaction, and the weight that it is a part of: the index is 100 (1 - lost / weight).

    A person weighs as many messages as they wrote, `MOST_OF_ONE` at most, and their dissatisfaction is the mean of
    theirs: one who shouts is one.

    Args:
        signals: The messages.
        rows: Some of them, all of which `speaks_of_feeling`.
        groups: The group of each, such as its channel; a person is counted in each group.
        n_groups: How many groups there are.

    Returns:
        Two arrays, (n_groups,).
    """
    width = max(1, signals.ledger.n_people)
    pairs = groups * width + signals.ledger.people[rows]
    who, place, wrote = np.unique(pairs, return_inverse=True, return_counts=True)
    mean = np.bincount(place, signals.dissatisfied[rows], len(who)) / wrote
    weight = np.minimum(wrote, MOST_OF_ONE)
    group = who // width
    lost, whole = (np.bincount(group, each, n_groups).astype(np.float64) for each in (mean * weight, weight))
    return lost, whole


def _is_one_of(column: Coded, values: Collection[str]) -> Bools:
    fits = np.array([*(name.strip().lower() in values for name in column.names), False])
    found: Bools = fits[column.codes]  # -1, nothing, is the last
    return found


def _numbers(column: pa.ChunkedArray, missing: float) -> Values:
    filled = pc.fill_null(pc.cast(column, pa.float64()), missing)
    return np.asarray(filled, np.float64)
