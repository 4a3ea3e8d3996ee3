from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from nlp_service.errors import DeadlineExceeded, NotReady, ServiceError
from nlp_service.intake.committing import Committer


class Book:
    """Writes deliveries down; the first transaction waits until it is let go."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.go = threading.Event()
        self.begun = threading.Event()
        self.fault: Exception | None = None

    def record(self, deliveries: Sequence[str]) -> list[str]:
        self.begun.set()
        assert self.go.wait(10)
        self.written.append(list(deliveries))
        for delivery in deliveries:
            if delivery.startswith("bad"):
                raise ServiceError(f"{delivery} cannot be written")
            if delivery.startswith("bug"):
                raise KeyError(delivery)
        if self.fault:
            raise self.fault
        return [f"{delivery} done" for delivery in deliveries]


async def begun(book: Book) -> None:
    assert await asyncio.to_thread(book.begun.wait, 10)


async def test_what_waits_is_joined_into_one_transaction_in_order() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    rest = [asyncio.create_task(committer.add("t", name, 1)) for name in "bcdef"]
    await asyncio.sleep(0)
    book.go.set()
    assert await asyncio.gather(first, *rest) == [f"{name} done" for name in "abcdef"]
    assert book.written == [["a"], list("bcdef")]
    await committer.stop()


async def test_kinds_do_not_share_a_transaction() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    rest = [asyncio.create_task(committer.add(*who, 1)) for who in (("t", "b"), ("u", "c"), ("t", "d"), ("u", "e"))]
    await asyncio.sleep(0)
    book.go.set()
    await asyncio.gather(first, *rest)
    assert book.written == [["a"], ["b", "d"], ["c", "e"]]
    await committer.stop()


async def test_a_transaction_has_a_bound_and_order_is_kept() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    sizes = {"b": 300, "c": 212, "d": 1, "e": 600, "f": 1}  # b and c are 512, the bound itself
    rest = [asyncio.create_task(committer.add("t", name, size)) for name, size in sizes.items()]
    await asyncio.sleep(0)
    book.go.set()
    await asyncio.gather(first, *rest)
    assert book.written == [["a"], ["b", "c"], ["d"], ["e"], ["f"]]
    await committer.stop()


async def test_one_that_cannot_be_written_does_not_fail_the_others() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    rest = [asyncio.create_task(committer.add("t", name, 1)) for name in ("b", "bad", "bug", "c")]
    await asyncio.sleep(0)
    book.go.set()
    await first
    b, bad, bug, c = await asyncio.gather(*rest, return_exceptions=True)
    assert (b, c) == ("b done", "c done")
    assert isinstance(bad, ServiceError)
    assert isinstance(bug, KeyError)
    assert await committer.add("t", "d", 1) == "d done"  # and it goes on
    await committer.stop()


async def test_a_database_that_is_away_is_asked_once_for_all_of_them() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    rest = [asyncio.create_task(committer.add("t", name, 1)) for name in "bcd"]
    await asyncio.sleep(0)
    book.fault = NotReady("away")
    book.go.set()
    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
    assert all(isinstance(outcome, NotReady) for outcome in outcomes)
    assert len(book.written) == 2
    await committer.stop()


async def test_what_is_not_begun_in_time_is_never_written() -> None:
    book = Book()
    committer = Committer(book.record, deadline_s=0.05)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    late = asyncio.create_task(committer.add("t", "b", 1))
    outcomes = await asyncio.gather(first, late, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DeadlineExceeded, DeadlineExceeded]
    book.go.set()
    await committer.stop()
    assert book.written == [["a"]]  # it had begun, so it may be there


async def test_lanes_write_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def record(deliveries: Sequence[str]) -> list[str]:
        meeting.wait()
        return list(deliveries)

    committer = Committer(record, lanes=2)
    assert await asyncio.gather(committer.add("t", "a", 1), committer.add("u", "b", 1)) == ["a", "b"]
    await committer.stop()


async def test_at_the_end_what_is_being_written_is_finished_and_the_rest_refused() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    waiting = asyncio.create_task(committer.add("t", "b", 1))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(committer.stop())
    await asyncio.sleep(0)
    book.go.set()
    await stopping
    assert await first == "a done"
    with pytest.raises(NotReady):
        await waiting
    with pytest.raises(NotReady):
        await committer.add("t", "c", 1)
    assert book.written == [["a"]]


async def test_a_caller_who_goes_away_leaves_nothing_behind() -> None:
    book = Book()
    committer = Committer(book.record)
    first = asyncio.create_task(committer.add("t", "a", 1))
    await begun(book)
    gone = asyncio.create_task(committer.add("t", "b", 1))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    book.go.set()
    assert await first == "a done"
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        await asyncio.sleep(0.01)
    assert book.written == [["a"]]
    await committer.stop()
