"""Topics of a period as they are reported."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from nlp_service.errors import BadInput
from nlp_service.insight import wording
from nlp_service.insight.counting import Ledger, change
from nlp_service.insight.periods import from_micros
from nlp_service.insight.results import Period, Topic
from nlp_service.insight.topics.state import Index, TopicState

N_TERMS = 8
N_QUOTES = 3


def summarise(
    state: TopicState,
    facts: pa.Table,
    numbers: Index,
    period: Period,
    *,
    before: Index | None = None,
    least_people: int = 3,
    most: int = 100,
    corpus: wording.Corpus | None = None,
    ledger: Ledger | None = None,
) -> tuple[Topic, ...]:
    """Describe the topics of a period, those of most people first.

    Args:
        state: After the last day of the period.
        facts: FACTS; what lies outside the period is left out.
        numbers: Topic of each row, as `advance` gave it day by day; (n_rows,).
        period: What is reported.
        before: Topic of each message of the period before, as `assign` gives it with `state`; (n_before,). None or
            empty where nothing is known of it.
        least_people: A topic of fewer is left out.
        most: Topics at the most.
        corpus: The words of the rows of `facts`, where they have been read.
        ledger: The ledger of `facts`, where there is one.

    Raises:
        BadInput: Numbers or words are of another table.
    """
    if len(numbers) != facts.num_rows:
        raise BadInput(f"topics of {len(numbers)} rows for a table of {facts.num_rows}", param="numbers")
    ledger = Ledger(facts) if ledger is None else ledger
    corpus = wording.read(facts.column("text")) if corpus is None else corpus
    inside = ledger.within(period)
    members = _members(state.resolve(numbers[inside]), inside)
    people = {number: ledger.count_people(rows) for number, rows in members.items()}
    chosen = [number for number in members if people[number] >= least_people]
    chosen = sorted(chosen, key=lambda number: (-people[number], -len(members[number]), number))[:most]
    past = np.zeros(0, np.int64) if before is None else state.resolve(before)
    places = {number: place for place, number in enumerate(state.topics.numbers.tolist())}
    found = []
    for number, terms in zip(chosen, wording.terms(corpus, [members[n] for n in chosen], N_TERMS), strict=True):
        rows, place = members[number], places[number]
        topic = Topic(
            id=state.topics.ids[place],
            name=wording.name(terms, state.topics.ids[place]),
            terms=terms,
            people=people[number],
            messages=len(rows),
            share=len(rows) / len(inside),
            change=change(len(rows), int((past == number).sum()), len(inside), len(past)),
            trend=ledger.buckets(rows, period),
            first_at=from_micros(int(state.topics.first_at[place])),
            quotes=wording.quotes(facts, rows, terms, corpus, N_QUOTES),
            keys=ledger.keys(rows),
        )
        found.append(topic)
    return tuple(found)


def _members(numbers: Index, rows: Index) -> dict[int, Index]:
    """Rows of each topic, by its number."""
    order = np.argsort(numbers, kind="stable")
    different, begins = np.unique(numbers[order], return_index=True)
    parts = np.split(rows[order], begins[1:]) if len(different) else []
    return {number: part for number, part in zip(different.tolist(), parts, strict=True) if number >= 0}
