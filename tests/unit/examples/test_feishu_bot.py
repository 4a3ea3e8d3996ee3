from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("cryptography", reason="the Feishu robot decrypts with it")

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from examples.robots import feishu_bot, steward
from examples.robots.feishu_api import Feishu, Keys, decrypt, signature_of
from examples.robots.feishu_bot import create_app
from tests.unit.examples.fake_service import FakeService

KEYS = Keys("made-up key", "made-up token")


class FakeFeishu:
    """Feishu's interface.

    Attributes:
        done: What was asked of it, with the text that was to be said.
        code: Of every answer; 0 is that it worked.
    """

    def __init__(self) -> None:
        self.done: list[tuple[str, str, str]] = []
        self.n_tokens = 0
        self.code = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/open-apis")
        if path == "/auth/v3/tenant_access_token/internal":
            assert json.loads(request.content) == {"app_id": "app", "app_secret": "secret"}
            self.n_tokens += 1
            return httpx.Response(200, json={"code": 0, "tenant_access_token": "t-1", "expire": 7200})
        assert request.headers["authorization"] == "Bearer t-1"
        body = json.loads(request.content) if request.content else {}
        said = json.loads(body["content"])["text"] if body else ""
        self.done.append((request.method, path, said))
        return httpx.Response(200, json={"code": self.code})


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def there() -> FakeFeishu:
    return FakeFeishu()


@pytest.fixture
def web(service: FakeService, there: FakeFeishu) -> Iterator[TestClient]:
    feishu = Feishu("app", "secret", transport=httpx.MockTransport(there))
    with TestClient(create_app(service.client, feishu, KEYS, kb="shop", staff_chat="oc_staff")) as client:
        yield client


def encrypt(event: Any, key: str = KEYS.encrypt_key) -> bytes:
    plain = json.dumps(event).encode()
    padding = 16 - len(plain) % 16
    iv = os.urandom(16)
    machine = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    raw = iv + machine.update(plain + bytes([padding]) * padding) + machine.finalize()
    return json.dumps({"encrypt": base64.b64encode(raw).decode()}).encode()


def received(text: str, event_id: str = "e-1", **fields: Any) -> dict[str, Any]:
    message = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "chat_type": "group",
        "message_type": "text",
        "create_time": "1700000000000",
        "content": json.dumps({"text": text}),
    }
    header = {"event_id": event_id, "event_type": "im.message.receive_v1", "token": KEYS.verification_token}
    sender = {"sender_id": {"open_id": "ou_1"}, "sender_type": "user"}
    return {"schema": "2.0", "header": header, "event": {"sender": sender, "message": message | fields}}


def post(web: TestClient, event: Any, *, age_s: float = 0, key: str = KEYS.encrypt_key, **headers: str) -> Any:
    body = encrypt(event)
    timestamp = str(int(time.time() - age_s))
    signed = {
        "x-lark-request-timestamp": timestamp,
        "x-lark-request-nonce": "n-1",
        "x-lark-signature": signature_of(timestamp, "n-1", key, body),
    }
    return web.post("/feishu", content=body, headers=signed | headers)


def test_the_challenge_of_a_new_subscription_is_answered_without_a_signature(web: TestClient) -> None:
    challenge = {"type": "url_verification", "challenge": "c-1", "token": KEYS.verification_token}
    answer = web.post("/feishu", content=encrypt(challenge))
    assert answer.json() == {"challenge": "c-1"}
    assert web.post("/feishu", content=encrypt(challenge | {"token": "another"})).status_code == 401
    assert web.post("/feishu", content=encrypt(challenge, "another key")).status_code == 401
    assert web.post("/feishu", json=challenge).status_code == 401  # not encrypted at all


def test_only_the_right_key_decrypts() -> None:
    body = encrypt({"hello": "world"}, "test key")
    assert decrypt("test key", body) == {"hello": "world"}
    assert decrypt("test kez", body) is None


def test_an_event_that_openssl_encrypted_is_read() -> None:
    # printf '{"hello":"world"}' | openssl enc -aes-256-cbc -K $(printf 'test key' | sha256sum | cut -c-64) -iv $(printf
    # %032d 0), with the IV of zeros before it, in base64
    raw = base64.b64decode("go5JbYLWfSphfw0GlX3mpnLe+lBkAS+ziQUZ3v8rFTA=")
    body = json.dumps({"encrypt": base64.b64encode(bytes(16) + raw).decode()}).encode()
    assert decrypt("test key", body) == {"hello": "world"}


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("你好", []),
        ("广告", [("POST", "/im/v1/messages/om_1/reply", steward.WARNED)]),
        (
            "违规",
            [("POST", "/im/v1/messages/om_1/reply", steward.REMOVED), ("DELETE", "/im/v1/messages/om_1", "")],
        ),
        ("停车收费吗", [("POST", "/im/v1/messages/om_1/reply", "前两小时免费。")]),
    ],
)
def test_what_a_verdict_asks_for_is_done(
    web: TestClient, there: FakeFeishu, text: str, done: list[tuple[str, str, str]]
) -> None:
    assert post(web, received(text)).json() == {}
    assert there.done == done


