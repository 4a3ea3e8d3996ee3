"""How well a community is, channel by channel: figures with what they are made of. docs/health.md has each formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.community import SATISFACTION, Benchmark, Membership
from nlp_service.insight.conversations import Talk, follow
from nlp_service.insight.counting import Ledger, coded
from nlp_service.insight.results import Figure, Health
from nlp_service.insight.signals import Signals, satisfaction

Index = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

_SECOND = 1_000_000


class _Made(NamedTuple):
    """A figure before its messages are named."""

    value: float | None
    numerator: float | None = None
    denominator: float | None = None
    rows: Index = np.zeros(0, np.int64)
    why: str | None = None


class _View(NamedTuple):
    """A table and what was found in it; `new` says which people were not seen before, None where nobody knows."""

    signals: Signals
    talk: Talk
    new: Bools | None


def health(
    facts: pa.Table | Signals,
    previous: pa.Table | Signals,
    members: Membership | None = None,
    benchmark: Benchmark | None = None,
) -> tuple[Health, ...]:
    """The figures of all channels together, then of each channel by name.

    Args:
        facts: The messages of the period; `Signals` that were made already must have been made with the same staff.
        previous: Those of the period before; may be empty.
        members: What else is known of the members.
        benchmark: What complaints are held against; unless given, the rates of `previous`.

    Raises:
        BadInput: A row has no time, or they are not in order.
    """
    members = members or Membership()
    now, before = (each if isinstance(each, Signals) else Signals(each, members.staff) for each in (facts, previous))
    benchmark = benchmark or Benchmark.of(before)
    view = _View(now, follow(now), _not_seen(now.ledger, before.ledger))
    view_before = _View(before, follow(before), None)
    rows_before = _by_channel(before.ledger)
    found = []
    for channel, rows in _by_channel(now.ledger).items():
        made = _figures(view, rows, members.of(channel))
        earlier = _figures(view_before, rows_before.get(channel, np.zeros(0, np.int64)), members.of(channel))
        figures = tuple(_named(name, each, earlier[name], benchmark.rate(channel), now) for name, each in made.items())
        found.append(Health(channel, len(rows), now.ledger.count_people(rows), figures))
    return tuple(found)


def _named(name: str, made: _Made, earlier: _Made, rate: float | None, signals: Signals) -> Figure:
    held_against = {"complaint_rate": rate, "satisfaction": SATISFACTION}
    return Figure(
        name=name,
        value=made.value,
        numerator=made.numerator,
        denominator=made.denominator,
        before=earlier.value,
        benchmark=held_against.get(name),
        why=made.why,
        keys=signals.ledger.keys(made.rows),
    )


def _by_channel(ledger: Ledger) -> Mapping[str | None, Index]:
    """All rows under None, then those of each channel by name."""
    order = np.argsort(ledger.channels.codes, kind="stable")
    bounds = np.searchsorted(ledger.channels.codes[order], np.arange(len(ledger.channels.names) + 1))
    rows = {name: order[bounds[code] : bounds[code + 1]] for code, name in enumerate(ledger.channels.names)}
    return {None: np.arange(len(ledger)), **{name: rows[name] for name in sorted(rows)}}


def _not_seen(ledger: Ledger, before: Ledger) -> Bools | None:
    """Which known people of a table wrote nothing in another; None where that one is empty."""
    if not len(before):
        return None
    columns = []
    for name in ("platform", "author"):
        both = [each.facts.column(name).cast(pa.string()).chunks for each in (ledger, before)]
        columns.append(coded(pa.chunked_array([*both[0], *both[1]], pa.string())))
    pairs = (columns[0].codes + 1) * (len(columns[1].names) + 1) + columns[1].codes + 1
    known = ledger.people < ledger.n_known
    new = np.zeros(ledger.n_known, np.bool_)
    new[ledger.people[known]] = ~np.isin(pairs[: len(ledger)][known], pairs[len(ledger) :])
    return new


def _figures(view: _View, rows: Index, total: int | None) -> dict[str, _Made]:
    signals = view.signals
    read, felt = rows[signals.read[rows]], rows[~np.isnan(signals.sentiment[rows])]
    mood = float(signals.sentiment[felt].sum())
    sentiment = _Made(mood / len(felt), mood, len(felt)) if len(felt) else _Made(None, why=_why_unread(rows))
    return {
        "ugc_share": _share(read[signals.ugc[read]], read, _why_unread(rows)),
        "member_topic_share": _begun_by_members(view, rows),
        **_answers(view, rows),
        "sentiment": sentiment,
        "negative_share": _share(felt[signals.negative[felt]], felt, _why_unread(rows)),
        "complaint_rate": _share(read[signals.complaint[read]], read, _why_unread(rows)),
        "ad_rate": _share(read[signals.ad[read]], read, _why_unread(rows)),
        **_members(view, rows, total),
        "satisfaction": _satisfaction(signals, rows),
    }


def _why_unread(rows: Index) -> str:
    return "not_read" if len(rows) else "no_messages"


def _share(part: Index, whole: Index, why: str) -> _Made:
    if not len(whole):
        return _Made(None, why=why)
    return _Made(len(part) / len(whole), len(part), len(whole), part)


def _begun_by_members(view: _View, rows: Index) -> _Made:
    if not view.signals.staff.any():  # then everything was begun by members, which says nothing
        return _Made(None, why="no_staff_known")
    begun = rows[view.talk.begins[rows]]
    made = _share(begun[~view.signals.staff[begun]], begun, "no_conversations")
    return made if made.value is None else made._replace(why=_how(view, begun))


def _answers(view: _View, rows: Index) -> dict[str, _Made]:
    asked = rows[view.signals.question[rows] & ~view.signals.staff[rows]]
    answered = asked[view.talk.answered_at[asked] >= 0]
    how = _how(view, asked)
    share = _share(answered, asked, "no_questions")
    times = {"answer_time_median_s": 0.5, "answer_time_p90_s": 0.9}
    if not len(answered):
        return {"answered_share": share, **{name: _Made(None, why="no_answers") for name in times}}
    took = (view.talk.answered_at[answered] - view.signals.ledger.at[answered]) / _SECOND
    return {
        "answered_share": share._replace(why=how),
        **{name: _Made(float(np.quantile(took, part)), None, len(took), answered, how) for name, part in times.items()},
    }


def _how(view: _View, rows: Index) -> str | None:
    """A caveat where some of it is guessed from the order of the talk."""
    return None if view.talk.explicit[rows].all() else "by_conversation"


def _members(view: _View, rows: Index, total: int | None) -> dict[str, _Made]:
    ledger = view.signals.ledger
    ours = rows[(ledger.people[rows] < ledger.n_known) & ~view.signals.staff[rows]]
    people, first = np.unique(ledger.people[ours], return_index=True)
    spoke = ours[first]  # the first message of each: as many as there are people
    active = len(people)
    found = {"active_members": _Made(active, active, None, np.sort(spoke))}
    if total is None:
        found["silent_members"] = _Made(None, why="members_not_known")
    elif active > total:
        found["silent_members"] = _Made(None, active, total, why="more_active_than_members")
    else:
        found["silent_members"] = _Made(total - active, total - active, total)
    for name, wanted in (("new_members", True), ("returning_members", False)):
        if view.new is None:
            found[name] = _Made(None, why="nothing_before")
        else:
            who = np.sort(spoke[view.new[people] == wanted])
            found[name] = _Made(len(who), len(who), active, who)
    return found


def _satisfaction(signals: Signals, rows: Index) -> _Made:
    """Of members' messages that say how they feel; see `signals.satisfaction`."""
    rows = rows[signals.speaks_of_feeling[rows]]
    if not len(rows):
        return _Made(None, why="not_read")
    lost, weight = satisfaction(signals, rows, np.zeros(len(rows), np.int64), 1)
    value = 100.0 * (1.0 - float(lost[0] / weight[0]))
    return _Made(value, float(lost[0]), float(weight[0]), rows[signals.dissatisfied[rows] > 0])
