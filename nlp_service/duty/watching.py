"""The watch of a running service: one replica follows the stored messages, and another goes on where it stopped."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from nlp_service.crisis.sightings import Origin, Sighting, see
from nlp_service.crisis.watch import Watch
from nlp_service.duty.keeper import Keeper
from nlp_service.duty.signals import Signal, Signals
from nlp_service.errors import BadInput, ServiceError
from nlp_service.store.watching import Standing, WatchedMessage, WatchStore

NAME = "messages"
"""Of the one watch there is."""

LEASE_S = 15.0
"""For how long a replica that says nothing is still taken for the one who watches."""

SAVE_S = 30.0
"""How often the state is kept; what came since is read again after a crash, and gives the same incidents."""

AT_ONCE = 2_000
"""Messages that are read together."""

OVERLAP = 5_000
"""Messages that are looked at again: transactions end in another order than they take numbers."""

ASK_S = 60.0
"""How often sources are asked."""

Source = Callable[[datetime], list[Signal]]

logger = logging.getLogger(__name__)


class Watching:
    """Follows messages, keeps incidents, rings clocks.

    Args:
        store: Messages, and where the watch stands.
        keeper: Writes what is seen.
        now: The clock.
        poll_s: How often to look for messages and for alarms.
        told: Called when something was posted, so that it goes out at once.
        sources: What is asked about once a minute for signals that are no messages.
    """

    def __init__(
        self,
        store: WatchStore,
        keeper: Keeper,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 1.0,
        told: Callable[[], None] = lambda: None,
        sources: Sequence[Source] = (),
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._now = now
        self._poll_s = poll_s
        self._told = told
        self._sources = tuple(sources)
        self._signals, self._asked = Signals(), 0.0
        self._worker = secrets.token_hex(8)
        self._watch: Watch | None = None
        self._up_to = 0
        self._recent: dict[int, None] = {}
        self._saved = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_watching(self) -> bool:
        """Whether this replica is the one who watches."""
        return self._watch is not None

    async def start(self) -> None:
        """Begin to watch, or to wait until nobody else does."""
        self._task = asyncio.create_task(self._run(), name="watching")

    async def stop(self) -> None:
        """Keep where the watch stands, and leave it to others."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        await asyncio.to_thread(self._leave)

    async def _run(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                await asyncio.to_thread(self.look)
            except ServiceError as error:
                logger.warning("the watch waits: %s", error.message)
            except Exception as error:
                # The state may be half-way through a batch; what was kept is whole.
                self._watch = None
                logger.error("the watch begins again from what it kept: %s", type(error).__name__)
            await asyncio.sleep(max(0.05, self._poll_s - (time.monotonic() - begun)))

    def look(self) -> int:
        """Read what is new, write what follows, ring what is due; gives how many notices were posted. Blocks."""
        n_posted = self._keeper.ring()
        now = self._now()
        standing = self._store.claim(NAME, self._worker, now, LEASE_S)
        if standing is None:
            self._watch = None
        else:
            if self._watch is None:
                self._begin(standing)
            n_posted += self._read(now)
        if n_posted:
            self._told()
        return n_posted

    def _begin(self, standing: Standing) -> None:
        self._watch, self._up_to, self._recent = Watch(), standing.up_to, {}
        self._saved = time.monotonic()
        if standing.state is None:
            return
        try:
            self._watch = Watch.from_state(standing.state)
        except BadInput as error:
            # A newer version reads its own state alone. What is open stays stored; the baseline warms up again.
            logger.error("the watch begins without what it knew: %s", error.message)

    def _read(self, now: datetime) -> int:
        assert self._watch is not None
        n_posted = 0
        for sightings in self._batches():
            n_posted += self._keeper.apply(self._watch.feed(sightings))
        n_posted += self._keeper.apply(self._watch.pass_time(now))
        n_posted += self._ask(now)
        if time.monotonic() - self._saved >= SAVE_S:
            self._save(now)
        return n_posted

    def _ask(self, now: datetime) -> int:
        if self._asked and time.monotonic() - self._asked < ASK_S:
            return 0
        self._asked = time.monotonic()
        heard = [signal for source in self._sources for signal in source(now)]
        return self._keeper.apply(self._signals.hear(heard, now))

    def _batches(self) -> Iterator[list[Sighting]]:
        after = max(0, self._up_to - OVERLAP) if self._recent else self._up_to
        while True:
            some = self._store.messages_after(after, AT_ONCE)
            new = [message for message in some if message.id not in self._recent]
            for message in new:
                self._recent[message.id] = None
            if new:
                yield [_sighting(message) for message in new]
            if some:
                after = some[-1].id
                self._up_to = max(self._up_to, after)
            self._forget()
            if len(some) < AT_ONCE:
                return

    def _forget(self) -> None:
        lowest = self._up_to - 2 * OVERLAP
        if len(self._recent) > 4 * OVERLAP:
            self._recent = {number: None for number in self._recent if number > lowest}

    def _save(self, now: datetime) -> None:
        assert self._watch is not None
        # What is looked at again after a crash is known to the state by its name.
        up_to = max(0, self._up_to - OVERLAP)
        if not self._store.save(NAME, self._worker, up_to, self._watch.state(), now, LEASE_S):
            self._watch = None
        self._saved = time.monotonic()

    def _leave(self) -> None:
        try:
            if self._watch is not None:
                self._save(self._now())
            self._store.release(NAME, self._worker)
        except ServiceError as error:
            logger.warning("the watch could not keep where it stands: %s", error.message)


def _sighting(message: WatchedMessage) -> Sighting:
    origin = Origin(
        tenant=message.tenant,
        platform=message.platform,
        id=message.external_id,
        channel=message.channel,
        author=message.author,
        sent_at=message.sent_at,
        received_at=message.received_at,
    )
    meta = {name: value for name, value in message.meta.items() if isinstance(value, str)}
    return see(origin, message.text, message.analysis, meta, message.vector)