def test_a_question_for_people_is_told_to_the_staff(web: TestClient, there: FakeFeishu) -> None:
    post(web, received("转人工可以吗"))
    (_, _, said), (_, path, called) = there.done
    assert said == steward.HANDED_OVER
    assert path == "/im/v1/messages"
    assert "停车收费吗" in called


def test_a_message_is_taken_in_without_the_marks_of_mentions(web: TestClient, service: FakeService) -> None:
    mentions = [{"key": "@_user_1", "name": "robot"}]
    post(web, received("@_user_1 你好", mentions=mentions))
    assert service.messages == [
        {
            "id": "om_1",
            "text": "你好",
            "platform": "feishu",
            "channel": "oc_1",
            "author": "ou_1",
            "sent_at": "1700000000000",
        }
    ]


def test_a_recall_is_passed_on(web: TestClient, service: FakeService) -> None:
    event = received("")
    event["header"]["event_type"] = "im.message.recalled_v1"
    event["event"] = {"message_id": "om_9", "chat_id": "oc_1"}
    assert post(web, event).status_code == 200
    assert service.deleted == ["/v1/messages/feishu/om_9"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"age_s": 301},
        {"age_s": -301},
        {"key": "another key"},
        {"x-lark-signature": ""},
        {"x-lark-request-nonce": "n-2"},
        {"x-lark-request-timestamp": "soon"},
    ],
)
def test_what_is_not_signed_now_with_the_key_is_refused(
    web: TestClient, service: FakeService, wrong: dict[str, Any]
) -> None:
    assert post(web, received("广告"), **wrong).status_code == 401
    assert service.messages == []


def test_the_token_of_another_app_is_refused(web: TestClient, service: FakeService) -> None:
    event = received("广告")
    event["header"]["token"] = "another"
    assert post(web, event).status_code == 401
    assert service.messages == []


def test_an_event_that_comes_again_is_acted_on_once(web: TestClient, service: FakeService, there: FakeFeishu) -> None:
    statuses = [post(web, received("广告")).status_code for _ in range(3)]
    assert statuses == [200, 200, 200]
    assert (len(service.messages), len(there.done)) == (1, 1)


def test_an_event_that_could_not_be_stored_is_taken_when_it_comes_again(
    web: TestClient, service: FakeService, there: FakeFeishu
) -> None:
    service.is_down = True
    assert post(web, received("广告")).status_code == 503
    service.is_down = False
    assert post(web, received("广告")).status_code == 200
    assert len(there.done) == 1


def test_what_feishu_refuses_is_logged_without_the_text_and_not_done_twice(
    web: TestClient, there: FakeFeishu, caplog: pytest.LogCaptureFixture
) -> None:
    there.code = 230_002
    with caplog.at_level(logging.WARNING):
        assert post(web, received("违规")).status_code == 200
    assert [record.getMessage() for record in caplog.records if record.name.startswith("examples")] == [
        "POST of a message was refused: 230002",
        "DELETE of a message was refused: 230002",
    ]


def test_a_token_is_asked_for_once(web: TestClient, there: FakeFeishu) -> None:
    for number in range(3):
        post(web, received("广告", f"e-{number}"))
    assert (there.n_tokens, len(there.done)) == (1, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"message_type": "image", "content": '{"image_key":"k"}'},
        {"content": "no JSON"},
        {"content": "[]"},
        {"content": None},
        {"message_id": ""},
    ],
)
def test_what_is_no_text_is_passed_over(web: TestClient, service: FakeService, fields: dict[str, Any]) -> None:
    assert post(web, received("广告", **fields)).status_code == 200
    assert service.messages == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"encrypt":7}',
        b'{"encrypt":"!"}',
        b'{"encrypt":""}',
        b'{"encrypt":"QUJD"}',
        json.dumps({"encrypt": base64.b64encode(bytes(48)).decode()}).encode(),
    ],
)
def test_what_is_not_encrypted_with_our_key_is_refused(web: TestClient, body: bytes) -> None:
    assert web.post("/feishu", content=body).status_code == 401


def test_a_body_that_is_too_large_is_refused(web: TestClient) -> None:
    assert web.post("/feishu", content=b" " * (feishu_bot.MAX_BODY + 1)).status_code == 413


def test_it_does_not_start_without_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Encrypt Key"):
        create_app(FakeService().client, Feishu("app", "secret"), Keys("", "t"))
    names = ("SERVICE_URL", "FEISHU_APP_ID", "FEISHU_APP_SECRET", "FEISHU_ENCRYPT_KEY", "FEISHU_VERIFICATION_TOKEN")
    for name in names:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with TestClient(feishu_bot.from_environment()) as web:
        assert web.post("/feishu").status_code == 401
