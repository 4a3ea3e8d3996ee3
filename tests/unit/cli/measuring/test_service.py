from __future__ import annotations

import asyncio

import pytest

from nlp_service.cli.measuring.client import Load, load, make_request
from nlp_service.cli.measuring.service import Server
from nlp_service.errors import NotReady


def test_a_server_is_started_loaded_and_watched() -> None:
    with Server("nlp_service.cli.measuring.bare", "{port}") as server:
        result = server.load(["文本", "另一个"], 0.5, 4)
    assert server.ready_s > 0.05
    assert 10 < server.peak_mb < 500
    assert (result.errors, result.answers == len(result.latencies_ms) > 10) == (0, True)
    assert 0.5 <= result.seconds < 10
    assert min(result.latencies_ms) > 0


def test_a_server_that_does_not_start_is_an_error() -> None:
    with pytest.raises(NotReady, match="did not become ready"):
        Server("nlp_service.cli.measuring.bare", "no port")


async def _serve(answer: bytes) -> Load:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        return await load(server.sockets[0].getsockname()[1], 0.1, 2, [make_request("1", "x")])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"",
    ],
)
async def test_whatever_is_no_whole_answer_with_200_is_an_error(answer: bytes) -> None:
    result = await _serve(answer)
    assert result.answers == 0
    assert result.errors >= 2


async def test_a_port_where_nobody_listens_is_errors_and_not_a_hammer() -> None:
    result = await load(1, 0.2, 2, [make_request("1", "x")])
    assert result.answers == 0
    assert 2 <= result.errors <= 20
