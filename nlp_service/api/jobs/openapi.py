"""What the OpenAPI document says of jobs."""

from __future__ import annotations

from nlp_service.api.openapi import PROBABILITY, Operation, Part, Schema, paths_of
from nlp_service.api.schemas.jobs import EXAMPLES
from nlp_service.store.job_records import STATES

_PARAMETERS: dict[str, Schema] = {
    "state": {"enum": list(STATES)},
    "kind": {"type": "string"},
    "cursor": {"type": "string"},
    "limit": {"type": "integer", "minimum": 1},
}

_OPERATIONS = (
    Operation(
        "get",
        "/v1/jobs",
        "listJobs",
        "Show long work, the newest first",
        "JobsResponse",
        query=("state", "kind", "cursor", "limit"),
        errors=(),
    ),
    Operation("get", "/v1/jobs/{job_id}", "showJob", "Show a job with its progress", "JobResponse"),
    Operation("delete", "/v1/jobs/{job_id}", "deleteJob", "End a job", "JobResponse", errors=(404, 409)),
    Operation("post", "/v1/jobs/{job_id}/cancel", "cancelJob", "End a job", "JobResponse", errors=(404, 409)),
)

_PROGRESS = {("JobResponse", "progress"): PROBABILITY, ("JobStartedResponse", "progress"): PROBABILITY}

PART = Part(
    paths_of(_OPERATIONS, _PARAMETERS),
    EXAMPLES,
    _PROGRESS | {(name, "state"): {"enum": list(STATES)} for name in ("JobView", "JobResponse")},
)
"""The paths and types of `api.jobs`."""
