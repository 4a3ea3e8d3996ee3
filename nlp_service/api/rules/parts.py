"""What the routes of rules share: what is behind them, threads for what blocks, and what requests say."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from nlp_service.api.resources import is_number
from nlp_service.api.threads import Threads
from nlp_service.errors import BadInput, NotFound
from nlp_service.moderation.rulebook import Rulebooks
from nlp_service.store.database import Database
from nlp_service.store.wordlists import MAX_NAME

QUICK_THREADS, MOST_QUICK = 4, 256
"""Threads for what takes milliseconds, and how many requests may wait for one or have it."""

MOST_LONG = 4
"""Imports, exports and comparisons at once; they share one thread, and each may hold 32 MiB."""

MOST_RUNS = 2
"""Dry runs at once; they take turns in a thread of their own."""

MAX_VERSION = 2**31 - 1
"""Numbers of versions are integers of 32 bits in PostgreSQL."""


class RuleParts:
    """What is behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        rulebooks: Followed from `start` to `stop`; messages are judged by them elsewhere too.
    """

    def __init__(self, database: Database, rulebooks: Rulebooks) -> None:
        self.database = database
        self.rulebooks = rulebooks
        self.lexicons = rulebooks.store.lexicons
        self.policies = rulebooks.store.policies
        self.quick = Threads("rules-quick", threads=QUICK_THREADS, most=MOST_QUICK)
        self.long = Threads("rules-long", threads=1, most=MOST_LONG)
        self.trials = Threads("rules-trials", threads=1, most=MOST_RUNS)

    async def start(self) -> None:
        """Follow what is changed, here and elsewhere."""
        await self.rulebooks.start()

    async def stop(self) -> None:
        """End what runs in the background."""
        await self.rulebooks.stop()
        for threads in (self.quick, self.long, self.trials):
            await asyncio.to_thread(threads.close)


def name_of_list(request: Request) -> str:
    """The list that the path names.

    Raises:
        NotFound: No list can have this name.
    """
    name: str = request.path_params["name"]
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise NotFound("there is no such list", param="name")
    return name


def query_version(request: Request, name: str) -> int | None:
    """A version of the query; None where it is missing.

    Raises:
        BadInput: It is no number.
        NotFound: Nothing has so many versions.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    if not is_number(text):
        raise BadInput(f"{name} must be the number of a version", param=name)
    if len(text) > 10 or int(text) > MAX_VERSION:
        raise NotFound("there is no such version", param=name)
    return int(text)
