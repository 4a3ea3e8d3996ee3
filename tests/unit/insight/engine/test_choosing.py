from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.engine.choosing import choose, history_start, read_bound

ZONE = "Asia/Shanghai"


def at(day: int, hour: int = 0, month: int = 3) -> datetime:
    """A time of 2026 in Shanghai, in UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC) - timedelta(hours=8)


def test_a_short_file_is_one_period_of_whole_days() -> None:
    choice = choose(at(2, 9), at(5, 18), None, None, ZONE)
    assert (choice.period.start, choice.period.end) == (at(2), at(6))
    assert (choice.previous.start, choice.previous.end) == (at(26, month=2), at(2))
    assert choice.notes == ("period_whole",)


@pytest.mark.parametrize(("hour", "end"), [(18, at(20)), (23, at(21))])  # a day is full where its last hour has come
def test_a_long_file_gives_its_last_seven_full_days(hour: int, end: datetime) -> None:
    choice = choose(at(1, 9), at(20, hour), None, None, ZONE)
    assert (choice.period.start, choice.period.end) == (end - timedelta(days=7), end)
    assert choice.notes == ("period_last_days",)


def test_a_given_period_holds_whatever_there_is() -> None:
    assert choose(None, None, at(1), at(3), ZONE).period.end == at(3)
    assert choose(at(1), at(20), at(2), at(3), ZONE).notes == ()


def test_one_bound_is_completed() -> None:
    assert choose(at(1), at(20, 5), at(15), None, ZONE).period.end == at(21)
    assert choose(None, None, at(15), None, ZONE).period.end == at(22)
    assert choose(at(1), at(20), None, at(15), ZONE).period.start == at(8)


def test_a_period_cannot_end_before_it_starts() -> None:
    with pytest.raises(BadInput, match="ends before"):
        choose(None, None, at(3), at(3), ZONE)


def test_history_is_five_weeks_or_the_period_before() -> None:
    assert history_start(choose(None, None, at(20), at(27), ZONE).period) == at(20) - timedelta(days=35)
    assert history_start(choose(None, None, at(1), at(1, month=5), ZONE).period) == at(1) - timedelta(days=61)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02", at(2)),
        ("2026-03-02T08:00", at(2, 8)),
        ("2026-03-02T00:00:00+00:00", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T00:00:00Z", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_bounds_are_dates_or_times(text: str, moment: datetime) -> None:
    assert read_bound(text, ZONE, "from") == moment


@pytest.mark.parametrize(("text", "zone", "param"), [("soon", ZONE, "from"), ("2026-03-02", "Mars/Olympus", "zone")])
def test_a_bound_that_cannot_be_is_refused(text: str, zone: str, param: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_bound(text, zone, "from")
    assert refused.value.param == param
