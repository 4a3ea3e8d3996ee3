"""Who is let in, for how long, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nlp_service.api import access as access_module
from nlp_service.api.access import FRESH_S, GOOD_S, Access
from nlp_service.api.caller import ANYBODY, NOBODY, Caller
from nlp_service.errors import NotReady, Overloaded, Unauthorized
from nlp_service.store.database import Database, open_database
from nlp_service.store.keys import Issued, Key, KeyStore, Wanted

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
UNKNOWN = "nlp_abcdefgh_" + "a" * 40


class Clock:
    """Seconds that a test moves; as a time after `BEGIN` too."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.at)


class CountedKeys(KeyStore):
    """Counts look-ups, and fails while the database is gone."""

    n_looks = 0
    is_gone = False

    def authenticate(self, secret: str) -> Key | None:
        self.n_looks += 1
        if self.is_gone:
            raise NotReady("the database cannot be used now")
        return super().authenticate(secret)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "access.db")) as database:
        yield database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> CountedKeys:
    return CountedKeys(database, clock.now)


@pytest_asyncio.fixture
async def access(database: Database, clock: Clock, store: CountedKeys) -> AsyncIterator[Access]:
    access = Access(database, clock=clock, now=clock.now)
    access.keys = store
    yield access
    await access.stop()


def make(database: Database, *scopes: str, **wanted: Any) -> Issued:
    return KeyStore(database, lambda: BEGIN).create("default", Wanted("robot", scopes or ("analyze",), **wanted))


def shown(key: str | None, path: str = "/v1/analyze", query: str = "") -> dict[str, Any]:
    headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
    return {"type": "http", "path": path, "headers": headers, "query_string": query.encode()}


async def settled(access: Access) -> None:
    """Until nothing is looked up in the background."""
    while access._asking:
        await asyncio.sleep(0.005)


async def test_a_good_key_tells_whose_it_is_and_what_it_may(access: Access, database: Database) -> None:
    issued = make(database, "ingest", "analyze")
    caller = await access.identify(shown(issued.secret))
    assert caller == Caller("default", f"key:{issued.key.prefix}", frozenset({"analyze", "ingest"}), issued.key.id)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Bearer \xff\xfe")],
        [(b"authorization", b"Bearer " + b"a" * 100_000)],
        [(b"authorization", UNKNOWN.encode())],
        [(b"authorization", b"Basic " + UNKNOWN.encode())],
        [(b"authorization", b"Bearer " + UNKNOWN.encode())],
    ],
)
async def test_what_is_no_good_key_is_refused(access: Access, headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Unauthorized):
        await access.identify(shown(None) | {"headers": headers})


async def test_a_key_is_looked_for_in_one_place_only(access: Access, database: Database) -> None:
    secret = make(database).secret
    with pytest.raises(Unauthorized):
        await access.identify(shown(None) | {"headers": [(b"x-api-key", secret.encode())]})
    with pytest.raises(Unauthorized):
        await access.identify(shown(None, query=f"key={secret}"))
    assert await access.identify(shown(None, "/v1alpha1/comments:analyze", f"a=b&key={secret}"))
    with pytest.raises(Unauthorized):
        await access.identify(shown(None, "/v1alpha1/comments:analyze", "a=b"))


async def test_public_paths_are_for_nobody_in_particular(access: Access) -> None:
    assert await access.identify(shown(None, "/healthz")) is NOBODY
    assert await access.identify(shown(UNKNOWN, "/metrics")) is NOBODY
    with pytest.raises(Unauthorized):
        await access.identify(shown(None, "/healthz/"))


async def test_where_no_keys_are_asked_for_everybody_may_do_everything(database: Database) -> None:
    access = Access(database, is_open=True)
    assert await access.identify(shown(None)) is ANYBODY
    await access.stop()


async def test_a_known_key_costs_no_look_at_the_database(
    access: Access, database: Database, store: CountedKeys
) -> None:
    secret = make(database).secret
    for _ in range(50):
        await access.identify(shown(secret))
    assert store.n_looks == 1


async def test_many_requests_with_a_new_key_look_once(access: Access, database: Database, store: CountedKeys) -> None:
    secret = make(database).secret
    callers = await asyncio.gather(*(access.identify(shown(secret)) for _ in range(20)))
    assert len(set(callers)) == 1
    assert store.n_looks == 1


async def test_a_key_that_another_replica_revoked_stops_within_two_seconds(
    access: Access, database: Database, clock: Clock
) -> None:
    issued = make(database)
    await access.identify(shown(issued.secret))
    KeyStore(database).revoke("default", issued.key.id)
    clock.at = GOOD_S
    assert clock.at <= 2
    with pytest.raises(Unauthorized):
        await access.identify(shown(issued.secret))


