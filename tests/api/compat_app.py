"""The doors in the shapes of others on a port of the loopback address, around models that do as the texts say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import msgspec
import numpy as np
import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.analyze import Limits
from nlp_service.api.caller import NOBODY, Caller
from nlp_service.api.compat.discovery import PATHS
from nlp_service.api.compat.routes import CompatRoutes
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.metrics import Metrics
from nlp_service.api.openapi import add_openapi
from nlp_service.api.requests import RequestFrame
from nlp_service.errors import Unauthorized
from nlp_service.inference.batcher import Batcher
from nlp_service.inference.process import Build
from nlp_service.moderation.deciding import judge_text
from nlp_service.types import (
    INTENTS,
    UNSAFE,
    Abuse,
    Analysis,
    Evidence,
    Intent,
    Label,
    Message,
    Risk,
    Sentiment,
    Span,
)
from nlp_service.wiring import build_search_model
from tests.fakes import Floats, Obedient

KEY, POOR_KEY = "good-key", "poor-key"
"""One that may do everything here, and one without the scope."""


class Reader(Obedient):
    """Reads ``abuse=.9 porn_sexual=.7 risk=2 need:self_harm=.6 negative=.8 fail=unsafe`` as what is to be said.

    The evidence of each label is its own name in the text. A vector follows from the text's length.
    """

    policy_version = "default-1"

    def read(
        self, messages: Sequence[Message], *, evidence: bool = True, vectors: list[Floats] | None = None
    ) -> list[Analysis]:
        super().read(messages)
        if vectors is not None:
            vectors += [_vector(message.text)[None] for message in messages]
        return [_read(message, evidence) for message in messages]


def build_reader() -> Reader:
    return Reader()


def _vector(text: str) -> Floats:
    if not text.strip("\u200b"):
        return np.zeros(128, np.float32)
    row = np.random.default_rng(len(text)).normal(size=128).astype(np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def _read(message: Message, evidence: bool) -> Analysis:
    said = dict(pair.split("=") for pair in message.text.split() if "=" in pair)
    given = {name: float(value) for name, value in said.items() if name != "fail"}
    fails = said.get("fail", "")
    names = {"abuse": "abuse", **{n: f"intent.{n}" for n in INTENTS}, **{n: f"unsafe.{n}" for n in UNSAFE}}
    spans = {
        label: Span(message.text.index(name), message.text.index(name) + len(name), name)
        for name, label in names.items()
        if name in given
    }
    risks = [Label(name.removeprefix("need:"), value) for name, value in given.items() if name.startswith("need:")]
    level = int(given.get("risk", 1 if risks else 0))
    chances = {name: given.get(name, 0.0) for name in INTENTS}
    analysis = Analysis(
        id=message.id,
        intent=None if fails == "intent" else Intent("chat", ("chat",), chances),
        sentiment=Sentiment("neutral", -given.get("negative", 0.0)),
        risk=Risk(level, None if fails == "risk" else level / 3, level / 3 if fails != "risk" else None, tuple(risks)),
        abuse=Abuse(None if fails == "abuse" else given.get("abuse", 0.0), given.get("abuse", 0.0) >= 0.5),
        unsafe=None if fails == "unsafe" else tuple(Label(n, given[n]) for n in UNSAFE if n in given),
        pain=(),
        evidence=tuple(Evidence(label, "model", span) for label, span in spans.items()) if evidence else (),
    )
    return msgspec.structs.replace(analysis, verdict=judge_text(analysis))


class Doorman:
    """Knows two keys, which it looks for where the service does."""

    async def identify(self, scope: Any) -> Caller:
        if scope["path"] in PATHS:
            return NOBODY
        shown = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        if not shown and scope["path"].startswith("/v1alpha1/"):
            shown = dict(httpx.QueryParams(scope["query_string"].decode())).get("key", "")
        scopes = {KEY: frozenset({"analyze"}), POOR_KEY: frozenset({"ingest"})}
        if shown not in scopes:
            raise Unauthorized("the key is not good")
        return Caller("default", f"key:{shown}", scopes[shown])


def compat_app(
    build: Build = build_reader,
    *,
    limits: Limits | None = None,
    rules: Any = None,
    has_worker: bool = True,
    has_model: bool = False,
    **options: Any,
) -> FastAPI:
    """The application; a worker, and the shipped search model, cost a second each, so that not all tests have both."""
    metrics, limits = Metrics(), limits or Limits()
    batcher = Batcher(build, metrics, **options)
    room = CompatRoutes(batcher, limits, build_search_model() if has_model else None, rules)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if has_worker:
            await batcher.start()
        await room.start()
        yield
        await room.stop()
        await batcher.stop()

    frame = Middleware(RequestFrame, metrics=metrics, direct={}, access=Doorman())
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False, middleware=[frame])
    add_error_handlers(app)
    add_openapi(app, [room.described], needs_key=True)
    app.router.routes += room.all
    return app


@asynccontextmanager
async def running_compat(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The application, reached without a port, with the good key."""
    app = compat_app(**options)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60, headers=headers) as client,
    ):
        yield client


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a port, with its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, loop="asyncio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            until = time.monotonic() + 30
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < until
                time.sleep(0.01)
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Rules:
    """The rules of every tenant: a policy, and lists that find a word."""

    def __init__(self, rules: Any) -> None:
        self._rules = rules

    async def of(self, tenant: str) -> Any:
        return self._rules


def only_loopback(monkeypatch: Any) -> None:
    """Fail whatever connects to anything else."""
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a connection to {address[0]} was tried")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked)
