"""From FACTS to a `Mining`: all parts of this room put together. The same facts give the same values."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.insight import wording
from nlp_service.insight.community import Benchmark, Membership
from nlp_service.insight.counting import Ledger, times, within
from nlp_service.insight.engine.choosing import history_start
from nlp_service.insight.groups import find_groups, load_rules
from nlp_service.insight.health import health
from nlp_service.insight.keywords import find_keywords
from nlp_service.insight.pains import PainOptions, mine_pains
from nlp_service.insight.periods import previous, starts, to_micros, zone_of
from nlp_service.insight.results import MessageKey, Mining, PainPoint, Period, Segment, Series, Topic, TopicEvent
from nlp_service.insight.segments import find_segments
from nlp_service.insight.signals import Signals
from nlp_service.insight.topics import Embed, TopicState, advance, assign, summarise
from nlp_service.insight.trends import series
from nlp_service.insight.warnings import early_warnings
from nlp_service.store.packing import LABELS

Index = npt.NDArray[np.int64]

_HOURS_UP_TO_DAYS, _WEEKS_FROM_DAYS = 8, 14
_BENCHMARK_DAYS = 28


class Parts(NamedTuple):
    """What mining needs beside the messages.

    Attributes:
        embed: Vectors of texts, better than those of messages.
        rules: Rules of author groups; ours if None.
        members: What the operator knows of the members.
        benchmark: What complaints are held against; the community's own past if None.
    """

    embed: Embed
    rules: Path | None = None
    members: Membership | None = None
    benchmark: Benchmark | None = None


class Mined(NamedTuple):
    """What was found, and the topics as they stand after the last day, for the next one to go on from."""

    mining: Mining
    topics: TopicState


class _Talk(NamedTuple):
    """Topics of a period: the state after it, the topic of each of its messages, and what happened in it."""

    state: TopicState
    numbers: Index
    events: tuple[TopicEvent, ...]


def mine(
    facts: pa.Table, period: Period, parts: Parts, *, notes: Sequence[str] = (), model_version: str = ""
) -> Mining:
    """Find all that there is to find in a period.

    Args:
        facts: FACTS up to the end of the period, as far as they are known, from `history_start` on; more is cut off.
        period: What is looked at.
        parts: What it is done with.
        notes: Codes that come first in `Mining.notes`.
        model_version: Of the model that read the messages.

    Raises:
        BadInput: Rows are out of order, or the zone or the rules are none.
    """
    return mine_from(None, facts, period, parts, notes=notes, model_version=model_version).mining


def mine_from(
    topics: TopicState | None,
    facts: pa.Table,
    period: Period,
    parts: Parts,
    *,
    notes: Sequence[str] = (),
    model_version: str = "",
) -> Mined:
    """As `mine`, with topics that go on from an earlier day.

    Args:
        topics: As an earlier mining left them; used where their last day lies before the period, else not.
        facts: As for `mine`.
        period: As for `mine`.
        parts: As for `mine`.
        notes: As for `mine`.
        model_version: As for `mine`.
    """
    before = previous(period)
    facts = within(facts, Period(history_start(period), period.end, period.zone))
    text = _Text(facts)
    now, earlier = within(facts, period), within(facts, before)
    staff = parts.members.staff if parts.members else ()
    signals, signals_before = Signals(now, staff), Signals(earlier, staff)
    everything = Signals(facts, staff)
    ledger, corpus, both = signals.ledger, text.of(period), text.of(Period(before.start, period.end, period.zone))
    pains = mine_pains(now, earlier, parts.embed, PainOptions(period=period), both)
    talk = _follow(topics, facts, text, period, parts.embed)
    found_topics = _summarise(talk, earlier, text, period, ledger, parts.embed)
    pains, segments = _segment(signals, pains, found_topics)
    return Mined(
        Mining(
            period=period,
            previous=before,
            messages=now.num_rows,
            people=ledger.count_people(),
            messages_before=earlier.num_rows,
            pain_points=pains,
            topics=found_topics,
            topic_events=talk.events,
            keywords=find_keywords(now, earlier, corpus=both),
            segments=segments,
            groups=find_groups(now, load_rules(parts.rules), corpus=corpus, ledger=ledger),
            health=health(signals, signals_before, parts.members, parts.benchmark or _benchmark(facts, period, staff)),
            series=_series(everything, period),
            warnings=early_warnings(everything, parts.benchmark, period),
            notes=(*notes, *_notes(now, earlier, ledger)),
            model_version=model_version,
        ),
        talk.state,
    )


class _Text:
    """The words of a table, read once, for any stretch of its time."""

    def __init__(self, facts: pa.Table) -> None:
        self._at = times(facts)
        self._corpus = wording.read(facts.column("text"))

    def of(self, period: Period) -> wording.Corpus:
        """The words of the messages in a period; its rows are those of `counting.within`."""
        begin, end = np.searchsorted(self._at, [to_micros(period.start), to_micros(period.end)])
        return wording.Corpus(
            self._corpus.row_core[begin:end],
            self._corpus.cores,
            self._corpus.words,
            self._corpus.tokens,
            self._corpus.offsets,
            self._corpus.alone,
            self._corpus.last,
        )


def _follow(state: TopicState | None, facts: pa.Table, text: _Text, period: Period, embed: Embed) -> _Talk:
    """Read day after day up to the end of the period; the one that it starts in may come in two parts."""
    if state is not None and state.day >= _day(period.start, period).toordinal():
        state = None
    begin = period.start
    if facts.num_rows:
        begin = min(begin, facts.column("at")[0].as_py())
    days = starts(Period(begin, period.end, period.zone), "day")
    cuts = sorted({*days, period.start, period.end})
    numbers: list[Index] = []
    events: list[TopicEvent] = []
    after = state.day if state is not None else 0
    state = state or TopicState()
    for since, until in itertools.pairwise(cuts):
        day = _day(since, period)
        if day.toordinal() <= after:
            continue
        part = Period(since, until, period.zone)
        state, found, happened = advance(state, day, within(facts, part), embed, corpus=text.of(part))
        if since >= period.start:
            numbers.append(found)
            events += happened
    return _Talk(state, np.concatenate(numbers), tuple(events))


def _summarise(
    talk: _Talk, earlier: pa.Table, text: _Text, period: Period, ledger: Ledger, embed: Embed
) -> tuple[Topic, ...]:
    before = assign(talk.state, earlier, embed, corpus=text.of(previous(period)))
    corpus = text.of(period)
    return summarise(talk.state, ledger.facts, talk.numbers, period, before=before, corpus=corpus, ledger=ledger)


def _segment(
    signals: Signals, pains: Sequence[PainPoint], topics: Sequence[Topic]
) -> tuple[tuple[PainPoint, ...], tuple[tuple[str, Segment], ...]]:
    """Pains with their segments, and those of topics and labels by the name of the item."""
    facts = signals.ledger.facts
    of_pains = dict(zip(map(str, range(len(pains))), _rows_of(facts, [pain.keys for pain in pains]), strict=True))
    of_topics = dict(zip([topic.id for topic in topics], _rows_of(facts, [one.keys for one in topics]), strict=True))
    labels = np.asarray(facts.column("labels").to_numpy(), np.int64)
    of_labels = {f"label.{name}": np.flatnonzero(labels >> bit & 1) for bit, name in enumerate(LABELS)}
    of_labels |= {"negative": np.flatnonzero(signals.negative), "risk.high": np.flatnonzero(signals.risk >= 2)}
    of_pain: list[list[Segment]] = [[] for _ in pains]
    others: list[tuple[str, Segment]] = []
    if len(signals.ledger):
        # Each kind by itself: what most items of a call show in a segment is told of none of them.
        for place, segment in find_segments(signals.ledger, of_pains):
            of_pain[int(place)].append(segment)
        for places in (of_topics, of_labels):
            others += find_segments(signals.ledger, places)
    filled = [msgspec.structs.replace(pain, segments=tuple(of)) for pain, of in zip(pains, of_pain, strict=True)]
    own = [(pain.id, segment) for pain in filled for segment in pain.segments]
    return tuple(filled), (*own, *others)


def _rows_of(facts: pa.Table, groups: Sequence[Sequence[MessageKey]]) -> list[Index]:
    """Rows of the messages of each group, in its order."""
    platforms = facts.column("platform").cast(pa.string())
    names = pc.binary_join_element_wise(platforms, facts.column("id"), "\0")
    wanted = pa.array([f"{key.platform}\0{key.id}" for keys in groups for key in keys], pa.string())
    rows = np.asarray(pc.index_in(wanted, value_set=names).to_numpy(zero_copy_only=False), np.int64)
    return list(np.split(rows, np.cumsum([len(keys) for keys in groups])[:-1])) if groups else []


def _benchmark(facts: pa.Table, period: Period, staff: Collection[tuple[str, str]]) -> Benchmark:
    """What the four weeks before were like."""
    before = Period(period.start - timedelta(days=_BENCHMARK_DAYS), period.start, period.zone)
    return Benchmark.of(Signals(within(facts, before), staff))


def _series(signals: Signals, period: Period) -> tuple[Series, ...]:
    days = (period.end - period.start).days
    steps = ["hour"] * (days < _HOURS_UP_TO_DAYS) + ["day"] + ["week"] * (days >= _WEEKS_FROM_DAYS)
    return tuple(one for step in steps for one in series(signals, period, step))


def _notes(now: pa.Table, earlier: pa.Table, ledger: Ledger) -> list[str]:
    """What a reader must know of the messages themselves."""
    n = now.num_rows
    told = {
        "no_messages": n == 0,
        "no_previous": earlier.num_rows == 0,
        "one_message": n == 1,
        "one_author": n > 1 and ledger.n_people == 1,
        "one_text": n > 1 and pc.count_distinct(now.column("text")).as_py() == 1,
        "no_opinions": n > 0 and not pc.any(pc.greater(pc.list_value_length(now.column("opinions")), 0)).as_py(),
    }
    return [code for code, holds in told.items() if holds]


def _day(at: datetime, period: Period) -> date:
    return at.astimezone(zone_of(period)).date()
