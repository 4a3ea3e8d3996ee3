"""Writes replies down behind the backs of those who asked: an answer never waits for the database."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from nlp_service.errors import NotFound, ServiceError
from nlp_service.store.replies import ReplyStore, StoredReply
from nlp_service.store.salts import SaltStore
from nlp_service.telemetry import describe
from nlp_service.text.pii import mask

MOST_WAITING = 10_000
"""Replies that wait to be written: some 10 MB, and more than a minute of the busiest community."""

MOST_AT_ONCE = 500
"""Replies of one batch."""

ATTEMPTS = 3
"""How often a batch is tried while the database cannot be used."""

PAUSE_S = 0.5
"""Between two attempts."""

SETTLE_S = 5.0
"""How long `settled` and `stop` wait at the most."""

log = logging.getLogger(__name__)


class Given(NamedTuple):
    """A reply as it was given: its question is not masked yet, and `author` not hashed."""

    tenant: str
    kb: int | str
    author: str
    reply: StoredReply


class Recorder:
    """A bounded queue and the task that empties it, in batches of what is there; belongs to one event loop.

    Args:
        replies: Where replies are kept.
        salts: What hashes of authors are made with.
        dropped: Told how many replies were lost, because the queue was full or the database away for too long.
        most_waiting: Bound of the queue.
    """

    def __init__(
        self,
        replies: ReplyStore,
        salts: SaltStore,
        dropped: Callable[[int], None],
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._replies = replies
        self._salts = salts
        self._dropped = dropped
        self._most_waiting = most_waiting
        self._waiting: list[Given] = []
        self._n_put = self._n_done = 0
        self._changed = asyncio.Condition()
        self._is_awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write what waits, if that can be done soon, and end."""
        await self.settled()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        n_left = self._n_put - self._n_done
        if n_left:
            self._lose(n_left)

    def put(self, given: Given) -> None:
        """Have a reply written; it is lost if too many wait."""
        if len(self._waiting) >= self._most_waiting:
            self._lose(1)
            return
        self._waiting.append(given)
        self._n_put += 1
        self._is_awake.set()

    async def settled(self) -> None:
        """Return when what was put so far is written or lost, or after `SETTLE_S`: who reads then sees it."""
        wanted = self._n_put
        if self._n_done >= wanted:
            return
        try:
            async with asyncio.timeout(SETTLE_S), self._changed:
                await self._changed.wait_for(lambda: self._n_done >= wanted)
        except TimeoutError:
            log.warning("replies_not_settled", extra={"fields": {"n_waiting": len(self._waiting)}})

    async def _run(self) -> None:
        while True:
            await self._is_awake.wait()
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not self._waiting:
                self._is_awake.clear()
            if batch:
                for (tenant, kb), some in _by_base(batch):
                    await self._write(tenant, kb, some)
                async with self._changed:
                    self._n_done += len(batch)
                    self._changed.notify_all()

    async def _write(self, tenant: str, kb: int | str, some: Sequence[Given]) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            try:
                await asyncio.to_thread(self._record, tenant, kb, some)
                return
            except NotFound:
                return  # the base was removed, and its replies with it
            except ServiceError as error:
                failure: Exception = error
            except Exception as error:  # an edge: one batch that cannot be written must not end the task
                failure = error
                break
        log.error("replies_not_written", extra={"fields": {"n_replies": len(some)} | describe(failure)})
        self._lose(len(some))

    def _record(self, tenant: str, kb: int | str, some: Sequence[Given]) -> None:
        salt = self._salts.author_salt(tenant, kb) if any(given.author for given in some) else b""
        self._replies.record(tenant, kb, [_private(given, salt) for given in some])

    def _lose(self, n_replies: int) -> None:
        self._dropped(n_replies)


def hash_author(author: str, salt: bytes) -> str:
    """32 hexadecimal digits that tell authors apart; empty for an empty author."""
    if not author:
        return ""
    return hashlib.blake2b(author.encode("utf-8", "replace"), key=salt, digest_size=16).hexdigest()


def _by_base(batch: Sequence[Given]) -> Iterator[tuple[tuple[str, int | str], list[Given]]]:
    groups: defaultdict[tuple[str, int | str], list[Given]] = defaultdict(list)
    for given in batch:
        groups[given.tenant, given.kb].append(given)
    yield from groups.items()


def _private(given: Given, salt: bytes) -> StoredReply:
    """The reply as it may be kept. PostgreSQL takes no NUL."""
    question = mask(given.reply.question).replace("\0", "\ufffd")
    return msgspec.structs.replace(given.reply, question=question, author_hash=hash_author(given.author, salt))
