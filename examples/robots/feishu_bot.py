"""A Feishu (Lark) robot: takes in the messages of its groups, recalls and warns, and answers questions.

    export SERVICE_URL=http://127.0.0.1:8000 SERVICE_KEY=nlp_... ROBOT_KB=shop
    export FEISHU_APP_ID=cli_... FEISHU_APP_SECRET=... FEISHU_ENCRYPT_KEY=... FEISHU_VERIFICATION_TOKEN=...
    export FEISHU_STAFF_CHAT=oc_...
    uvicorn --factory examples.robots.feishu_bot:from_environment --port 9002

Subscribe the app to ``im.message.receive_v1`` and ``im.message.recalled_v1`` with the address ``/feishu`` and an
Encrypt Key. An event is answered when its message is stored, so that Feishu sends again what could not be. Needs
``cryptography``.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI, HTTPException, Request

from examples.robots.arrivals import Once, body_of, is_recent
from examples.robots.feishu_api import Feishu, Keys, decrypt, signature_of
from examples.robots.steward import Service, Steward
from nlp_service.client import AsyncClient, ClientError, NewMessage

MAX_AGE_S = 300.0
"""How old an event may be, and how far ahead Feishu's clock."""

MAX_BODY = 1024 * 1024


def create_app(service: Service, feishu: Feishu, keys: Keys, *, kb: str = "", staff_chat: str = "") -> FastAPI:
    """The program.

    Args:
        service: The client.
        feishu: What is done there.
        keys: Of the event subscription; not empty.
        kb: Base that questions are answered from.
        staff_chat: Group that is told when a person is needed.
    """
    if not keys.encrypt_key or not keys.verification_token:
        raise ValueError("without an Encrypt Key and a Verification Token anybody could send events")
    app, steward, once = FastAPI(openapi_url=None), Steward(service, kb), Once()

    @app.post("/feishu")
    async def events(request: Request) -> dict[str, Any]:
        event = _read(request, await body_of(request, MAX_BODY), keys)
        if event.get("type") == "url_verification":
            return {"challenge": event.get("challenge", "")}
        header = event.get("header") or {}
        id, kind = str(header.get("event_id", "")), header.get("event_type")
        if not id or not once.take(id):
            return {}
        try:
            if kind == "im.message.receive_v1":
                await _receive(event.get("event") or {}, steward, feishu, staff_chat)
            elif kind == "im.message.recalled_v1":
                await service.delete_message("feishu", str((event.get("event") or {}).get("message_id", "")))
        except ClientError as error:
            once.forget(id)
            raise HTTPException(503, "try again later") from error
        return {}

    return app


def from_environment() -> FastAPI:
    """The program as the environment says."""
    client = AsyncClient(os.environ["SERVICE_URL"], os.environ.get("SERVICE_KEY") or None)
    feishu = Feishu(os.environ["FEISHU_APP_ID"], os.environ["FEISHU_APP_SECRET"])
    keys = Keys(os.environ["FEISHU_ENCRYPT_KEY"], os.environ["FEISHU_VERIFICATION_TOKEN"])
    kb, staff_chat = os.environ.get("ROBOT_KB", ""), os.environ.get("FEISHU_STAFF_CHAT", "")
    app = create_app(client, feishu, keys, kb=kb, staff_chat=staff_chat)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client, feishu:
            yield

    app.router.lifespan_context = lifespan
    return app


def _read(request: Request, body: bytes, keys: Keys) -> dict[str, Any]:
    """An event that really is Feishu's. The challenge of a new subscription is the only one without a signature."""
    event = decrypt(keys.encrypt_key, body)
    if event is None:
        raise HTTPException(401, "the event is not encrypted with our key")
    token = str((event.get("header") or event).get("token", ""))
    if not hmac.compare_digest(token.encode(), keys.verification_token.encode()):
        raise HTTPException(401, "the token is another app's")
    if event.get("type") != "url_verification":
        headers = request.headers
        timestamp, nonce = headers.get("x-lark-request-timestamp", ""), headers.get("x-lark-request-nonce", "")
        wanted, shown = signature_of(timestamp, nonce, keys.encrypt_key, body), headers.get("x-lark-signature", "")
        is_signed = hmac.compare_digest(wanted.encode(), shown.lower().encode())
        if not (is_signed and is_recent(timestamp, MAX_AGE_S)):
            raise HTTPException(401, "the signature is wrong or too old")
    return event


async def _receive(event: dict[str, Any], steward: Steward, feishu: Feishu, staff_chat: str) -> None:
    message = event.get("message") or {}
    text, id, chat = _text_of(message), str(message.get("message_id", "")), str(message.get("chat_id", ""))
    if text is None or not id:
        return
    author = str(((event.get("sender") or {}).get("sender_id") or {}).get("open_id", ""))
    sent_at = str(message.get("create_time", "")) or None
    deeds = await steward.handle(NewMessage(id, text, "feishu", channel=chat, author=author, sent_at=sent_at))
    # What tells people comes first: after a recall there is nothing to answer to.
    if deeds.say:
        await feishu.answer(id, deeds.say)
    if deeds.recall:
        await feishu.recall(id)
    if deeds.call and staff_chat:
        await feishu.tell(staff_chat, deeds.call)


def _text_of(message: dict[str, Any]) -> str | None:
    """What a text message says, without the marks of those it mentions; None for other messages."""
    if message.get("message_type") != "text":
        return None
    try:
        text = str(msgspec.json.decode(message.get("content", "")).get("text", ""))
    except (msgspec.DecodeError, AttributeError, TypeError):
        return None
    for mention in message.get("mentions") or ():
        text = text.replace(str(mention.get("key", "\0")), "")
    return text.strip()
