"""The application with messages: a real database, real workers, and models that do as the texts say."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from nlp_service.api.access import Access
from nlp_service.api.analyze import Limits
from nlp_service.api.app import Options, create_app
from nlp_service.api.caller import Caller
from nlp_service.api.community import Community
from nlp_service.inference.process import Build
from nlp_service.moderation.rulebook import Rulebooks, RuleStore
from nlp_service.store.database import Database
from tests.fakes import BROKEN, CRASH, SLOW
from tests.message_readers import ADVERT, STORY, build_reader
from tests.unit.intake.fakes import FakeRules

__all__ = ["ADVERT", "BROKEN", "CRASH", "SLOW", "STORY", "build_reader", "messages_app", "running_messages"]

HEADER = "x-test-caller"
"""Names tenant and scopes of a request, as ``tenant:scope,scope``; without it everybody may do everything."""


class Doorman(Access):
    """Believes what a request says of itself."""

    async def identify(self, scope: Any) -> Caller:
        headers = dict(scope["headers"])
        tenant, _, scopes = headers.get(HEADER.encode(), b"default:analyze,ingest,review,admin").decode().partition(":")
        return Caller(tenant, "key:test", frozenset(scopes.split(",")))


class Given(Rulebooks):
    """Knows the rules that a test gives, and none of their own of all other tenants, whether they exist or not."""

    def __init__(self, database: Database, given: Mapping[str, FakeRules]) -> None:
        super().__init__(RuleStore(database))
        self._given = given

    async def of(self, tenant: str) -> Any:
        return self._given.get(tenant) or FakeRules(is_default=True)


def messages_app(
    database: Database,
    build: Build = build_reader,
    rules: Mapping[str, FakeRules] | Rulebooks | None = None,
    limits: Limits | None = None,
    *,
    deadline_s: float = 10.0,
    queue_messages: int = 4096,
) -> FastAPI:
    """The application around one worker."""
    community = Community(database)
    community.rulebooks = rules if isinstance(rules, Rulebooks) else Given(database, rules or {})
    options = Options(deadline_s=deadline_s, queue_messages=queue_messages, limits=limits or Limits())
    return create_app(build, options, access=Doorman(database), community=community)


@asynccontextmanager
async def running_messages(
    database: Database, make: Callable[..., FastAPI] = messages_app, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """The application, reached without a port."""
    app = make(database, **options)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client,
    ):
        yield client


@asynccontextmanager
async def as_tenant(app_client: httpx.AsyncClient, tenant: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the same application that asks for another tenant, so that tests can share the application."""
    headers = {HEADER: f"{tenant}:analyze,ingest,review,admin"}
    async with httpx.AsyncClient(
        transport=app_client._transport, base_url="http://service", timeout=60, headers=headers
    ) as client:
        yield client


def empty_database(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of a kind, for fixtures that live as long as a module."""
    if kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path_factory').mktemp('db') / 'store.db'}"
    server = request.getfixturevalue("postgresql")
    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(server.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{server}&options=-csearch_path%3D{name}"


def message(id: Any, text: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "text": text, "platform": "qq", "channel": "c", "author": "a"} | fields


async def send(client: httpx.AsyncClient, *messages: dict[str, Any], **headers: str) -> list[dict[str, Any]]:
    """The results of messages that are taken."""
    response = await client.post("/v1/messages", json={"messages": messages}, headers=headers)
    assert response.status_code == 200, response.text
    return list(response.json()["results"])
