"""Errors as Perspective's programs expect them, with our own inside."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.compat.perspective_types import PerspectiveError, PerspectiveErrorResponse
from nlp_service.api.errors import detail_of, error_response
from nlp_service.errors import BadInput, ServiceError

ERROR_TYPE = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


class Refused(BadInput):
    """What Perspective has a word of its own for.

    Args:
        kind: Its ``errorType``.
        message: In its words, since programs look for them.
        param: The field.
        more: What else its detail holds.
    """

    def __init__(self, kind: str, message: str, *, param: str, more: dict[str, Any] | None = None) -> None:
        super().__init__(message, param=param)
        self.kind = kind
        self.more = more or {}


def fault_response(request: Request, error: ServiceError) -> Response:
    """The answer for an error. What was wrong with a request is 400 here, as Perspective has it."""
    request.state.error_code = error.code
    plain = error_response(error, request.state.request_id)
    status = 400 if isinstance(error, BadInput) else error.status
    kind, more = (error.kind, error.more) if isinstance(error, Refused) else ("INVALID_REQUEST", {})
    details: list[dict[str, Any]] = [msgspec.to_builtins(detail_of(error))]
    if status == 400:
        details.insert(0, {"@type": ERROR_TYPE, "errorType": kind, **more})
    body = PerspectiveErrorResponse(
        PerspectiveError(status, error.message, _WORDS.get(status, "INTERNAL"), details), request.state.request_id
    )
    kept = {name: plain.headers[name] for name in ("retry-after", "www-authenticate") if name in plain.headers}
    return Response(msgspec.json.encode(body), status, kept, media_type="application/json")
