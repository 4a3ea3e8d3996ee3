"""Messages are removed when they are older than their tenant keeps them; looked after in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from nlp_service.errors import ServiceError
from nlp_service.store.database import Database
from nlp_service.store.messages import MessageStore
from nlp_service.store.outbox import Outbox
from nlp_service.store.tenants import TenantStore

EVERY_S = 3_600.0
"""Time between two looks at what is too old."""

NOTICES_DAYS = 30
"""Age at which notices that were sent, given up or cancelled are removed: they quote members."""

log = logging.getLogger(__name__)


class Retention:
    """Removes what is too old, of one tenant after the other. Several replicas may do so at once.

    Args:
        database: Where messages are; whoever opened it closes it.
        every_s: Time between two looks, in seconds.
        now: Tells the time, aware.
    """

    def __init__(
        self, database: Database, *, every_s: float = EVERY_S, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._tenants = TenantStore(database)
        self._messages = MessageStore(database)
        self._outbox = Outbox(database)
        self._every_s = every_s
        self._now = now
        self._thread = ThreadPoolExecutor(1, "retention")
        self._running: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Look now, and then again and again until `stop`."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; a step that has begun is finished."""
        self._is_stopping = True
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await asyncio.to_thread(self._thread.shutdown)

    def look(self) -> int:
        """Remove what is too old now; gives how many messages that were."""
        n_removed = 0
        self._outbox.expire(self._now() - timedelta(days=NOTICES_DAYS))
        for tenant in self._tenants.list():
            days = tenant.settings.retention_days
            while days is not None and not self._is_stopping:
                older_than = self._now() - timedelta(days=days)
                # In portions, so that a stop waits for no more than one.
                removed = self._messages.expire(tenant.name, older_than, limit=5_000).messages
                n_removed += removed
                if removed < 5_000:
                    break
        return n_removed

    async def _run(self) -> None:
        while True:
            try:
                removed = await asyncio.get_running_loop().run_in_executor(self._thread, self.look)
                if removed:
                    log.info("messages_expired", extra={"fields": {"n_messages": removed}})
            except ServiceError as error:
                log.warning("what is too old could not be removed: %s", error)
            await asyncio.sleep(self._every_s)
