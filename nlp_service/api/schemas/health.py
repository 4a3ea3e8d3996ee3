"""Answers of ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import msgspec

from nlp_service.api.schemas.errors import ErrorDetail


class Health(msgspec.Struct):
    """The HTTP process is alive."""

    status: str


class WorkerHealth(msgspec.Struct):
    """One inference worker.

    Attributes:
        pid: Its process; null while there is none.
        state: ``starting``, ``ready`` or ``down``.
        last_inference_s: Age of its last real inference in seconds; null before the first.
        n_restarts: How often it was replaced.
    """

    pid: int | None
    state: str
    last_inference_s: float | None
    n_restarts: int


class Ready(msgspec.Struct):
    """A real inference has passed lately in every worker."""

    status: str
    model_version: str
    policy_version: str
    queued_messages: int
    workers: list[WorkerHealth]


class NotReadyResponse(msgspec.Struct):
    """Which workers cannot read messages now, in words and in figures."""

    error: ErrorDetail
    request_id: str
    reasons: list[str]
    workers: list[WorkerHealth]


HEALTH_EXAMPLE = Health(status="ok")
READY_EXAMPLE = Ready(
    status="ready",
    model_version="fast-1",
    policy_version="1",
    queued_messages=0,
    workers=[WorkerHealth(pid=4711, state="ready", last_inference_s=0.8, n_restarts=0)],
)
NOT_READY_EXAMPLE = NotReadyResponse(
    error=ErrorDetail(code="not_ready", message="worker 0 is down", type="server_error"),
    request_id="0b9f3c1a5d7e4f60",
    reasons=["worker 0 is down"],
    workers=[WorkerHealth(pid=None, state="down", last_inference_s=None, n_restarts=1)],
)
