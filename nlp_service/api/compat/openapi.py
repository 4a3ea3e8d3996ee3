"""What the OpenAPI document says of the doors in the shapes of others."""

from __future__ import annotations

from typing import Any

from nlp_service.api.compat import discovery, openai_types, perspective_types, rerank_types
from nlp_service.api.openapi import PROBABILITY, Operation, Part, Schema, content_of, paths_of, responses_of

_OPERATIONS = (
    Operation(
        "post",
        "/v1/moderations",
        "moderate",
        "Judge texts, in OpenAI's shape",
        "ModerationResponse",
        "ModerationRequest",
        errors=(),
    ),
    Operation(
        "post",
        "/v1/embeddings",
        "embed",
        "Embed texts, in OpenAI's shape",
        "EmbeddingResponse",
        "EmbeddingRequest",
        errors=(),
    ),
    Operation(
        "post",
        "/v1alpha1/comments:analyze",
        "analyzeComment",
        "Score a comment, in Perspective's shape",
        "AnalyzeCommentResponse",
        "AnalyzeCommentRequest",
        errors=(),
    ),
    Operation(
        "post",
        "/v1alpha1/comments:suggestscore",
        "suggestScore",
        "Take a suggested score, in Perspective's shape; it is not kept",
        "SuggestCommentScoreResponse",
        "SuggestCommentScoreRequest",
        errors=(),
    ),
)

_RERANK = (
    Operation("post", "/v1/rerank", "rerank", "Rank documents", "RerankResponse", "RerankRequest", errors=()),
    Operation("post", "/v2/rerank", "rerankAsCohere", "Rank documents", "RerankResponse", "RerankRequest", errors=()),
    Operation("post", "/rerank", "rerankAsTei", "Rank texts", "RerankResponse", "RerankRequest", errors=()),
)

_NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("EmbeddingRequest", "dimensions"): {"description": "32, 64 or 128."},
    ("RerankResult", "relevance_score"): PROBABILITY,
    ("Score", "value"): PROBABILITY,
}
_RERANK_ONLY = ("RerankResult",)


def describe(*, has_rerank: bool) -> Part:
    """What the document says.

    Args:
        has_rerank: Whether the routes that rank are there.
    """
    operations = (*_OPERATIONS, *(_RERANK if has_rerank else ()))
    found = paths_of(operations, {})
    for path in ("/v1alpha1/comments:analyze", "/v1alpha1/comments:suggestscore"):
        _refuse_in_their_words(found[path]["post"])
    for number, path in enumerate(discovery.PATHS):
        found[path] = {"get": _discovery(number)}
    if has_rerank:
        for operation in _RERANK:
            found[operation.path]["post"]["responses"]["200"]["content"] = _either()
    examples = (*openai_types.EXAMPLES, *perspective_types.EXAMPLES)
    narrower = {key: rule for key, rule in _NARROWER.items() if has_rerank or key[0] not in _RERANK_ONLY}
    return Part(found, (*examples, *rerank_types.EXAMPLES) if has_rerank else examples, narrower)


def _refuse_in_their_words(operation: Schema) -> None:
    """What is wrong with a request is 400 at this door, and every error is in Perspective's shape."""
    refused = {400: "PerspectiveErrorResponse", 429: "PerspectiveErrorResponse", 503: "PerspectiveErrorResponse"}
    kept = operation["responses"]["200"]
    operation["responses"] = {"200": kept, **{str(status): _refusal(name) for status, name in refused.items()}}


def _refusal(name: str) -> Schema:
    return {"description": "Refused, in Perspective's shape", "content": content_of(name)}


def _either() -> Schema:
    """A list for those who sent `texts`, an object for those who sent `documents`."""
    ref = "#/components/schemas/"
    both = [{"$ref": f"{ref}RerankResponse"}, {"type": "array", "items": {"$ref": f"{ref}RankedText"}}]
    return {"application/json": {"schema": {"anyOf": both}}}


def _discovery(number: int) -> Schema:
    return {
        "summary": "How Google's client library calls this service",
        "operationId": f"discovery{number}",
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}},
            **responses_of({404: "ErrorResponse"}),
        },
    }
