"""``consume`` as it is run: with workers, a database and signals; and killed again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import typer
from redis.asyncio import Redis
from typer.testing import CliRunner

from nlp_service.cli.consuming import consume, consume_until_told
from nlp_service.errors import NotReady, ServiceError
from nlp_service.store.browsing import StoredMessage
from nlp_service.store.database import open_database
from nlp_service.store.messages import MessageStore
from nlp_service.stream.group import Place, joined
from tests.api.messages_app import ADVERT, build_reader
from tests.unit.stream.conftest import Server

REPOSITORY = Path(__file__).resolve().parents[3]
KILLS = 4

# The models of the intake's tests, in the process itself: a worker process would take longer to start than to kill.
DRIVER = """
import asyncio, sys
from redis.asyncio import Redis
from nlp_service.intake.taking import Intake
from nlp_service.store.contributions import ContributionStore
from nlp_service.store.database import open_database
from nlp_service.store.messages import MessageStore
from nlp_service.stream.consumer import Consumer
from nlp_service.stream.group import Group, Place
from tests.unit.intake.fakes import FakeRulebooks, Models

async def main(redis_url, path, name):
    with open_database(path) as database:
        intake = Intake(Models(), FakeRulebooks(), MessageStore(database), ContributionStore(database))
        group = Group(Redis.from_url(redis_url), Place("in", "g", name, batch=7, block_s=0.05, claim_after_s=0.3))
        print("consumes", flush=True)
        await Consumer(group, intake, "default").run()

asyncio.run(main(*sys.argv[1:]))
"""


async def until(look: Callable[[], Awaitable[bool]], within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not await look():
            await asyncio.sleep(0.02)


async def add(redis: Redis, number: int) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for i in range(number):
            text = ADVERT if i % 10 == 0 else "好"
            fields = {"id": str(i), "text": text, "platform": "qq", "channel": "c", "author": f"u{i % 4}"}
            pipe.xadd("in", {"message": json.dumps(fields)})
        await pipe.execute()


def stored(path: Path) -> list[StoredMessage]:
    with open_database(str(path)) as database:
        return list(MessageStore(database).browse("default", limit=1000).messages)


async def n_pending(redis: Redis) -> int:
    return int((await redis.xpending("in", "g"))["pending"])


async def test_a_stream_is_consumed_until_a_signal_says_to_stop(
    redis: Redis, redis_server: Server, tmp_path: Path
) -> None:
    await add(redis, 30)
    await redis.xadd("in", {"id": "x", "text": "no platform"})
    path = tmp_path / "m.db"
    with open_database(str(path)) as database:
        running = asyncio.create_task(
            consume_until_told(
                database, build_reader, 1, redis_server.url, Place("in", "g", "c", block_s=0.1), "default"
            )
        )

        async def is_done() -> bool:
            return bool(await redis.exists("in.dead")) and await n_pending(redis) == 0

        await until(is_done)
        os.kill(os.getpid(), signal.SIGTERM)
        counts = await asyncio.wait_for(running, 30)
    dead = await redis.xrange("in.dead")
    assert (counts.taken, counts.stored, counts.refused) == (30, 30, 1), dead
    assert len(stored(path)) == 30


@pytest.mark.timeout(300)
async def test_consumers_that_are_killed_lose_nothing_and_do_nothing_twice(
    redis: Redis, redis_server: Server, tmp_path: Path
) -> None:
    number, path, rng = 600, tmp_path / "m.db", random.Random(7)
    with open_database(str(path)):
        pass
    await add(redis, number)

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", DRIVER, redis_server.url, str(path), name]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)
        assert process.stdout
        with process.stdout:
            assert process.stdout.readline() == b"consumes\n"
        return process

    left = []
    for kill in range(KILLS):
        process = await asyncio.to_thread(start, f"c{kill}")
        time.sleep(rng.uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        left.append(await n_pending(redis) if await redis.xinfo_groups("in") else 0)
    assert any(left), "every kill came between two batches"
    last = await asyncio.to_thread(start, "last")
    try:

        async def is_done() -> bool:
            group = (await redis.xinfo_groups("in"))[0]
            return group["lag"] == 0 and group["pending"] == 0

        await until(is_done)
    finally:
        last.kill()
        last.wait()
    found = stored(path)
    assert sorted(int(one.external_id) for one in found) == list(range(number))
    assert await redis.exists("in.dead") == 0
    for author in ("u0", "u2"):  # the adverts are theirs: each is one step, however often it was delivered
        actions = [one.action for one in found[::-1] if one.author == author and one.text == ADVERT]
        assert sorted(actions) == sorted(["warn", "remove", *["block"] * (len(actions) - 2)])


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--url", "http://x"], "redis://"), (["--url", "redis://x", "--db", "mysql://x/y"], "SQLite or PostgreSQL")],
)
def test_bad_usage_is_told_in_one_line(
    options: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NLP_DATA", str(tmp_path))
    app = typer.Typer()
    app.command("consume")(consume)
    app.command("other")(lambda: None)
    done = CliRunner().invoke(app, ["consume", "--stream", "s", "--group", "g", *options])
    assert done.exit_code == 2
    assert words in done.stderr


async def test_a_server_that_does_not_answer_stops_the_start() -> None:
    with pytest.raises(NotReady) as caught:
        async with joined("redis://:secret@127.0.0.1:1/0", Place("in", "g", "c")):
            pass
    assert "secret" not in caught.value.message


async def test_what_the_server_refuses_is_told_without_its_words(redis: Redis, redis_server: Server) -> None:
    await redis.set("in", "no stream")
    with pytest.raises(ServiceError, match="ResponseError"):
        async with joined(redis_server.url, Place("in", "g", "c")) as group:
            await group.next()
