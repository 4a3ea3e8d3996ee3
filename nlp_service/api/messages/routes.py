"""Every path of messages and their authors, and what answers it."""

from __future__ import annotations

import asyncio

from nlp_service.api.analyze import Limits
from nlp_service.api.messages.ingest import Ingest
from nlp_service.api.messages.openapi import PART
from nlp_service.api.messages.stored import Stored
from nlp_service.api.resources import resource
from nlp_service.api.retention import Retention
from nlp_service.api.threads import Threads
from nlp_service.intake.taking import Intake, Read, RulesOf
from nlp_service.store.contributions import ContributionStore
from nlp_service.store.database import Database
from nlp_service.store.messages import MessageStore
from nlp_service.store.profiles import ProfileStore

LANES = {"sqlite": 1, "postgresql": 2}
"""Transactions at once: SQLite has one writer; with two a tenant that waits for a lock does not hold up the others."""

THREADS, MOST = 4, 256
"""Threads for what is read and removed, and how many requests may wait for one or have it."""


class MessagesRoutes:
    """The routes, and what runs behind them as long as the application does.

    Args:
        database: Where messages are; whoever opened it closes it.
        reader: The batcher; it is started and stopped by others.
        rules: What messages are judged by; started and stopped by others.
        limits: What one request may hold.
        deadline_s: Longest time that writing takes.
    """

    described = PART

    def __init__(
        self, database: Database, reader: Read, rules: RulesOf, limits: Limits, *, deadline_s: float = 10.0
    ) -> None:
        messages = MessageStore(database)
        lanes = LANES[database.dialect]
        self.intake = Intake(reader, rules, messages, ContributionStore(database), lanes=lanes, deadline_s=deadline_s)
        self._retention = Retention(database)
        self._threads = Threads("messages", threads=THREADS, most=MOST)
        ingest = Ingest(self.intake, rules, limits)
        stored = Stored(messages, ProfileStore(database), self._threads)
        self.messages = resource("/v1/messages", read="review", write="ingest", GET=stored.browse, POST=ingest.post)
        """Asked for each message, so worth a short way."""
        self.all = [
            self.messages,
            resource("/v1/messages/{message_id}", read="review", GET=stored.get),
            resource(
                "/v1/messages/{platform}/{id:path}",
                read="review",
                write="ingest",
                GET=stored.find,
                DELETE=stored.remove,
            ),
            resource(
                "/v1/authors/{platform}/{author:path}",
                read="review",
                write="admin",
                GET=stored.get_author,
                DELETE=stored.erase_author,
            ),
        ]

    async def start(self) -> None:
        """Load what the first message would have to wait for."""
        await self.intake.start()
        await self._retention.start()

    async def stop(self) -> None:
        """Finish what is being written."""
        await self._retention.stop()
        await self.intake.stop()
        await asyncio.to_thread(self._threads.close)
