"""Threads for what blocks, such as a database, with a bound for what waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nlp_service.errors import NotReady, Overloaded

T = TypeVar("T")


class Threads:
    """A few threads, and a bound for what waits for them.

    Args:
        name: As debuggers show it.
        threads: How many.
        most: Calls that may run or wait.
    """

    def __init__(self, name: str, *, threads: int, most: int) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._most = most
        self._n_taken = 0
        self._is_closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """Do something that blocks; raises what it raises.

        Raises:
            Overloaded: Too many wait already.
            NotReady: The service is shutting down.
        """
        if self._is_closed:
            raise NotReady("the service is shutting down")
        if self._n_taken >= self._most:
            raise Overloaded(f"{self._n_taken} requests of this kind are being worked on", retry_after_s=1.0)
        self._n_taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # Counted as long as it runs: a caller who has gone does not end the thread.
        future.add_done_callback(self._give_back)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Wait for what runs; what still waits is given up."""
        self._is_closed = True
        self._pool.shutdown(cancel_futures=True)

    def _give_back(self, future: asyncio.Future[T]) -> None:
        self._n_taken -= 1
        if not future.cancelled():
            future.exception()  # looked at, so that one of a caller who has gone is not reported as forgotten
