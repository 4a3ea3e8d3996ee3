"""Questions that are there at the same time are searched for together, which takes half of what they take alone.

Nobody waits for others to come: what one turn of the event loop has brought is searched for in the next one, and what
comes while a thread searches a larger base is searched for when it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nlp_service.knowledge.loaded import Loaded, Wish
from nlp_service.knowledge.search.searching import Ranked

AT_ONCE = 20_000
"""Wordings up to which a search takes less than it costs to hand it to a thread that fights for the interpreter."""

MOST_TOGETHER = 8
"""Questions of one search: more save little more, and whoever comes meanwhile waits for them."""

_CELLS = 400_000
"""Wordings times questions of one search: the score of each takes some bytes."""


class _Waiting(NamedTuple):
    wish: Wish
    ranked: asyncio.Future[Ranked]


class Finder:
    """Searches bases for those who wait; belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Loaded, list[_Waiting]] = {}
        # Searching is numpy's work on one core; a second thread would only wait for the first.
        self._pool = ThreadPoolExecutor(1, "knowledge-search")

    def stop(self) -> None:
        """Wait for what is being searched."""
        self._pool.shutdown()

    async def rank(self, loaded: Loaded, wish: Wish) -> Ranked:
        """Search a base together with whoever else asks it now."""
        loop = asyncio.get_running_loop()
        mine = _Waiting(wish, loop.create_future())
        if loaded in self._waiting:
            self._waiting[loaded].append(mine)
        else:
            self._waiting[loaded] = [mine]
            loop.call_soon(self._begin, loaded)
        return await mine.ranked

    def _begin(self, loaded: Loaded) -> None:
        """Search for the first of those who wait for a base."""
        n = max(1, min(MOST_TOGETHER, _CELLS // max(1, loaded.index.n_wordings)))
        first = self._waiting[loaded][:n]
        wishes = [each.wish for each in first]
        if loaded.index.n_wordings <= AT_ONCE:
            self._end(loaded, first, _rank(loaded, wishes))
        else:
            loop = asyncio.get_running_loop()
            search = loop.run_in_executor(self._pool, _rank, loaded, wishes)
            search.add_done_callback(lambda done: self._end(loaded, first, done.result()))

    def _end(self, loaded: Loaded, first: Sequence[_Waiting], results: Sequence[Ranked | Exception]) -> None:
        """Tell what was found, and go on with those who came meanwhile."""
        for each, result in zip(first, results, strict=True):
            if each.ranked.done():
                continue  # whoever asked has gone
            if isinstance(result, Exception):
                each.ranked.set_exception(result)
            else:
                each.ranked.set_result(result)
        self._waiting[loaded] = self._waiting[loaded][len(first) :]
        if self._waiting[loaded]:
            asyncio.get_running_loop().call_soon(self._begin, loaded)
        else:
            del self._waiting[loaded]


def _rank(loaded: Loaded, wishes: Sequence[Wish]) -> list[Ranked | Exception]:
    """What is found for each; if they fail together, one by one, so that one that cannot be searched fails alone."""
    try:
        return [*loaded.rank_all(wishes)]
    except Exception as error:
        if len(wishes) == 1:
            return [error]
        return [result for wish in wishes for result in _rank(loaded, [wish])]
