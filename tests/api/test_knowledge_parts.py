from __future__ import annotations

import asyncio
import threading

import pytest

from nlp_service.api.knowledge.asked import kb_of
from nlp_service.api.threads import Threads
from nlp_service.errors import NotFound, NotReady, Overloaded


async def test_work_is_done_in_a_thread_and_raises_what_it_raises() -> None:
    def fail() -> None:
        raise ValueError("no")

    threads = Threads("test", threads=1, most=1)
    assert await threads.run(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ValueError, match="no"):
        await threads.run(fail)
    threads.close()


async def test_more_work_than_may_wait_is_refused_until_some_is_done() -> None:
    threads, go = Threads("test", threads=1, most=2), threading.Event()
    waiting = [asyncio.ensure_future(threads.run(go.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await threads.run(go.wait)
    go.set()
    assert await asyncio.gather(*waiting) == [True, True]
    assert await threads.run(go.wait)
    threads.close()


async def test_work_counts_until_it_is_done_also_when_its_caller_has_gone() -> None:
    threads, go = Threads("test", threads=1, most=1), threading.Event()
    gone = asyncio.ensure_future(threads.run(go.wait))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    with pytest.raises(Overloaded):
        await threads.run(go.wait)
    go.set()
    threads.close()


async def test_nothing_is_begun_after_the_end() -> None:
    threads = Threads("test", threads=1, most=1)
    threads.close()
    with pytest.raises(NotReady):
        await threads.run(threading.current_thread)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("shop", "shop"), ("12", 12), (12, 12), ("a12", "a12"), ("١٢", "١٢"), ("2147483647", 2147483647)],
)
def test_digits_are_an_id_and_anything_else_a_name(name: str | int, expected: str | int) -> None:
    assert kb_of(name) == expected


@pytest.mark.parametrize("name", ["", 0, "0", -1, 2**31, "2147483648", "a\0", "a\n", "a" * 101])
def test_what_no_base_can_be_called_is_not_there(name: str | int) -> None:
    with pytest.raises(NotFound):
        kb_of(name)
