"""Every route of the application with every kind of key that must not open it, routes that are added later included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from starlette.routing import BaseRoute, Route

from nlp_service.api.access import PUBLIC
from nlp_service.api.requests import NamedRoute
from nlp_service.store.scopes import OF_A_TENANT, SCOPES
from tests.api.full_app import MARKER, NAME, TAKEN_BY_TOKEN, Full, bearer, running_full_app

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNMARKED = {"/v1/policies/default", "/v1/reviews/figures", "/v1/tenant/settings", "/v1/ugc/picks"}
"""What is read of the owner and says nothing that only the owner has."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Full]:
    async with running_full_app(tmp_path_factory.mktemp("full")) as full:
        yield full


def fault_of(route: BaseRoute, public: frozenset[str]) -> str | None:
    """Why a route could be open by mistake."""
    if not isinstance(route, Route):
        return f"{type(route).__name__} is no route that the test knows"
    if route.path in public:
        return None
    if not isinstance(route, NamedRoute):
        return f"{route.path} is no NamedRoute, so nobody knows its scopes"
    missing = (route.methods or set()) - {"HEAD"} - set(route.scopes)
    unknown = set(route.scopes.values()) - set(SCOPES)
    return f"{route.path} has no scope for {sorted(missing | unknown)}" if missing | unknown else None


def closed(full: Full) -> Iterator[tuple[NamedRoute, str, str]]:
    """Routes that need a key, each with its methods and the scope of each."""
    for route in full.app.routes:
        if isinstance(route, NamedRoute) and route.path not in full.public:
            for method in sorted(route.methods or ()):
                yield route, method, route.scopes["GET" if method == "HEAD" else method]


async def send(full: Full, route: Route, method: str, headers: dict[str, str]) -> httpx.Response:
    body = full.body_of(route, method)
    return await full.client.request(method, full.path_of(route), json=body, headers=headers)


def told(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text[:200]}"


async def test_every_route_is_public_or_has_a_scope_for_each_method(full: Full) -> None:
    assert [fault for route in full.app.routes if (fault := fault_of(route, full.public))] == []


@pytest.mark.parametrize(
    "route",
    [
        NamedRoute("/v1/new", lambda request: None, methods=["GET"]),
        NamedRoute("/v1/new", lambda request: None, methods=["GET", "POST"], scopes={"GET": "admin"}),
        NamedRoute("/v1/new", lambda request: None, methods=["GET"], scopes={"GET": "root"}),
        Route("/v1/new", lambda request: None),
        BaseRoute(),
    ],
)
async def test_a_new_route_without_a_scope_is_found(route: BaseRoute) -> None:
    assert fault_of(route, PUBLIC)


@pytest.mark.parametrize("kind", ["none", "malformed", "unknown", "other scheme", "expired", "revoked"])
async def test_without_a_good_key_every_route_answers_401_and_nothing_else(full: Full, kind: str) -> None:
    headers = {
        "none": {},
        "malformed": bearer("s3cret"),
        "unknown": bearer("nlp_abcdefgh_" + "a" * 40),
        "other scheme": {"authorization": "Basic " + full.keys["owner"]},
    }.get(kind) or bearer(full.keys.get(kind, ""))
    wrong = []
    for route, method, _ in closed(full):
        response = await send(full, route, method, headers if kind != "none" else {})
        is_right = response.status_code == 401 and response.headers["www-authenticate"] == 'Bearer realm="nlp-service"'
        if method != "HEAD":
            is_right = is_right and set(response.json()) == {"error", "request_id"}
        if not is_right or MARKER in response.text:
            wrong.append(told(response))
    assert wrong == []


async def test_a_key_without_the_scope_is_refused_with_its_name(full: Full) -> None:
    wrong = []
    for route, method, scope in closed(full):
        response = await send(full, route, method, bearer(full.keys[f"without {scope}"]))
        is_named = method == "HEAD" or scope in response.json()["error"]["message"]
        if response.status_code != 403 or not is_named or MARKER in response.text:
            wrong.append(told(response))
    assert wrong == []


