"""The routes of incidents and notices with a real database, a clock that stands, and a key for each kind of caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI
from starlette.middleware import Middleware

from nlp_service.api.duty import DutyRooms, OnDuty
from nlp_service.api.errors import add_error_handlers
from nlp_service.api.metrics import Metrics
from nlp_service.api.requests import RequestFrame
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import Database
from tests.api.messages_app import Doorman


@asynccontextmanager
async def running_duty(database: Database, **options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, OnDuty]]:
    """The routes, reached without a port; ``options`` as `OnDuty` takes them."""
    vault = Vault([Fernet.generate_key().decode()])
    duty = OnDuty(database, vault, **({"poll_s": 0.05, "base_url": "https://ops.example.com"} | options))
    frame = Middleware(RequestFrame, metrics=Metrics(), direct={}, access=Doorman(database))
    app = FastAPI(middleware=[frame], docs_url=None, redoc_url=None, openapi_url=None)
    add_error_handlers(app)
    rooms = DutyRooms(duty).all
    app.router.routes += [route for room in rooms for route in room.all]
    for room in rooms:
        await room.start()
    try:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client:
            yield client, duty
    finally:
        for room in reversed(rooms):
            await room.stop()
