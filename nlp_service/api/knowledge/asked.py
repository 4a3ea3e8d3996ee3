"""What a request for a knowledge base says: whose and which base, parameters of the query, and texts within bounds."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.requests import NamedRoute
from nlp_service.errors import BadInput, NotFound, TooLarge
from nlp_service.store.bases import MAX_NAME

MAX_NUMBER = 2**31 - 1
"""Ids of bases and numbers of versions are integers of 32 bits in PostgreSQL."""

Handler = Callable[[Request], Awaitable[Response]]
Kb = int | str

# What PostgreSQL does not take as text. Lone surrogates were replaced when the body was decoded.
_REFUSED = re.compile(r"[\x00\ud800-\udfff]")
_YES, _NO = ("true", "1"), ("false", "0")

_encoder = msgspec.json.Encoder()


def tenant_of(request: Request) -> str:
    """Whose bases are meant. The service asks for no keys yet, so all are of one tenant."""
    return "default"


def kb_of(name: Kb) -> Kb:
    """The base that a path or a field names: digits are its id, anything else its name.

    Raises:
        NotFound: No base can have this id or name.
    """
    number = int(name) if isinstance(name, str) and len(name) <= 10 and _is_number(name) else name
    if isinstance(number, int):
        is_possible = 0 < number <= MAX_NUMBER
    else:
        is_possible = 0 < len(number) <= MAX_NAME and number.isprintable()
    if not is_possible:
        raise NotFound("there is no such knowledge base", param="kb")
    return number


def base_of(request: Request) -> Kb:
    """The base that the path names, see `kb_of`."""
    return kb_of(request.path_params["kb"])


def check_new_name(name: str) -> str:
    """A name for a new base.

    Raises:
        BadInput: Paths could not name it: it has a slash, or is of digits only and so would be an id.
    """
    if "/" in name or _is_number(name):
        raise BadInput("the name of a knowledge base has no slash and is not of digits only", param="name")
    return name


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
    if len(text) > 10 or not _is_number(text) or not least <= int(text) <= most:
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


def query_version(request: Request, name: str, default: str) -> str | int:
    """A version of the query: a number, ``draft`` or ``published``.

    Raises:
        BadInput: It is none of these.
        NotFound: No base has so many versions.
    """
    text = request.query_params.get(name, default)
    if text in ("draft", "published"):
        return text
    if not _is_number(text):
        raise BadInput(f"{name} must be the number of a version, draft or published", param=name)
    if len(text) > 10 or int(text) > MAX_NUMBER:
        raise NotFound("there is no such version", param=name)
    return int(text)


def resource(path: str, **handlers: Handler) -> NamedRoute:
    """One route for all methods of a path, so that 405 names every one of them."""

    async def answer(request: Request) -> Response:
        return await handlers[{"HEAD": "GET"}.get(request.method, request.method)](request)

    return NamedRoute(path, answer, methods=list(handlers))


def respond(value: msgspec.Struct, status: int = 200) -> Response:
    """A value as the body of an answer."""
    return Response(_encoder.encode(value), status, media_type="application/json")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
