"""A DingTalk robot (企业内部机器人, messages by HTTP): takes in what it is sent, warns, and answers questions.

    export SERVICE_URL=http://127.0.0.1:8000 SERVICE_KEY=nlp_... ROBOT_KB=shop
    export DINGTALK_APP_SECRET=... DINGTALK_STAFF="user123,user456"
    uvicorn --factory examples.robots.dingtalk_bot:from_environment --port 9001

DingTalk sends a robot the messages that mention it, signs the time with the app's secret, and shows what the answer of
the request holds. A robot there can neither recall messages nor mute people, so that the staff is mentioned instead.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from examples.robots.arrivals import Once, body_of, is_recent
from examples.robots.steward import Deeds, Service, Steward
from nlp_service.client import AsyncClient, ClientError, NewMessage

MAX_AGE_S = 300.0
"""How old a request may be. DingTalk allows an hour; but its signature covers the time alone, so less is safer."""

MAX_BODY = 256 * 1024


class Text(msgspec.Struct):
    """What was written."""

    content: str


class Incoming(msgspec.Struct, rename="camel"):
    """A message as DingTalk sends it; fields that are not used are left out."""

    msg_id: str
    conversation_id: str
    sender_id: str
    create_at: int
    msgtype: str
    text: Text | None = None
    sender_staff_id: str = ""
    is_admin: bool = False


_decoder = msgspec.json.Decoder(Incoming)


def sign(secret: str, timestamp: str) -> str:
    """The signature that belongs to a time."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def create_app(service: Service, secret: str, *, kb: str = "", staff: Sequence[str] = ()) -> FastAPI:
    """The program.

    Args:
        service: The client.
        secret: Of the app; not empty.
        kb: Base that questions are answered from.
        staff: Staff ids of those who are mentioned when a person is needed.
    """
    if not secret:
        raise ValueError("without a secret anybody could send messages")
    app, steward, once = FastAPI(openapi_url=None), Steward(service, kb), Once()

    @app.post("/dingtalk")
    async def dingtalk(request: Request) -> JSONResponse:
        timestamp, signature = request.headers.get("timestamp", ""), request.headers.get("sign", "")
        is_signed = hmac.compare_digest(sign(secret, timestamp).encode(), signature.encode())
        if not (is_signed and is_recent(timestamp, MAX_AGE_S, unit_s=0.001)):
            raise HTTPException(401, "the signature is wrong or too old")
        try:
            incoming = _decoder.decode(await body_of(request, MAX_BODY))
        except msgspec.DecodeError as error:
            raise HTTPException(422, "the body is no message of DingTalk") from error
        if incoming.text is None or not once.take(incoming.msg_id):
            return JSONResponse({"msgtype": "empty"})
        try:
            deeds = await steward.handle(_message_of(incoming, incoming.text.content))
        except ClientError as error:
            once.forget(incoming.msg_id)
            raise HTTPException(503, "the service cannot be asked now") from error
        return JSONResponse(_answer(deeds, incoming, staff))

    return app


def from_environment() -> FastAPI:
    """The program as the environment says."""
    client = AsyncClient(os.environ["SERVICE_URL"], os.environ.get("SERVICE_KEY") or None)
    staff = [one for one in os.environ.get("DINGTALK_STAFF", "").split(",") if one]
    app = create_app(client, os.environ["DINGTALK_APP_SECRET"], kb=os.environ.get("ROBOT_KB", ""), staff=staff)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app.router.lifespan_context = lifespan
    return app


def _message_of(incoming: Incoming, text: str) -> NewMessage:
    return NewMessage(
        incoming.msg_id,
        text.strip(),
        "dingtalk",
        channel=incoming.conversation_id,
        author=incoming.sender_id,
        sent_at=incoming.create_at,
        meta={"role": "admin" if incoming.is_admin else "member"},
    )


def _answer(deeds: Deeds, incoming: Incoming, staff: Sequence[str]) -> dict[str, Any]:
    """What DingTalk shows: to the author what is said, and to the staff what must be done by hand."""
    called = staff if deeds.call or deeds.recall else ()
    lines = [line for line in (deeds.say, deeds.call and called and "请工作人员处理。") if line]
    if not lines:
        return {"msgtype": "empty"}
    mentioned = [*([incoming.sender_staff_id] if incoming.sender_staff_id and deeds.say else []), *called]
    return {"msgtype": "text", "text": {"content": "\n".join(lines)}, "at": {"atUserIds": mentioned}}
