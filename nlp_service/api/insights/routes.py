"""Every path of insights and of the jobs that make them, and what answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from nlp_service.api.insights.answers import Answers
from nlp_service.api.insights.daily import Daily
from nlp_service.api.insights.finding import make_shelf
from nlp_service.api.insights.members import PATHS, page_of
from nlp_service.api.insights.openapi import PART
from nlp_service.api.insights.reports import Render, Reports
from nlp_service.api.insights.runs import Runs
from nlp_service.api.insights.work import KIND
from nlp_service.api.jobs.child import Work
from nlp_service.api.jobs.desk import JobDesk
from nlp_service.api.jobs.routes import JobRoutes
from nlp_service.api.jobs.runner import POLL_S
from nlp_service.api.resources import resource
from nlp_service.api.threads import Threads
from nlp_service.store.database import Database

THREADS, MOST = 4, 256
"""Threads for what is read and written up, and how many requests may wait for one or have it."""


@dataclass(frozen=True, slots=True)
class Insights:
    """What is behind the routes of insights and jobs.

    Attributes:
        database: Where everything is; whoever opened it closes it.
        work: Does the jobs that look at a period, as `work.MiningWork` does.
        render: Writes reports.
        works: What else is done by jobs, by kind.
        is_private_callback_allowed: Whether callbacks may go to addresses that are not public.
        poll_s: Time between two looks into the queue of jobs, in seconds.
        clock: Says what time it is, aware.
        is_daily: Whether the last seven full days are looked at once a day without anybody asking.
    """

    database: Database
    work: Work
    render: Render
    works: Mapping[str, Work] = field(default_factory=dict)
    is_private_callback_allowed: bool = False
    poll_s: float = POLL_S
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    is_daily: bool = False


class InsightRooms:
    """The routes of jobs and of insights.

    Attributes:
        jobs: For other routes that start jobs: ``jobs.desk.start``.
        all: The rooms, in the order in which they start.
    """

    def __init__(self, insights: Insights) -> None:
        is_private_allowed = insights.is_private_callback_allowed
        self.jobs = JobRoutes(
            insights.database,
            {**insights.works, KIND: insights.work},
            is_private_allowed=is_private_allowed,
            poll_s=insights.poll_s,
        )
        self.all = (self.jobs, InsightRoutes(insights, self.jobs.desk))


class InsightRoutes:
    """The routes of insights.

    Args:
        insights: What is behind them.
        desk: Starts jobs; its room is started and stopped by others.
    """

    described = PART

    def __init__(self, insights: Insights, desk: JobDesk) -> None:
        self._threads = Threads("insights", threads=THREADS, most=MOST)
        self._daily = Daily(insights.database, insights.clock) if insights.is_daily else None
        shelf = make_shelf(insights.database, desk, self._threads, insights.clock)
        answers, reports = Answers(shelf), Reports(shelf, insights.render)
        runs = Runs(shelf, is_private_allowed=insights.is_private_callback_allowed)
        insight, root = partial(resource, read="review"), "/v1/insights"
        self.all = [
            insight(f"{root}/runs", GET=runs.browse, POST=runs.start),
            insight(f"{root}/pain-points", GET=answers.pain_points),
            insight(f"{root}/topics", GET=answers.topics),
            insight(f"{root}/keywords", GET=answers.keywords),
            insight(f"{root}/trends", GET=answers.trends),
            insight(f"{root}/segments", GET=answers.segments),
            insight(f"{root}/health", GET=answers.health),
            insight(f"{root}/report", GET=reports.get),
            *(insight(f"{root}/{path}/{{item}}/messages", GET=page_of(shelf, path)) for path in PATHS),
        ]

    async def start(self) -> None:
        """Begin to ask once in a while whether a day is to be looked at, if that is wanted."""
        if self._daily is not None:
            await self._daily.start()

    async def stop(self) -> None:
        """Finish what is being read."""
        if self._daily is not None:
            await self._daily.stop()
        await asyncio.to_thread(self._threads.close)
