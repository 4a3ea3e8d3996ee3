"""Long lists in deliveries that the service takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nlp_service.client.wire import write

MOST_MESSAGES = 512
"""Messages of one request."""

MOST_BYTES = 8 * 2**20
"""Bytes of one body: half of what the service takes unless it was told otherwise."""


def split(
    messages: Sequence[Any], *, most: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES, rest: bytes = b""
) -> Iterator[bytes]:
    """Bodies with all messages in order; a message that is too long by itself has one of its own.

    Args:
        messages: What encodes to JSON.
        most: Messages in a body.
        most_bytes: Bytes of the messages in a body.
        rest: Further fields of each body, beginning with a comma.
    """
    held: list[bytes] = []
    size = 0
    for message in messages:
        written = write(message)
        if held and (len(held) == most or size + len(written) > most_bytes):
            yield _body(held, rest)
            held, size = [], 0
        held.append(written)
        size += len(written) + 1
    if held:
        yield _body(held, rest)


def _body(messages: list[bytes], rest: bytes) -> bytes:
    return b'{"messages":[' + b",".join(messages) + b"]" + rest + b"}"
