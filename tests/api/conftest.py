from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest_asyncio

from nlp_service.api.app import Options, create_app
from nlp_service.inference.process import Build
from tests.fakes import build_obedient


@asynccontextmanager
async def running_app(
    build: Build = build_obedient, options: Options | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """The application with real workers, reached without a port."""
    app = create_app(build, options or Options())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """One application for all tests of a module; they run in the module's loop."""
    async with running_app() as client:
        yield client
