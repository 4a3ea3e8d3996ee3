"""Stored messages become incidents, in one replica at a time, and once however often a replica dies."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from nlp_service.duty import watching as watching_module
from nlp_service.duty.keeper import Keeper
from nlp_service.duty.watching import Watching
from nlp_service.store.database import Database
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.incoming import Incoming, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.outbox import Outbox
from nlp_service.store.watching import WatchStore
from nlp_service.types import Label, Risk, Sentiment
from tests.unit.duty.conftest import AT, Clock, T
from tests.unit.store.deliveries import Judge, analysis, message

GRAVE = msgspec.structs.replace(
    analysis("complaint"),
    risk=Risk(2, 0.9, 0.97, (Label("food_safety", 0.95),)),
    sentiment=Sentiment("negative", -0.8, {"negative": 0.9, "neutral": 0.08, "positive": 0.02}),
)
CRITICAL = msgspec.structs.replace(GRAVE, risk=Risk(3, 0.99, 0.99, (Label("health_injury", 0.95),)))
DESPAIR = msgspec.structs.replace(GRAVE, risk=Risk(3, 0.95, 0.99, (Label("self_harm", 0.95),)))


def said(number: int, at: datetime, text: str, **values: object) -> Incoming:
    plain = message(f"m{number}", text, author=f"u{number}", sent_at=at, received_at=at)
    return plain._replace(**values)


def ordinary(start: datetime, hours: int, first: int) -> list[Incoming]:
    """Calm talk, a message every five minutes."""
    return [
        said(first + n, start + timedelta(minutes=5 * n), f"今天天气不错，第{n}次散步", analysis=analysis())
        for n in range(hours * 12)
    ]


def store(database: Database, messages: list[Incoming]) -> None:
    store = MessageStore(database)
    for first in range(0, len(messages), 256):
        store.record(T, messages[first : first + 256], Judge(), Windows())


def watch(database: Database, keeper: Keeper, clock: Clock) -> Watching:
    return Watching(WatchStore(database), keeper, now=clock)


@pytest.fixture
def begun(database: Database, keeper: Keeper, clock: Clock) -> Watching:
    """A watch that has seen a quiet day."""
    found = watch(database, keeper, clock)
    found.look()
    store(database, ordinary(AT - timedelta(hours=24), 24, 0))
    found.look()
    assert IncidentStore(database).browse(T) == []
    return found


def burst(clock: Clock, n: int, first: int) -> list[Incoming]:
    texts = ("吃完一直拉肚子", "孩子喝完就吐了", "店里的奶是坏的", "喝了上吐下泻", "这批奶有问题", "我也吃坏了肚子")
    return [
        said(first + i, clock() + timedelta(seconds=60 * i), f"{texts[i % 6]}，第{i}个人了", analysis=GRAVE)
        for i in range(n)
    ]


def test_a_burst_becomes_one_incident_that_is_told(
    database: Database, begun: Watching, told: Outbox, clock: Clock
) -> None:
    store(database, burst(clock, 10, 1_000))
    clock.advance(1_800)
    begun.look()
    opened = [row for row in IncidentStore(database).browse(T) if row.severity >= 2]
    assert len(opened) == 1
    assert opened[0].category == "food_safety"
    assert len(IncidentStore(database).messages(T, opened[0].key)) >= 5
    assert {line.channel for line in told.browse(T)} == {"duty", "manager"}


def test_one_critical_message_is_for_a_look(database: Database, begun: Watching, clock: Clock) -> None:
    store(database, [said(2_000, clock(), "我要从楼上往下扔东西砸店", analysis=CRITICAL)])
    clock.advance(900)
    begun.look()
    (row,) = IncidentStore(database).browse(T)
    assert (row.severity, row.kind) == (1, "lone")


def test_despair_is_private(database: Database, begun: Watching, told: Outbox, clock: Clock) -> None:
    store(database, [said(2_000, clock(), "活着没意思，不想再撑了", analysis=DESPAIR)])
    clock.advance(900)
    begun.look()
    (row,) = IncidentStore(database).browse(T)
    assert (row.is_private, row.kind) == (True, "self_harm")
    assert [line.channel for line in told.browse(T)] == ["counsellor"]


def test_one_replica_watches_and_another_takes_over(
    database: Database, keeper: Keeper, begun: Watching, clock: Clock
) -> None:
    other = watch(database, keeper, clock)
    other.look()
    assert (begun.is_watching, other.is_watching) == (True, False)
    clock.advance(watching_module.LEASE_S + 1)
    other.look()
    assert other.is_watching
    begun.look()
    assert not begun.is_watching


def test_a_replica_that_dies_loses_nothing_and_tells_nothing_twice(
    database: Database, keeper: Keeper, begun: Watching, told: Outbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "SAVE_S", 0.0)
    begun.look()  # keeps where it stands, with the quiet day
    monkeypatch.setattr(watching_module, "SAVE_S", 1e9)
    messages = burst(clock, 12, 1_000)
    store(database, messages[:8])
    clock.advance(900)
    begun.look()
    before = [(row.key, row.severity) for row in IncidentStore(database).browse(T)]
    opened = [line.key for line in told.browse(T) if line.kind == "incident.opened"]
    assert before
    assert opened
    store(database, messages[8:])
    clock.advance(900)
    # Killed here: what it knew since it kept its state is lost.
    other = watch(database, keeper, clock)
    other.look()
    after = IncidentStore(database).browse(T)
    assert {row.key for row in after} == {key for key, _ in before}
    assert [line.key for line in told.browse(T) if line.kind == "incident.opened"] == opened


async def test_it_starts_and_stops_and_keeps_where_it_stands(database: Database, keeper: Keeper, clock: Clock) -> None:
    found = watch(database, keeper, clock)
    await found.start()
    for _ in range(200):
        if found.is_watching:
            break
        await asyncio.sleep(0.02)
    assert found.is_watching
    await found.stop()
    other = watch(database, keeper, clock)
    other.look()
    assert other.is_watching


def test_a_state_of_another_version_is_left_and_the_watch_goes_on(
    database: Database, keeper: Keeper, clock: Clock
) -> None:
    standing = WatchStore(database)
    standing.claim(watching_module.NAME, "old", clock(), 1)
    assert standing.save(watching_module.NAME, "old", 0, b"of another version", clock(), 1)
    clock.advance(5)
    found = watch(database, keeper, clock)
    found.look()
    assert found.is_watching