async def test_a_key_in_use_is_read_again_while_nobody_waits(
    access: Access, database: Database, clock: Clock, store: CountedKeys
) -> None:
    issued = make(database)
    await access.identify(shown(issued.secret))
    clock.at = FRESH_S
    await access.identify(shown(issued.secret))  # answered from memory
    await settled(access)
    assert store.n_looks == 2
    clock.at = GOOD_S  # of the first look; the second one holds on
    await access.identify(shown(issued.secret))
    KeyStore(database).revoke("default", issued.key.id)
    await settled(access)
    clock.at = 2 * GOOD_S
    with pytest.raises(Unauthorized):
        await access.identify(shown(issued.secret))


async def test_a_key_ends_when_it_expires_whatever_is_remembered(
    access: Access, database: Database, clock: Clock
) -> None:
    secret = make(database, expires_at=BEGIN + timedelta(seconds=0.5)).secret
    clock.at = 0.499
    await access.identify(shown(secret))
    clock.at = 0.5
    with pytest.raises(Unauthorized):
        await access.identify(shown(secret))


async def test_a_key_that_was_changed_here_is_read_again_at_once(access: Access, database: Database) -> None:
    issued = make(database)
    await access.identify(shown(issued.secret))
    KeyStore(database).revoke("default", issued.key.id)
    access.forget(issued.key.id)
    with pytest.raises(Unauthorized):
        await access.identify(shown(issued.secret))


async def test_the_same_wrong_key_is_looked_up_once_and_a_broken_one_never(access: Access, store: CountedKeys) -> None:
    for key in (UNKNOWN, "s3cret") * 10:
        with pytest.raises(Unauthorized):
            await access.identify(shown(key))
    assert store.n_looks == 1


async def test_guessing_fills_no_memory(
    access: Access, database: Database, store: CountedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_module, "MOST_REFUSED", 5)
    good = make(database).secret
    await access.identify(shown(good))
    for number in range(20):
        with pytest.raises(Unauthorized):
            await access.identify(shown(f"nlp_{number:08}_" + "a" * 40))
    assert len(access._refused) == 5
    n_looks = store.n_looks
    await access.identify(shown(good))
    assert store.n_looks == n_looks


async def test_many_guesses_at_once_are_put_off_and_known_keys_go_on(
    access: Access, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = make(database).secret
    await access.identify(shown(good))
    guesses = [access.identify(shown(f"nlp_{number:08}_" + "a" * 40)) for number in range(1_000)]
    answers = asyncio.gather(*guesses, return_exceptions=True)
    await asyncio.sleep(0)
    await access.identify(shown(good))
    kinds = [type(answer) for answer in await answers]
    assert set(kinds) == {Overloaded, Unauthorized}
    assert kinds.count(Unauthorized) == access_module.MOST_UNKNOWN


async def test_without_the_database_a_key_is_good_for_a_moment_then_503_and_then_again(
    access: Access, database: Database, clock: Clock, store: CountedKeys
) -> None:
    secret = make(database).secret
    await access.identify(shown(secret))
    store.is_gone = True
    clock.at = GOOD_S - 0.01
    await access.identify(shown(secret))
    await settled(access)
    clock.at = GOOD_S
    with pytest.raises(NotReady):
        await access.identify(shown(secret))
    store.is_gone = False
    await access.identify(shown(secret))


async def test_use_is_written_down(access: Access, database: Database, clock: Clock) -> None:
    issued = make(database)
    clock.at = 5.0
    await access.identify(shown(issued.secret))
    while access._marking:
        await asyncio.sleep(0.005)
    assert KeyStore(database).get("default", issued.key.id).used_at == BEGIN + timedelta(seconds=5)


async def test_more_requests_than_the_rate_are_refused_with_a_time(access: Access, database: Database) -> None:
    secret = make(database, rate_per_s=0.5, burst=3).secret
    for _ in range(3):
        await access.identify(shown(secret))
    with pytest.raises(Overloaded) as caught:
        await access.identify(shown(secret))
    assert 1 < caught.value.retry_after_s <= 2


async def test_two_replicas_share_one_rate(database: Database) -> None:
    secret = make(database, rate_per_s=0.001, burst=40).secret
    replicas = [Access(database, now=lambda: BEGIN) for _ in range(2)]
    asked = [replica.identify(shown(secret)) for _ in range(60) for replica in replicas]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, Caller) for answer in answers) <= 40
    # What one holds when the other is refused it may still spend itself.
    for replica in replicas:
        answers += await asyncio.gather(*(replica.identify(shown(secret)) for _ in range(40)), return_exceptions=True)
    assert 36 <= sum(isinstance(answer, Caller) for answer in answers) <= 40
    for replica in replicas:
        await replica.stop()
