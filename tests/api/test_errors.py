from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import fastapi
import httpx
import pytest

from nlp_service.api.errors import add_error_handlers
from nlp_service.api.metrics import Metrics
from nlp_service.api.requests import NamedRoute, RequestFrame
from nlp_service.errors import ArtifactError, BadInput, DeadlineExceeded, NotReady, Overloaded, ServiceError, TooLarge

pytestmark = pytest.mark.asyncio

Route = Callable[..., Awaitable[Any]]


def client_of(route: Route, *, direct: bool = False) -> httpx.AsyncClient:
    """An application whose ``/x`` is the given function, by way of the framework or around it."""
    app = fastapi.FastAPI()
    named = {"/x": NamedRoute("/x", route, methods=["GET"])} if direct else {}
    app.add_middleware(RequestFrame, metrics=Metrics(), direct=named)
    add_error_handlers(app)
    app.get("/x")(route)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


def failing(error: Exception) -> Route:
    async def fail(request: fastapi.Request) -> fastapi.Response:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status", "code", "kind"),
    [
        (BadInput("m", param="f"), 422, "invalid_input", "invalid_request_error"),
        (TooLarge("m", param="f"), 413, "too_large", "invalid_request_error"),
        (Overloaded("m", retry_after_s=0.2), 429, "overloaded", "rate_limit_error"),
        (NotReady("m"), 503, "not_ready", "server_error"),
        (DeadlineExceeded("m"), 503, "deadline_exceeded", "server_error"),
        (ArtifactError("m"), 500, "bad_artifact", "server_error"),
        (ServiceError("m"), 500, "internal", "server_error"),
    ],
)
@pytest.mark.parametrize("direct", [False, True])
async def test_every_error_of_the_service_has_its_status_and_shape(
    error: ServiceError, status: int, code: str, kind: str, direct: bool
) -> None:
    async with client_of(failing(error), direct=direct) as client:
        response = await client.get("/x", headers={"x-request-id": "r"})
    assert response.status_code == status
    assert response.json() == {
        "error": {"code": code, "message": "m", "type": kind, "param": error.param},
        "request_id": "r",
    }


@pytest.mark.parametrize("direct", [False, True])
async def test_retry_after_is_at_least_one_whole_second(direct: bool) -> None:
    async with client_of(failing(Overloaded("m", retry_after_s=0.2)), direct=direct) as client:
        assert (await client.get("/x")).headers["retry-after"] == "1"


async def test_input_that_the_framework_refuses_has_the_same_shape() -> None:
    async def route(limit: Annotated[int, fastapi.Query(le=10)]) -> int:
        return limit

    async with client_of(route) as client:
        response = await client.get("/x", params={"limit": "many"})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_input"
    assert response.json()["error"]["param"] == "limit"


@pytest.mark.parametrize("direct", [False, True])
async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture, direct: bool) -> None:
    async with client_of(failing(KeyError("秘密")), direct=direct) as client:
        response = await client.get("/x", headers={"x-request-id": "r-1"})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "秘密" not in response.text + caplog.text
    (record,) = [record for record in caplog.records if record.message == "request_failed"]
    fields = record.__dict__["fields"]
    assert (fields["request_id"], fields["error"]) == ("r-1", "KeyError")
    assert "秘密" not in str(fields)


@pytest.mark.parametrize("direct", [False, True])
async def test_the_log_names_the_error_of_a_request(caplog: pytest.LogCaptureFixture, direct: bool) -> None:
    caplog.set_level("INFO")
    async with client_of(failing(TooLarge("m", param="f")), direct=direct) as client:
        await client.get("/x", headers={"x-request-id": "r-1"})
    (record,) = [record for record in caplog.records if record.message == "request"]
    fields = record.__dict__["fields"]
    found = {name: fields[name] for name in ("request_id", "route", "status", "error_code")}
    assert found == {"request_id": "r-1", "route": "/x", "status": 413, "error_code": "too_large"}
