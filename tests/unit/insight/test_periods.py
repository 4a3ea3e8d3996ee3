import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.errors import BadInput
from nlp_service.insight.periods import (
    edges,
    edges_before,
    edges_shifted,
    from_micros,
    previous,
    shift,
    starts,
    to_micros,
)
from nlp_service.insight.results import Period

NEW_YORK = ZoneInfo("America/New_York")
ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]

moments = st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def local(zone: str, *when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type]


def hours_between(found: tuple[datetime, ...]) -> list[float]:
    return [(b - a) / timedelta(hours=1) for a, b in itertools.pairwise(found)]


@given(moments, st.integers(1, 60 * 24 * 20), st.sampled_from(ZONES), st.sampled_from(["hour", "day", "week"]))
def test_buckets_cover_a_period_without_gaps(start: datetime, minutes: int, zone: str, step: str) -> None:
    period = Period(start, start + timedelta(minutes=minutes), zone)
    bounds = edges(period, step)
    assert bounds[0] == to_micros(period.start)
    assert bounds[-1] == to_micros(period.end)
    assert (np.diff(bounds) > 0).all()
    for at in starts(period, step)[1:]:
        shown = at.astimezone(ZoneInfo(zone))
        assert (shown.minute, shown.second) == (0, 0) or zone == "Australia/Lord_Howe"  # it changes by half an hour
        assert step != "week" or shown.weekday() == 0


def test_a_day_may_have_23_hours_or_25() -> None:
    spring = Period(local("America/New_York", 2026, 3, 7), local("America/New_York", 2026, 3, 10), "America/New_York")
    autumn = Period(local("America/New_York", 2026, 10, 31), local("America/New_York", 2026, 11, 3), "America/New_York")
    assert hours_between((*starts(spring, "day"), spring.end.astimezone(UTC))) == [24, 23, 24]
    assert hours_between((*starts(autumn, "day"), autumn.end.astimezone(UTC))) == [24, 25, 24]
    assert len(starts(spring, "hour")) == 71
    assert len(starts(autumn, "hour")) == 73  # the hour that the clocks show twice is two


def test_a_day_whose_midnight_is_skipped_starts_when_the_clocks_are_changed() -> None:
    period = Period(local("Africa/Cairo", 2026, 4, 23), local("Africa/Cairo", 2026, 4, 26), "Africa/Cairo")
    assert hours_between((*starts(period, "day"), period.end.astimezone(UTC))) == [24, 23, 24]


def test_a_day_that_a_zone_skipped_is_no_bucket() -> None:
    period = Period(local("Pacific/Apia", 2011, 12, 29), local("Pacific/Apia", 2012, 1, 1), "Pacific/Apia")
    assert len(starts(period, "day")) == 2


def test_the_first_and_the_last_bucket_are_cut_by_the_period() -> None:
    period = Period(datetime(2026, 9, 9, 10, tzinfo=UTC), datetime(2026, 9, 15, 10, tzinfo=UTC), "UTC")
    assert starts(period, "week") == (period.start, datetime(2026, 9, 14, tzinfo=UTC))


def test_the_week_before_keeps_to_the_clock_on_the_wall() -> None:
    period = Period(local("America/New_York", 2026, 3, 9), local("America/New_York", 2026, 3, 16), "America/New_York")
    before = previous(period)
    assert before.start.astimezone(NEW_YORK).isoformat() == "2026-03-02T00:00:00-05:00"
    assert before.end == period.start


@given(moments, st.integers(1, 10**6), st.sampled_from(ZONES))
def test_the_period_before_ends_where_this_one_starts(start: datetime, minutes: int, zone: str) -> None:
    period = Period(start, start + timedelta(minutes=minutes), zone)
    before = previous(period)
    assert before.end == period.start
    assert abs((before.end - before.start) - (period.end - period.start)) <= timedelta(hours=1)


def test_a_shifted_period_keeps_its_hours() -> None:
    period = Period(
        local("America/New_York", 2026, 3, 9, 9), local("America/New_York", 2026, 3, 9, 10), "America/New_York"
    )
    moved = shift(period, -7)
    assert [at.astimezone(NEW_YORK).hour for at in (moved.start, moved.end)] == [9, 10]


@given(moments, st.integers(1, 24 * 40), st.sampled_from(ZONES), st.sampled_from(["hour", "day"]))
def test_windows_before_have_as_many_buckets(start: datetime, hours: int, zone: str, step: str) -> None:
    period = Period(start, start + timedelta(hours=hours), zone)
    for bounds in (edges_before(period, step), edges_shifted(period, step, -7)):
        assert len(bounds) == len(edges(period, step))
        assert (np.diff(bounds) >= 0).all()


@given(moments)
def test_microseconds_come_back(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "America"])
def test_an_unknown_zone_is_the_callers_mistake(zone: str) -> None:
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), zone)
    with pytest.raises(BadInput) as caught:
        starts(period, "day")
    assert caught.value.param == "zone"


@pytest.mark.parametrize(("step", "years"), [("month", 1), ("hour", 30)])
def test_steps_that_are_unknown_or_too_many_are_refused(step: str, years: int) -> None:
    period = Period(datetime(2000, 1, 1, tzinfo=UTC), datetime(2000 + years, 1, 1, tzinfo=UTC), "UTC")
    with pytest.raises(BadInput) as caught:
        starts(period, step)
    assert caught.value.param == "step"
