"""The application with word lists and policies around a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.caller import Caller
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.metrics import Metrics
from nlp_service.api.openapi import add_openapi
from nlp_service.api.requests import RequestFrame
from nlp_service.api.rules.routes import RulesRoutes
from nlp_service.moderation.rulebook import Rulebooks, RuleStore
from nlp_service.store.database import Database

HEADER = "x-test-caller"
"""Names tenant and scopes of a request, as ``tenant:scope,scope``; without it, an administrator of the default one."""

READER = {HEADER: "default:review"}
ROBOT = {HEADER: "default:ingest,analyze"}
STRANGER = {HEADER: "other:review,admin"}


class Doorman:
    """Believes what a request says of itself."""

    async def identify(self, scope: Any) -> Caller:
        given = dict(scope["headers"]).get(HEADER.encode(), b"default:review,admin").decode()
        tenant, _, scopes = given.partition(":")
        return Caller(tenant, "key:test", frozenset(scopes.split(",")))


def rules_app(database: Database, *, max_body_bytes: int = 16 * 2**20) -> FastAPI:
    room = RulesRoutes(database, Rulebooks(RuleStore(database), poll_s=0.05), max_body_bytes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await room.start()
        yield
        await room.stop()

    frame = Middleware(RequestFrame, metrics=Metrics(), direct={}, access=Doorman())
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False, middleware=[frame])
    add_error_handlers(app)
    add_openapi(app, [room.described])
    app.router.routes += room.all
    return app


@asynccontextmanager
async def running_rules(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The application, reached without a port."""
    app = rules_app(database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client,
    ):
        yield client
