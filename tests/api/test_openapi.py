from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from nlp_service.api.app import Options, create_app
from nlp_service.api.openapi import schemas
from tests.api.schema import find_errors
from tests.fakes import build_obedient

DOCUMENT: dict[str, Any] = create_app(build_obedient, Options()).openapi()
COMPONENTS: dict[str, Any] = DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_schema_has_examples_that_conform_to_it(name: str) -> None:
    examples = COMPONENTS[name].get("examples")
    assert examples
    for example in examples:
        assert find_errors(example, COMPONENTS[name], COMPONENTS) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AnalyzeRequest", {"messages": []}),
        ("AnalyzeRequest", {}),
        ("MessageIn", {"text": 1}),
        ("MessageIn", {"text": "a", "id": "x" * 201}),
        ("Label", {"name": "scam", "probability": 1.2}),
        ("Sentiment", {"label": "sad", "score": 0}),
        ("Risk", {"level": 4, "probability": 0.1, "probability_watch": 0.2}),
    ],
)
def test_the_schemas_refuse_what_the_service_refuses(name: str, value: dict[str, Any]) -> None:
    assert find_errors(value, COMPONENTS[name], COMPONENTS)


def test_every_route_is_documented() -> None:
    assert set(DOCUMENT["paths"]) == {"/v1/analyze", "/healthz", "/readyz", "/metrics"}


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for part in value.values() for found in references(part)]
        return [found for part in value for found in references(part)] if isinstance(value, list) else []

    names = {reference.rpartition("/")[2] for reference in references(DOCUMENT)}
    assert names
    assert names <= set(COMPONENTS)


def test_every_field_of_an_analysis_is_shown_by_an_example() -> None:
    example = schemas()["Analysis"]["examples"][0]
    assert set(example) == set(COMPONENTS["Analysis"]["properties"])


@pytest.mark.asyncio(loop_scope="module")
async def test_real_answers_conform(client: httpx.AsyncClient) -> None:
    request = COMPONENTS["AnalyzeRequest"]["examples"][0]
    numbered = {"messages": [{"id": 5, "text": "你好"}]}
    for body in (request, numbered):
        answer = (await client.post("/v1/analyze", json=body)).json()
        assert find_errors(answer, COMPONENTS["AnalyzeResponse"], COMPONENTS) == []
    error = (await client.post("/v1/analyze", json={})).json()
    assert find_errors(error, COMPONENTS["ErrorResponse"], COMPONENTS) == []
    ready = (await client.get("/readyz")).json()
    assert find_errors(ready, COMPONENTS["Ready"], COMPONENTS) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_the_document_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == json.loads(json.dumps(DOCUMENT))