async def test_another_tenant_neither_sees_nor_changes_what_the_owner_has(full: Full) -> None:
    before = await look(full)
    wrong = []
    # What makes something of its own under a name of the owner's comes last: until then nothing is under that name.
    for route, method, scope in sorted(closed(full), key=lambda one: makes_its_own(*one[:2])):
        response = await send(full, route, method, bearer(full.keys["other"]))
        expected = {403} if scope not in OF_A_TENANT else allowed(route, method)
        is_sent = "{" in route.path or full.body_of(route, method) is not None  # then the name may come back
        is_shown = MARKER in response.text or (NAME in response.text and not is_sent)
        if response.status_code not in expected or is_shown:
            wrong.append(told(response))
    assert wrong == []
    assert await look(full) == before


def allowed(route: NamedRoute, method: str) -> set[int]:
    """What another tenant may be answered: a list of its own, but never anything under a name of the owner's."""
    if makes_its_own(route, method):
        return {200, 201}
    if "{" in route.path:
        return {404} if method in ("GET", "HEAD", "DELETE") else {404, 422}
    return {200, 201, 202, 404, 409, 422}


def makes_its_own(route: NamedRoute, method: str) -> bool:
    """Whether a request makes something under a name that another tenant may have as well."""
    return (method, route.path) in {
        ("POST", "/v1/messages"),
        ("PUT", "/v1/lexicons/{name}"),
        ("PUT", "/v1/policies/{community:path}"),
        ("PUT", "/v1/notify/channels/{name}"),
        # That a message was deleted is remembered even if it never came; an erasure gives a receipt over nothing.
        ("DELETE", "/v1/messages/{platform}/{id:path}"),
        ("DELETE", "/v1/authors/{platform}/{author:path}"),
    }


async def look(full: Full) -> dict[str, tuple[int, int]]:
    """Of each thing that the owner can read, whether it is there and how often it names the owner."""
    found = {}
    for route, method, _ in closed(full):
        if method == "GET" and full.is_known(route):
            response = await send(full, route, "GET", bearer(full.keys["owner"]))
            found[route.path] = (response.status_code, response.text.count(MARKER) + response.text.count(NAME))
    return found


async def test_the_owner_sees_what_is_kept_from_others(full: Full) -> None:
    """Else the tests above could pass because there is nothing to see."""
    found = await look(full)
    assert {path: status for path, (status, _) in found.items() if status != 200} == {}
    assert {path for path, (_, n) in found.items() if n == 0} <= UNMARKED
    assert len(found) > len(UNMARKED)


async def test_public_paths_need_no_key_and_show_nothing_of_anybody(full: Full) -> None:
    for path in full.public:
        response = await full.client.get(path)
        # A token that nobody gave out leads nowhere.
        assert response.status_code == (404 if path == TAKEN_BY_TOKEN else 200), told(response)
        assert MARKER not in response.text


async def test_a_path_that_is_not_there_tells_nobody_without_a_key(full: Full) -> None:
    for path in ("/v1/none", "/", "/v1/keys/1/none", "/docs", "/healthz/"):
        assert (await full.client.get(path)).status_code == 401
        assert (await full.client.get(path, headers=bearer(full.keys["owner"]))).status_code == 404
    assert (await full.client.patch("/v1/keys", headers=bearer(full.keys["owner"]))).status_code == 405


async def test_the_document_says_which_scope_each_operation_needs(full: Full) -> None:
    paths = full.app.openapi()["paths"]
    for route, method, scope in closed(full):
        if method != "HEAD":
            operation = paths[route.path.replace(":path}", "}")][method.lower()]
            assert operation["security"] == [{"key": [scope]}]
            assert {"401", "403"} <= set(operation["responses"])
    assert not any("security" in operation for path in full.public & set(paths) for operation in paths[path].values())


async def test_changes_of_the_owner_are_in_its_log_with_its_key(full: Full) -> None:
    changes = (await full.client.get("/v1/audit?action=kb.", headers=bearer(full.keys["owner"]))).json()["changes"]
    assert {change["action"] for change in changes} == {"kb.create", "kb.write", "kb.publish"}
    assert {change["actor"] for change in changes} == {f"key:{full.keys['owner'][4:12]}"}
