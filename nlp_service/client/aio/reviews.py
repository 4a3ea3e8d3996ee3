"""The queue of reviews, for programs of asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from nlp_service.client import calls
from nlp_service.client.aio.sending import AsyncSender
from nlp_service.client.values import Review, ReviewOutcome


class Reviews:
    """The queue of reviews. Part of `AsyncClient`."""

    def __init__(self, sender: AsyncSender) -> None:
        self._do = sender.do

    async def browse(self, **filters: Any) -> AsyncIterator[Review]:
        """Reviews in the order in which they are claimed, page by page: ``state``, ``line``, ``kind``, ``reviewer``."""
        cursor: str | None = None
        while True:
            page = await self._do(calls.reviews(filters, cursor))
            for one in page.reviews:
                yield one
            cursor = page.next
            if cursor is None:
                return

    async def claim(
        self, reviewer: str, *, number: int = 1, lease_s: int = 600, line: int = 2, kind: str | None = None
    ) -> list[Review]:
        """Take the first reviews that nobody has, for some time."""
        return (
            await self._do(calls.claim_reviews(reviewer, number=number, lease_s=lease_s, line=line, kind=kind))
        ).reviews

    async def decide(
        self,
        review_id: int,
        reviewer: str,
        action: str,
        *,
        labels: dict[str, Any] | None = None,
        confirm: Sequence[str] = (),
        note: str = "",
        revision: int | None = None,
    ) -> ReviewOutcome:
        """Say what becomes of a message, and what it should have been read as."""
        fields = {"action": action, "labels": labels, "confirm": list(confirm), "note": note, "revision": revision}
        return await self._step(review_id, "decide", reviewer, **fields)

    async def overturn(self, review_id: int, reviewer: str, action: str, *, note: str = "") -> ReviewOutcome:
        """Decide anew on a review that was decided."""
        return await self._step(review_id, "overturn", reviewer, action=action, note=note)

    async def escalate(self, review_id: int, reviewer: str, *, note: str = "") -> ReviewOutcome:
        """Hand a review to experts."""
        return await self._step(review_id, "escalate", reviewer, note=note)

    async def release(self, review_id: int, reviewer: str) -> None:
        """Give a claimed review back."""
        await self._do(calls.step_of_review(review_id, "release", reviewer, calls.Nothing))

    async def _step(self, review_id: int, step: str, reviewer: str, **fields: Any) -> ReviewOutcome:
        return (await self._do(calls.step_of_review(review_id, step, reviewer, calls.OutcomeAnswer, **fields))).outcome
