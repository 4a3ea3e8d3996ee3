import sqlite3
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.errors import BadInput
from nlp_service.insight.facts import FACTS
from nlp_service.insight.results import Period, Series
from nlp_service.insight.trends import MEASURES, series
from tests.unit.insight.stated import days, message, table


def named(found: tuple[Series, ...]) -> dict[str, Series]:
    return {each.name: each for each in found}


DAY = [
    message(1, "ann", "complaint question", sentiment=-0.8, risk=2),
    message(2, "ann", "ugc", sentiment=0.4),
    message(3, "bo", "ad abuse", sentiment=-0.25, risk=3),
    message(4, "", "chat", sentiment=0.05, risk=1),
    message(5, "", None),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("messages", 5),
        ("people", 4),  # ann, bo and two whom nobody knows
        ("sentiment", -0.15),  # of four: -.8 + .4 - .25 + .05 is -.6
        ("negative_share", 0.5),  # the bound itself is negative
        ("complaint_rate", 0.25),  # of the four that could be read
        ("ad_rate", 0.25),
        ("question_share", 0.25),
        ("ugc_share", 0.25),
        ("abuse_rate", 0.25),
        ("high_risk_share", 0.5),
        ("risk_mass", 13),  # 3 + 0 + 9 + 1
        ("dissatisfaction", 1 / 3),  # of three that are no advert, the complaint counts 1 and the others nothing
    ],
)
def test_measures_of_a_day_by_hand(name: str, value: float) -> None:
    found = series(table(DAY), days(0, 0), measures=[name])[0]
    assert found.values == pytest.approx((value,), abs=1e-6)


def test_a_week_is_held_against_the_one_before_and_the_weeks_before() -> None:
    # Messages on the Mondays of five weeks: 1, 2, 3, 4, then 10; the first Monday is the first day that is known.
    sizes = [1, 2, 3, 4, 10]
    rows = [message(week * 168 + place / 9) for week, size in enumerate(sizes) for place in range(size)]
    found = named(series(table(rows), days(28, 34)))["messages"]
    assert found.values == (10, 0, 0, 0, 0, 0, 0)
    assert found.before == (4, 0, 0, 0, 0, 0, 0)
    assert found.same_weekday == (2.5, 0, 0, 0, 0, 0, 0)


def test_what_is_not_known_is_not_nothing() -> None:
    found = named(series(table([message(7 * 24 + 5)]), days(7, 8)))
    assert found["messages"].values == (1, 0)
    assert found["messages"].before == (None, None)
    assert found["messages"].same_weekday == (None, None)
    assert found["sentiment"].values == (0.0, None)  # a day without messages has no mood
    since = datetime(2026, 9, 1, tzinfo=ZoneInfo("UTC"))
    assert series(table([message(7 * 24 + 5)]), days(7, 8), measures=["messages"], known_from=since)[0].before == (0, 0)


def test_the_mean_is_over_the_weeks_that_are_known() -> None:
    rows = [message(0), message(1), message(168), message(336)]
    assert series(table(rows), days(14, 14), measures=["messages"])[0].same_weekday == (1.5,)


def test_hours_follow_the_clock_on_the_wall() -> None:
    zone = "America/New_York"
    wall = ZoneInfo(zone)
    rows = [message(at=datetime(2026, 3, day, 9, 30, tzinfo=wall)) for day in (2, 9)]  # the clocks change on the 8th
    period = Period(datetime(2026, 3, 9, 9, tzinfo=wall), datetime(2026, 3, 9, 10, tzinfo=wall), zone)
    found = series(table(rows), period, "hour", ["messages"])[0]
    assert (found.values, found.same_weekday) == ((1,), (1,))


def test_periods_of_other_zones_count_other_days() -> None:
    rows = [message(15.5), message(16.5)]  # either side of midnight in Shanghai
    start, end = days(0, 1).start - timedelta(hours=8), days(0, 1).end - timedelta(hours=8)
    assert series(table(rows), Period(start, end), "day", ["messages"])[0].values == (1, 1)
    assert series(table(rows), days(0, 1), "day", ["messages"])[0].values == (2, 0)


def test_an_empty_table_is_told_honestly() -> None:
    found = named(series(FACTS.empty_table(), days(0, 1)))
    assert found["messages"].values == (0, 0)
    assert found["messages"].before == (None, None)
    assert found["complaint_rate"].values == (None, None)
    assert set(found) == set(MEASURES)


def test_messages_that_nobody_could_read_have_no_rates() -> None:
    found = named(series(table([message(1, says=None)]), days(0, 0)))
    assert {name: each.values[0] for name, each in found.items() if each.values[0] is not None} == {
        "messages": 1,
        "people": 1,
    }


def test_unknown_measures_are_refused() -> None:
    with pytest.raises(BadInput) as caught:
        series(table(DAY), days(0, 0), measures=["joy"])
    assert caught.value.param == "measures"


labelled = st.builds(
    message,
    hours=st.integers(0, 24 * 21 - 1),
    author=st.sampled_from(["ann", "bo", ""]),
    says=st.sampled_from(["complaint", "ad", "chat question", None]),
)


@given(st.lists(labelled, max_size=50))
@settings(deadline=None, max_examples=50)
def test_rates_are_those_of_a_database(rows: list[dict[str, Any]]) -> None:
    base = sqlite3.connect(":memory:")
    base.execute("create table m (at text, read integer, complaint integer)")
    base.executemany(
        "insert into m values (?, ?, ?)",
        [(row["at"].isoformat(), row["intent"] is not None, row["intent"] == "complaint") for row in rows],
    )
    found = series(table(rows), days(14, 20), measures=["complaint_rate", "messages"])
    query = "select cast(sum(complaint) as real) / nullif(sum(read), 0), count(*) from m where date(at) = ?"
    for place, start in enumerate(found[0].starts):
        rate, messages = base.execute(query, (str(start.date()),)).fetchone()
        assert found[0].values[place] == (None if rate is None else pytest.approx(rate))
        assert found[1].values[place] == messages
    base.close()
    assert series(table(rows), days(14, 20), measures=["complaint_rate", "messages"]) == found
