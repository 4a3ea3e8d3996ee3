"""What a request for a knowledge base says: which base, and which version of it."""

from __future__ import annotations

from starlette.requests import Request

from nlp_service.api.resources import is_number
from nlp_service.errors import BadInput, NotFound
from nlp_service.store.bases import MAX_NAME

MAX_NUMBER = 2**31 - 1
"""Ids of bases and numbers of versions are integers of 32 bits in PostgreSQL."""

Kb = int | str


def kb_of(name: Kb) -> Kb:
    """The base that a path or a field names: digits are its id, anything else its name.

    Raises:
        NotFound: No base can have this id or name.
    """
    number = int(name) if isinstance(name, str) and len(name) <= 10 and is_number(name) else name
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
    if "/" in name or is_number(name):
        raise BadInput("the name of a knowledge base has no slash and is not of digits only", param="name")
    return name


def query_version(request: Request, name: str, default: str) -> str | int:
    """A version of the query: a number, ``draft`` or ``published``.

    Raises:
        BadInput: It is none of these.
        NotFound: No base has so many versions.
    """
    text = request.query_params.get(name, default)
    if text in ("draft", "published"):
        return text
    if not is_number(text):
        raise BadInput(f"{name} must be the number of a version, draft or published", param=name)
    if len(text) > 10 or int(text) > MAX_NUMBER:
        raise NotFound("there is no such version", param=name)
    return int(text)
