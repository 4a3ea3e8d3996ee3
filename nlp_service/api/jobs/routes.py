"""Every path of jobs, and what runs behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from nlp_service.api.jobs.callbacks import Callbacks
from nlp_service.api.jobs.child import Work
from nlp_service.api.jobs.desk import JobDesk
from nlp_service.api.jobs.openapi import PART
from nlp_service.api.jobs.runner import POLL_S, Runner
from nlp_service.api.resources import resource
from nlp_service.api.threads import Threads
from nlp_service.store.database import Database
from nlp_service.store.jobs import JobStore

THREADS, MOST = 2, 256
"""Threads for what takes milliseconds, and how many requests may wait for one or have it."""


class JobRoutes:
    """The routes, and what does jobs and tells of them as long as the application runs.

    Args:
        database: Where jobs are; whoever opened it closes it.
        works: What is done, by kind of job.
        is_private_allowed: Whether callbacks may go to addresses that are not public.
        poll_s: Time between two looks into the queue, in seconds.

    Attributes:
        desk: Starts jobs for the routes that need them.
    """

    described = PART

    def __init__(
        self,
        database: Database,
        works: Mapping[str, Work],
        *,
        is_private_allowed: bool = False,
        poll_s: float = POLL_S,
    ) -> None:
        self._runner = Runner(database, works, poll_s=poll_s)
        self._callbacks = Callbacks(database, is_private_allowed=is_private_allowed, poll_s=poll_s)
        self._threads = Threads("jobs", threads=THREADS, most=MOST)
        self.desk = desk = JobDesk(JobStore(database), self._runner, self._threads)
        job, one = partial(resource, read="review"), "/v1/jobs/{job_id}"
        self.all = [
            job("/v1/jobs", GET=desk.browse),
            job(one, GET=desk.get, DELETE=desk.cancel),
            job(f"{one}/cancel", POST=desk.cancel),
        ]

    async def start(self) -> None:
        """Begin to look for jobs, those of before included."""
        self._runner.start()
        self._callbacks.start()

    async def stop(self) -> None:
        """End; a job that runs goes back into the queue."""
        await asyncio.to_thread(self._runner.stop)
        await asyncio.to_thread(self._callbacks.stop)
        await asyncio.to_thread(self._threads.close)
