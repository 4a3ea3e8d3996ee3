"""Who asks: keys are looked up once and then known for a moment, so that a request costs microseconds.

What is known of a key holds for `GOOD_S`, counted from before it was read, so a key that was revoked anywhere stops
within that time. While it is in use it is read again every `FRESH_S` in the background, and nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import TypeVar
from urllib.parse import parse_qs

from starlette.types import Scope

from nlp_service.api.budget import Budget
from nlp_service.api.caller import ANYBODY, NOBODY, Caller
from nlp_service.api.threads import Threads
from nlp_service.errors import NotReady, ServiceError, Unauthorized
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database
from nlp_service.store.keys import USED_EVERY_S, Key, KeyStore
from nlp_service.store.keytext import MAX_KEY, visible_part
from nlp_service.store.rates import RateStore
from nlp_service.store.tenants import TenantStore

PUBLIC = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
"""Paths of every application that need no key."""

PUBLIC_BELOW = "/take/"
"""Paths that begin so need none either: what follows is a secret of its own."""

KEY_IN_QUERY = "/v1alpha1/"
"""Paths that begin so take ``?key=`` too: what calls Perspective sends it there, and nowhere else is it looked for."""

FRESH_S, GOOD_S = 0.75, 1.5
"""Age from which a known key is read again in the background, and up to which it is good without."""

REFUSED_S = 10.0
"""How long a key that was not good is refused without another look. None of them ever becomes good."""

MOST_REFUSED, MOST_KNOWN = 4_096, 16_384
"""Keys of each kind that are remembered; beyond, the oldest is forgotten."""

MOST_UNKNOWN = 512
"""Unknown keys that wait to be looked up. One thread does that, so that guessing takes nothing from known keys."""

ASK_WITHIN_S = 5.0
"""How long a request waits until its key is known."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Known:
    """A good key, on the clock of `Access`."""

    caller: Caller
    budget: Budget | None
    fresh_until: float
    good_until: float


