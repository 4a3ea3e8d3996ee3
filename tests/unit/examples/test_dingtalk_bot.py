from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from examples.robots import dingtalk_bot, steward
from examples.robots.dingtalk_bot import MAX_BODY, create_app, sign
from tests.unit.examples.fake_service import FakeService

SECRET = "made-up"
NOTHING = {"msgtype": "empty"}


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def web(service: FakeService) -> Iterator[TestClient]:
    with TestClient(create_app(service.client, SECRET, kb="shop", staff=["boss"])) as client:
        yield client


def incoming(said: str, /, **fields: Any) -> dict[str, Any]:
    return {
        "msgId": "m-1",
        "conversationId": "cid-1",
        "conversationType": "2",
        "senderId": "$:LWCP_v1:$a",
        "senderStaffId": "u-1",
        "senderNick": "小王",
        "isAdmin": False,
        "createAt": int(time.time() * 1000),
        "msgtype": "text",
        "text": {"content": f" {said} "},
        "sessionWebhook": "https://example.com/session",
    } | fields


def post(web: TestClient, body: Any, *, age_s: float = 0, secret: str = SECRET) -> Any:
    timestamp = str(int((time.time() - age_s) * 1000))
    return web.post("/dingtalk", json=body, headers={"timestamp": timestamp, "sign": sign(secret, timestamp)})


def test_a_signature_is_the_one_that_openssl_makes() -> None:
    # printf '1700000000000\nmade-up' | openssl dgst -sha256 -hmac made-up -binary | base64
    assert sign(SECRET, "1700000000000") == "5L1WEEKeK10o1cDgXLQe+CaljdX+fXSxxkKGJ3reVsk="


@pytest.mark.parametrize(
    ("text", "said", "mentioned"),
    [
        ("广告", steward.WARNED, ["u-1"]),
        ("违规", steward.REMOVED, ["u-1", "boss"]),  # a robot cannot recall there, so the staff must
        ("停车收费吗", "前两小时免费。", ["u-1"]),
        ("转人工可以吗", f"{steward.HANDED_OVER}\n请工作人员处理。", ["u-1", "boss"]),
        ("牛奶变质了", "请工作人员处理。", ["boss"]),
    ],
)
def test_what_is_to_be_done_stands_in_the_answer(web: TestClient, text: str, said: str, mentioned: list[str]) -> None:
    answer = post(web, incoming(text)).json()
    assert answer == {"msgtype": "text", "text": {"content": said}, "at": {"atUserIds": mentioned}}


def test_a_message_is_taken_in_as_the_platform_knows_it(web: TestClient, service: FakeService) -> None:
    assert post(web, incoming("你好", isAdmin=True)).json() == NOTHING
    (message,) = service.messages
    assert message.pop("sent_at") == pytest.approx(time.time() * 1000, abs=60_000)
    assert message == {
        "id": "m-1",
        "text": "你好",
        "platform": "dingtalk",
        "channel": "cid-1",
        "author": "$:LWCP_v1:$a",
        "meta": {"role": "admin"},
    }


def test_what_has_no_text_is_passed_over(web: TestClient, service: FakeService) -> None:
    assert post(web, incoming("", msgtype="picture", text=None)).json() == NOTHING
    assert service.messages == []


@pytest.mark.parametrize("wrong", [{"secret": "another"}, {"age_s": 301}, {"age_s": -301}])
def test_what_is_not_signed_now_with_the_secret_is_refused(
    web: TestClient, service: FakeService, wrong: dict[str, Any]
) -> None:
    assert post(web, incoming("广告"), **wrong).status_code == 401
    assert web.post("/dingtalk", json=incoming("广告")).status_code == 401
    assert web.post("/dingtalk", headers={"timestamp": "x", "sign": sign(SECRET, "x")}).status_code == 401
    assert service.messages == []


def test_a_message_that_is_sent_again_is_acted_on_once(web: TestClient, service: FakeService) -> None:
    assert post(web, incoming("广告")).json()["msgtype"] == "text"
    assert post(web, incoming("广告")).json() == NOTHING
    assert len(service.messages) == 1


def test_what_could_not_be_stored_may_be_sent_again(web: TestClient, service: FakeService) -> None:
    service.is_down = True
    assert post(web, incoming("广告")).status_code == 503
    service.is_down = False
    assert post(web, incoming("广告")).json()["msgtype"] == "text"


@pytest.mark.parametrize("body", [None, [], {"msgId": "a"}, incoming("a", text="b"), incoming("a", createAt="x")])
def test_what_is_no_message_is_refused(web: TestClient, body: Any) -> None:
    assert post(web, body).status_code == 422


def test_a_body_that_is_too_large_is_refused(web: TestClient) -> None:
    assert post(web, incoming("a" * MAX_BODY)).status_code == 413


def test_it_does_not_start_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="secret"):
        create_app(FakeService().client, "")
    monkeypatch.setenv("SERVICE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DINGTALK_APP_SECRET", SECRET)
    with TestClient(dingtalk_bot.from_environment()) as web:
        assert post(web, incoming("a"), secret="another").status_code == 401
