"""How many requests of a key this replica may let pass now, out of the one budget that all replicas share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from nlp_service.api.threads import Threads
from nlp_service.errors import Overloaded
from nlp_service.store.rates import LEASE_S, RateStore


class Budget:
    """The share of one replica in one key's rate. Belongs to one event loop.

    Args:
        rates: Where chunks are taken from.
        threads: Where that blocks.
        key_id: Whose rate it is.
        rate_per_s, burst: As in `RateStore.take`.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        rates: RateStore,
        threads: Threads,
        key_id: int,
        rate_per_s: float,
        burst: int,
        clock: Callable[[], float],
    ) -> None:
        self._take = partial(rates.take, key_id, rate_per_s, burst)
        self._threads = threads
        self._clock = clock
        self._lock = asyncio.Lock()
        self._tokens = self._taken = 0
        self._lease_ends = 0.0
        self._none_before = 0.0

    def spend(self, now: float) -> bool:
        """Let a request pass by what is in memory; False if that does not reach."""
        if self._tokens and now < self._lease_ends:
            self._tokens -= 1
            return True
        return False

    async def take(self) -> None:
        """Let a request pass, by a new chunk if need be.

        Raises:
            Overloaded: The rate is reached; it says when there may be room again.
            NotReady: The database cannot be asked.
        """
        self._refuse_early()
        async with self._lock:
            if self.spend(self._clock()):
                return
            self._refuse_early()
            # Looked at before the database does, so that the lease ends here before it ends there.
            asked_at = self._clock()
            # As many as were spent of the last chunk, or more if it was too small: what is not spent is lost to all.
            n_spent = self._taken - self._tokens
            wanted = max(1, n_spent if self._tokens else 2 * n_spent)
            self._tokens = 0
            taken = await self._threads.run(partial(self._take, wanted))
            if not taken.tokens:
                self._none_before = asked_at + taken.wait_s
                raise self._refusal(taken.wait_s)
            self._taken, self._tokens, self._lease_ends = taken.tokens, taken.tokens - 1, asked_at + LEASE_S

    def _refuse_early(self) -> None:
        """Refuse without a look at the database while it cannot have anything."""
        wait_s = self._none_before - self._clock()
        if wait_s > 0:
            raise self._refusal(wait_s)

    def _refusal(self, wait_s: float) -> Overloaded:
        return Overloaded("the rate of the key is reached", retry_after_s=wait_s)
