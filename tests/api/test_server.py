"""The service as a process of its own, with a port, signals and a log."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MARKER = "一句没有人可以读到的话"

SCRIPT = """
import functools, sys
from nlp_service.api.app import Options
from nlp_service.api.server import serve
from nlp_service.errors import ServiceError
from nlp_service.telemetry import set_up_logging
from tests import fakes

if __name__ == "__main__":
    set_up_logging("debug")
    try:
        serve({build}, port={port}, options=Options(workers={workers}, deadline_s={deadline_s}))
    except ServiceError as error:
        sys.exit(f"refused: {{error.message}}")
"""


class Service:
    """A running service and what it has logged so far."""

    def __init__(
        self, build: str = "fakes.build_obedient", *, port: int = 0, workers: int = 1, deadline_s: float = 1.0
    ) -> None:
        script = SCRIPT.format(build=build, port=port, workers=workers, deadline_s=deadline_s)
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        self.log: list[str] = []
        self._reader = Thread(target=self._read_log)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            self.log.extend(iter(stream.readline, ""))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.log) if line["event"] == name]

    def wait(self, within_s: float = 15) -> int:
        """Exit code."""
        code = self.process.wait(within_s)
        self._reader.join()
        return code

    def workers(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if any("spawn_main" in word for word in child.cmdline())
        ]


@contextmanager
def running(**options: Any) -> Iterator[tuple[Service, httpx.Client]]:
    service = Service(**options)
    try:
        until = time.monotonic() + 20
        while not service.events("listening"):
            assert service.process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        port = service.events("listening")[0]["port"]
        transport = httpx.HTTPTransport(retries=5)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, transport=transport) as client:
            yield service, client
    finally:
        service.process.kill()
        service.wait()


def analyze(client: httpx.Client, *texts: str) -> httpx.Response:
    return client.post("/v1/analyze", json={"messages": [{"text": text} for text in texts]})


def wait_for_ready(client: httpx.Client, status: int, within_s: float) -> None:
    until = time.monotonic() + within_s
    while client.get("/readyz").status_code != status:
        assert time.monotonic() < until, f"readiness did not become {status} within {within_s} s"
        time.sleep(0.1)


def test_a_killed_worker_turns_readiness_red_and_green_again_and_nobody_waits_for_ever() -> None:
    with running() as (service, client):
        wait_for_ready(client, 200, within_s=5)
        (worker,) = service.workers()
        worker.kill()
        wait_for_ready(client, 503, within_s=5)
        red = client.get("/readyz").json()
        assert red["error"]["code"] == "not_ready"
        assert red["reasons"]
        started = time.monotonic()
        assert analyze(client, "a").status_code == 503
        assert time.monotonic() - started < 2
        assert client.get("/healthz").status_code == 200
        wait_for_ready(client, 200, within_s=15)
        assert analyze(client, "a").status_code == 200
        assert client.get("/readyz").json()["workers"][0]["n_restarts"] == 1


def test_readiness_is_red_while_one_of_two_workers_is_gone_but_callers_are_served() -> None:
    with running(workers=2) as (service, client):
        first, _ = service.workers()
        first.kill()
        wait_for_ready(client, 503, within_s=5)
        assert analyze(client, "a").status_code == 200
        wait_for_ready(client, 200, within_s=15)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_and_its_workers(number: signal.Signals) -> None:
    with running(workers=2) as (service, client):
        workers = service.workers()
        assert analyze(client, "a").status_code == 200
        service.process.send_signal(number)
        assert service.wait() == 0
        gone, alive = psutil.wait_procs(workers, timeout=5)
        assert len(gone) == 2
        assert alive == []


def test_workers_end_with_a_service_that_was_killed() -> None:
    with running() as (service, _):
        workers = service.workers()
        service.process.kill()
        assert psutil.wait_procs(workers, timeout=5)[1] == []


def test_a_damaged_model_stops_the_start_with_the_name_of_the_file() -> None:
    service = Service("functools.partial(fakes.build_damaged, 'weights.onnx')", workers=2)
    assert service.wait() == 1
    assert service.log[-1] == "refused: weights.onnx: sha256 does not match the manifest\n"


def test_a_taken_port_stops_the_start() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        service = Service(port=port)
        assert service.wait() == 1
    assert service.log[-1].startswith(f"refused: cannot listen on 127.0.0.1:{port}: ")


def test_no_text_of_a_caller_reaches_the_log() -> None:
    with running() as (service, client):
        path = f"/{MARKER}"
        for text in ("", "#broken", "#hang", "#crash"):
            analyze(client, text + MARKER)
        client.post("/v1/analyze", content=f'{{"messages":[{{"text":{{"{MARKER}":1}}}}]}}'.encode())
        client.post("/v1/analyze", content=MARKER.encode())
        client.post("/v1/analyze", json={"messages": [{"text": MARKER * 500}]})
        client.get(
            path, params={"q": MARKER}, headers={"authorization": "Bearer s3cret", "x-request-id": "bad id s3cret"}
        )
        service.process.send_signal(signal.SIGTERM)
        service.wait()
    log = "".join(service.log)
    assert len(service.events("request")) == 8
    assert service.events("inference_failed")[0]["errors"] == ["ValueError"]
    assert MARKER not in log
    assert json.dumps(MARKER)[1:-1] not in log
    assert "%E4" not in log
    assert "s3cret" not in log


def test_a_request_is_logged_with_its_id_and_figures() -> None:
    with running() as (service, client):
        client.post("/v1/analyze", json={"messages": [{"text": "a"}] * 3}, headers={"x-request-id": "r-1"})
        service.process.send_signal(signal.SIGTERM)
        service.wait()
    (line,) = service.events("request")
    assert (line["request_id"], line["route"], line["status"], line["n_messages"]) == ("r-1", "/v1/analyze", 200, 3)
    assert line["ms"] > 0


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"POST /v1/analyze HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/analyze HTTP/1.1\r\nhost: a\r\ncontent-length: 1e9\r\n\r\n",
        b"POST /v1/analyze HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /v1/analyze HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
    ],
)
def test_broken_http_does_not_hurt_the_service(sent: bytes, shared_service: tuple[Service, httpx.Client]) -> None:
    service, client = shared_service
    with socket.create_connection(("127.0.0.1", int(client.base_url.port or 0)), timeout=5) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        line.recv(4096)
    assert analyze(client, "a").status_code == 200
    assert service.events("request_failed") == []


def test_a_caller_who_hangs_up_leaves_nothing_in_the_queue(shared_service: tuple[Service, httpx.Client]) -> None:
    _, client = shared_service
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/analyze", json={"messages": [{"text": "#slow"}] * 512}, timeout=0.2)
    until = time.monotonic() + 5  # half of the deadline, so it was not that which emptied the queue
    while "nlp_queue_messages 0.0" not in client.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture(scope="module")
def shared_service() -> Iterator[tuple[Service, httpx.Client]]:
    with running(deadline_s=10) as pair:
        yield pair


def test_the_http_process_does_not_load_what_only_inference_needs() -> None:
    code = (
        "import sys, nlp_service.api.server; "
        "print([name for name in ('numpy', 'onnxruntime', 'pyarrow', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout == "[]\n"
