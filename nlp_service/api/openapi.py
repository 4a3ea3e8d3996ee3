"""The OpenAPI document. Schemas come from the very types that are decoded and encoded, each with an example."""

from __future__ import annotations

import copy
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nlp_service.api.requests import NamedRoute
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
    202: "Taken; the work goes on",
    401: "No key, or one that is not good",
    403: "The key does not allow it",
    404: "Not there",
    409: "What is there does not allow it",
    413: "Too large",
    422: "Bad input",
    429: "No room; see Retry-After",
    503: "Not ready",
}

Schema = dict[str, Any]


class Operation(NamedTuple):
    """One method of a path.

    Attributes:
        method: In small letters.
        path: With ``{names}``.
        name: Of its own in the whole document.
        answer: Name of the type of the answer.
        body: Name of the type of the body; empty for none.
        query: Names of parameters.
        statuses: Those of success.
        errors: Those that not every operation has.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: str
    body: str = ""
    query: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    errors: tuple[int, ...] = (404,)


class Part(NamedTuple):
    """What the document says of some routes.

    Attributes:
        paths: By their templates.
        examples: One of each type that is a whole body.
        narrower: As `_NARROWER`.
    """

    paths: Mapping[str, Schema]
    examples: tuple[msgspec.Struct, ...]
    narrower: Mapping[tuple[str, str], Schema] = {}


def add_openapi(app: FastAPI, parts: Sequence[Part] = (), *, needs_key: bool = False) -> None:
    """Serve the document: what FastAPI knows of its own routes, and the routes and types that are described here.

    Args:
        app: Whose document it is.
        parts: What it has beside the routes of every application.
        needs_key: Whether its routes are for those who have a key; which scope each needs, the routes say.
    """

    def openapi() -> Schema:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            paths, examples, narrower = _paths(), EXAMPLES, dict(_NARROWER)
            for part in parts:
                paths, examples = paths | dict(part.paths), examples + part.examples
                narrower |= part.narrower
            # A copy, because other documents have the same parts.
            document["paths"] = copy.deepcopy({**paths, **document.get("paths", {})})
            components = document.setdefault("components", {})
            components["schemas"] = {**schemas(examples, narrower), **components.get("schemas", {})}
            if needs_key:
                _add_security(document, [route for route in app.routes if isinstance(route, NamedRoute)])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's own way of extending the document


def paths_of(operations: Sequence[Operation], parameters: Mapping[str, Schema]) -> dict[str, Schema]:
    """Paths by their templates.

    Args:
        operations: Any number.
        parameters: Schemas of the parameters of queries by name.
    """
    found: defaultdict[str, Schema] = defaultdict(dict)
    for operation in operations:
        found[operation.path][operation.method] = _describe(operation, parameters)
    return dict(found)


def _describe(operation: Operation, parameters: Mapping[str, Schema]) -> Schema:
    names = [(name, "path", {"type": "string"}) for name in re.findall(r"{(\w+)}", operation.path)]
    names += [(name, "query", parameters[name]) for name in operation.query]
    errors = dict.fromkeys((*operation.errors, 413, 422, 429, 503), "ErrorResponse")
    described: Schema = {"summary": operation.summary, "operationId": operation.name}
    if names:
        described["parameters"] = [
            {"name": name, "in": place, "required": place == "path", "schema": schema} for name, place, schema in names
        ]
    if operation.body:
        described["requestBody"] = {"required": True, "content": content_of(operation.body)}
    described["responses"] = responses_of(dict.fromkeys(operation.statuses, operation.answer) | errors)
    return described


def _add_security(document: Schema, routes: Sequence[NamedRoute]) -> None:
    """Say which scope each operation needs, and how it is refused without."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    refused = responses_of(dict.fromkeys((401, 403), "ErrorResponse"))
    for route in routes:
        for method, scope in route.scopes.items():
            operation = document["paths"].get(route.path.replace(":path}", "}"), {}).get(method.lower())
            if operation is not None:
                operation["security"] = [{"key": [scope]}]
                operation["responses"] = dict(sorted((operation["responses"] | refused).items()))


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
