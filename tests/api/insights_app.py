"""The routes of insights and jobs: a real database, real processes, and mining for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.errors import add_error_handlers
from nlp_service.api.insights.routes import InsightRooms, Insights
from nlp_service.api.insights.work import MiningWork
from nlp_service.api.metrics import Metrics
from nlp_service.api.requests import RequestFrame
from nlp_service.insight.results import Mining
from nlp_service.store.database import Database
from tests.api.insights_mining import group_by_words
from tests.api.messages_app import Doorman

NOW = datetime(2025, 3, 10, 4, tzinfo=UTC)
"""What time it is; deliveries of `tests.unit.store.deliveries` are from nine days before."""


def write_json(mining: Mining, *, format: str, language: str, made_at: datetime) -> bytes:
    """A report that says all that it was given."""
    return msgspec.json.encode({"format": format, "language": language, "made_at": made_at, "mining": mining})


def insights(database: Database, url: str, **options: Any) -> Insights:
    """What is behind the routes, at `NOW`."""
    given = {"poll_s": 0.05, "clock": lambda: NOW} | options
    return Insights(database, MiningWork(url, group_by_words), write_json, **given)


@asynccontextmanager
async def running_insights(database: Database, url: str, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The routes, reached without a port."""
    frame = Middleware(RequestFrame, metrics=Metrics(), direct={}, access=Doorman(database))
    app = FastAPI(middleware=[frame], docs_url=None, redoc_url=None, openapi_url=None)
    add_error_handlers(app)
    rooms = InsightRooms(insights(database, url, **options)).all
    app.router.routes += [route for room in rooms for route in room.all]
    for room in rooms:
        await room.start()
    try:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client:
            yield client
    finally:
        for room in reversed(rooms):
            await room.stop()
