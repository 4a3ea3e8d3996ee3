"""The rules of all tenants in memory, followed while they are changed in the database.

Every replica asks twice a second which tenants have changed something, reads that aside in a thread, and swaps it by
one assignment: a message is judged by one state throughout. What cannot be read leaves the state before it in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nlp_service.errors import BadInput, NotFound, NotReady, ServiceError
from nlp_service.moderation.rules import Rules, RuleStore

__all__ = ["RuleStore", "Rulebooks", "Rules"]

POLL_S = 0.5
"""Time between two looks. With a second and a half to build 100,000 words, a change is seen within two seconds."""

RETRY_S = 30.0
"""Time after which rules that could not be read are tried again although nothing was changed since."""

logger = logging.getLogger(__name__)


class Rulebooks:
    """Holds the rules of every tenant that was asked for. One a process; belongs to one event loop.

    Args:
        store: Where they are.
        poll_s: Time between two looks at what was changed, in seconds.
        on_failure: Told whenever rules could not be read again.
    """

    def __init__(
        self, store: RuleStore, *, poll_s: float = POLL_S, on_failure: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._poll_s = poll_s
        self._on_failure = on_failure
        self._held: dict[str, Rules] = {}
        self._first: dict[str, asyncio.Task[Rules]] = {}
        self._broken: dict[str, _Broken] = {}
        self._wanted = asyncio.Event()
        # First looks have a thread of their own: a request waits for them, and a large list takes a second.
        self._reading = ThreadPoolExecutor(1, "rules-first")
        self._refreshing = ThreadPoolExecutor(1, "rules-follow")
        self._following: asyncio.Task[None] | None = None

    @property
    def store(self) -> RuleStore:
        """Where the rules are."""
        return self._store

    async def start(self) -> None:
        """Follow what is changed until `stop`."""
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following, and wait for what is being done."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        for pool in (self._reading, self._refreshing):
            await asyncio.to_thread(pool.shutdown)

    async def of(self, tenant: str) -> Rules:
        """The rules of a tenant; read the first time, once however many ask.

        Raises:
            NotFound: There is no such tenant.
            NotReady: They were never read, and cannot be now.
        """
        held = self._held.get(tenant)
        if held is not None:
            return held
        task = self._first.get(tenant)
        if task is None:
            task = self._first[tenant] = asyncio.create_task(self._read_first(tenant))
            task.add_done_callback(_look_at)
        # Shielded: others wait for the same.
        return await asyncio.shield(task)

    def look(self) -> None:
        """Look for changes at once, as one of them was made here."""
        self._wanted.set()

    def status(self) -> dict[str, int]:
        """Tenants and words that are held in memory."""
        return {"tenants": len(self._held), "words": sum(rules.n_words for rules in self._held.values())}

    async def _read_first(self, tenant: str) -> Rules:
        loop = asyncio.get_running_loop()
        try:
            rules = self._held[tenant] = await loop.run_in_executor(self._reading, self._store.read, tenant)
            return rules
        except BadInput as error:
            raise NotReady("a stored policy is for another version of the service") from error
        finally:
            del self._first[tenant]

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # Not wait_for: in Python 3.11 it forgets that it was cancelled if the event comes at the same moment.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await loop.run_in_executor(self._refreshing, self._refresh)
            except Exception as error:
                # An edge: the database may be away for a while, and nothing must end the looking. What is held goes on
                # deciding. A foreign error is told by its type, since its message could quote a document.
                what = error if isinstance(error, ServiceError) else type(error).__name__
                logger.warning("what was changed in the rules could not be looked up: %s", what)

    def _refresh(self) -> None:
        """Read again what has changed, and let go of tenants that are no more."""
        versions = self._store.versions()
        for tenant, held in list(self._held.items()):
            version = versions.get(tenant)
            if version is None:
                del self._held[tenant]
            elif version != held.version and not self._is_known_broken(tenant, version):
                self._read_again(tenant, version, held)

    def _read_again(self, tenant: str, version: int, held: Rules) -> None:
        """Take the new state of one tenant, or keep the old: what is wrong with one must not hold up the others."""
        try:
            self._held[tenant] = self._store.read(tenant, held)
            self._broken.pop(tenant, None)
        except NotFound:
            return  # removed meanwhile: the next look sees that
        except NotReady:
            raise  # the same for all of them, and over as soon as the database is back
        except Exception as error:
            # Policies are documents that another version may have written. The type alone: a message could quote them.
            self._broken[tenant] = _Broken(version, time.monotonic() + RETRY_S)
            self._on_failure()
            logger.warning("rules were not read again, their old state decides: %s", type(error).__name__)

    def _is_known_broken(self, tenant: str, version: int) -> bool:
        broken = self._broken.get(tenant)
        return broken is not None and broken.version == version and time.monotonic() < broken.retry_at


def _look_at(task: asyncio.Task[Rules]) -> None:
    """Look at how a task ended, so that one whose callers have all gone is not reported as forgotten."""
    if not task.cancelled():
        task.exception()


class _Broken(NamedTuple):
    version: int
    retry_at: float
