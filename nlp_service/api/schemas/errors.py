"""The body of every answer that is an error."""

from __future__ import annotations

import msgspec


class ErrorDetail(msgspec.Struct):
    """What went wrong.

    Attributes:
        code: For programs: ``invalid_input``, ``too_large``, ``not_found``, ``overloaded``, ``not_ready`` ...
        message: For people; it never repeats what was sent.
        type: The family: ``invalid_request_error``, ``rate_limit_error`` or ``server_error``.
        param: The field at fault, such as ``messages[3].text``, where there is one.
    """

    code: str
    message: str
    type: str
    param: str | None = None


class ErrorResponse(msgspec.Struct):
    """An error, with the id under which the logs know the request."""

    error: ErrorDetail
    request_id: str


ERROR_EXAMPLE = ErrorResponse(
    error=ErrorDetail(
        code="invalid_input",
        message="Expected `str`, got `int`",
        type="invalid_request_error",
        param="messages[3].text",
    ),
    request_id="0b9f3c1a5d7e4f60",
)
