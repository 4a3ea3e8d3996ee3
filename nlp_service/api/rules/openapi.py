"""What the OpenAPI document says of word lists and policies."""

from __future__ import annotations

from typing import Any

from nlp_service.api.openapi import Operation, Part, Schema, paths_of
from nlp_service.api.rules.files import TYPES
from nlp_service.api.schemas import lexicons, policies, words
from nlp_service.moderation.wordrows import FORMATS
from nlp_service.store.wordlists import KINDS
from nlp_service.types import Action

_VERSION: Schema = {"type": "integer", "minimum": 0}
_PARAMETERS: dict[str, Schema] = {
    "version": _VERSION,
    "old": _VERSION,
    "new": _VERSION,
    "after": {"type": "string"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1_000},
    "search": {"type": "string", "description": "What words have in them."},
    "category": {"type": "string"},
    "word": {"type": "string", "description": "May come several times; else the body names the words."},
    "format": {"enum": list(FORMATS)},
    "replace": {"type": "boolean", "description": "Whether the list has nothing else from then on."},
    "all_or_nothing": {"type": "boolean"},
    "note": {"type": "string"},
}

_LIST, _COMMUNITY = "/v1/lexicons/{name}", "/v1/policies/{community}"
_OPERATIONS = (
    Operation("get", "/v1/lexicons", "listLexicons", "List word lists", "LexiconsResponse", errors=()),
    Operation(
        "post",
        "/v1/lexicons",
        "makeLexicon",
        "Make a word list",
        "LexiconResponse",
        "LexiconRequest",
        statuses=(201,),
        errors=(409,),
    ),
    Operation(
        "post",
        "/v1/lexicons/test",
        "testLexicons",
        "Say which words of the lists are in texts",
        "LexiconTestResponse",
        "LexiconTestRequest",
        errors=(),
    ),
    Operation("get", _LIST, "showLexicon", "Show a word list", "LexiconResponse"),
    Operation(
        "put",
        _LIST,
        "setLexicon",
        "Make a word list or set what it is for; 201 if it is new",
        "LexiconResponse",
        "LexiconPutRequest",
        statuses=(200, 201),
        errors=(),
    ),
    Operation("delete", _LIST, "removeLexicon", "Remove a word list with its versions", "LexiconDeletedResponse"),
    Operation(
        "get",
        f"{_LIST}/words",
        "listWords",
        "Show a page of words",
        "WordsResponse",
        query=("version", "search", "category", "after", "limit"),
    ),
    Operation("post", f"{_LIST}/words", "writeWords", "Put words into a list", "WordsWrittenResponse", "WordsRequest"),
    Operation(
        "delete",
        f"{_LIST}/words",
        "removeWords",
        "Take words out of a list",
        "WordsWrittenResponse",
        "WordsRemovalRequest",
        ("word",),
    ),
    Operation(
        "post",
        f"{_LIST}/import",
        "importWords",
        "Write the words of a file into a list",
        "WordImportResponse",
        "file",
        ("format", "replace", "all_or_nothing", "note"),
    ),
    Operation("get", f"{_LIST}/export", "exportWords", "Give the words as a file", "file", query=("format", "version")),
    Operation("get", f"{_LIST}/versions", "listLexiconVersions", "Show all versions", "LexiconVersionsResponse"),
    Operation(
        "get",
        f"{_LIST}/diff",
        "compareLexicon",
        "Compare two versions",
        "LexiconDiffResponse",
        query=("old", "new", "after", "limit"),
    ),
    Operation(
        "post",
        f"{_LIST}/rollback",
        "rollBackLexicon",
        "Make the words of an earlier version those of a new one",
        "WordsWrittenResponse",
        "LexiconRollbackRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    Operation("get", "/v1/policies", "listPolicies", "Show the policies that hold", "PoliciesResponse", errors=()),
    Operation(
        "get", "/v1/policies/default", "showDefault", "Show the built-in policy", "DefaultPolicyResponse", errors=()
    ),
    Operation(
        "post",
        "/v1/policies/dry-run",
        "dryRun",
        "Say what another policy would have done with stored messages",
        "DryRunResponse",
        "DryRunRequest",
    ),
    Operation("get", _COMMUNITY, "showPolicy", "Show a policy", "PolicyResponse", query=("version",)),
    Operation(
        "put",
        _COMMUNITY,
        "setPolicy",
        "Make a document the policy of a community; 201 if it is new",
        "PolicyResponse",
        "PolicyRequest",
        statuses=(200, 201),
        errors=(),
    ),
    Operation("delete", _COMMUNITY, "removePolicy", "Go back to the policy for all", "PolicyDeletedResponse"),
    Operation("get", f"{_COMMUNITY}/versions", "listPolicyVersions", "Show all versions", "PolicyVersionsResponse"),
    Operation(
        "post",
        f"{_COMMUNITY}/activate",
        "activatePolicy",
        "Make an earlier version hold again",
        "PolicyResponse",
        "ActivateRequest",
    ),
)

_ACTION: Schema = {"enum": list(Action)}
_KIND: Schema = {"enum": list(KINDS)}
_NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    **{(name, "kind"): _KIND for name in ("Lexicon", "LexiconRequest", "LexiconPutRequest", "WordFound")},
    ("LexiconTestRequest", "texts"): {"minItems": 1},
    ("ActionChange", "before"): _ACTION,
    ("ActionChange", "after"): _ACTION,
}
"""What the types check when they are made, but do not say in their annotations."""


def _paths() -> dict[str, Schema]:
    found = paths_of(_OPERATIONS, _PARAMETERS)
    files: Schema = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in TYPES.values()}
    found[f"{_LIST}/import"]["post"]["requestBody"]["content"] = files
    found[f"{_LIST}/export"]["get"]["responses"]["200"]["content"] = files
    # A body or parameters of the query name the words.
    found[f"{_LIST}/words"]["delete"]["requestBody"]["required"] = False
    return found


PART = Part(_paths(), (*lexicons.EXAMPLES, *words.EXAMPLES, *policies.EXAMPLES), _NARROWER)
