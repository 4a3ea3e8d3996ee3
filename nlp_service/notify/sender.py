"""Delivers the outbox: every channel in its order, again and again until it is taken or too old."""

from __future__ import annotations

import asyncio
import logging
import secrets as random_source
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from nlp_service.errors import BadInput, ServiceError
from nlp_service.notify import apprised
from nlp_service.notify.addresses import Refused, pinned, read_url, resolve
from nlp_service.notify.kinds import KINDS, Outcome
from nlp_service.notify.notices import Notice, decode
from nlp_service.notify.sealing import Vault
from nlp_service.store.outbox import Claim, Outbox, Waiting

LEASE_S = 30.0
"""For how long a channel is held; longer than a try takes."""

TRY_S = 10.0
"""What a receiver has to answer."""

GIVE_UP_S = 24 * 3_600.0
"""Age at which a notice that nobody takes is given up."""

LONGEST_WAIT_S = 300.0
"""Between two tries, at most."""

MOST_AT_ONCE = 8
"""Channels that are delivered at the same time by one process."""

logger = logging.getLogger(__name__)


def wait_s(failures: int, chance: float) -> float:
    """Seconds until the next try: 1, 2, 4 ... up to `LONGEST_WAIT_S`, less up to a fifth.

    Args:
        failures: In a row, from 1.
        chance: 0 to 1, so that channels which failed together are not tried together.
    """
    return float(min(2.0 ** min(failures - 1, 16), LONGEST_WAIT_S) * (1.0 - 0.2 * chance))


class Sender:
    """Takes channels with something due, and delivers each in order.

    Args:
        outbox: What is to be told.
        vault: Opens the secrets of channels.
        zone: In which times are told.
        allow_private: Whether private addresses may be called.
        now: The clock.
        poll_s: How often to look for what is due.
        client: Calls; closed by whoever made it. One of its own if None.
    """

    def __init__(
        self,
        outbox: Outbox,
        vault: Vault,
        *,
        zone: str = "Asia/Shanghai",
        allow_private: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 1.0,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._outbox = outbox
        self._vault = vault
        self._zone = zone
        self._allow_private = allow_private
        self._now = now
        self._poll_s = poll_s
        self._given = client
        self._worker = random_source.token_hex(8)
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Begin to deliver in the background."""
        self._task = asyncio.create_task(self._run(), name="notify-sender")

    async def stop(self) -> None:
        """Finish nothing and leave what is left to the next who starts."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def wake(self) -> None:
        """Look at once instead of at the next poll."""
        self._wake.set()

    async def deliver(self) -> int:
        """Deliver all that is due now, and return how many notices were taken."""
        n_due = await asyncio.to_thread(self._outbox.n_due, self._now())
        if not n_due:
            return 0
        client = self._given or _client()
        try:
            taken = await asyncio.gather(*(self._deliver_some(client) for _ in range(min(n_due, MOST_AT_ONCE))))
            return sum(taken)
        finally:
            if self._given is None:
                await client.aclose()

    async def _run(self) -> None:
        while True:
            try:
                await self.deliver()
            except ServiceError as error:
                logger.warning("what is to be told waits: %s", error.message)
            except Exception as error:
                logger.error("what is to be told waits: %s", type(error).__name__)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _deliver_some(self, client: httpx.AsyncClient) -> int:
        n_taken = 0
        while (claim := await asyncio.to_thread(self._outbox.claim, self._worker, self._now(), LEASE_S)) is not None:
            try:
                n_taken += await self._deliver_channel(claim, client)
            finally:
                await asyncio.to_thread(self._outbox.release, claim, self._worker)
        return n_taken

    async def _deliver_channel(self, claim: Claim, client: httpx.AsyncClient) -> int:
        n_taken = 0
        while True:
            arguments = (claim, self._worker, self._now(), LEASE_S)
            waiting = await asyncio.to_thread(self._outbox.next_of, *arguments)
            if waiting is None:
                return n_taken
            outcome = await self._try(claim, waiting, client)
            if not await asyncio.to_thread(self._note, claim, waiting, outcome):
                return n_taken
            n_taken += outcome.is_taken
            claim = claim._replace(failures=0 if outcome.is_taken else claim.failures)

    def _note(self, claim: Claim, waiting: Waiting, outcome: Outcome) -> bool:
        """Write down what became of a try; False if the channel must wait."""
        now = self._now()
        if outcome.is_taken:
            self._outbox.sent(claim, waiting.id, now)
            return True
        is_too_old = now - waiting.created_at >= timedelta(seconds=GIVE_UP_S)
        if not outcome.may_be_tried or is_too_old:
            logger.error("notice %d to channel %s is given up: %s", waiting.id, claim.name, outcome.error)
            self._outbox.refused(
                claim, waiting.id, outcome.error if not is_too_old else f"too_old {outcome.error}", now
            )
            return True
        pause = wait_s(claim.failures + 1, random_source.randbelow(1_000) / 1_000)
        self._outbox.failed(claim, waiting.id, outcome.error, now + timedelta(seconds=pause))
        return False

    async def _try(self, claim: Claim, waiting: Waiting, client: httpx.AsyncClient) -> Outcome:
        try:
            notice = decode(waiting.notice)
            opened = self._vault.open(claim.secrets)
        except ServiceError as error:
            return Outcome(False, error.code, False)
        if claim.kind == "apprise":
            return await asyncio.to_thread(apprised.send, notice, opened, self._zone)
        return await self._call(claim, notice, opened, waiting.key, client)

    async def _call(
        self, claim: Claim, notice: Notice, opened: Mapping[str, str], key: str, client: httpx.AsyncClient
    ) -> Outcome:
        kind = KINDS.get(claim.kind)
        if kind is None:
            return Outcome(False, "kind_unknown", False)
        request = kind.request(notice, opened, key, self._now(), self._zone)
        try:
            # A name that was public when it was given may lead elsewhere by now.
            place = read_url(request.url, is_private_allowed=self._allow_private)
            address = await asyncio.to_thread(resolve, place, is_private_allowed=self._allow_private)
        except (Refused, BadInput):
            return Outcome(False, "address_not_public")
        except OSError:
            return Outcome(False, "name_unknown")
        url, host = pinned(place, address)
        told: dict[str, Any] = {"headers": request.headers | {"Host": host}, "extensions": {"sni_hostname": place.host}}
        try:
            async with asyncio.timeout(TRY_S):
                answer = await client.post(url, content=request.body, **told)
        except TimeoutError:
            return Outcome(False, "timeout")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(False, type(error).__name__)
        return kind.outcome(answer.status_code, answer.content[:10_000])


def _client() -> httpx.AsyncClient:
    # No redirects: a receiver must not send the secrets of a tenant on to somewhere else.
    return httpx.AsyncClient(timeout=TRY_S, follow_redirects=False, trust_env=False)
