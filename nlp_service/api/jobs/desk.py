"""``/v1/jobs``: long work is looked at and cancelled; it is started where its results are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import caller_of, tenant_of
from nlp_service.api.jobs.runner import Runner
from nlp_service.api.resources import check_line, find_id, query_number, respond
from nlp_service.api.schemas.jobs import JobResponse, JobsResponse, JobStartedResponse, JobView, show
from nlp_service.api.threads import Threads
from nlp_service.store.job_records import Callback, Job
from nlp_service.store.jobs import JobStore

PAGE, MOST_PAGE = 50, 500
_MAX_KIND, _MAX_CURSOR, _MAX_ID = 64, 32, 64


class JobDesk:
    """Starts jobs for other routes, and answers those of jobs.

    Args:
        store: Where jobs are.
        runner: Is told of new ones.
        threads: Where the database is asked.
    """

    def __init__(self, store: JobStore, runner: Runner, threads: Threads) -> None:
        self._store, self._runner, self._threads = store, runner, threads

    async def start(
        self, request: Request, kind: str, parameters: Mapping[str, Any], callback: Callback | None = None
    ) -> tuple[Job, bool]:
        """Put work into the queue for who asks; gives the job, and whether it is new.

        Raises:
            Overloaded: Too many of the tenant's wait already.
        """
        caller = caller_of(request)
        begin = partial(self._store.start, caller.tenant, kind, parameters, actor=caller.actor, callback=callback)
        started = await self._threads.run(begin)
        self._runner.wake()
        return started

    async def look(self, tenant: str, job_id: str) -> Job:
        """A job as it stands.

        Raises:
            NotFound: The tenant has no such job.
        """
        return await self._threads.run(partial(self._store.get, tenant, job_id))

    async def latest(self, tenant: str, kind: str, parameters: Mapping[str, Any]) -> Job | None:
        """The last job that was to do this."""
        return await self._threads.run(partial(self._store.latest, tenant, kind, parameters))

    async def browse(self, request: Request) -> Response:
        """Show a page of jobs, the newest first: ``state``, ``kind``, ``cursor``, ``limit``.

        Raises:
            BadInput: A parameter cannot be read.
        """
        query = request.query_params
        browse = partial(
            self._store.browse,
            tenant_of(request),
            state=query.get("state"),
            kind=None if "kind" not in query else check_line("kind", query["kind"], _MAX_KIND),
            cursor=None if "cursor" not in query else check_line("cursor", query["cursor"], _MAX_CURSOR),
            limit=query_number(request, "limit", PAGE, least=1, most=MOST_PAGE),
        )
        page = await self._threads.run(browse)
        shown = [JobView(**show(job)) for job in page.jobs]
        return respond(JobsResponse(request.state.request_id, shown, page.next_cursor))

    async def get(self, request: Request) -> Response:
        """Show a job with its progress.

        Raises:
            NotFound: There is no such job.
        """
        job_id = find_id("job_id", request.path_params["job_id"], _MAX_ID)
        job = await self.look(tenant_of(request), job_id)
        return respond(JobResponse(request_id=request.state.request_id, **show(job)))

    async def cancel(self, request: Request) -> Response:
        """End a job.

        Raises:
            NotFound: There is no such job.
            Conflict: It has ended already.
        """
        caller, job_id = caller_of(request), find_id("job_id", request.path_params["job_id"], _MAX_ID)
        job = await self._threads.run(partial(self._store.cancel, caller.tenant, job_id, actor=caller.actor))
        return respond(JobResponse(request_id=request.state.request_id, **show(job)))


def accepted(request: Request, job: Job, *, is_new: bool) -> Response:
    """The answer that the work goes on, and where to ask for it."""
    url = f"/v1/jobs/{job.id}"
    body = JobStartedResponse(request.state.request_id, job.id, job.state, round(job.progress, 3), is_new, url)
    response = respond(body, 202)
    response.headers["location"] = url
    response.headers["retry-after"] = "2"
    return response
