"""What a robot asks of a request before it believes it: that it is short, recent, and comes for the first time."""

from __future__ import annotations

import time
from collections import OrderedDict

from fastapi import HTTPException, Request


async def body_of(request: Request, most: int) -> bytes:
    """The body, read no further than its bound in bytes."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"the body is longer than {most} bytes")
    return body


def is_recent(timestamp: str, max_age_s: float, *, unit_s: float = 1.0) -> bool:
    """Whether a time, counted since 1970, is no further from now than it may be."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return False
    return abs(time.time() - float(timestamp) * unit_s) <= max_age_s


class Once:
    """Lets each event through once, however often it is delivered.

    Args:
        keep_s: How long an event is remembered.
        most: How many.
    """

    def __init__(self, keep_s: float = 3600.0, most: int = 100_000) -> None:
        self._keep_s = keep_s
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()

    def take(self, id: str) -> bool:
        """Whether this is the first time."""
        now = time.monotonic()
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if id in self._seen:
            return False
        if len(self._seen) >= self._most:
            self._seen.popitem(last=False)
        self._seen[id] = now + self._keep_s
        return True

    def forget(self, id: str) -> None:
        """Let an event through again, because it could not be handled."""
        self._seen.pop(id, None)
