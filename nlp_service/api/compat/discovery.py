"""The discovery document that Google's client library builds its methods from."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.errors import NotFound

VERSION = "v1alpha1"
PATHS = ("/$discovery/rest", "/discovery/v1/apis/commentanalyzer/v1alpha1/rest")
"""Where the library looks: at a service, and at Google's directory of services."""

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_FLAG: dict[str, Any] = {"type": "boolean"}
_NUMBER: dict[str, Any] = {"type": "number", "format": "float"}
_PLACE: dict[str, Any] = {"type": "integer", "format": "int32"}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": name}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _map_of(name: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _ref(name)}


_ECHOED = {"clientToken": _TEXT, "communityId": _TEXT, "sessionId": _TEXT, "languages": _TEXTS}

_SCHEMAS: dict[str, dict[str, Any]] = {
    "TextEntry": {"text": _TEXT, "type": _TEXT},
    "ArticleAndParentComment": {"article": _ref("TextEntry"), "parentComment": _ref("TextEntry")},
    "Context": {
        "entries": _list_of("TextEntry"),
        "articleAndParentComment": _ref("ArticleAndParentComment"),
    },
    "AttributeParameters": {"scoreThreshold": _NUMBER, "scoreType": _TEXT},
    "Score": {"value": _NUMBER, "type": _TEXT},
    "SpanScore": {"begin": _PLACE, "end": _PLACE, "score": _ref("Score")},
    "AttributeScores": {"summaryScore": _ref("Score"), "spanScores": _list_of("SpanScore")},
    "AnalyzeCommentRequest": {
        "comment": _ref("TextEntry"),
        "context": _ref("Context"),
        "requestedAttributes": _map_of("AttributeParameters"),
        "spanAnnotations": _FLAG,
        "doNotStore": _FLAG,
        "dropUnsupportedAttributes": _FLAG,
        **_ECHOED,
    },
    "AnalyzeCommentResponse": {
        "attributeScores": _map_of("AttributeScores"),
        "languages": _TEXTS,
        "detectedLanguages": _TEXTS,
        "clientToken": _TEXT,
    },
    "SuggestCommentScoreRequest": {
        "comment": _ref("TextEntry"),
        "context": _ref("Context"),
        "attributeScores": _map_of("AttributeScores"),
        **_ECHOED,
    },
    "SuggestCommentScoreResponse": {
        "clientToken": _TEXT,
        "requestedLanguages": _TEXTS,
        "detectedLanguages": _TEXTS,
        "stored": _FLAG,
    },
}

_METHODS = {
    "analyze": ("Scores a comment.", "AnalyzeCommentRequest", "AnalyzeCommentResponse"),
    "suggestscore": ("Takes a suggested score.", "SuggestCommentScoreRequest", "SuggestCommentScoreResponse"),
}


def document(root: str) -> dict[str, Any]:
    """The document of the service at an address, which ends in a slash.

    There is no ``auth`` in it: the library would then look for credentials of Google's.
    """
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"commentanalyzer:{VERSION}",
        "name": "commentanalyzer",
        "version": VERSION,
        "title": "Comment analysis in Perspective's shape",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "baseUrl": root,
        "basePath": "",
        "batchPath": "batch",
        "parameters": {
            name: {"type": "string", "location": "query"} for name in ("$.xgafv", "alt", "fields", "key", "prettyPrint")
        },
        "schemas": {name: {"id": name, "type": "object", "properties": fields} for name, fields in _SCHEMAS.items()},
        "resources": {"comments": {"methods": {name: _method(name, *what) for name, what in _METHODS.items()}}},
    }


async def get(request: Request) -> Response:
    """The document, for the address that it was asked at.

    Raises:
        NotFound: Another version is asked for.
    """
    if request.query_params.get("version", VERSION) != VERSION:
        raise NotFound("there is no such version", param="version")
    url = request.base_url
    # Behind a proxy that ends TLS. Who sends this header without one misleads nobody but himself.
    if request.headers.get("x-forwarded-proto", "").lower() == "https":
        url = url.replace(scheme="https")
    body = msgspec.json.encode(document(str(url)))
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def _method(name: str, description: str, asked: str, answered: str) -> dict[str, Any]:
    return {
        "id": f"commentanalyzer.comments.{name}",
        "description": description,
        "httpMethod": "POST",
        "path": f"{VERSION}/comments:{name}",
        "flatPath": f"{VERSION}/comments:{name}",
        "parameters": {},
        "parameterOrder": [],
        "request": _ref(asked),
        "response": _ref(answered),
    }
