"""What the Feishu robot needs of Feishu: how events are encrypted and signed, and three things to do there."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import time
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
import msgspec

try:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
except ImportError as error:
    raise ImportError("the Feishu robot decrypts events: pip install cryptography") from error

HOST = "https://open.feishu.cn"
BLOCK = 16

log = logging.getLogger(__name__)


class Keys(NamedTuple):
    """Of an event subscription, as the developer console shows them."""

    encrypt_key: str
    verification_token: str


def signature_of(timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """What stands in ``X-Lark-Signature``."""
    return hashlib.sha256((timestamp + nonce + encrypt_key).encode() + body).hexdigest()


def decrypt(encrypt_key: str, body: bytes) -> dict[str, Any] | None:
    """The event in a body of ``{"encrypt": "..."}``: AES-256-CBC, the first block the IV; None if it is none."""
    try:
        raw = base64.b64decode(msgspec.json.decode(body)["encrypt"], validate=True)
        key = hashlib.sha256(encrypt_key.encode()).digest()
        machine = Cipher(algorithms.AES(key), modes.CBC(raw[:BLOCK])).decryptor()
        padded = machine.update(raw[BLOCK:]) + machine.finalize()
        n_padding = padded[-1]
        if not 1 <= n_padding <= BLOCK or padded[-n_padding:] != bytes([n_padding]) * n_padding:
            return None
        event = msgspec.json.decode(padded[:-n_padding])
    except (msgspec.DecodeError, binascii.Error, KeyError, TypeError, ValueError, IndexError):
        return None
    return event if isinstance(event, dict) else None


class _Answer(msgspec.Struct):
    code: int


class _Token(msgspec.Struct):
    tenant_access_token: str
    expire: float


class Feishu:
    """The parts of Feishu's interface that a robot acts by. What fails there is logged: to do it twice would be worse.

    Args:
        app_id, app_secret: Of the app.
        transport: In place of httpx's own, as tests have it.
    """

    def __init__(self, app_id: str, app_secret: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._app = {"app_id": app_id, "app_secret": app_secret}
        self._http = httpx.AsyncClient(base_url=f"{HOST}/open-apis", timeout=5.0, transport=transport)
        self._token = ""
        self._good_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def answer(self, message_id: str, text: str) -> None:
        """Answer a message in its group."""
        await self._do("POST", f"/im/v1/messages/{message_id}/reply", {"msg_type": "text", "content": _content(text)})

    async def tell(self, chat_id: str, text: str) -> None:
        """Write to a group."""
        body = {"receive_id": chat_id, "msg_type": "text", "content": _content(text)}
        await self._do("POST", "/im/v1/messages?receive_id_type=chat_id", body)

    async def recall(self, message_id: str) -> None:
        """Take a message back; the robot must be an administrator of the group."""
        await self._do("DELETE", f"/im/v1/messages/{message_id}")

    async def _do(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        try:
            headers = {"authorization": f"Bearer {await self._access()}"}
            response = await self._http.request(method, path, json=body, headers=headers)
            # Refusals come with status 200 or 400, and a number that says why.
            code = msgspec.json.decode(response.content, type=_Answer).code
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            log.warning("%s of a message failed: %s", method, type(error).__name__)
        else:
            if code:
                log.warning("%s of a message was refused: %d", method, code)

    async def _access(self) -> str:
        """A token, which Feishu gives for two hours at the most."""
        if time.monotonic() >= self._good_until:
            response = await self._http.post("/auth/v3/tenant_access_token/internal", json=self._app)
            answer = msgspec.json.decode(response.raise_for_status().content, type=_Token)
            self._token = answer.tenant_access_token
            self._good_until = time.monotonic() + max(0.0, answer.expire - 60.0)
        return self._token


def _content(text: str) -> str:
    return msgspec.json.encode({"text": text}).decode()
