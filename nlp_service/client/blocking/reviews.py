"""The queue of reviews, for programs that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nlp_service.client import calls
from nlp_service.client.blocking.sending import Sender
from nlp_service.client.values import Review, ReviewOutcome


class Reviews:
    """The queue of reviews. Part of `Client`."""

    def __init__(self, sender: Sender) -> None:
        self._do = sender.do

    def browse(self, **filters: Any) -> Iterator[Review]:
        """Reviews in the order in which they are claimed, page by page: ``state``, ``line``, ``kind``, ``reviewer``."""
        cursor: str | None = None
        while True:
            page = self._do(calls.reviews(filters, cursor))
            yield from page.reviews
            cursor = page.next
            if cursor is None:
                return

    def claim(
        self, reviewer: str, *, number: int = 1, lease_s: int = 600, line: int = 2, kind: str | None = None
    ) -> list[Review]:
        """Take the first reviews that nobody has, for some time."""
        return self._do(calls.claim_reviews(reviewer, number=number, lease_s=lease_s, line=line, kind=kind)).reviews

    def decide(
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
        return self._step(review_id, "decide", reviewer, **fields)

    def overturn(self, review_id: int, reviewer: str, action: str, *, note: str = "") -> ReviewOutcome:
        """Decide anew on a review that was decided."""
        return self._step(review_id, "overturn", reviewer, action=action, note=note)

    def escalate(self, review_id: int, reviewer: str, *, note: str = "") -> ReviewOutcome:
        """Hand a review to experts."""
        return self._step(review_id, "escalate", reviewer, note=note)

    def release(self, review_id: int, reviewer: str) -> None:
        """Give a claimed review back."""
        self._do(calls.step_of_review(review_id, "release", reviewer, calls.Nothing))

    def _step(self, review_id: int, step: str, reviewer: str, **fields: Any) -> ReviewOutcome:
        return self._do(calls.step_of_review(review_id, step, reviewer, calls.OutcomeAnswer, **fields)).outcome
