"""What a request asks of stored messages: which of them, in which order, and how many."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request

from nlp_service.api.resources import check_line, is_number, query_flag
from nlp_service.errors import BadInput, NotFound
from nlp_service.intake.arrivals import MAX_ID, check_platform
from nlp_service.intake.moments import read_time
from nlp_service.store.browsing import Filters
from nlp_service.store.packing import LABELS
from nlp_service.types import INTENTS, Action

META = "meta."
"""What the names of parameters begin with that stand for the caller's own fields."""

MAX_META_FILTERS = 8
_MAX_TEXT = 200
_MOST_NUMBER = 2**63 - 1
_NAMES = (
    "from",
    "to",
    "platform",
    "channel",
    "author",
    "label",
    "action",
    "risk",
    "intent",
    "text",
    "include_deleted",
    "order",
    "cursor",
    "limit",
    "format",
)


def filters_of(request: Request) -> Filters:
    """What the messages must be like.

    Raises:
        BadInput: A parameter is unknown or cannot be read; `param` names it. What is misspelt must not select all.
    """
    query = request.query_params
    if unknown := [name for name in query if name not in _NAMES and not name.startswith(META)]:
        known = ", ".join(_NAMES)
        raise BadInput(f"{len(unknown)} parameters are unknown; there are {known} and {META}*", param="query")
    labels = [label for value in query.getlist("label") for label in value.split(",") if label]
    if set(labels) - set(LABELS):
        raise BadInput(f"label must be one of {', '.join(LABELS)}", param="label")
    return Filters(
        sent_from=_time(request, "from"),
        sent_to=_time(request, "to"),
        platform=_line(request, "platform"),
        channel=_line(request, "channel"),
        author=_line(request, "author"),
        labels=tuple(dict.fromkeys(labels)),
        action=_one_of(request, "action", tuple(Action)),
        min_risk=_risk(request),
        intent=_one_of(request, "intent", INTENTS),
        text=_text(request),
        meta=_meta(request),
        include_deleted=query_flag(request, "include_deleted"),
        oldest_first=_one_of(request, "order", ("newest", "oldest")) == "oldest",
    )


def message_id_of(request: Request) -> int:
    """The id of a stored message in the path.

    Raises:
        NotFound: No message can have it.
    """
    text = request.path_params["message_id"]
    if len(text) > 19 or not is_number(text) or int(text) > _MOST_NUMBER:
        raise NotFound("there is no such message", param="message_id")
    return int(text)


def named_of(request: Request, name: str) -> tuple[str, str]:
    """A platform and an id of its own in the path.

    Raises:
        BadInput: Nothing can be named so; `param` is what cannot.
    """
    platform = check_platform(request.path_params["platform"])
    text = request.path_params[name]
    if not text:
        raise BadInput(f"{name} is empty", param=name)
    return platform, check_line(name, text, MAX_ID)


def _time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    # In a query a plus that was not escaped is a space.
    try:
        return read_time(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
    except ValueError as error:
        raise BadInput(f"{name} {error}", param=name) from error


def _line(request: Request, name: str) -> str | None:
    text = request.query_params.get(name)
    return None if text is None else check_line(name, text, MAX_ID)


def _one_of(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    text = request.query_params.get(name)
    if text is not None and text not in allowed:
        raise BadInput(f"{name} must be one of {', '.join(allowed)}", param=name)
    return text


def _risk(request: Request) -> int | None:
    text = _one_of(request, "risk", ("0", "1", "2", "3"))
    return None if text is None else int(text)


def _text(request: Request) -> str | None:
    text = request.query_params.get("text")
    return None if text is None else check_line("text", text, _MAX_TEXT)


def _meta(request: Request) -> dict[str, str]:
    fields = {
        name.removeprefix(META): check_line("meta", value, _MAX_TEXT)
        for name, value in request.query_params.items()
        if name.startswith(META)
    }
    if len(fields) > MAX_META_FILTERS:
        raise BadInput(f"{len(fields)} fields of meta are more than {MAX_META_FILTERS}", param="meta")
    for name in fields:
        if not name:
            raise BadInput("a field of meta has a name", param="meta")
        check_line("meta", name, _MAX_TEXT)
    return fields
