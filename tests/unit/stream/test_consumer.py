from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from nlp_service.errors import NotReady, Overloaded, ServiceError
from nlp_service.intake.arrivals import Arrival
from nlp_service.intake.taking import Delivery, Taken
from nlp_service.stream import consumer as consuming
from nlp_service.stream.consumer import Consumer
from nlp_service.stream.entries import Entry, Refused, read_entry
from nlp_service.stream.group import Group, Place
from tests.unit.stream.conftest import Server

SECRET = "这句话不能出现在别处"
KILLS = "#kills"


class Shelf:
    """Takes messages in, as the intake does: each once."""

    def __init__(self) -> None:
        self.stored: dict[str, Arrival] = {}
        self.deliveries: list[list[str]] = []
        self.is_reading, self.is_writing = True, True
        self.refusals: list[Exception] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def analyse(self, tenant: str, arrivals: Sequence[Arrival]) -> Delivery:
        if self.refusals:
            raise self.refusals.pop()
        if not self.is_reading or any(arrival.text == KILLS for arrival in arrivals):
            raise NotReady("the inference worker ended")
        return Delivery(tenant, arrivals, (), cast(Any, None), "fake-1")

    async def record(self, delivery: Delivery) -> list[Taken]:
        await self.hold.wait()
        if not self.is_writing:
            raise NotReady("the database cannot be used now")
        if any(arrival.text == "#refused" for arrival in delivery.arrivals):
            raise ServiceError("the database refuses")
        self.deliveries.append([arrival.external_id for arrival in delivery.arrivals])
        states = []
        for arrival in delivery.arrivals:
            states.append("duplicate" if arrival.external_id in self.stored else "stored")
            self.stored.setdefault(arrival.external_id, arrival)
        return [
            Taken(arrival, 1, state, cast(Any, None), "", "")
            for arrival, state in zip(delivery.arrivals, states, strict=True)
        ]


def consumer_of(redis: Redis, shelf: Shelf, name: str = "c1", **place: Any) -> Consumer:
    return Consumer(Group(redis, Place("in", "g", name, **{"block_s": 0.05} | place)), shelf, "t")


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[Consumer]:
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        consumer.stop()
        await asyncio.wait_for(task, 10)


