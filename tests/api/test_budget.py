from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from nlp_service.api.budget import Budget
from nlp_service.api.threads import Threads
from nlp_service.errors import NotReady, Overloaded
from nlp_service.store.rates import LEASE_S, RateStore, Taken


class Store:
    """Gives what it is told to, and remembers what was wanted."""

    def __init__(self) -> None:
        self.given: list[Taken | Exception] = []
        self.wanted: list[int] = []

    def take(self, key_id: int, rate_per_s: float, burst: int, wanted: int = 1) -> Taken:
        self.wanted.append(wanted)
        given = self.given.pop(0) if self.given else Taken(wanted)
        if isinstance(given, Exception):
            raise given
        return given


class Seconds:
    """Seconds that a test moves."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest_asyncio.fixture
async def budget(store: Store, clock: Seconds) -> AsyncIterator[Budget]:
    threads = Threads("test", threads=1, most=4)
    yield Budget(cast(RateStore, store), threads, 7, 10.0, 100, clock)
    threads.close()


async def ask(budget: Budget, clock: Seconds, times: int = 1) -> None:
    for _ in range(times):
        if not budget.spend(clock.at):
            await budget.take()


async def test_chunks_grow_with_what_is_spent(budget: Budget, clock: Seconds, store: Store) -> None:
    await ask(budget, clock, 15)
    assert store.wanted == [1, 2, 4, 8]


async def test_a_chunk_that_was_too_large_is_followed_by_a_smaller_one(
    budget: Budget, clock: Seconds, store: Store
) -> None:
    await ask(budget, clock, 10)  # of the chunk of 8 three are spent
    clock.at = LEASE_S
    await ask(budget, clock)
    assert store.wanted[-1] == 3


async def test_what_is_left_of_a_chunk_is_lost_with_its_lease(budget: Budget, clock: Seconds, store: Store) -> None:
    store.given = [Taken(5)]
    await ask(budget, clock)
    clock.at = LEASE_S - 0.001
    assert budget.spend(clock.at)
    clock.at = LEASE_S
    assert not budget.spend(clock.at)


async def test_a_refusal_holds_without_another_look_until_there_may_be_room(
    budget: Budget, clock: Seconds, store: Store
) -> None:
    store.given = [Taken(0, 2.0)]
    for at in (0.0, 1.9):
        clock.at = at
        with pytest.raises(Overloaded) as caught:
            await ask(budget, clock)
        assert caught.value.retry_after_s == pytest.approx(2.0 - at)
    assert len(store.wanted) == 1
    clock.at = 2.0
    await ask(budget, clock)
    assert len(store.wanted) == 2


async def test_requests_that_wait_together_share_one_chunk(budget: Budget, clock: Seconds, store: Store) -> None:
    store.given = [Taken(20)]
    await asyncio.gather(*(ask(budget, clock) for _ in range(20)))
    assert len(store.wanted) == 1


async def test_a_database_that_is_gone_for_a_moment_is_told_and_then_asked_again(
    budget: Budget, clock: Seconds, store: Store
) -> None:
    store.given = [NotReady("gone")]
    with pytest.raises(NotReady):
        await ask(budget, clock)
    await ask(budget, clock)
    assert len(store.wanted) == 2
