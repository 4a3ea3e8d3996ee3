from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from nlp_service.api.app import Options, create_app
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.openapi import Schema
from nlp_service.store.database import open_database
from tests.api.knowledge_app import SHOP, ask, build_asker, make_base, planted_model, running_bases
from tests.api.schema import find_errors


def simple(schema: Any) -> Any:
    """A schema in the keywords that `find_errors` checks: formats of times are left out, and pairs become lists."""
    if isinstance(schema, list):
        return [simple(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: simple(part) for name, part in schema.items() if name not in ("format", "prefixItems")}
    if "prefixItems" in schema:
        first, *others = schema["prefixItems"]
        assert all(other == first for other in others)
        found["items"] = simple(first)
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if name in found:
            found[bound] = found.pop(name)
    return found


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    with open_database(str(tmp_path_factory.mktemp("db") / "bases.db")) as database:
        return create_app(build_asker, Options(), Knowledge(database, planted_model())).openapi()


@pytest.fixture(scope="module")
def components(document: Schema) -> Schema:
    return {name: simple(schema) for name, schema in document["components"]["schemas"].items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        yield client


def test_every_schema_has_examples_that_conform_to_it(components: Schema) -> None:
    for name, component in components.items():
        assert component.get("examples"), name
        for example in component["examples"]:
            assert find_errors(example, component, components) == [], name


def test_every_route_and_method_is_documented_and_nothing_else(document: Schema, tmp_path: Path) -> None:
    with open_database(str(tmp_path / "bases.db")) as database:
        app = create_app(build_asker, Options(), Knowledge(database, planted_model()))
    routes = {
        (re.sub(r":path}", "}", route.path), method.lower())
        for route in app.routes
        for method in route.methods - {"HEAD"}
        if route.path != "/openapi.json"
    }
    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == routes


def test_without_knowledge_bases_there_are_no_routes_of_them() -> None:
    document = create_app(build_asker, Options()).openapi()
    assert not [path for path in document["paths"] if path.startswith(("/v1/kb", "/v1/reply"))]
    assert "ReplyResponse" not in document["components"]["schemas"]


def test_every_reference_leads_somewhere_and_every_operation_has_its_own_name(document: Schema) -> None:
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert references
    assert references <= set(document["components"]["schemas"])
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


@pytest.mark.asyncio(loop_scope="module")
async def test_real_answers_conform(client: httpx.AsyncClient, document: Schema, components: Schema) -> None:
    path = await make_base(client, "shop")
    reply = await ask(client, "shop", "可以带宠物进店吗", author="u-1")
    await client.put(f"{path}/entries/hours-2", json={"question": "几点开门呢", "answer": "八点。"})
    gap = (await client.get(f"{path}/gaps")).json()["gaps"][0]["id"]
    asked: list[tuple[str, str, Any]] = [
        ("post", "/v1/reply", {"question": "怎么退款", "kb": "shop"}),
        ("post", "/v1/reply/feedback", {"reply_id": reply["reply_id"], "helpful": False}),
        ("post", "/v1/kb", {"name": "other"}),
        ("get", "/v1/kb", None),
        ("get", "/v1/kb/{kb}", None),
        ("put", "/v1/kb/{kb}/synonyms", {"groups": [["a", "b"]]}),
        ("get", "/v1/kb/{kb}/entries", None),
        ("post", "/v1/kb/{kb}/entries", {"entries": SHOP}),
        ("get", "/v1/kb/{kb}/entries/{entry_id}", None),
        ("put", "/v1/kb/{kb}/entries/{entry_id}", {"question": "几点开门哦", "answer": "十点。"}),
        ("get", "/v1/kb/{kb}/conflicts", None),
        ("post", "/v1/kb/{kb}/import", {"question": "a", "answer": "b", "colour": "red"}),
        ("post", "/v1/kb/{kb}/publish", {}),
        ("get", "/v1/kb/{kb}/versions", None),
        ("get", "/v1/kb/{kb}/diff", None),
        ("post", "/v1/kb/{kb}/rollback", {"version": 1}),
        ("post", "/v1/kb/{kb}/search", {"text": "a"}),
        ("post", "/v1/kb/{kb}/calibrate", {}),
        ("get", "/v1/kb/{kb}/gaps", None),
        ("post", "/v1/kb/{kb}/gaps/{gap_id}/entry", {"answer": "可以。"}),
        ("get", "/v1/kb/{kb}/usage", None),
        ("get", "/v1/kb/{kb}/alerts", None),
        ("delete", "/v1/kb/{kb}/entries/{entry_id}", None),
        ("delete", "/v1/kb/{kb}", None),
    ]
    for method, template, body in asked:
        response = await client.request(method, template.format(kb="shop", entry_id="hours", gap_id=gap), json=body)
        told = document["paths"][template][method]["responses"][str(response.status_code)]
        assert response.status_code < 300, (template, response.text)
        name = told["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert find_errors(response.json(), components[name], components) == [], template
    errors = components["ErrorResponse"]
    assert find_errors((await client.get("/v1/kb/none")).json(), errors, components) == []
