"""What the routes of notices share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from nlp_service.api.threads import Threads
from nlp_service.notify.sealing import Vault
from nlp_service.notify.sender import Sender
from nlp_service.store.database import Database
from nlp_service.store.notifying import NotifyStore
from nlp_service.store.outbox import Outbox

THREADS, MOST = 2, 128
"""Threads for what takes milliseconds, and how many requests may wait for one or have it."""


class NotifyParts:
    """What is behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        vault: Seals the secrets of channels.
        allow_private: Whether addresses of this machine and of private networks may be called.
        now: The clock.
        poll_s: How often to look for what is due.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        allow_private: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 1.0,
    ) -> None:
        self.database = database
        self.vault = vault
        self.allow_private = allow_private
        self.now = now
        self.store = NotifyStore(database)
        self.outbox = Outbox(database)
        self.sender = Sender(self.outbox, vault, allow_private=allow_private, now=now, poll_s=poll_s)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.threads = Threads("notify", threads=THREADS, most=MOST)

    async def start(self) -> None:
        """Begin to deliver."""
        self._loop = asyncio.get_running_loop()
        await self.sender.start()

    def wake_from_thread(self) -> None:
        """Let the sender look at once; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.sender.wake)

    async def stop(self) -> None:
        """End."""
        await self.sender.stop()
        await asyncio.to_thread(self.threads.close)
