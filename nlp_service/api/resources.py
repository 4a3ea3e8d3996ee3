"""What the routes of resources share: paths with their methods and scopes, parameters of the query, texts in bounds."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import caller_of
from nlp_service.api.requests import NamedRoute
from nlp_service.errors import BadInput, NotFound, TooLarge

Handler = Callable[[Request], Awaitable[Response]]

# What PostgreSQL does not take as text. Lone surrogates were replaced when the body was decoded.
_REFUSED = re.compile(r"[\x00\ud800-\udfff]")
_YES, _NO = ("true", "1"), ("false", "0")

_encoder = msgspec.json.Encoder()


def resource(path: str, *, read: str, write: str | None = None, **handlers: Handler) -> NamedRoute:
    """One route for all methods of a path, so that 405 names every one of them.

    Args:
        path: As Starlette takes it.
        read: Scope that GET and HEAD need.
        write: Scope that the other methods need; `read` unless given.
        handlers: By method.
    """
    change = write or read

    async def answer(request: Request) -> Response:
        method = {"HEAD": "GET"}.get(request.method, request.method)
        caller_of(request).require(read if method == "GET" else change)
        return await handlers[method](request)

    scopes = {method: read if method == "GET" else change for method in handlers}
    return NamedRoute(path, answer, methods=list(handlers), scopes=scopes)


def respond(value: msgspec.Struct, status: int = 200) -> Response:
    """A value as the body of an answer."""
    return Response(_encoder.encode(value), status, media_type="application/json")


def check_line(name: str, text: str, longest: int) -> str:
    """A text that is stored.

    Raises:
        TooLarge: It is longer than `longest` code points.
        BadInput: It holds NUL or is not valid Unicode.
    """
    if len(text) > longest:
        raise TooLarge(f"{name} has {len(text)} characters, at most {longest} are taken", param=name)
    if _REFUSED.search(text):
        raise BadInput(f"{name} holds NUL or is not valid Unicode", param=name)
    return text


def find_id(name: str, text: str, longest: int) -> str:
    """An id that is looked for.

    Raises:
        NotFound: Nothing can have it.
    """
    if not 0 < len(text) <= longest or _REFUSED.search(text):
        raise NotFound(f"there is nothing with this {name}", param=name)
    return text


def query_number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """A whole number of the query.

    Raises:
        BadInput: It is none, or out of bounds.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if len(text) > 10 or not is_number(text) or not least <= int(text) <= most:
        raise BadInput(f"{name} must be a whole number from {least} to {most}", param=name)
    return int(text)


def query_flag(request: Request, name: str) -> bool:
    """A yes or no of the query; no where it is missing.

    Raises:
        BadInput: It is neither.
    """
    text = request.query_params.get(name, "false").lower()
    if text not in (*_YES, *_NO):
        raise BadInput(f"{name} must be true or false", param=name)
    return text in _YES


def is_number(text: str) -> bool:
    """Whether a text is ASCII digits only."""
    return text.isascii() and text.isdigit()
