from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from nlp_service.store.database import Database
from nlp_service.store.keys import KeyStore, Wanted
from nlp_service.store.rates import LEASE_S, RateStore, Taken

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    """Seconds that a test moves, as a time and as a number."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> datetime:
        return BEGIN + timedelta(seconds=self.at)


class Replica:
    """Lets requests pass by chunks of a size, on the clock of the test."""

    def __init__(
        self, database: Database, key_id: int, rate: float, burst: int, clock: Clock, chunk: int = 100
    ) -> None:
        self._store = RateStore(database, clock)
        self._key = (key_id, rate, burst, chunk)
        self._clock = clock
        self._tokens, self._ends = 0, 0.0
        self.n_writes = 0

    def ask(self) -> bool:
        if not self._tokens or self._clock.at >= self._ends:
            self._tokens, self._ends = self._store.take(*self._key).tokens, self._clock.at + LEASE_S
            self.n_writes += 1
        if not self._tokens:
            return False
        self._tokens -= 1
        return True


@pytest.fixture
def key_id(database: Database) -> int:
    return KeyStore(database).create("default", Wanted("robot", ("analyze",), 10.0)).key.id


def most_in_any_window(passed: list[float], rate: float) -> float:
    """The largest surplus over ``rate * t`` between any two of the times; they are sorted."""
    # passed[j] - passed[i] seconds hold j - i + 1 requests.
    worst, lowest = 0.0, float("inf")
    for place, at in enumerate(passed):
        lowest = min(lowest, place - rate * at)
        worst = max(worst, place + 1 - rate * at - lowest)
    return worst


def test_what_was_rested_for_comes_at_once_and_then_the_rate(database: Database, key_id: int) -> None:
    clock = Clock()
    replica = Replica(database, key_id, 10.0, 20, clock)
    assert [replica.ask() for _ in range(21)] == [True] * 20 + [False]
    for _ in range(20):  # two seconds, asked just before and just after each token comes
        clock.at += 0.0975
        assert not replica.ask()
        clock.at += 0.0026
        assert replica.ask()


def test_who_rests_for_long_has_no_more_than_the_burst(database: Database, key_id: int) -> None:
    clock = Clock()
    replica = Replica(database, key_id, 10.0, 20, clock)
    assert replica.ask()
    clock.at += 3600
    assert sum(replica.ask() for _ in range(30)) == 20


def test_a_refusal_says_when_there_may_be_one(database: Database, key_id: int) -> None:
    clock = Clock()
    store = RateStore(database, clock)
    assert store.take(key_id, 0.5, 1) == Taken(1)
    clock.at += 0.5
    assert store.take(key_id, 0.5, 1) == Taken(0, 1.5)
    clock.at += 1.5
    assert store.take(key_id, 0.5, 1) == Taken(1)


def test_a_clock_that_goes_back_gives_nothing(database: Database, key_id: int) -> None:
    clock = Clock()
    store = RateStore(database, clock)
    assert store.take(key_id, 10.0, 1) == Taken(1)
    clock.at -= 3600
    assert store.take(key_id, 10.0, 1).tokens == 0
    clock.at += 3600.0
    assert store.take(key_id, 10.0, 1).tokens == 0


@pytest.mark.parametrize(("rate", "burst"), [(50.0, 50), (50.0, 8), (3.0, 1), (200.0, 400)])
def test_two_replicas_never_let_more_pass_than_the_rate(
    database: Database, key_id: int, rate: float, burst: int
) -> None:
    clock, rng = Clock(), random.Random(burst)
    replicas = [Replica(database, key_id, rate, burst, clock) for _ in range(2)]
    passed, n_asked = [], 0
    while n_asked < 300:
        # Bursts at one replica or both, and rests in which chunks are left over and end.
        for _ in range(rng.choice((1, 3, burst))):
            n_asked += 1
            if rng.choice(replicas).ask():
                passed.append(clock.at)
        clock.at += rng.choice((0.0, 0.001, 0.3 / rate, 3 / rate, 0.9 * LEASE_S, 1.5 * LEASE_S))
    assert most_in_any_window(passed, rate) <= burst + 1e-5


def test_two_replicas_that_are_always_asked_share_the_whole_rate(database: Database, key_id: int) -> None:
    clock = Clock()
    replicas = [Replica(database, key_id, 40.0, 40, clock) for _ in range(2)]
    n_passed = 0
    for _ in range(60):  # three seconds
        n_passed += sum(replica.ask() for replica in replicas * 2)
        clock.at += 0.05
    assert 40 + 0.9 * 3 * 40 <= n_passed <= 40 + 3 * 40


def test_most_requests_cost_no_write(database: Database, key_id: int) -> None:
    clock = Clock()
    replica = Replica(database, key_id, 100.0, 100, clock)
    for _ in range(500):
        assert replica.ask()
        clock.at += 0.01
    assert replica.n_writes <= 25


def test_replicas_at_the_same_time_take_every_token_once(database: Database, key_id: int) -> None:
    clock = Clock()
    barrier = threading.Barrier(4)

    def drain(_: int) -> int:
        store, n = RateStore(database, clock), 0
        barrier.wait()
        while taken := store.take(key_id, 10.0, 40, 3).tokens:
            n += taken
        return n

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(drain, range(4))) == 40


def test_the_real_clock_of_the_database_fills_the_bucket(database: Database, key_id: int) -> None:
    store = RateStore(database)
    assert store.take(key_id, 20.0, 1) == Taken(1)
    began = time.monotonic()
    while not store.take(key_id, 20.0, 1).tokens:
        time.sleep(0.005)
        assert time.monotonic() - began < 10
    assert time.monotonic() - began > 0.04  # a twentieth of a second, less what the first take took
