"""A store with channels that lead to a local receiver, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from nlp_service.notify.notices import Line, Notice, encode
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import Database
from nlp_service.store.notifying import NotifyStore
from nlp_service.store.posting import Posted, Posting, post
from tests.unit.notify.receiver import SECRET, Receiver
from tests.unit.store.conftest import database, postgresql, url

__all__ = ["database", "postgresql", "url"]

T = "default"


class Clock:
    """A time that goes only when it is told to."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def notice(title: str = "三个群同时反映吃完不舒服", **changes: object) -> Notice:
    values: dict[str, object] = {
        "kind": "incident.opened",
        "subject": "incident:1",
        "title": title,
        "severity": 3,
        "category": "food_safety",
        "at": datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        "lines": (Line("影响人数", "12"), Line("社群", "room-07、room-09")),
        "quotes": ("昨晚点的那份吃完就不太舒服",),
        "link": "https://ops.example.com/console/incidents/1",
    }
    return Notice(**(values | changes))  # type: ignore[arg-type]


def tell(database: Database, told: Notice, now: datetime, *names: str, what: str = "", **posting: object) -> Posted:
    postings = [Posting(name, now, 0.0)._replace(**posting) for name in names]  # type: ignore[arg-type]
    with database.write() as connection:
        values = {"subject": told.subject, "kind": told.kind, "what": what or told.title, "now": now}
        return post(connection, T, postings, encode(told), **values)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def channels(database: Database, vault: Vault, receiver: Receiver) -> NotifyStore:
    """One channel of each kind that is called over HTTP, named as its kind."""
    store = NotifyStore(database)
    for kind in ("wecom", "feishu", "dingtalk", "webhook"):
        secrets = {"url": f"{receiver.url}/{kind}", "secret": SECRET}
        store.put(T, kind, kind, {}, vault.seal(secrets), actor="test")
    return store