async def soon(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not look():
            await asyncio.sleep(0.01)


async def add(redis: Redis, *ids: str, text: str = "好") -> None:
    for id_ in ids:
        await redis.xadd("in", {"message": json.dumps({"id": id_, "text": text, "platform": "qq"})})


async def n_pending(redis: Redis) -> int:
    return int((await redis.xpending("in", "g"))["pending"])


async def test_messages_are_taken_in_and_acknowledged(redis: Redis) -> None:
    shelf = Shelf()
    await add(redis, "a", "b", "c")  # before there is a group
    async with running(consumer_of(redis, shelf)) as consumer:
        await soon(lambda: len(shelf.stored) == 3)
        await add(redis, "d")
        await soon(lambda: len(shelf.stored) == 4)
        await soon(lambda: consumer.counts.taken == 4)
        assert await n_pending(redis) == 0
    assert (consumer.counts.stored, consumer.counts.refused) == (4, 0)


async def test_a_message_that_comes_twice_is_stored_once(redis: Redis) -> None:
    shelf = Shelf()
    await add(redis, "a", "a", "b", "a")
    async with running(consumer_of(redis, shelf)) as consumer:
        await soon(lambda: consumer.counts.taken == 4)
    assert consumer.counts.stored == 2


async def test_what_cannot_be_taken_is_named_in_the_dead_letter_stream_and_never_quoted(redis: Redis) -> None:
    shelf = Shelf()
    bad = [
        {"message": f'{{"id": "x", "text": "{SECRET}"'},
        {"message": json.dumps({"id": "x", "text": SECRET})},
        {"message": json.dumps({"id": "x", "text": SECRET, "platform": "qq", "sent_at": SECRET})},
        {"id": "x", "text": SECRET, "platform": "qq", "meta": SECRET},
        {"id": "x", "text": b"\xff", "platform": "qq"},
        {"id": "x", "text": SECRET * 500, "platform": "qq"},
    ]
    ids = [await redis.xadd("in", entry) for entry in bad]
    await add(redis, "good")
    async with running(consumer_of(redis, shelf)) as consumer:
        await soon(lambda: consumer.counts.taken == 1)
        assert await n_pending(redis) == 0
    dead = [fields for _, fields in await redis.xrange("in.dead")]
    assert [fields[b"entry"] for fields in dead] == ids
    assert [fields[b"field"] for fields in dead] == [b"body", b"platform", b"sent_at", b"meta", b"text", b"text"]
    assert {fields[b"code"] for fields in dead} == {b"invalid_input", b"too_large"}
    assert SECRET.encode() not in b"".join(value for fields in dead for value in fields.values())
    assert consumer.counts.refused == 6
    assert await redis.xlen("in") == 7  # what it says stays where it is


async def test_nothing_is_acknowledged_before_it_is_stored(redis: Redis) -> None:
    shelf = Shelf()
    shelf.hold.clear()
    await add(redis, "a")
    async with running(consumer_of(redis, shelf)):
        async with asyncio.timeout(10):
            while await redis.xinfo_groups("in") == [] or await n_pending(redis) == 0:
                await asyncio.sleep(0.01)
        assert shelf.stored == {}
        shelf.hold.set()
        await soon(lambda: len(shelf.stored) == 1)
    assert await n_pending(redis) == 0


async def test_what_a_dead_consumer_left_is_taken_over(redis: Redis) -> None:
    await add(redis, "a", "b")
    await redis.xgroup_create("in", "g", id="0")
    await redis.xreadgroup("g", "dead", {"in": ">"}, count=10)  # and then it died
    shelf = Shelf()
    group = Group(redis, Place("in", "g", "c1", block_s=0.05, claim_after_s=0.1))
    async with running(Consumer(group, shelf, "t")):
        await soon(lambda: len(shelf.stored) == 2)
    assert group.n_claimed == 2
    assert await n_pending(redis) == 0


async def test_what_another_consumer_is_working_on_is_left_to_it(redis: Redis) -> None:
    await add(redis, "a")
    await redis.xgroup_create("in", "g", id="0")
    await redis.xreadgroup("g", "busy", {"in": ">"}, count=10)
    shelf = Shelf()
    async with running(consumer_of(redis, shelf, claim_after_s=60)):
        await add(redis, "b")
        await soon(lambda: len(shelf.stored) == 1)
    assert list(shelf.stored) == ["b"]
    assert await n_pending(redis) == 1


async def test_a_consumer_begins_with_what_it_left_itself(redis: Redis) -> None:
    await add(redis, "a", "b")
    await redis.xgroup_create("in", "g", id="0")
    await redis.xreadgroup("g", "c1", {"in": ">"}, count=1)
    shelf = Shelf()
    async with running(consumer_of(redis, shelf)):
        await soon(lambda: len(shelf.stored) == 2)
    assert shelf.deliveries == [["a"], ["b"]]
    assert await n_pending(redis) == 0


async def test_several_consumers_share_a_stream(redis: Redis) -> None:
    shelf = Shelf()
    await add(redis, *(f"m{i}" for i in range(40)))
    async with running(consumer_of(redis, shelf, "c1", batch=5)), running(consumer_of(redis, shelf, "c2", batch=5)):
        await soon(lambda: len(shelf.stored) == 40)
    assert sum(map(len, shelf.deliveries)) == 40
    assert max(map(len, shelf.deliveries)) == 5
    assert await n_pending(redis) == 0


async def test_a_database_that_is_away_costs_nothing(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE_S", 0.02)
    shelf = Shelf()
    shelf.is_writing = False
    await add(redis, "a", "b")
    async with running(consumer_of(redis, shelf)):
        await asyncio.sleep(0.2)
        assert (await n_pending(redis), await redis.xlen("in.dead")) == (2, 0)
        shelf.is_writing = True
        await soon(lambda: len(shelf.stored) == 2)
    assert await n_pending(redis) == 0


async def test_workers_that_are_away_cost_nothing(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE_S", 0.01)
    monkeypatch.setattr(consuming, "LONGEST_PAUSE_S", 0.02)
    shelf = Shelf()
    shelf.is_reading = False
    await add(redis, "a", "b")
    async with running(consumer_of(redis, shelf)):
        await asyncio.sleep(0.3)  # many times `ATTEMPTS`
        assert await redis.xlen("in.dead") == 0
        shelf.is_reading = True
        await soon(lambda: len(shelf.stored) == 2)
    assert shelf.deliveries == [["a", "b"]]


async def test_a_queue_that_is_full_is_waited_for(redis: Redis) -> None:
    shelf = Shelf()
    shelf.refusals = [Overloaded("full", retry_after_s=0.01) for _ in range(10)]
    await add(redis, "a")
    async with running(consumer_of(redis, shelf)):
        await soon(lambda: len(shelf.stored) == 1)
    assert await redis.xlen("in.dead") == 0


async def test_a_message_that_kills_workers_costs_only_itself(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE_S", 0.01)
    shelf = Shelf()
    await add(redis, "a")
    await add(redis, "k", text=KILLS)
    await add(redis, "b")
    async with running(consumer_of(redis, shelf)) as consumer:
        await soon(lambda: len(shelf.stored) == 2)
        await soon(lambda: consumer.counts.refused == 1)
    assert sorted(shelf.stored) == ["a", "b"]
    ((_, note),) = await redis.xrange("in.dead")
    assert note[b"code"] == b"not_ready"
    assert await n_pending(redis) == 0


async def test_a_message_that_the_database_refuses_costs_only_itself(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE_S", 0.001)
    shelf = Shelf()
    await add(redis, "a")
    await add(redis, "r", text="#refused")
    await add(redis, "b")
    async with running(consumer_of(redis, shelf)) as consumer:
        await soon(lambda: len(shelf.stored) == 2)
        await soon(lambda: consumer.counts.refused == 1)
    ((_, note),) = await redis.xrange("in.dead")
    assert (note[b"code"], note[b"reason"]) == (b"internal", b"the database refuses")


async def test_what_is_wrong_for_all_of_them_buries_nobody_for_a_while(redis: Redis) -> None:
    shelf = Shelf()
    shelf.refusals = [ServiceError("the disk is full")] * 4
    await add(redis, "a", "b", "c")
    async with running(consumer_of(redis, shelf)):
        await soon(lambda: len(shelf.stored) == 3)
    assert await redis.exists("in.dead") == 0


async def test_an_entry_that_was_removed_is_named(redis: Redis) -> None:
    await add(redis, "a", "b")
    await redis.xgroup_create("in", "g", id="0")
    await redis.xreadgroup("g", "c1", {"in": ">"}, count=10)
    await redis.xtrim("in", maxlen=1, approximate=False)
    shelf = Shelf()
    async with running(consumer_of(redis, shelf)) as consumer:
        await soon(lambda: consumer.counts.refused == 1)
    ((_, note),) = await redis.xrange("in.dead")
    assert note[b"code"] == b"gone"
    assert await n_pending(redis) == 0


async def test_a_stop_ends_soon_also_while_it_asks_again(redis: Redis) -> None:
    shelf = Shelf()
    shelf.is_writing = False
    await add(redis, "a")
    consumer = consumer_of(redis, shelf)
    task = asyncio.create_task(consumer.run())
    await asyncio.sleep(0.1)
    consumer.stop()
    counts = await asyncio.wait_for(task, 2)
    assert counts.taken == 0
    assert await n_pending(redis) == 1  # for the next one


async def test_what_is_being_stored_at_a_stop_is_acknowledged(redis: Redis) -> None:
    shelf = Shelf()
    shelf.hold.clear()
    await add(redis, "a")
    consumer = consumer_of(redis, shelf)
    task = asyncio.create_task(consumer.run())
    await asyncio.sleep(0.2)
    consumer.stop()
    shelf.hold.set()
    assert (await asyncio.wait_for(task, 2)).taken == 1
    assert await n_pending(redis) == 0


async def test_a_server_that_goes_away_and_comes_back(
    redis: Redis, redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE_S", 0.02)
    shelf = Shelf()
    await add(redis, "a")
    async with running(consumer_of(redis, shelf)):
        await soon(lambda: len(shelf.stored) == 1)
        await asyncio.to_thread(redis_server.stop)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(redis_server.start)
        await add(redis, "b")  # the server has forgotten the group too
        await soon(lambda: len(shelf.stored) == 2)


async def test_a_key_of_another_type_ends_it(redis: Redis) -> None:
    await redis.set("in", "no stream")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await asyncio.wait_for(consumer_of(redis, Shelf()).run(), 5)


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MS = round(NOW.timestamp() * 1000)


def test_fields_of_an_entry_are_those_of_a_message() -> None:
    fields = {
        b"id": b"7",
        b"text": b"",
        b"platform": b"qq",
        b"channel": "群".encode(),
        b"author": b"42",
        b"sent_at": b"1772366399",
        b"edited_at": b"",
        b"meta": b'{"a": 1}',
        b"context": b'["x"]',
        b"colour": b"red",
    }
    arrival = read_entry(Entry(b"1-0", fields), NOW)
    assert isinstance(arrival, Arrival)
    assert (arrival.id, arrival.text, arrival.channel, arrival.author) == ("7", "", "群", "42")
    assert (arrival.meta, arrival.context) == ({"a": 1}, ("x",))
    assert arrival.sent_at == NOW - timedelta(seconds=1)
    assert arrival.edited_at is None


@pytest.mark.parametrize(
    ("id_", "received_at"),
    [
        (f"{MS - 60_000}-3", NOW - timedelta(minutes=1)),  # it waited in the stream
        (f"{MS}-0", NOW),
        (f"{MS + 1}-0", NOW),  # a clock that is ahead
        ("17-0", NOW),  # ids of the writer's own
        ("x", NOW),
    ],
)
def test_a_message_was_received_when_the_stream_got_it(id_: str, received_at: datetime) -> None:
    fields = {b"id": b"7", b"text": b"a", b"platform": b"qq"}
    arrival = read_entry(Entry(id_.encode(), fields), NOW)
    assert isinstance(arrival, Arrival)
    assert arrival.received_at == received_at


def test_an_entry_without_fields_is_gone() -> None:
    refused = read_entry(Entry(b"1-0", {}), NOW)
    assert isinstance(refused, Refused)
    assert refused.code == "gone"
