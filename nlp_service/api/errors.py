"""Errors as answers: one shape for all of them."""

from __future__ import annotations

import math

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.schemas.errors import ErrorDetail, ErrorResponse
from nlp_service.errors import BadInput, NotReady, Overloaded, ServiceError, Unauthorized

_FAMILIES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def detail_of(error: ServiceError) -> ErrorDetail:
    """What the caller is told of an error."""
    return ErrorDetail(error.code, error.message, _family(error.status), error.param)


def error_response(error: ServiceError, request_id: str) -> Response:
    """The answer for an error; with ``Retry-After`` in whole seconds, at least one, where asking again may help."""
    response = _respond(error.status, detail_of(error), request_id)
    if isinstance(error, Unauthorized):
        response.headers["www-authenticate"] = 'Bearer realm="nlp-service"'
    if isinstance(error, Overloaded | NotReady):
        response.headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    return response


def service_error_response(request: Request, error: ServiceError) -> Response:
    """The answer to a request that failed with an error of ours, which its line in the logs names too."""
    request.state.error_code = error.code
    return error_response(error, request.state.request_id)


def internal_error(request_id: str) -> Response:
    """The answer when something failed that nobody foresaw; the logs know more under the same id."""
    detail = ErrorDetail("internal", "the request failed; the logs tell more under its id", _family(500))
    return _respond(500, detail, request_id)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error that a route raises on purpose, and what the framework raises by itself."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)


async def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return service_error_response(request, error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # The first part of the place is where it was sent: body, query, path or header.
    place, *path = first["loc"]
    param = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return service_error_response(request, BadInput(first["msg"], param=param or str(place)))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTP_CODES.get(error.status_code, "http_error")
    request.state.error_code = code
    message = {404: "there is no such path", 405: "the path does not take this method"}.get(
        error.status_code, f"HTTP {error.status_code}"
    )
    response = _respond(
        error.status_code, ErrorDetail(code, message, _family(error.status_code)), request.state.request_id
    )
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def _respond(status: int, detail: ErrorDetail, request_id: str) -> Response:
    body = msgspec.json.encode(ErrorResponse(detail, request_id))
    return Response(body, status, media_type="application/json")


def _family(status: int) -> str:
    if status in _FAMILIES:
        return _FAMILIES[status]
    return "invalid_request_error" if status < 500 else "server_error"
