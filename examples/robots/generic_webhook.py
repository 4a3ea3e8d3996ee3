"""A signed webhook: messages in, verdicts out, for platforms that have no robot here.

    export SERVICE_URL=http://127.0.0.1:8000 SERVICE_KEY=nlp_... WEBHOOK_SECRET=...
    uvicorn --factory examples.robots.generic_webhook:from_environment --port 9000

The sender puts ``X-Timestamp`` (seconds) and ``X-Signature`` beside a body of ``{"messages": [...]}``, the messages as
``/v1/messages`` takes them. The signature is ``sha256=`` and the hex of HMAC-SHA256 with the secret over the timestamp,
a dot and the body as it is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from examples.robots.arrivals import Once, body_of, is_recent
from examples.robots.steward import Service
from nlp_service.client import AsyncClient, ClientError, NewMessage
from nlp_service.client.errors import InvalidInput, TooLarge

MAX_AGE_S = 300.0
"""How old a request may be, and how far ahead the sender's clock."""

MAX_BODY = 4 * 2**20


class Given(msgspec.Struct):
    """A message as it is sent; fields as those of `NewMessage`."""

    id: str | int
    text: str
    platform: str
    channel: str = ""
    author: str | int = ""
    sent_at: str | float | None = None
    edited_at: str | float | None = None
    context: list[str] | None = None
    meta: dict[str, Any] | None = None


class Delivery(msgspec.Struct):
    """What is sent."""

    messages: list[Given]


_decoder = msgspec.json.Decoder(Delivery)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature that belongs to a body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def create_app(service: Service, secret: str) -> FastAPI:
    """The program.

    Args:
        service: The client.
        secret: Shared with the sender; not empty.
    """
    if not secret:
        raise ValueError("without a secret anybody could send messages")
    app, once = FastAPI(openapi_url=None), Once(keep_s=2 * MAX_AGE_S)

    @app.post("/webhook")
    async def webhook(request: Request) -> JSONResponse:
        body = await body_of(request, MAX_BODY)
        timestamp, signature = request.headers.get("x-timestamp", ""), request.headers.get("x-signature", "")
        is_signed = hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode())
        if not (is_signed and is_recent(timestamp, MAX_AGE_S)):
            raise HTTPException(401, "the signature is wrong or too old")
        if not once.take(signature):
            raise HTTPException(409, "this very request was sent before; sign it anew to repeat it")
        try:
            given = _decoder.decode(body).messages
            sent = await service.send_messages([NewMessage(**msgspec.structs.asdict(one)) for one in given])
        except msgspec.DecodeError as error:
            raise HTTPException(422, f"the body is no list of messages: {error}") from error
        except (InvalidInput, TooLarge) as error:
            raise HTTPException(error.status, f"{error.message} ({error.param})") from error
        except ClientError as error:
            once.forget(signature)
            raise HTTPException(503, "the service cannot be asked now", {"retry-after": "5"}) from error
        return JSONResponse(
            {
                "results": [
                    {
                        "id": result.id,
                        "state": result.state,
                        "action": result.verdict.action if result.verdict else "review",
                        "reasons": list(result.verdict.reasons) if result.verdict else [],
                    }
                    for result in sent.results
                ]
            }
        )

    return app


def from_environment() -> FastAPI:
    """The program as the environment says."""
    client = AsyncClient(os.environ["SERVICE_URL"], os.environ.get("SERVICE_KEY") or None)
    app = create_app(client, os.environ["WEBHOOK_SECRET"])

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app.router.lifespan_context = lifespan
    return app
