"""A client that keeps a number of connections busy, in a process of its own: raw sockets, so that it costs little.

python -m nlp_service.cli.measuring.client PORT SECONDS CONNECTIONS < messages.jsonl
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice

import msgspec

TIMEOUT_S = 30.0


class Load(msgspec.Struct):
    """What came of it: whole answers with status 200, all others, the time, and the latency of each answer."""

    answers: int = 0
    errors: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = []


async def load(port: int, seconds: float, n_connections: int, requests: list[bytes]) -> Load:
    """Send requests over and over on each connection, the next one when the last is answered.

    Args:
        port: On the loopback address.
        seconds: How long.
        n_connections: How many at a time.
        requests: Whole HTTP/1.1 requests with keep-alive.
    """
    result = Load(latencies_ms=[])
    begun = time.perf_counter()
    shares = (
        cycle(requests[index % len(requests) :] + requests[: index % len(requests)]) for index in range(n_connections)
    )
    await asyncio.gather(*(_connection(port, begun + seconds, share, result) for share in shares))
    result.seconds = time.perf_counter() - begun
    return result


async def _connection(port: int, until: float, requests: Iterator[bytes], result: Load) -> None:
    while time.perf_counter() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            result.errors += 1
            await asyncio.sleep(0.05)  # a server that is gone must not be hammered
            continue
        try:
            await _requests(reader, writer, until, requests, result)
        except (OSError, EOFError, ValueError, TimeoutError):
            result.errors += 1
        finally:
            writer.close()


async def _requests(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: float, requests: Iterator[bytes], result: Load
) -> None:
    for request in requests:
        begun = time.perf_counter()
        if begun >= until:
            return
        writer.write(request)
        async with asyncio.timeout(TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
        if head.startswith(b"HTTP/1.1 200"):
            result.answers += 1
            result.latencies_ms.append((time.perf_counter() - begun) * 1000)
        else:
            result.errors += 1


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise ValueError("an answer without a length")


def make_request(id_: str, text: str) -> bytes:
    """A request with one message."""
    body = msgspec.json.encode({"messages": [{"id": id_, "text": text}]})
    head = (
        f"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


def main() -> None:
    """Load a port as the arguments say; the result goes to standard output as JSON."""
    port, seconds, n_connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    texts = [msgspec.json.decode(line)["text"] for line in islice(sys.stdin.buffer, 10_000)]
    requests = [make_request(str(index), text) for index, text in enumerate(texts)]
    result = asyncio.run(load(port, seconds, n_connections, requests))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
