"""What the routes of incidents share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from starlette.requests import Request

from nlp_service.api.caller import caller_of
from nlp_service.api.resources import find_id
from nlp_service.api.threads import Threads
from nlp_service.duty.desk import Desk
from nlp_service.duty.keeper import Keeper
from nlp_service.duty.showing import Who
from nlp_service.duty.watching import Source, Watching
from nlp_service.store.database import Database
from nlp_service.store.incidents import IncidentStore
from nlp_service.store.watching import WatchStore

THREADS, MOST = 4, 256
"""Threads for what takes milliseconds, and how many requests may wait for one or have it."""

MAX_BODY = 2**18
"""Bytes in a body; fifty playbooks are some 60 KB."""


class IncidentParts:
    """What is behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        base_url: Address of the service as people reach it, for links in notices; empty for none.
        told: Called when something was posted.
        now: The clock.
        poll_s: How often to look for messages and alarms.
        sources: What is asked for signals that are no messages.
    """

    def __init__(
        self,
        database: Database,
        *,
        base_url: str = "",
        told: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 1.0,
        sources: Sequence[Source] = (),
    ) -> None:
        self.incidents = IncidentStore(database)
        self.watches = WatchStore(database)
        self.desk = Desk(database, now)
        self.keeper = Keeper(database, base_url=base_url, now=now)
        self.watching = Watching(self.watches, self.keeper, now=now, poll_s=poll_s, told=told, sources=sources)
        self.threads = Threads("incidents", threads=THREADS, most=MOST)

    async def start(self) -> None:
        """Begin to watch."""
        await self.watching.start()

    async def stop(self) -> None:
        """End, and keep where the watch stands."""
        await self.watching.stop()
        await asyncio.to_thread(self.threads.close)


def who_of(request: Request, name: str = "") -> Who:
    """Who acts: the caller, as they call themselves."""
    caller = caller_of(request)
    return Who(caller.tenant, caller.actor, name.strip(), "admin" in caller.scopes)


def key_of(request: Request) -> str:
    """The incident that the path names.

    Raises:
        NotFound: None can have this id.
    """
    return find_id("incident", request.path_params["incident"], 64)
