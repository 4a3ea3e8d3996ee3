"""A store with a channel and routes, and incidents as the watch would tell of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.fernet import Fernet

from nlp_service.crisis.incidents import BURST, OPENED, Incident, IncidentChange, MessageName, Quote
from nlp_service.duty.desk import Desk
from nlp_service.duty.keeper import Keeper
from nlp_service.duty.showing import Who
from nlp_service.notify.notices import Notice, decode
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import Database
from nlp_service.store.notifying import NotifyStore
from nlp_service.store.outbox import Outbox
from nlp_service.store.schema import outbox
from tests.unit.store.conftest import database, postgresql, url

__all__ = ["database", "postgresql", "url"]

T = "default"
ME = Who(T, "key:test", "小林")
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ROUTES = {
    "routes": [
        {"name": "private", "categories": ["self_harm"], "steps": [{"to": ["counsellor"]}], "cool_down_s": 0},
        {
            "name": "all",
            "steps": [{"to": ["duty"]}, {"to": ["manager"], "after_s": 300}],
            "cool_down_s": 1800,
        },
    ]
}


class Clock:
    """A time that goes only when it is told to."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def incident(key: str = "i1", **changes: Any) -> Incident:
    message = MessageName("wechat", "m1")
    values: dict[str, Any] = {
        "id": key, "tenant": T, "kind": BURST, "private": False, "category": "food_safety",
        "categories": {"food_safety": 1.0}, "severity": 3, "reach": 0.5, "gravity": 0.5, "speed": 0.5, "score": 9.0,
        "triggers": ("burst:food_safety",), "platforms": ("wechat",), "channels": ("room-1",),
        "products": (("鲜奶", 4),), "regions": (), "people": 5, "n_messages": 5, "messages": (message,),
        "first_message_at": AT, "last_message_at": AT, "noticed_at": AT, "opened_at": AT, "updated_at": AT,
        "closed_at": None, "quotes": (Quote(message, "room-1", AT, "喝完不舒服，电话 13800138000", 2),), "curve": (),
        "outlook": (), "unusual": (), "steps": (),
    }  # fmt: skip
    return Incident(**(values | changes))


def change(kind: str = OPENED, at: datetime = AT, **changes: Any) -> IncidentChange:
    return IncidentChange(kind, at, incident(**({"updated_at": at} | changes)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told(database: Database) -> Outbox:
    """The outbox, with three channels and routes to them."""
    store, vault = NotifyStore(database), Vault([Fernet.generate_key().decode()])
    for name in ("duty", "manager", "counsellor"):
        store.put(T, name, "webhook", {}, vault.seal({"url": "https://x", "secret": "s"}), actor="test")
    store.put_routing(T, ROUTES, actor="test")
    return Outbox(database)


@pytest.fixture
def keeper(database: Database, told: Outbox, clock: Clock) -> Keeper:
    pages = "https://ops.example.com/console/incidents/"
    return Keeper(database, base_url="https://ops.example.com/", console_url=pages, now=clock)


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock)


def notices(database: Database) -> list[tuple[str, Notice]]:
    """All that was posted, oldest first: kind and notice."""
    import sqlalchemy as sa

    with database.read() as connection:
        rows = connection.execute(sa.select(outbox.c.kind, outbox.c.notice).order_by(outbox.c.id)).all()
    return [(kind, decode(packed)) for kind, packed in rows]


def plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
