"""What all routes of knowledge bases share: the parts behind them, and threads for what blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from nlp_service.errors import NotReady, Overloaded
from nlp_service.knowledge.assistant import Assistant
from nlp_service.knowledge.entries import fold
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.words import WordField
from nlp_service.store.database import Database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.replies import ReplyStore
from nlp_service.store.salts import SaltStore
from nlp_service.store.usage import UsageStore

if TYPE_CHECKING:
    from nlp_service.knowledge.generation import Generator

QUICK_THREADS, MOST_QUICK = 4, 256
"""Threads for what takes milliseconds, and how many requests may wait for one or have it."""

MOST_LONG = 4
"""Imports, exports and comparisons of a whole base at once; they share one thread, and each may hold 64 MiB."""

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


class Knowledge:
    """The parts behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        model: The search model.
        poll_s: Time between two looks at what is published, in seconds.
        generator: Phrases replies; closed at the end. None: the written answers are given.
    """

    def __init__(
        self, database: Database, model: SearchModel, *, poll_s: float = 1.0, generator: Generator | None = None
    ) -> None:
        self.store = KnowledgeStore(database)
        self.replies = ReplyStore(database)
        self.usage = UsageStore(database)
        self.salts = SaltStore(database)
        self.assistant = Assistant(self.store, model, poll_s=poll_s)
        self.quick = Threads("knowledge-quick", threads=QUICK_THREADS, most=MOST_QUICK)
        self.long = Threads("knowledge-long", threads=1, most=MOST_LONG)
        self.model = model
        self.generator = generator

    def vectors_of(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Mean word vectors of texts, of unit length, zero where no word is known; (n, dim)."""
        return WordField(self.model.words(fold(texts))).means(self.model.table)

    async def start(self) -> None:
        """Follow what is published, here and elsewhere."""
        await self.assistant.start()

    async def stop(self) -> None:
        """End what runs in the background."""
        await self.assistant.stop()
        for threads in (self.quick, self.long):
            await asyncio.to_thread(threads.close)
        if self.generator is not None:
            await self.generator.aclose()
