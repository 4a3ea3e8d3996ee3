"""A private server for each run of the tests, without a port and without a file, where its program is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis


class Server:
    """A server that can be stopped and started again; what it held is gone then."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self.socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not self.socket.exists():
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(10)
        self.socket.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: no redis-server on the path (Debian: redis-server)")
    # A path of a socket has some hundred characters, which pytest's own folders may pass.
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = Server(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest_asyncio.fixture
async def redis(redis_server: Server) -> AsyncIterator[Redis]:
    """A connection to an empty server."""
    connection = Redis.from_url(redis_server.url)
    await connection.flushall()
    yield connection
    await connection.aclose()
