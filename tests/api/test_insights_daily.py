from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nlp_service.api.insights.daily import Daily, last_week
from nlp_service.store.database import Database
from nlp_service.store.incoming import Windows
from nlp_service.store.jobs import JobStore
from nlp_service.store.messages import MessageStore
from tests.unit.store.conftest import database, postgresql, url
from tests.unit.store.deliveries import NOON, Judge, message

__all__ = ["database", "postgresql", "url"]


def test_the_last_seven_full_days_of_a_zone() -> None:
    before = last_week(datetime(2026, 3, 8, 17, 59, tzinfo=UTC), "Asia/Shanghai")  # 01:59 of the ninth
    after = last_week(datetime(2026, 3, 8, 18, 0, tzinfo=UTC), "Asia/Shanghai")
    assert (before.start, before.end) == (datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 7, 16, tzinfo=UTC))
    assert after.end - before.end == timedelta(days=1)
    clocks_change = last_week(datetime(2026, 3, 10, 12, tzinfo=UTC), "America/New_York")
    assert clocks_change.end - clocks_change.start == timedelta(days=7) - timedelta(hours=1)


def test_a_day_is_looked_at_once_where_there_are_messages(database: Database) -> None:
    at = [NOON]
    daily = Daily(database, lambda: at[0])
    assert daily.look() == 0  # nobody has said anything
    MessageStore(database).record("default", [message("m1")], Judge(), Windows())
    at[0] = NOON + timedelta(days=1)
    assert daily.look() == 1
    assert daily.look() == 0
    # Another replica finds the job of the first.
    assert Daily(database, lambda: at[0]).look() == 0
    (job,) = JobStore(database).browse("default").jobs
    assert (job.kind, job.actor, job.state) == ("insight", "system", "queued")
