"""The run that answers a request: the newest that is stored, or a job that makes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import tenant_of
from nlp_service.api.insights.asked import Wanted, asked_of
from nlp_service.api.insights.work import KIND, Asked
from nlp_service.api.jobs.desk import JobDesk, accepted
from nlp_service.api.threads import Threads
from nlp_service.errors import Conflict, Overloaded
from nlp_service.store.database import Database
from nlp_service.store.insight_members import MemberStore
from nlp_service.store.insight_records import Run
from nlp_service.store.insights import InsightStore
from nlp_service.store.job_records import ACTIVE, Callback, Job
from nlp_service.store.tenants import TenantStore

FRESH_FOR = timedelta(hours=1)
"""How long a run over a period that was not over yet is good enough."""

FAILED_FOR = timedelta(minutes=10)
"""How long after a failure asking alone does not begin the same run again."""

_POLL_S = 0.25

Clock = Callable[[], datetime]


class Shelf(NamedTuple):
    """What all routes of insights share.

    Attributes:
        runs, members, tenants: Repositories.
        threads: Where they block.
        desk: Starts jobs.
        clock: Says what time it is, aware.
    """

    runs: InsightStore
    members: MemberStore
    tenants: TenantStore
    threads: Threads
    desk: JobDesk
    clock: Clock


def make_shelf(database: Database, desk: JobDesk, threads: Threads, clock: Clock = lambda: datetime.now(UTC)) -> Shelf:
    """Put together what all routes of insights share."""
    return Shelf(InsightStore(database), MemberStore(database), TenantStore(database), threads, desk, clock)


async def find_run(shelf: Shelf, request: Request, wanted: Wanted) -> Run | Response:
    """The run that answers a request, or the answer that it is being made.

    One that was made before its period was over is answered with for `FRESH_FOR`, then another is made.

    Raises:
        BadInput: A parameter cannot be; `param` names it.
        NotFound: There is no such run.
        Conflict: It was tried a moment ago and failed.
    """
    tenant = tenant_of(request)
    if wanted.run is not None:
        return await shelf.threads.run(partial(shelf.runs.get, tenant, wanted.run))
    found, asked = await shelf.threads.run(partial(_look, shelf, tenant, wanted))
    if found is not None and _is_good(found, shelf.clock()):
        return found
    try:
        job, is_new = await _make(shelf, request, asked)
        job = await _wait(shelf, tenant, job, wanted.wait_s)
    except (Conflict, Overloaded):
        if found is None:
            raise
        return found  # better an old one than none
    if job.state == "done":
        made = await shelf.threads.run(partial(shelf.runs.newest, tenant, asked.parameters, asked.start, asked.end))
        found = made or found
    return found or accepted(request, job, is_new=is_new)


async def start_run(shelf: Shelf, request: Request, wanted: Wanted, callback: Callback | None) -> tuple[Job, bool]:
    """Have a run made, whatever there is; gives its job, and whether it is new.

    Raises:
        BadInput: A field cannot be; `param` names it.
        Overloaded: Too many jobs of the tenant wait already.
    """
    asked = await shelf.threads.run(partial(_asked, shelf, tenant_of(request), wanted))
    return await shelf.desk.start(request, KIND, msgspec.to_builtins(asked), callback)


def _look(shelf: Shelf, tenant: str, wanted: Wanted) -> tuple[Run | None, Asked]:
    asked = _asked(shelf, tenant, wanted)
    if wanted.has_period:
        return shelf.runs.newest(tenant, asked.parameters, asked.start, asked.end), asked
    return shelf.runs.newest(tenant, asked.parameters), asked


def _asked(shelf: Shelf, tenant: str, wanted: Wanted) -> Asked:
    zone = wanted.zone or shelf.tenants.settings(tenant).timezone
    return asked_of(wanted, zone, shelf.clock())


def is_partial(run: Run) -> bool:
    """Whether a run was made before its period was over."""
    return run.created_at < run.period_end


def _is_good(run: Run, now: datetime) -> bool:
    return not is_partial(run) or now - run.created_at < FRESH_FOR


async def _make(shelf: Shelf, request: Request, asked: Asked) -> tuple[Job, bool]:
    """The job that makes a run; begun, unless it failed a moment ago."""
    parameters = msgspec.to_builtins(asked)
    last = await shelf.desk.latest(tenant_of(request), KIND, parameters)
    if last is not None and last.finished_at is not None and shelf.clock() - last.finished_at < FAILED_FOR:
        _refuse_failed(last)
    return await shelf.desk.start(request, KIND, parameters)


async def _wait(shelf: Shelf, tenant: str, job: Job, wait_s: float) -> Job:
    """The job when it has ended, or after some seconds."""
    until = time.monotonic() + wait_s
    while job.state in ACTIVE and time.monotonic() < until:
        await asyncio.sleep(_POLL_S)
        job = await shelf.desk.look(tenant, job.id)
    _refuse_failed(job)
    return job


def _refuse_failed(job: Job) -> None:
    if job.state == "failed":
        raise Conflict(
            f"the job {job.id} failed ({job.error_code}: {job.error_message}); POST /v1/insights/runs starts another"
        )
