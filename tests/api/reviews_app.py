"""The application with reviews around a real database, in which messages wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.caller import Caller
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.metrics import Metrics
from nlp_service.api.openapi import add_openapi
from nlp_service.api.requests import RequestFrame
from nlp_service.api.reviews.routes import ReviewRoutes
from nlp_service.store.database import Database
from tests.unit.store.reviewing import AT

HEADER = "x-test-caller"
"""Names tenant and scopes of a request, as ``tenant:scope,scope``; without it, a moderator of the default tenant."""

EXPERT = {HEADER: "default:review,admin"}
ROBOT = {HEADER: "default:ingest"}
STRANGER = {HEADER: "other:review,admin,ingest"}


class Clock:
    """Stands still until it is told how late it is."""

    def __init__(self) -> None:
        self.at = AT + timedelta(seconds=60)

    def __call__(self) -> datetime:
        return self.at

    def goes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Doorman:
    """Believes what a request says of itself."""

    async def identify(self, scope: Any) -> Caller:
        given = dict(scope["headers"]).get(HEADER.encode(), b"default:review").decode()
        tenant, _, scopes = given.partition(":")
        return Caller(tenant, "key:test", frozenset(scopes.split(",")))


def reviews_app(database: Database, clock: Clock) -> FastAPI:
    room = ReviewRoutes(database, clock)

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
async def running_reviews(database: Database, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """The application, reached without a port."""
    app = reviews_app(database, clock)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client,
    ):
        yield client
