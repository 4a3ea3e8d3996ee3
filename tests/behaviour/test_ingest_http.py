"""Robots that deliver over HTTP: at once, twice, overlapping, and while the database is away."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn

from nlp_service.moderation.rulebook import Rulebooks, RuleStore
from nlp_service.store.database import Database, open_database
from tests.api.messages_app import ADVERT, empty_database, message, messages_app, send
from tests.unit.store.conftest import find_program, find_user, postgresql, run_as

__all__ = ["postgresql"]

CLIENTS = 16


@asynccontextmanager
async def serving(database: Database, **options: Any) -> AsyncIterator[str]:
    """The address of the application with real rules, on a port."""
    app = messages_app(database, rules=Rulebooks(RuleStore(database)), **options)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    async with app.router.lifespan_context(app):
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await running


@asynccontextmanager
async def robots(address: str, number: int = CLIENTS) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients with a connection each."""
    clients = [httpx.AsyncClient(base_url=address, timeout=60) for _ in range(number)]
    try:
        yield clients
    finally:
        for client in clients:
            await client.aclose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with open_database(empty_database(request.param, request)) as opened:
        yield opened


@pytest_asyncio.fixture
async def address(database: Database) -> AsyncIterator[str]:
    async with serving(database) as address:
        yield address


async def all_of(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """What is stored, by the ids of the platform."""
    page = (await client.get("/v1/messages", params={"limit": 1000, "order": "oldest"})).json()
    assert page["next_cursor"] is None
    return {one["id"]: one for one in page["messages"]}


async def test_sixteen_robots_with_the_same_and_overlapping_batches_store_each_message_once(address: str) -> None:
    everything = [message(str(i), ADVERT if i % 5 == 0 else "好", author=f"u{i % 6}") for i in range(60)]
    rng = random.Random(5)

    async def deliver(client: httpx.AsyncClient, batches: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return [result for batch in batches for result in await send(client, *batch)]

    plans = []
    for robot in range(CLIENTS):
        same = [everything[:20]]  # what all of them begin with
        begin = rng.randrange(20, 40)
        overlapping = [everything[begin : begin + 20], everything[20:40], everything[40:]]
        singles = [[one] for one in rng.sample(everything, 10)]
        shuffled = [*overlapping, *singles]
        rng.shuffle(shuffled)
        plans.append(same + shuffled if robot % 2 else shuffled + same)
    async with robots(address) as clients:
        answers = await asyncio.gather(*map(deliver, clients, plans))
        stored = await all_of(clients[0])
    assert sorted(stored, key=int) == [str(i) for i in range(60)]
    results = [result for answer in answers for result in answer]
    assert sum(result["state"] == "stored" for result in results) == 60
    assert {result["state"] for result in results} == {"stored", "duplicate"}
    for result in results:
        kept = stored[result["id"]]
        assert result["message_id"] == kept["message_id"]
        assert result["verdict"] == kept["analysis"]["verdict"]


async def test_an_author_climbs_one_step_for_each_advert_however_they_are_delivered(address: str) -> None:
    async with robots(address, 8) as clients:
        results = await asyncio.gather(*(send(client, message(i, ADVERT)) for i, client in enumerate(clients)))
        (late,) = await send(clients[0], message("late", ADVERT))
    actions = [result["verdict"]["action"] for (result,) in results]
    assert sorted(actions) == sorted(["warn", "remove", *["block"] * 6])
    assert late["verdict"]["action"] == "block"


async def test_first_advert_warned_second_removed_third_blocked_and_forgotten_with_the_author(address: str) -> None:
    async with robots(address, 1) as (client,):
        actions = [(await send(client, message(i, ADVERT)))[0]["verdict"]["action"] for i in range(3)]
        assert actions == ["warn", "remove", "block"]
        (other,) = await send(client, message("x", ADVERT, author="somebody else"))
        assert other["verdict"]["action"] == "warn"
        assert (await client.delete("/v1/authors/qq/a")).json()["receipt"]["erased"]["strikes"] == 3
        (again,) = await send(client, message("y", ADVERT))
        assert again["verdict"]["action"] == "warn"


async def test_single_messages_on_many_connections(address: str) -> None:
    async def chat(client: httpx.AsyncClient, robot: int) -> None:
        for i in range(12):
            (result,) = await send(client, message(f"{robot}-{i}", "好", author=f"u{robot}"))
            assert result["state"] == "stored"

    async with robots(address, 32) as clients:
        await asyncio.gather(*(chat(client, robot) for robot, client in enumerate(clients)))
        assert len(await all_of(clients[0])) == 32 * 12


async def test_edits_and_deletions_in_any_order(address: str) -> None:
    written, edited = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
    first = message("1", "好", sent_at=written)
    second = message("1", ADVERT, sent_at=written, edited_at=edited)
    async with robots(address, 1) as (client,):
        (newer,) = await send(client, second)  # the edit overtook what it edits
        (older,) = await send(client, first)
        assert (newer["state"], older["state"]) == ("stored", "duplicate")
        assert older["verdict"] == newer["verdict"]
        assert (await all_of(client))["1"]["text"] == ADVERT
        await client.delete("/v1/messages/qq/2")
        (late,) = await send(client, message("2", ADVERT))
        assert late["state"] == "deleted"
        assert list(await all_of(client)) == ["1"]


@pytest.fixture
def own_server() -> Iterator[tuple[str, Any]]:
    """The URL of a server that can be stopped, and what stops and starts it."""
    initdb, pg_ctl = find_program("initdb"), find_program("pg_ctl")
    user, folder = find_user(), Path(tempfile.mkdtemp(prefix="pg-"))
    data = str(folder / "data")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"

    def control(what: str) -> None:
        if what == "start":
            run_as(user, pg_ctl, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        else:
            run_as(user, pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")

    try:
        if user:
            shutil.chown(folder, user)
        run_as(user, initdb, "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        control("start")
        yield f"postgresql://tester@/postgres?host={folder}", control
    finally:
        # It may be stopped already.
        subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "stop"], user=user, cwd="/", capture_output=True)
        shutil.rmtree(folder)


async def test_while_the_database_is_away_robots_get_503_and_afterwards_their_verdicts(own_server: Any) -> None:
    url, control = own_server
    with open_database(url) as database:
        async with serving(database) as address, robots(address, 4) as clients:
            (before,) = await send(clients[0], message("before", ADVERT))
            await asyncio.to_thread(control, "stop")
            bodies = [{"messages": [message(f"{i}-{k}", ADVERT, author=f"u{i}") for k in range(3)]} for i in range(4)]
            refused = await asyncio.gather(
                *(client.post("/v1/messages", json=body) for client, body in zip(clients, bodies, strict=True))
            )
            assert [response.status_code for response in refused] == [503] * 4
            assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
            assert (await clients[0].get("/v1/messages")).status_code == 503
            await asyncio.to_thread(control, "start")
            for client, body in zip(clients, bodies, strict=True):  # the same again, as robots do
                results = (await client.post("/v1/messages", json=body)).json()["results"]
                assert [result["state"] for result in results] == ["stored"] * 3  # nothing was half done
                assert [result["verdict"]["action"] for result in results] == ["warn", "remove", "block"]
            (again,) = await send(clients[0], message("before", ADVERT))
            assert again == before | {"state": "duplicate"}
