"""When a request is sent again, and after what pause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from nlp_service.client.errors import ClientError, Overloaded, Refused, Unavailable, Unreachable

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is.

    Attributes:
        most: Times that a request is sent again at the most; 0 for never.
        first_s: Longest first pause; each further one may be twice as long.
        longest_s: Longest pause. Where the service asks for more, the error is raised at once.
    """

    most: int = 4
    first_s: float = 0.25
    longest_s: float = 20.0

    def pause(self, n_tried: int, error: ClientError, chance: Callable[[], float]) -> float | None:
        """Seconds until the next attempt; None if there is none.

        A pause is drawn from all up to its bound ("full jitter": Brooker, AWS Architecture Blog 2015), so that clients
        which failed together do not come back together. It begins when the service says that there may be room.

        Args:
            n_tried: How often it was sent, from 1.
            error: What came of the last time.
            chance: A number from [0, 1).
        """
        if n_tried > self.most:
            return None
        told_s = (error.retry_after_s or 0.0) if isinstance(error, Refused) else 0.0
        if told_s > self.longest_s:
            return None
        return told_s + chance() * min(self.longest_s, self.first_s * 2.0 ** (n_tried - 1))


def may_repeat(error: ClientError, *, is_harmless: bool) -> bool:
    """Whether a request may be sent again.

    Args:
        error: What came of it.
        is_harmless: Whether to do it twice is as good as once.
    """
    if isinstance(error, Overloaded):
        return True  # nothing was done
    if isinstance(error, Unavailable):
        return is_harmless
    if isinstance(error, Unreachable):
        return is_harmless or isinstance(error.__cause__, _NEVER_SENT)
    return False
