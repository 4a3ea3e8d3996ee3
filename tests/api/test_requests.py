from __future__ import annotations

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from nlp_service.api.metrics import Metrics
from nlp_service.api.requests import CLIENT_GONE, NamedRoute, RequestFrame

pytestmark = pytest.mark.asyncio


async def framework(scope: Scope, receive: Receive, send: Send) -> None:
    """What a request comes to that is not answered directly."""
    await PlainTextResponse("framework", 418)(scope, receive, send)


def framed(answer: str | Exception, metrics: Metrics | None = None) -> RequestFrame:
    """A frame whose ``POST /x`` is answered directly."""

    async def route(request: Request) -> Response:
        if isinstance(answer, Exception):
            raise answer
        return PlainTextResponse(answer)

    return RequestFrame(framework, metrics or Metrics(), {"/x": NamedRoute("/x", route, methods=["POST"])})


def client_of(app: RequestFrame) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


@pytest.mark.parametrize(
    ("method", "path", "by"),
    [
        ("POST", "/x", "route"),
        ("POST", "/x?a=b", "route"),
        ("GET", "/x", "framework"),
        ("OPTIONS", "/x", "framework"),
        ("POST", "/x/", "framework"),
        ("POST", "/y", "framework"),
        ("POST", "/", "framework"),
    ],
)
async def test_a_direct_route_answers_its_own_path_and_method_only(method: str, path: str, by: str) -> None:
    async with client_of(framed("route")) as client:
        assert (await client.request(method, path)).text == by


async def test_a_direct_answer_carries_the_id_of_its_request() -> None:
    async with client_of(framed("route")) as client:
        response = await client.post("/x", headers={"x-request-id": "r-1"})
    assert response.headers.get_list("x-request-id") == ["r-1"]


async def test_a_caller_who_hangs_up_is_counted_apart_and_gets_no_answer() -> None:
    metrics, sent = Metrics(), []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "path": "/x", "method": "POST", "headers": []}
    await framed(ClientDisconnect(), metrics)(scope, receive, send)
    labels = {"route": "/x", "method": "POST", "status": str(CLIENT_GONE)}
    assert metrics.registry.get_sample_value("nlp_requests_total", labels) == 1
    assert sent == []
