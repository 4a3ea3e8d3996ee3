"""From two periods of messages to ranked pain points.

Events first (`events`): statements that rise together. What is left and complains or asks for something is the steady
part, grouped by what it is about (`grouping`). Both are groups of statements made on the messages of both periods, so
one rule says which messages of the period and which of the period before are a group's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from nlp_service.insight import wording
from nlp_service.insight.counting import Ledger, change
from nlp_service.insight.pains import events, grouping
from nlp_service.insight.pains.naming import Named, name_groups
from nlp_service.insight.pains.statements import (
    Embed,
    Index,
    Reals,
    Rows,
    Statements,
    count,
    mean_vectors,
    people_of,
    read_rows,
)
from nlp_service.insight.results import PainPoint, Period
from nlp_service.insight.wording import Corpus

TIME_PARTS = 7
"""Parts of the period by which rising together is judged; the period before is one more."""

EVENT_EVIDENCE = 0.15
"""Mean evidence from which an event is a pain or need; low, as single statements are misread and many seldom are."""

CLEAR_EVIDENCE, CLEAR_PART = 0.5, 0.15
"""An event is one too if statements of this evidence make this part of its messages: they speak for what rises with
them, however harmless the model takes that for."""

STATEMENT_EVIDENCE = 0.3
"""Mean evidence from which a steady statement is one."""

STATEMENTS_A_GROUP = 25
"""Of the steady part; there are as many groups as that gives, at most `PainOptions.steady`."""

STEADY_COUNTS = 0.05
"""What a rise of nothing counts in the ranking, one to twice as many counting 1 more."""

MOST_RISE = 3.0
"""Doublings beyond which a rise counts no more: what was never said before rises without end."""

PRIOR_MESSAGES = 5.0
"""Added on both sides of a rise, so that few messages against none are no great one."""

SEVERITY_FLOOR = 0.5
"""Of the ranking: a severity of 0 counts this much, one of 1 counts 1, as short statements are misread as harmless."""


@dataclass(frozen=True, slots=True)
class PainOptions:
    """How pains are mined.

    Attributes:
        most: Pain points that are given.
        least_people: Different people that a pain point has.
        steady: Groups that the steady part is cut into at the most.
        period: What the days of `PainPoint.trend` are cut from; the days of the messages in UTC if None.
    """

    most: int = 50
    least_people: int = 2
    steady: int = 40
    period: Period | None = None


@dataclass(frozen=True, eq=False)
class _Groups:
    """Figures of groups: numbers of rows, people and voices, and the score they are ranked by; one entry a group."""

    of_row: Index
    people: Index
    score: Reals
    severity: Reals
    order: Index


def mine_pains(
    facts: pa.Table,
    previous: pa.Table,
    embed: Embed,
    options: PainOptions = PainOptions(),
    corpus: Corpus | None = None,
) -> tuple[PainPoint, ...]:
    """Pain points and needs of a period, what an analyst must see first first; segments are left empty.

    Args:
        facts: FACTS of the period.
        previous: FACTS of the period before it, of the same length; without rows where nothing is known.
        embed: Vectors of texts, of unit length.
        options: See there.
        corpus: Of `previous` and, behind it, `facts`, where the caller has read it already.

    Raises:
        BadInput: A message has no time, or they are not in order, or `previous` is not before `facts`.
    """
    if not len(facts):
        return ()
    table = pa.concat_tables([previous.select(facts.column_names), facts])
    ledger = Ledger(table)
    corpus = corpus or wording.read(table.column("text"))
    rows = read_rows(ledger, len(previous), corpus)
    statements = count(rows, len(corpus.cores))
    group_of = _group(ledger, rows, statements, corpus, embed, options)
    groups = _figures(rows, group_of, options)
    period = options.period or _days_of(ledger, len(previous))
    return _points(ledger, rows, groups, corpus, period)


def _group(
    ledger: Ledger, rows: Rows, statements: Statements, corpus: Corpus, embed: Embed, options: PainOptions
) -> Index:
    """Group of each core, -1 for none."""
    found = _events(ledger, rows, statements, corpus, embed, options)
    group_of = found.copy()
    n_events = int(found.max(initial=-1)) + 1
    # An event of too little evidence is not one; what complains in it is still of the steady part.
    steady = np.flatnonzero((group_of < 0) & (statements.evidence >= STATEMENT_EVIDENCE) & (statements.messages > 0))
    says = np.fromiter((len(corpus.cores[core]) > 1 for core in steady.tolist()), np.bool_, len(steady))
    steady = steady[says]
    if len(steady):
        voices = statements.voices_now + statements.voices_before
        steady = steady[np.lexsort((steady, -voices[steady]))]
        item = np.full(len(corpus.cores), -1, np.int64)
        item[steady] = np.arange(len(steady))
        vectors = mean_vectors(ledger.facts, item[rows.core], len(steady))
        read = grouping.readings(corpus, steady, vectors, embed)
        k = int(np.clip(len(steady) // STATEMENTS_A_GROUP, 1, options.steady))
        group_of[steady] = n_events + grouping.group(read, voices[steady], k)
    return group_of


def _events(
    ledger: Ledger, rows: Rows, statements: Statements, corpus: Corpus, embed: Embed, options: PainOptions
) -> Index:
    """Event of each core, of those that complain or ask for something; -1 for none."""
    parts = _time_parts(ledger, rows), TIME_PARTS + 1
    found = events.find_events(ledger.facts, rows, statements, corpus, embed, parts)
    n_events = int(found.max(initial=-1)) + 1
    member = found[rows.core] >= 0
    weight = np.bincount(found[rows.core[member]], minlength=n_events)
    evidence = np.bincount(found[rows.core[member]], rows.evidence[member], n_events) / np.maximum(weight, 1)
    clear = member & (statements.evidence[rows.core] >= CLEAR_EVIDENCE)
    clearly = np.bincount(found[rows.core[clear]], minlength=n_events) / np.maximum(weight, 1)
    of_people = people_of(found[rows.core[member & rows.now]], rows.person[member & rows.now], n_events)
    keep = (evidence >= EVENT_EVIDENCE) | (clearly >= CLEAR_PART)
    keep &= of_people >= options.least_people
    number = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
    return np.asarray(number[found])


def _time_parts(ledger: Ledger, rows: Rows) -> Index:
    part = np.zeros(len(ledger), np.int64)
    at = ledger.at[rows.now]
    length = max(int(at[-1] - at[0]) + 1, 1)
    part[rows.now] = 1 + (at - at[0]) * TIME_PARTS // length
    return part


def _figures(rows: Rows, group_of: Index, options: PainOptions) -> _Groups:
    of_row = group_of[rows.core]
    n = int(group_of.max(initial=-1)) + 1
    here = of_row >= 0
    now, before = here & rows.now, here & ~rows.now
    people = people_of(of_row[now], rows.person[now], n)
    messages, messages_before = (np.bincount(of_row[part], minlength=n) for part in (now, before))
    severity = np.bincount(of_row[now], rows.severity[now], n) / np.maximum(messages, 1)
    expected = messages_before * (rows.now.sum() / max((~rows.now).sum(), 1))
    rise = np.clip(np.log2((messages + PRIOR_MESSAGES) / (expected + PRIOR_MESSAGES)), 0.0, MOST_RISE)
    if rows.now.all():  # nothing to compare with: everything is as new as everything else
        rise = np.ones(n)
    score = people * (SEVERITY_FLOOR + (1.0 - SEVERITY_FLOOR) * severity) * (STEADY_COUNTS + rise)
    order = np.lexsort((np.arange(n), -people, -score))
    return _Groups(of_row, people, score, severity, order[people[order] >= options.least_people][: options.most])


def _points(ledger: Ledger, rows: Rows, groups: _Groups, corpus: Corpus, period: Period) -> tuple[PainPoint, ...]:
    by_group = np.argsort(groups.of_row, kind="stable")
    bounds = np.searchsorted(groups.of_row[by_group], np.stack([groups.order, groups.order + 1]))
    members = [by_group[first:end] for first, end in bounds.T.tolist()]
    of_now = [part[rows.now[part]] for part in members]
    named = name_groups(ledger.facts, of_now, rows, corpus)
    return tuple(
        _point(ledger, rows, groups, int(number), part, len(all_) - len(part), each, corpus, period)
        for number, part, all_, each in zip(groups.order, of_now, members, named, strict=True)
    )


def _point(
    ledger: Ledger,
    rows: Rows,
    groups: _Groups,
    number: int,
    members: Index,
    n_before: int,
    named: Named,
    corpus: Corpus,
    period: Period,
) -> PainPoint:
    n = int(rows.now.sum())
    felt = rows.sentiment[members]
    felt = felt[~np.isnan(felt)]
    key = f"{named.kind}\0{named.category}\0{named.target}"
    return PainPoint(
        id=hashlib.blake2b(key.encode(), digest_size=8).hexdigest(),
        kind=named.kind,
        name=named.name,
        target=named.target,
        category=named.category,
        terms=named.terms,
        people=int(groups.people[number]),
        messages=len(members),
        share=len(members) / n,
        severity=round(float(groups.severity[number]), 4),
        sentiment=round(float(felt.mean()), 4) if len(felt) else None,
        change=change(len(members), n_before, n, len(ledger) - n),
        trend=ledger.buckets(members, period),
        quotes=wording.quotes(ledger.facts, members, named.terms, corpus),
        keys=ledger.keys(members),
    )


def _days_of(ledger: Ledger, n_before: int) -> Period:
    first, last = (datetime.fromtimestamp(at / 1e6, UTC) for at in (int(ledger.at[n_before]), int(ledger.at[-1])))
    day = timedelta(days=1)
    begin, end = (at.replace(hour=0, minute=0, second=0, microsecond=0) for at in (first, last))
    return Period(begin, end + day, "UTC")
