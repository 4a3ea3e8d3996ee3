"""The OpenAPI document. Schemas come from the very types that are decoded and encoded, each with an example."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nlp_service.api.schemas import analysis, errors, health
from nlp_service.types import INTENTS, SENTIMENTS

EXAMPLES: tuple[msgspec.Struct, ...] = (
    analysis.REQUEST_EXAMPLE,
    analysis.RESPONSE_EXAMPLE,
    errors.ERROR_EXAMPLE,
    health.HEALTH_EXAMPLE,
    health.READY_EXAMPLE,
    health.NOT_READY_EXAMPLE,
)
"""One of each type that is a whole body. The types within them take their examples from here too."""

PROBABILITY = {"minimum": 0, "maximum": 1}
_NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("Analysis", "id"): {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
    ("Intent", "primary"): {"enum": list(INTENTS)},
    ("Sentiment", "label"): {"enum": list(SENTIMENTS)},
    ("Sentiment", "score"): {"minimum": -1, "maximum": 1},
    ("Risk", "level"): {"minimum": 0, "maximum": 3},
    ("Risk", "probability"): PROBABILITY,
    ("Risk", "probability_watch"): PROBABILITY,
    ("Abuse", "probability"): PROBABILITY,
    ("Label", "probability"): PROBABILITY,
    ("Span", "start"): {"minimum": 0},
    ("Span", "end"): {"minimum": 1},
    ("Evidence", "source"): {"enum": ["model", "lexicon"]},
    ("AnalyzeRequest", "messages"): {"minItems": 1},
}
"""What the types check when they are made, but do not say in their annotations."""

_WORDS = {
    200: "OK",
    201: "Made",
    404: "Not there",
    409: "What is there does not allow it",
    413: "Too large",
    422: "Bad input",
    429: "No room; see Retry-After",
    503: "Not ready",
}

Schema = dict[str, Any]


def add_openapi(app: FastAPI, *, has_knowledge: bool = False) -> None:
    """Serve the document: what FastAPI knows of its own routes, and the routes and types that are described here.

    Args:
        app: Whose document it is.
        has_knowledge: Whether the routes of knowledge bases are among its routes.
    """

    def openapi() -> Schema:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            paths, examples, narrower = _paths(), EXAMPLES, _NARROWER
            if has_knowledge:
                # Here for the same reason as in `app`.
                from nlp_service.api.knowledge import openapi as knowledge

                paths, examples = paths | knowledge.paths(), examples + knowledge.EXAMPLES
                narrower = narrower | knowledge.NARROWER
            document["paths"] = {**paths, **document.get("paths", {})}
            components = document.setdefault("components", {})
            components["schemas"] = {**schemas(examples, narrower), **components.get("schemas", {})}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's own way of extending the document


def schemas(
    examples: Sequence[msgspec.Struct] = EXAMPLES,
    narrower: Mapping[tuple[str, str], Schema] = _NARROWER,
) -> dict[str, Schema]:
    """JSON Schema of every type by its name, with ``examples``.

    Args:
        examples: As `EXAMPLES`.
        narrower: As `_NARROWER`.
    """
    _, components = msgspec.json.schema_components(
        list(dict.fromkeys(map(type, examples))), ref_template="#/components/schemas/{name}"
    )
    for (name, field), rule in narrower.items():
        components[name]["properties"][field] |= rule
    for value in _parts(examples):
        component = components.get(type(value).__name__)
        if component is not None:
            component.setdefault("examples", [msgspec.json.decode(msgspec.json.encode(value))])
    for component in components.values():
        component["description"] = inspect.cleandoc(component.get("description", ""))
    return components


def _parts(value: object) -> Iterator[object]:
    """A value and all that is within it, whatever carries fields or items."""
    yield value
    inner: list[object] = []
    if isinstance(value, msgspec.Struct):
        inner = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, (list, tuple)):
        inner = list(value)
    for part in inner:
        yield from _parts(part)


def _paths() -> dict[str, Schema]:
    wrong = dict.fromkeys((413, 422, 429, 503), "ErrorResponse")
    return {
        "/v1/analyze": {
            "post": {
                "summary": "Analyze messages",
                "description": "Reads each message: intent, sentiment, risk, abuse, unsafe content, pain points, "
                "evidence and a verdict. Nothing is stored.",
                "operationId": "analyze",
                "requestBody": {"required": True, "content": content_of("AnalyzeRequest")},
                "responses": responses_of({200: "AnalyzeResponse", **wrong}),
            }
        },
        "/healthz": {"get": _operation("Alive", "healthz", {200: "Health"})},
        "/readyz": {"get": _operation("Ready to read messages", "readyz", {200: "Ready", 503: "NotReadyResponse"})},
        "/metrics": {
            "get": {
                "summary": "Figures for Prometheus",
                "operationId": "metrics",
                "responses": {"200": {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}},
            }
        },
    }


def _operation(summary: str, operation_id: str, responses: dict[int, str]) -> Schema:
    return {"summary": summary, "operationId": operation_id, "responses": responses_of(responses)}


def responses_of(names: Mapping[int, str]) -> Schema:
    """The responses of an operation, from the names of their types by status."""
    return {str(status): {"description": _WORDS[status], "content": content_of(name)} for status, name in names.items()}


def content_of(name: str) -> Schema:
    """A JSON body of a type."""
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
