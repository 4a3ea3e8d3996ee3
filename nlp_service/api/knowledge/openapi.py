"""What the OpenAPI document says of knowledge bases."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, NamedTuple

import msgspec

from nlp_service.api.openapi import PROBABILITY, Schema, content_of, responses_of
from nlp_service.api.schemas import knowledge, operations, replies, streams, versions

EXAMPLES: tuple[msgspec.Struct, ...] = (
    *knowledge.EXAMPLES,
    *versions.EXAMPLES,
    *replies.EXAMPLES,
    *streams.EXAMPLES,
    *operations.EXAMPLES,
)
"""As `nlp_service.api.openapi.EXAMPLES`."""

NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("Alternative", "probability"): PROBABILITY,
    ("ReplyResponse", "probability"): PROBABILITY,
    ("ReplyResponse", "margin"): PROBABILITY,
    ("ReplyResponse", "threshold"): PROBABILITY,
    **{("Thresholds", name): PROBABILITY for name in ("answer", "clarify", "margin", "precision")},
    ("Summary", "risk"): {"minimum": 0, "maximum": 3},
}
"""What the types check when they are made, but do not say in their annotations."""

_VERSION = {"anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["draft", "published"]}]}
_PARAMETERS: dict[str, Schema] = {
    "version": _VERSION,
    "old": _VERSION,
    "new": _VERSION,
    "after": {"type": "string"},
    "limit": {"type": "integer", "minimum": 0},
    "days": {"type": "integer", "minimum": 1},
    "format": {"enum": ["csv", "jsonl", "xlsx"]},
    "all_or_nothing": {"type": "boolean"},
}

_FILE: Schema = {
    name: {"schema": {"type": "string", "contentMediaType": name}}
    for name in (
        "application/x-ndjson",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
}

_STREAM: Schema = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "Events with JSON as data: `reply` (ReplyResponse), `piece` (ReplyPiece) for each part of a "
            "phrased answer, `done` (ReplyDone).",
        }
    }
}


class _Operation(NamedTuple):
    """``answer`` and ``body`` are names of types; an empty answer is a file, and an empty body none."""

    method: str
    path: str
    name: str
    summary: str
    answer: str
    body: str = ""
    query: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    errors: tuple[int, ...] = (404,)


_KB = "/v1/kb/{kb}"
_OPERATIONS = (
    _Operation(
        "post", "/v1/reply", "reply", "Answer a question, ask back, or fetch a person", "ReplyResponse", "ReplyRequest"
    ),
    _Operation(
        "post", "/v1/reply/feedback", "feedback", "Say what a reply was worth", "FeedbackResponse", "FeedbackRequest"
    ),
    _Operation(
        "post", "/v1/kb", "makeBase", "Make a base", "BaseResponse", "BaseRequest", statuses=(201,), errors=(409,)
    ),
    _Operation("get", "/v1/kb", "listBases", "List bases", "BasesResponse", errors=()),
    _Operation("get", _KB, "showBase", "Show a base", "BaseResponse"),
    _Operation("delete", _KB, "removeBase", "Remove a base with its versions and replies", "DeletedResponse"),
    _Operation("put", f"{_KB}/synonyms", "setSynonyms", "Set synonyms", "BaseResponse", "SynonymsRequest"),
    _Operation(
        "get",
        f"{_KB}/entries",
        "listEntries",
        "Show a page of entries",
        "EntriesResponse",
        query=("version", "after", "limit"),
    ),
    _Operation(
        "post",
        f"{_KB}/entries",
        "writeEntries",
        "Write entries into the draft; 201 if one is new",
        "WrittenResponse",
        "EntriesRequest",
        statuses=(200, 201),
    ),
    _Operation("get", f"{_KB}/entries/{{entry_id}}", "showEntry", "Show an entry", "EntryResponse", query=("version",)),
    _Operation(
        "put",
        f"{_KB}/entries/{{entry_id}}",
        "writeEntry",
        "Write an entry into the draft; 201 if it is new",
        "WrittenResponse",
        "EntryIn",
        statuses=(200, 201),
    ),
    _Operation(
        "delete", f"{_KB}/entries/{{entry_id}}", "removeEntry", "Take an entry out of the draft", "DeletedResponse"
    ),
    _Operation(
        "post",
        f"{_KB}/import",
        "importEntries",
        "Write the entries of a file into the draft",
        "ImportResponse",
        "file",
        ("format", "all_or_nothing"),
    ),
    _Operation("get", f"{_KB}/export", "exportEntries", "Give the entries as a file", "", query=("format", "version")),
    _Operation(
        "post",
        f"{_KB}/publish",
        "publish",
        "Answer from the draft",
        "PublishedResponse",
        "PublishRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    _Operation("get", f"{_KB}/versions", "listVersions", "Show all versions", "VersionsResponse"),
    _Operation("get", f"{_KB}/diff", "diff", "Compare two versions", "DiffResponse", query=("old", "new")),
    _Operation(
        "post",
        f"{_KB}/rollback",
        "rollBack",
        "Answer from an earlier version again",
        "PublishedResponse",
        "RollbackRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    _Operation("post", f"{_KB}/search", "search", "Find entries", "SearchResponse", "SearchRequest"),
    _Operation("post", f"{_KB}/calibrate", "calibrate", "Fit thresholds", "CalibrateResponse", "CalibrateRequest"),
    _Operation(
        "get", f"{_KB}/gaps", "listGaps", "Show what nobody could answer", "GapsResponse", query=("days", "limit")
    ),
    _Operation(
        "post",
        f"{_KB}/gaps/{{gap_id}}/entry",
        "openGap",
        "Make an entry of a gap",
        "GapEntryResponse",
        "GapEntryRequest",
        ("days",),
        statuses=(201,),
        errors=(404, 409),
    ),
    _Operation("get", f"{_KB}/usage", "usage", "Show how a base is used", "UsageResponse", query=("days",)),
    _Operation(
        "get",
        f"{_KB}/conflicts",
        "conflicts",
        "Show duplicates and contradictions",
        "ConflictsResponse",
        query=("version",),
    ),
    _Operation("get", f"{_KB}/alerts", "alerts", "Show where questions wait", "AlertsResponse", query=("limit",)),
)


def paths() -> dict[str, Schema]:
    """The paths by their templates."""
    found: defaultdict[str, Schema] = defaultdict(dict)
    for operation in _OPERATIONS:
        found[operation.path][operation.method] = _describe(operation)
    # A reply comes as events where the request says `stream`.
    found["/v1/reply"]["post"]["responses"]["200"]["content"] |= _STREAM
    return dict(found)


def _describe(operation: _Operation) -> Schema:
    names = [(name, "path", {"type": "string"}) for name in re.findall(r"{(\w+)}", operation.path)]
    names += [(name, "query", _PARAMETERS[name]) for name in operation.query]
    parameters = [
        {"name": name, "in": place, "required": place == "path", "schema": schema} for name, place, schema in names
    ]
    errors = dict.fromkeys((*operation.errors, 413, 422, 429, 503), "ErrorResponse")
    described: Schema = {"summary": operation.summary, "operationId": operation.name}
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        content = _FILE if operation.body == "file" else content_of(operation.body)
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = responses_of(dict.fromkeys(operation.statuses, operation.answer) | errors)
    if not operation.answer:
        described["responses"]["200"] = {"description": "OK", "content": _FILE}
    return described
