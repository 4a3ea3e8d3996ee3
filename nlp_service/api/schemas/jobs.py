"""Long work as requests and answers carry it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from nlp_service.store.job_records import Job

LEAST_SECRET, MOST_SECRET = 16, 200
"""Characters in the secret of a callback."""


class CallbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to tell when the job ends.

    Attributes:
        url: A public https or http address; it gets a POST without any text of a message.
        secret: Signs what is sent: ``X-NLP-Signature: t=SECONDS,v1=HEX`` with the HMAC-SHA256 of ``SECONDS.BODY``.
            Kept until the last try, and never shown.
    """

    url: str
    secret: Annotated[str, msgspec.Meta(min_length=LEAST_SECRET, max_length=MOST_SECRET)]

    def __repr__(self) -> str:
        return "CallbackRequest()"  # the secret belongs in no log


class JobError(msgspec.Struct):
    """Why a job failed: the code and message that an answer would have."""

    code: str
    message: str


class JobView(msgspec.Struct, kw_only=True):
    """A job.

    Attributes:
        job_id: Its name.
        kind: What is done: ``insight``.
        state: ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
        progress: 0 to 1; begins anew when a worker was lost.
        what: The step that it is at; empty before the first.
        parameters: What it is done to.
        result: What it led to; null unless it is done.
        error: Null unless it failed.
        actor: Who started it.
        attempts: How often a worker took it.
        callback: ``waiting``, ``delivered`` or ``failed``; null where nobody is to be told.
    """

    job_id: str
    kind: str
    state: str
    progress: float
    what: str
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    error: JobError | None
    actor: str
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    callback: str | None


class JobResponse(JobView, kw_only=True):
    """A job, as in `JobView`."""

    request_id: str


class JobsResponse(msgspec.Struct):
    """Some jobs, the newest first; `next` is what ``cursor`` takes for those after them, null at the end."""

    request_id: str
    jobs: list[JobView]
    next: str | None


class JobStartedResponse(msgspec.Struct):
    """The work goes on; ask for the job until it is ended.

    Attributes:
        job_id: Of the job.
        state: ``queued`` or ``running``, or how it ended meanwhile.
        progress: 0 to 1.
        is_new: False where the same work was waiting or running already.
        url: Where to ask; the header ``Location`` says the same.
    """

    request_id: str
    job_id: str
    state: str
    progress: float
    is_new: bool
    url: str


def show(job: Job) -> dict[str, Any]:
    """The fields of a `JobView`."""
    error = None if job.error_code is None else JobError(job.error_code, job.error_message or "")
    names = ("kind", "state", "what", "parameters", "result", "actor", "attempts")
    times = ("created_at", "started_at", "finished_at")
    shown = {name: getattr(job, name) for name in names + times}
    return shown | {
        "job_id": job.id,
        "progress": round(job.progress, 3),
        "error": error,
        "callback": job.callback_state,
    }


_AT = datetime(2026, 3, 9, 1, tzinfo=UTC)
_JOB = JobView(
    job_id="5Zk3v0nT1qQ8xYb2cW9LrA",
    kind="insight",
    state="done",
    progress=1.0,
    what="",
    parameters={"from": "2026-03-01T16:00:00Z", "to": "2026-03-08T16:00:00Z", "zone": "Asia/Shanghai", "channels": []},
    result={"run_id": 12},
    error=None,
    actor="key:abcd1234",
    attempts=1,
    created_at=_AT,
    started_at=_AT,
    finished_at=_AT,
    callback="delivered",
)
_FAILED = msgspec.structs.replace(
    _JOB, state="failed", result=None, error=JobError("not_ready", "the database is away")
)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    CallbackRequest("https://hooks.example.invalid/nlp", "a secret of your own"),
    JobResponse(request_id="0b9f3c1a5d7e4f60", **msgspec.structs.asdict(_FAILED)),
    JobsResponse("0b9f3c1a5d7e4f60", [_JOB], "41"),
    JobStartedResponse("0b9f3c1a5d7e4f60", _JOB.job_id, "queued", 0.0, True, f"/v1/jobs/{_JOB.job_id}"),
)
"""One of each type that is a whole body."""
