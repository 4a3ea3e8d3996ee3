"""What all routes of knowledge bases share: the parts behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nlp_service.api.threads import Threads
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
