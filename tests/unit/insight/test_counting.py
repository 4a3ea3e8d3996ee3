import sqlite3
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.errors import BadInput
from nlp_service.insight.counting import Ledger, change, coded, rows_of, times, within
from nlp_service.insight.facts import FACTS
from nlp_service.insight.results import MessageKey
from tests.unit.insight.stated import MONDAY, days, message, table

messages = st.lists(
    st.builds(
        message,
        hours=st.integers(-30, 24 * 9),
        author=st.sampled_from(["ann", "bo", "cy", "", None]),
        platform=st.sampled_from(["qq", "wechat", None]),
        channel=st.sampled_from(["hall", "shop", None]),
    ),
    max_size=40,
)


def people_by_sql(rows: list[dict[str, Any]], grouped: str) -> list[tuple[Any, int, int]]:
    """Day, messages and people of each day of the UTC week, counted by a database."""
    base = sqlite3.connect(":memory:")
    base.execute("create table m (at text, platform text, author text, id integer primary key)")
    base.executemany(
        "insert into m (at, platform, author) values (?, ?, ?)",
        [(row["at"].isoformat(), row["platform"] or "", row["author"] or "") for row in rows],
    )
    person = "case when author = '' then 'nobody ' || id else 'known ' || platform || '/' || author end"
    found = base.execute(
        f"select {grouped}, count(*), count(distinct {person}) from m "
        "where at >= '2026-09-07' and at < '2026-09-14' group by 1 order by 1"
    ).fetchall()
    base.close()
    return found


@given(messages)
@settings(deadline=None)
def test_counts_are_those_of_a_database(rows: list[dict[str, Any]]) -> None:
    ledger = Ledger(table(rows))
    buckets = ledger.buckets(np.ones(len(rows), bool), days(0, 6), "day")
    found = [(str(each.start.date()), each.messages, each.people) for each in buckets if each.messages]
    assert found == people_by_sql(rows, "date(at)")
    assert len(buckets) == 7
    inside = ledger.within(days(0, 6))
    assert [(1, len(inside), ledger.count_people(inside))][: len(inside)] == people_by_sql(rows, "1")


@given(messages, st.data())
@settings(deadline=None)
def test_a_set_of_rows_counts_each_once_in_any_order(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    ledger = Ledger(table(rows))
    chosen = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=60)) if rows else []
    mask = np.zeros(len(rows), bool)
    mask[chosen] = True
    assert ledger.keys(chosen) == ledger.keys(mask)
    assert ledger.count_people(chosen) == ledger.count_people(mask)
    assert rows_of(chosen, len(rows)).tolist() == sorted(set(chosen))


def test_people_are_known_by_platform_and_author_and_nobody_is_one_each() -> None:
    rows = [message(author=name, platform=where) for name, where in [("a", "qq"), ("a", "qq"), ("a", "wechat")]]
    ledger = Ledger(table([*rows, message(author=""), message(author=None)]))
    assert (ledger.count_people(), ledger.n_known) == (4, 2)
    assert ledger.authors(range(5)) == (("qq", "a"), ("wechat", "a"))


def test_a_million_rows_of_one_author_are_one_person() -> None:
    column = [pa.nulls(1_000_000, field.type) for field in FACTS]
    column[FACTS.get_field_index("at")] = pa.array(np.zeros(1_000_000, np.int64)).cast(pa.timestamp("us", "UTC"))
    column[FACTS.get_field_index("author")] = pa.array(["ann"] * 1_000_000)
    ledger = Ledger(pa.Table.from_arrays(column, schema=FACTS))
    assert ledger.count_people() == 1


def test_keys_are_in_the_order_of_the_table_and_made_once() -> None:
    ledger = Ledger(table([message(2, message_id=7), message(1), message(3)]))
    assert ledger.keys([2, 0, 0]) == (MessageKey("qq", "m1"), MessageKey("qq", "m2"))
    assert ledger.keys([1]) == (MessageKey("qq", "m0", 7),)
    assert ledger.keys([0, 1, 2], most=2) == ledger.keys([0, 1])
    assert ledger.keys([0])[0] is ledger.keys([0, 1])[0]


def test_an_empty_table_counts_nothing() -> None:
    ledger = Ledger(FACTS.empty_table())
    assert (len(ledger), ledger.count_people(), ledger.keys([]), ledger.authors([])) == (0, 0, (), ())
    assert [each.messages for each in ledger.buckets([], days(0, 1), "day")] == [0, 0]


def test_a_part_of_a_table_is_a_table() -> None:
    whole = table([message(hour, f"u{hour % 5}") for hour in range(72)])
    part = within(whole, days(1, 1))
    assert part.column("id").to_pylist() == [f"m{hour}" for hour in range(24, 48)]
    assert Ledger(part).count_people() == 5
    joined = pa.concat_tables([whole.slice(0, 24), whole.slice(24, 48)])  # each with a dictionary of its own
    assert Ledger(joined).keys(range(72)) == Ledger(whole).keys(range(72))


def test_times_of_other_zones_and_units_are_the_same_moments() -> None:
    whole = table([message(0), message(30)])
    place = FACTS.get_field_index("at")
    moved = whole.set_column(place, "at", whole.column("at").cast(pa.timestamp("ns", "America/New_York")))
    assert times(moved).tolist() == times(whole).tolist()


def test_rows_without_a_time_or_out_of_order_are_refused() -> None:
    whole = table([message(0), message(1)])
    place = FACTS.get_field_index("at")
    for at, said in (([MONDAY, None], "1 of 2 rows"), ([MONDAY, MONDAY - timedelta(1)], "row 1 was written before")):
        with pytest.raises(BadInput, match=said):
            Ledger(whole.set_column(place, "at", pa.chunked_array([pa.array(at, FACTS.field("at").type)])))


@pytest.mark.parametrize("rows", [[2], [-1], np.ones(3, bool)])
def test_rows_that_are_not_there_are_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match="a table of 2 rows"):
        rows_of(rows, 2)


def test_change_by_hand() -> None:
    found = change(30, 20, 1000, 1000)
    assert (found.rise, found.known) == (0.5, True)
    assert found.p_value == pytest.approx(0.1511, abs=2e-3)  # G² of (30, 970) and (20, 980) is 2.06


@pytest.mark.parametrize(
    ("counts", "rise", "known", "has_p"),
    [
        ((5, 0, 10, 10), None, True, True),  # from nothing: no part of it
        ((5, 0, 10, 0), None, False, False),  # nothing is known of the period before
        ((0, 4, 0, 10), -1.0, True, False),  # nothing was written now
        ((0, 0, 0, 0), None, False, False),
    ],
)
def test_what_a_change_cannot_say(
    counts: tuple[int, int, int, int], rise: float | None, known: bool, has_p: bool
) -> None:
    found = change(*counts)
    assert (found.rise, found.known, found.p_value is not None) == (rise, known, has_p)


def test_columns_as_numbers() -> None:
    column = pa.chunked_array([pa.array(["b", None, "a"]).dictionary_encode(), pa.array(["a"]).dictionary_encode()])
    found = coded(column)
    assert (found.codes.tolist(), found.names) == ([0, -1, 1, 1], ("b", "a"))
