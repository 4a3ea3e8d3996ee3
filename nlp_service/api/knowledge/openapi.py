"""What the OpenAPI document says of knowledge bases."""

from __future__ import annotations

from typing import Any

import msgspec

from nlp_service.api.openapi import PROBABILITY, Operation, Part, Schema, paths_of
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


_KB = "/v1/kb/{kb}"
_OPERATIONS = (
    Operation(
        "post", "/v1/reply", "reply", "Answer a question, ask back, or fetch a person", "ReplyResponse", "ReplyRequest"
    ),
    Operation(
        "post", "/v1/reply/feedback", "feedback", "Say what a reply was worth", "FeedbackResponse", "FeedbackRequest"
    ),
    Operation(
        "post", "/v1/kb", "makeBase", "Make a base", "BaseResponse", "BaseRequest", statuses=(201,), errors=(409,)
    ),
    Operation("get", "/v1/kb", "listBases", "List bases", "BasesResponse", errors=()),
    Operation("get", _KB, "showBase", "Show a base", "BaseResponse"),
    Operation("delete", _KB, "removeBase", "Remove a base with its versions and replies", "DeletedResponse"),
    Operation("put", f"{_KB}/synonyms", "setSynonyms", "Set synonyms", "BaseResponse", "SynonymsRequest"),
    Operation(
        "get",
        f"{_KB}/entries",
        "listEntries",
        "Show a page of entries",
        "EntriesResponse",
        query=("version", "after", "limit"),
    ),
    Operation(
        "post",
        f"{_KB}/entries",
        "writeEntries",
        "Write entries into the draft; 201 if one is new",
        "WrittenResponse",
        "EntriesRequest",
        statuses=(200, 201),
    ),
    Operation("get", f"{_KB}/entries/{{entry_id}}", "showEntry", "Show an entry", "EntryResponse", query=("version",)),
    Operation(
        "put",
        f"{_KB}/entries/{{entry_id}}",
        "writeEntry",
        "Write an entry into the draft; 201 if it is new",
        "WrittenResponse",
        "EntryIn",
        statuses=(200, 201),
    ),
    Operation(
        "delete", f"{_KB}/entries/{{entry_id}}", "removeEntry", "Take an entry out of the draft", "DeletedResponse"
    ),
    Operation(
        "post",
        f"{_KB}/import",
        "importEntries",
        "Write the entries of a file into the draft",
        "ImportResponse",
        "file",
        ("format", "all_or_nothing"),
    ),
    Operation("get", f"{_KB}/export", "exportEntries", "Give the entries as a file", "", query=("format", "version")),
    Operation(
        "post",
        f"{_KB}/publish",
        "publish",
        "Answer from the draft",
        "PublishedResponse",
        "PublishRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    Operation("get", f"{_KB}/versions", "listVersions", "Show all versions", "VersionsResponse"),
    Operation("get", f"{_KB}/diff", "diff", "Compare two versions", "DiffResponse", query=("old", "new")),
    Operation(
        "post",
        f"{_KB}/rollback",
        "rollBack",
        "Answer from an earlier version again",
        "PublishedResponse",
        "RollbackRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    Operation("post", f"{_KB}/search", "search", "Find entries", "SearchResponse", "SearchRequest"),
    Operation("post", f"{_KB}/calibrate", "calibrate", "Fit thresholds", "CalibrateResponse", "CalibrateRequest"),
    Operation(
        "get", f"{_KB}/gaps", "listGaps", "Show what nobody could answer", "GapsResponse", query=("days", "limit")
    ),
    Operation(
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
    Operation("get", f"{_KB}/usage", "usage", "Show how a base is used", "UsageResponse", query=("days",)),
    Operation(
        "get",
        f"{_KB}/conflicts",
        "conflicts",
        "Show duplicates and contradictions",
        "ConflictsResponse",
        query=("version",),
    ),
    Operation("get", f"{_KB}/alerts", "alerts", "Show where questions wait", "AlertsResponse", query=("limit",)),
)


def _paths() -> dict[str, Schema]:
    found = paths_of(_OPERATIONS, _PARAMETERS)
    found[f"{_KB}/import"]["post"]["requestBody"]["content"] = _FILE
    found[f"{_KB}/export"]["get"]["responses"]["200"]["content"] = _FILE
    # A reply comes as events where the request says `stream`.
    found["/v1/reply"]["post"]["responses"]["200"]["content"] |= _STREAM
    return found


PART = Part(_paths(), EXAMPLES, NARROWER)