class Access:
    """Finds out who asks. Belongs to one event loop.

    Args:
        database: Where keys are; whoever opened it closes it.
        is_open: Whether no keys are asked for: everybody may do everything then.
        public: Paths that need no key.
        clock: Seconds that only grow.
        now: The time that keys expire by.

    Attributes:
        database, is_open, public: As given.
        keys, tenants, audit: What the routes of keys and tenants read and write.
        threads: Where they block.
    """

    def __init__(
        self,
        database: Database,
        *,
        is_open: bool = False,
        public: Collection[str] = PUBLIC,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.database = database
        self.is_open = is_open
        self.public = frozenset(public)
        self.keys = KeyStore(database, now)
        self.tenants = TenantStore(database)
        self.audit = AuditStore(database)
        self.threads = Threads("access-routes", threads=2, most=64)
        self._rates = RateStore(database)
        self._clock, self._now = clock, now
        self._known: dict[bytes, _Known] = {}
        self._refused: dict[bytes, float] = {}
        self._asking: dict[bytes, asyncio.Task[_Known | None]] = {}
        self._budgets: dict[int, Budget] = {}
        self._marking: set[asyncio.Task[None]] = set()
        self._unknown = Threads("access-unknown", threads=1, most=MOST_UNKNOWN)
        self._again = Threads("access-again", threads=1, most=MOST_KNOWN)
        self._taking = Threads("access-rates", threads=2, most=256)
        self._using = Threads("access-used", threads=1, most=64)

    async def identify(self, scope: Scope) -> Caller:
        """Who sends a request, before anything of its body is read.

        Raises:
            Unauthorized: It has no key, or one that is not good now.
            Overloaded: The key's rate is reached, or too many unknown keys are being looked up.
            NotReady: The database cannot be asked.
        """
        if self.is_open:
            return ANYBODY
        if scope["path"] in self.public or scope["path"].startswith(PUBLIC_BELOW):
            return NOBODY
        shown = _shown(scope)
        # Not the key itself, so that no copy of the memory gives it away.
        digest, now = sha256(shown).digest(), self._clock()
        known = self._known.get(digest)
        if known is None or now >= known.good_until:
            known = await self._look_up(shown, digest)
            now = self._clock()
        elif now >= known.fresh_until:
            self._ask(shown, digest, self._again)
        budget = known.budget
        if budget is not None and not budget.spend(now):
            await budget.take()
        return known.caller

    def forget(self, key_id: int) -> None:
        """Look a key up again with the next request that shows it, because it was changed here."""
        self._budgets.pop(key_id, None)
        self._known = {digest: one for digest, one in self._known.items() if one.caller.key_id != key_id}

    async def stop(self) -> None:
        """End what runs in the background."""
        for threads in (self.threads, self._unknown, self._again, self._taking, self._using):
            await asyncio.to_thread(threads.close)

    async def _look_up(self, shown: bytes, digest: bytes) -> _Known:
        if visible_part(shown.decode("latin-1")) is None or self._clock() < self._refused.get(digest, 0.0):
            raise _not_good()
        threads = self._again if digest in self._known else self._unknown
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                known = await asyncio.shield(self._ask(shown, digest, threads))
        except TimeoutError as error:
            raise NotReady("keys cannot be looked up now") from error
        if known is None:
            raise _not_good()
        return known

    def _ask(self, shown: bytes, digest: bytes, threads: Threads) -> asyncio.Task[_Known | None]:
        """Read a key; once for all requests that show it meanwhile."""
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._read(shown, digest, threads))
            task.add_done_callback(partial(self._done, digest))
        return task

    def _done(self, digest: bytes, task: asyncio.Task[_Known | None]) -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # looked at, because nobody may wait for it

    async def _read(self, shown: bytes, digest: bytes, threads: Threads) -> _Known | None:
        started = self._clock()
        key = await threads.run(partial(self.keys.authenticate, shown.decode("latin-1")))
        self._known.pop(digest, None)
        if key is None:
            _remember(self._refused, digest, started + REFUSED_S, MOST_REFUSED)
            return None
        good_until = started + GOOD_S
        if key.expires_at is not None:
            good_until = min(good_until, self._clock() + (key.expires_at - self._now()).total_seconds())
        scopes = frozenset(key.scopes)
        caller = Caller(key.tenant, f"key:{key.prefix}", scopes, key.id)
        known = _Known(caller, self._budget_of(key), started + FRESH_S, good_until)
        _remember(self._known, digest, known, MOST_KNOWN)
        self._mark_used(key)
        return known

    def _budget_of(self, key: Key) -> Budget | None:
        if key.rate_per_s is None or key.burst is None:
            return None
        budget = self._budgets.get(key.id)
        if budget is None:
            budget = Budget(self._rates, self._taking, key.id, key.rate_per_s, key.burst, self._clock)
            _remember(self._budgets, key.id, budget, MOST_KNOWN)
        return budget

    def _mark_used(self, key: Key) -> None:
        """Write down that a key is used. In a thread of its own: on SQLite it may have to wait for other writers."""
        now = self._now()
        if key.used_at is not None and (now - key.used_at).total_seconds() < USED_EVERY_S:
            return

        async def mark() -> None:
            with contextlib.suppress(ServiceError):  # the next look at the key tries again
                await self._using.run(partial(self.keys.mark_used, key.id, now))

        task = asyncio.create_task(mark())
        self._marking.add(task)
        task.add_done_callback(self._marking.discard)


def _shown(scope: Scope) -> bytes:
    """The key that a request shows, of a form that keys have.

    Raises:
        Unauthorized: There is none.
    """
    shown: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, shown = value.partition(b" ")
            if scheme.lower() != b"bearer":
                raise Unauthorized("a key is shown as Authorization: Bearer KEY")
            break
    if shown is None and scope["path"].startswith(KEY_IN_QUERY):
        keys = parse_qs(scope["query_string"]).get(b"key")
        shown = keys[0] if keys else None
    if shown is None:
        raise Unauthorized("a key is needed: Authorization: Bearer KEY")
    if len(shown) > MAX_KEY:
        raise _not_good()
    return shown


def _not_good() -> Unauthorized:
    return Unauthorized("the key is not good")


def _remember(known: dict[K, V], name: K, value: V, most: int) -> None:
    if len(known) >= most and name not in known:
        del known[next(iter(known))]
    known[name] = value
