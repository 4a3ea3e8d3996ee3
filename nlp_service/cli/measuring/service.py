"""A server in a process of its own: how long until it is ready, and how much memory it and its children take."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from nlp_service.cli.measuring.client import Load
from nlp_service.errors import NotReady

READY_WITHIN_S = 60.0
_SAMPLE_EVERY_S = 0.1


class Server:
    """A server that is started for the benchmark and ended after it.

    Attributes:
        ready_s: Time from the start until ``/readyz`` gave 200.
        peak_mb: Most memory that the server and its children took so far, sampled from the start on: what each has
            of its own, and its part of what they share (PSS).
    """

    def __init__(self, module: str, *arguments: str, **variables: str) -> None:
        """Start a module with the arguments and a free port in place of ``{port}``, and wait until it is ready.

        Variables are set in its environment beside those of this process.

        Raises:
            NotReady: It ended, or was not ready within `READY_WITHIN_S`.
        """
        self.port = _free_port()
        given = [argument.format(port=self.port) for argument in arguments]
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *given],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | variables,
        )
        self.peak_mb = 0.0
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch_memory, daemon=True)
        self._watcher.start()
        try:
            while not self._is_ready():
                if self._process.poll() is not None or time.perf_counter() - begun > READY_WITHIN_S:
                    raise NotReady(f"{module} did not become ready")
                time.sleep(0.02)
        except BaseException:
            self.close()
            raise
        self.ready_s = time.perf_counter() - begun

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def load(self, texts: Sequence[str], seconds: float, n_connections: int) -> Load:
        """Keep connections busy with single messages from another process."""
        lines = b"".join(msgspec.json.encode({"text": text}) + b"\n" for text in texts)
        arguments = [str(self.port), str(seconds), str(n_connections)]
        done = subprocess.run(
            [sys.executable, "-m", "nlp_service.cli.measuring.client", *arguments],
            input=lines,
            stdout=subprocess.PIPE,
            timeout=seconds + READY_WITHIN_S,
            check=True,
        )
        return msgspec.json.decode(done.stdout, type=Load)

    def close(self) -> None:
        """End the server, by force if it does not go."""
        self._is_over.set()
        self._watcher.join()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _watch_memory(self) -> None:
        while not self._is_over.wait(_SAMPLE_EVERY_S):
            now_mb = sum(map(_pss_kb, _family(self._process.pid))) / 1024
            self.peak_mb = max(self.peak_mb, now_mb)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _family(root: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield root
    with contextlib.suppress(OSError):  # a process may end while it is looked at
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
