from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from examples.robots import generic_webhook
from examples.robots.generic_webhook import MAX_BODY, create_app, sign
from tests.unit.examples.fake_service import FakeService

SECRET = "made-up"
MESSAGE = {"id": "m-1", "text": "广告", "platform": "forum", "author": 7}


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def web(service: FakeService) -> Iterator[TestClient]:
    with TestClient(create_app(service.client, SECRET)) as client:
        yield client


def post(web: TestClient, body: bytes, *, age_s: float = 0, secret: str = SECRET, **headers: str) -> Any:
    timestamp = str(int(time.time() - age_s))
    signed = {"x-timestamp": timestamp, "x-signature": sign(secret, timestamp, body)} | headers
    return web.post("/webhook", content=body, headers=signed)


def body(*messages: Any) -> bytes:
    return json.dumps({"messages": messages}).encode()


def test_messages_go_in_and_verdicts_come_out(web: TestClient, service: FakeService) -> None:
    answer = post(web, body(MESSAGE, MESSAGE | {"id": "m-2", "text": "你好"}))
    assert answer.json() == {
        "results": [
            {"id": "m-1", "state": "stored", "action": "warn", "reasons": ["made-up"]},
            {"id": "m-2", "state": "stored", "action": "pass", "reasons": []},
        ]
    }
    assert service.messages[0] == MESSAGE


def test_a_signature_is_the_one_that_openssl_makes() -> None:
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac made-up
    known = "e27628e5c853219a3a24ad560a20ef03fe547008376529d855cb7e414ed00036"
    assert sign(SECRET, "1700000000", b"{}") == f"sha256={known}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another"},
        {"age_s": 301},
        {"age_s": -301},
        {"x-signature": ""},
        {"x-signature": "sha256=é"},
        {"x-timestamp": "soon"},
        {"x-timestamp": str(int(time.time()) + 5)},
    ],
)
def test_what_is_not_signed_now_with_the_secret_is_refused(
    web: TestClient, service: FakeService, wrong: dict[str, Any]
) -> None:
    headers = {name: value.encode("latin-1") for name, value in wrong.items() if name.startswith("x-")}
    rest = {name: value for name, value in wrong.items() if not name.startswith("x-")}
    assert post(web, body(MESSAGE), **rest, **headers).status_code == 401
    assert service.messages == []


def test_a_changed_body_is_refused(web: TestClient) -> None:
    timestamp = str(int(time.time()))
    signed = {"x-timestamp": timestamp, "x-signature": sign(SECRET, timestamp, body(MESSAGE))}
    assert web.post("/webhook", content=body(), headers=signed).status_code == 401


def test_the_very_same_request_is_refused_the_second_time(web: TestClient, service: FakeService) -> None:
    timestamp = str(int(time.time()))
    signed = {"x-timestamp": timestamp, "x-signature": sign(SECRET, timestamp, body(MESSAGE))}
    statuses = [web.post("/webhook", content=body(MESSAGE), headers=signed).status_code for _ in range(2)]
    assert statuses == [200, 409]
    assert len(service.messages) == 1


def test_what_could_not_be_stored_may_be_sent_again(web: TestClient, service: FakeService) -> None:
    timestamp = str(int(time.time()))
    signed = {"x-timestamp": timestamp, "x-signature": sign(SECRET, timestamp, body(MESSAGE))}
    service.is_down = True
    away = web.post("/webhook", content=body(MESSAGE), headers=signed)
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    service.is_down = False
    assert web.post("/webhook", content=body(MESSAGE), headers=signed).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b'{"messages":[{"id":"a"}]}', 422),
        (body({"id": "a", "text": "字" * 4001, "platform": "p"}), 413),
        (b" " * (MAX_BODY + 1), 413),
    ],
)
def test_what_is_no_list_of_messages_is_refused(web: TestClient, sent: bytes, status: int) -> None:
    assert post(web, sent).status_code == status


def test_it_does_not_start_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="secret"):
        create_app(FakeService().client, "")
    monkeypatch.setenv("SERVICE_URL", "http://127.0.0.1:9")
    with pytest.raises(KeyError, match="WEBHOOK_SECRET"):
        generic_webhook.from_environment()
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    with TestClient(generic_webhook.from_environment()) as web:
        assert web.post("/webhook").status_code == 401
