"""Who answers whom, and who begins to talk of something.

Where a channel says what its messages reply to (``meta.reply_to``, the id of a message of the same platform, on at
least `EXPLICIT_SHARE` of them), that is believed and nothing else. Elsewhere the order of the talk has to do;
docs/health.md says how far that goes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.insight.counting import coded
from nlp_service.insight.signals import Signals

Index = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EXPLICIT_SHARE = 0.01
"""Of a channel's messages that must say what they reply to, so that those that do not say it reply to nothing."""

ANSWER_WITHIN_S = 30 * 60
"""How long after a question the next thing said may be its answer."""

ANSWER_AMONG = 5
"""Of how many messages after it, in its channel."""

PAUSE_S = 30 * 60
"""A channel that was silent for so long begins a new conversation."""

_SECOND = 1_000_000


class Talk(NamedTuple):
    """What became of each message.

    Attributes:
        answered_at: (n,) microseconds since 1970 of the first answer of somebody else; -1 where there is none.
        begins: (n,) whether it began a conversation that somebody else joined.
        explicit: (n,) whether its channel says what replies to what.
    """

    answered_at: Index
    begins: Bools
    explicit: Bools


def follow(signals: Signals) -> Talk:
    """Answers and beginnings of every message of a table."""
    ledger = signals.ledger
    n = len(ledger)
    parents = _parents(signals)
    n_channels = len(ledger.channels.names) + 1
    place = ledger.channels.codes + 1  # what has no channel is one by itself
    n_replies = np.bincount(place[signals.reply_to.codes >= 0], minlength=n_channels)
    says = n_replies >= np.maximum(1, EXPLICIT_SHARE * np.bincount(place, minlength=n_channels))
    explicit: Bools = says[place]
    answered = np.full(n, -1, np.int64)
    begins = np.zeros(n, np.bool_)
    child = np.flatnonzero((parents >= 0) & explicit)
    child = child[ledger.people[child] != ledger.people[parents[child]]]
    first, where = np.unique(parents[child], return_index=True)  # rows are in the order of time
    answered[first] = ledger.at[child[where]]
    begins[first] = signals.reply_to.codes[first] < 0
    guessed = np.flatnonzero(~explicit)
    order = guessed[np.argsort(place[guessed], kind="stable")]  # by channel, then time
    _guess(signals, order, place[order], answered, begins)
    return Talk(answered, begins, explicit)


def _parents(signals: Signals) -> Index:
    """The row of the message that each one replies to; -1 where there is none, or none before it in this table."""
    facts, n = signals.ledger.facts, len(signals.ledger)
    parents = np.full(n, -1, np.int64)
    rows = np.flatnonzero(signals.reply_to.codes >= 0)
    if not rows.size:
        return parents
    platforms = coded(facts.column("platform")).codes
    ids = facts.column("id").combine_chunks()
    wanted = pa.array(np.array(signals.reply_to.names, object)[signals.reply_to.codes[rows]], pa.string())
    names = pc.dictionary_encode(pa.concat_arrays([ids, wanted])).indices
    codes = np.asarray(pc.fill_null(names, -1)).astype(np.int64)
    width = int(codes.max(initial=0)) + 1
    own = (platforms + 1) * width + codes[:n]
    keys, first = np.unique(own, return_index=True)
    asked = (platforms[rows] + 1) * width + codes[n:]
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    parent = first[place]
    good = (keys[place] == asked) & (parent < rows)
    parents[rows[good]] = parent[good]
    return parents


def _guess(signals: Signals, order: Index, place: Index, answered: Index, begins: Bools) -> None:
    """By the order of the talk: writes into `answered` and `begins`.

    A question is answered by the first of the next `ANSWER_AMONG` messages of its channel, within `ANSWER_WITHIN_S`,
    that somebody else wrote and that is neither a question nor an advert. The first message after a pause of `PAUSE_S`
    begins a conversation, if one of the next ones, before the next pause, is by somebody else.
    """
    ledger = signals.ledger
    at, people = ledger.at[order], ledger.people[order]
    speaks = ~(signals.question | signals.ad)[order]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (place[1:] != place[:-1]) | (np.diff(at) >= PAUSE_S * _SECOND)
    found = np.full(len(order), -1, np.int64)
    for step in range(1, min(ANSWER_AMONG, len(order) - 1) + 1):
        fits = (place[step:] == place[:-step]) & (at[step:] - at[:-step] <= ANSWER_WITHIN_S * _SECOND)
        fits &= speaks[step:] & (people[step:] != people[:-step]) & (found[:-step] < 0)
        found[:-step] = np.where(fits, at[step:], found[:-step])
    is_question = signals.question[order]
    answered[order] = np.where(is_question, found, -1)
    first = np.flatnonzero(fresh)
    if first.size:
        starter = np.repeat(people[first], np.diff([*first, len(order)]))
        joined = np.add.reduceat((people != starter).astype(np.int64), first) > 0
        begins[order[first]] = joined
