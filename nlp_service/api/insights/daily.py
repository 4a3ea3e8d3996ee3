"""Once a day the last seven full days of every tenant are looked at, without anybody asking.

So a report is there on Monday morning, and early warnings are found on the day that makes them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from nlp_service.api.insights.work import KIND, Asked
from nlp_service.errors import Overloaded, ServiceError
from nlp_service.store.database import Database
from nlp_service.store.insights import InsightStore
from nlp_service.store.jobs import JobStore
from nlp_service.store.mining import MiningStore
from nlp_service.store.tenants import TenantStore

LOOK_S = 600.0
"""How often it is asked whether a day is over."""

AFTER = timedelta(hours=2)
"""How long after midnight a day is looked at: late messages are in by then, and few people are awake."""

ACTOR = "system"

logger = logging.getLogger(__name__)


class Daily:
    """Starts the job of a day where there is none yet.

    Args:
        database: Where everything is.
        now: The clock.
        look_s: How often to ask.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], look_s: float = LOOK_S) -> None:
        self._tenants, self._messages = TenantStore(database), MiningStore(database)
        self._runs, self._jobs = InsightStore(database, now), JobStore(database, now)
        self._now, self._look_s = now, look_s
        self._task: asyncio.Task[None] | None = None
        self._done: dict[str, datetime] = {}

    async def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._run(), name="daily-insights")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.look)
            except ServiceError as error:
                logger.warning("the look at a day waits: %s", error.message)
            await asyncio.sleep(self._look_s)

    def look(self) -> int:
        """Start what is due; gives how many jobs. Blocks."""
        n_started = 0
        for tenant in self._tenants.list():
            asked = last_week(self._now(), tenant.settings.timezone)
            if self._done.get(tenant.name) == asked.end or not self._is_wanted(tenant.name, asked):
                self._done[tenant.name] = asked.end
                continue
            try:
                _, is_new = self._jobs.start(tenant.name, KIND, msgspec.to_builtins(asked), actor=ACTOR)
            except Overloaded:
                continue  # asked again in some minutes
            self._done[tenant.name] = asked.end
            n_started += is_new
        return n_started

    def _is_wanted(self, tenant: str, asked: Asked) -> bool:
        if self._runs.newest(tenant, asked.parameters, asked.start, asked.end) is not None:
            return False
        return self._messages.extent(tenant, asked.start, asked.end).messages > 0


def last_week(now: datetime, zone: str) -> Asked:
    """The last seven full days in a zone, the newest of them once it has been over for `AFTER`."""
    where = ZoneInfo(zone)
    day = (now.astimezone(where) - AFTER).date()
    end = datetime.combine(day, time(), where)
    start = datetime.combine(day - timedelta(days=7), time(), where)
    return Asked(start.astimezone(UTC), end.astimezone(UTC), zone)
