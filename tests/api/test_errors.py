from __future__ import annotations

from typing import Annotated

import fastapi
import httpx
import pytest

from nlp_service.api.errors import add_error_handlers
from nlp_service.api.metrics import Metrics
from nlp_service.api.requests import RequestFrame
from nlp_service.errors import ArtifactError, BadInput, DeadlineExceeded, NotReady, Overloaded, ServiceError, TooLarge

pytestmark = pytest.mark.asyncio


def client_of(route: object) -> httpx.AsyncClient:
    """An application whose ``/x`` is the given function."""
    app = fastapi.FastAPI()
    app.add_middleware(RequestFrame, metrics=Metrics())
    add_error_handlers(app)
    app.get("/x")(route)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


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
async def test_every_error_of_the_service_has_its_status_and_shape(
    error: ServiceError, status: int, code: str, kind: str
) -> None:
    async def fail() -> None:
        raise error

    async with client_of(fail) as client:
        response = await client.get("/x", headers={"x-request-id": "r"})
    assert response.status_code == status
    assert response.json() == {
        "error": {"code": code, "message": "m", "type": kind, "param": error.param},
        "request_id": "r",
    }


async def test_retry_after_is_at_least_one_whole_second() -> None:
    async def fail() -> None:
        raise Overloaded("m", retry_after_s=0.2)

    async with client_of(fail) as client:
        assert (await client.get("/x")).headers["retry-after"] == "1"


async def test_input_that_the_framework_refuses_has_the_same_shape() -> None:
    async def route(limit: Annotated[int, fastapi.Query(le=10)]) -> int:
        return limit

    async with client_of(route) as client:
        response = await client.get("/x", params={"limit": "many"})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_input"
    assert response.json()["error"]["param"] == "limit"


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise KeyError("秘密")

    async with client_of(fail) as client:
        response = await client.get("/x", headers={"x-request-id": "r-1"})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "秘密" not in response.text + caplog.text
    (record,) = [record for record in caplog.records if record.message == "request_failed"]
    fields = record.__dict__["fields"]
    assert (fields["request_id"], fields["error"]) == ("r-1", "KeyError")
    assert "秘密" not in str(fields)
