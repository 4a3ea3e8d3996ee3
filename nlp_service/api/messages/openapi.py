"""What the OpenAPI document says of messages and their authors."""

from __future__ import annotations

from typing import Any

from nlp_service.api.messages.export import FORMATS
from nlp_service.api.openapi import Operation, Part, Schema, paths_of
from nlp_service.api.schemas.messages import EXAMPLES
from nlp_service.store.browsing import MAX_PAGE
from nlp_service.store.packing import LABELS
from nlp_service.types import INTENTS, Action

_STATES = ["stored", "edited", "duplicate", "outdated", "deleted"]
_TIME: Schema = {"type": "string", "description": "ISO 8601 with a zone, or seconds or milliseconds since 1970."}

_PARAMETERS: dict[str, Schema] = {
    "from": _TIME,
    "to": _TIME,
    "platform": {"type": "string"},
    "channel": {"type": "string"},
    "author": {"type": "string"},
    "label": {"type": "string", "enum": list(LABELS), "description": "One of several, if given several times."},
    "action": {"enum": list(Action)},
    "risk": {"type": "integer", "minimum": 0, "maximum": 3, "description": "This level or above."},
    "intent": {"enum": list(INTENTS), "description": "The primary one."},
    "text": {"type": "string", "description": "What the text has in it."},
    "meta.*": {"type": "string", "description": "A field of the caller with its value, as meta.region=north."},
    "include_deleted": {"type": "boolean"},
    "order": {"enum": ["newest", "oldest"], "description": "By arrival."},
    "cursor": {"type": "string", "description": "next_cursor of the page before, with the same filters."},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    "format": {"enum": list(FORMATS), "description": "All of them as a file."},
}

_MESSAGE, _AUTHOR = "/v1/messages/{platform}/{id}", "/v1/authors/{platform}/{author}"
_OPERATIONS = (
    Operation(
        "post",
        "/v1/messages",
        "takeMessages",
        "Analyze messages, judge and store them",
        "MessagesResponse",
        "MessagesRequest",
        errors=(),
    ),
    Operation(
        "get",
        "/v1/messages",
        "listMessages",
        "Show a page of stored messages, or export all of them",
        "MessagesPage",
        query=tuple(_PARAMETERS),
        errors=(),
    ),
    Operation("get", "/v1/messages/{message_id}", "showMessage", "Show a stored message", "MessageResponse"),
    Operation("get", _MESSAGE, "findMessage", "Show a stored message by the platform's id", "MessageResponse"),
    Operation("delete", _MESSAGE, "removeMessage", "Delete a message that was recalled", "RemovedResponse", errors=()),
    Operation("get", _AUTHOR, "showAuthor", "Show an author's history", "AuthorResponse"),
    Operation(
        "delete", _AUTHOR, "eraseAuthor", "Erase an author with all that hangs on it", "ErasureResponse", errors=()
    ),
)

_ID: Schema = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
_NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("MessagesRequest", "messages"): {"minItems": 1},
    ("MessageResult", "id"): _ID,
    ("MessageResult", "state"): {"enum": _STATES},
    ("RemovedResponse", "state"): {"enum": ["deleted"]},
    ("MessageRecord", "action"): {"enum": list(Action)},
}
"""What the types check when they are made, but do not say in their annotations."""


def _paths() -> dict[str, Schema]:
    found = paths_of(_OPERATIONS, _PARAMETERS)
    files: Schema = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in FORMATS.values()}
    found["/v1/messages"]["get"]["responses"]["200"]["content"] |= files
    return found


PART = Part(_paths(), EXAMPLES, _NARROWER)
