"""The OpenAPI document. Schemas come from the very types that are decoded and encoded, each with an example."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
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

_PROBABILITY = {"minimum": 0, "maximum": 1}
_NARROWER: dict[tuple[str, str], dict[str, Any]] = {
    ("Analysis", "id"): {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
    ("Intent", "primary"): {"enum": list(INTENTS)},
    ("Sentiment", "label"): {"enum": list(SENTIMENTS)},
    ("Sentiment", "score"): {"minimum": -1, "maximum": 1},
    ("Risk", "level"): {"minimum": 0, "maximum": 3},
    ("Risk", "probability"): _PROBABILITY,
    ("Risk", "probability_watch"): _PROBABILITY,
    ("Abuse", "probability"): _PROBABILITY,
    ("Label", "probability"): _PROBABILITY,
    ("Span", "start"): {"minimum": 0},
    ("Span", "end"): {"minimum": 1},
    ("Evidence", "source"): {"enum": ["model", "lexicon"]},
    ("AnalyzeRequest", "messages"): {"minItems": 1},
}
"""What the types check when they are made, but do not say in their annotations."""

Schema = dict[str, Any]


def add_openapi(app: FastAPI) -> None:
    """Serve the document: what FastAPI knows of its own routes, and the routes and types that are described here."""

    def openapi() -> Schema:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            document["paths"] = {**_paths(), **document.get("paths", {})}
            components = document.setdefault("components", {})
            components["schemas"] = {**schemas(), **components.get("schemas", {})}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's own way of extending the document


def schemas() -> dict[str, Schema]:
    """JSON Schema of every type by its name, with ``examples``."""
    _, components = msgspec.json.schema_components(
        [type(example) for example in EXAMPLES], ref_template="#/components/schemas/{name}"
    )
    for (name, field), narrower in _NARROWER.items():
        components[name]["properties"][field] |= narrower
    for value in _parts(EXAMPLES):
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
                "requestBody": {"required": True, "content": _content("AnalyzeRequest")},
                "responses": _responses({200: "AnalyzeResponse", **wrong}),
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
    return {"summary": summary, "operationId": operation_id, "responses": _responses(responses)}


def _responses(names: dict[int, str]) -> Schema:
    words = {200: "OK", 413: "Too large", 422: "Bad input", 429: "No room; see Retry-After", 503: "Not ready"}
    return {str(status): {"description": words[status], "content": _content(name)} for status, name in names.items()}


def _content(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
