from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nlp_service.api.jobs.callbacks import PAUSES_S, Callbacks, sign
from nlp_service.errors import BadInput
from nlp_service.notify.addresses import Place, Refused, read_url, resolve
from nlp_service.store.database import Database, open_database
from nlp_service.store.job_records import Callback
from nlp_service.store.jobs import JobStore

SECRET = "sixteen letters!"


class Receiver:
    """A server of somebody who wants to be told; answers with the statuses that it is given, then with 200."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?of=jobs"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "jobs.db")) as opened:
        yield opened


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


def ended_job(database: Database, url: str) -> str:
    store = JobStore(database)
    job, _ = store.start("t", "insight", {"channels": ["秘密群"]}, actor="key:a", callback=Callback(url, SECRET))
    store.cancel("t", job.id, actor="key:a")
    return job.id


def state_of(database: Database, job_id: str) -> str | None:
    return JobStore(database).get("t", job_id).callback_state


def test_who_wants_to_be_told_can_check_the_signature(database: Database, receiver: Receiver) -> None:
    job_id = ended_job(database, receiver.url)
    callbacks = Callbacks(database, is_private_allowed=True)
    assert callbacks.tell_next()
    assert not callbacks.tell_next()
    ((path, headers, body),) = receiver.heard
    told = json.loads(body)
    assert path == "/hook?of=jobs"
    assert (told["job_id"], told["state"], told["link"]) == (job_id, "cancelled", f"/v1/jobs/{job_id}")
    assert set(told) == {"job_id", "kind", "state", "created_at", "finished_at", "link"}  # nothing of its parameters
    parts = dict(part.split("=", 1) for part in headers["x-nlp-signature"].split(","))
    expected = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(parts["v1"], expected)
    assert abs(int(parts["t"]) - datetime.now(UTC).timestamp()) < 600
    assert state_of(database, job_id) == "delivered"


@pytest.mark.parametrize("change", [("other letters!!!!", 1, b"{}"), (SECRET, 2, b"{}"), (SECRET, 1, b"[]")])
def test_a_signature_is_of_the_secret_the_time_and_the_body(change: tuple[str, int, bytes]) -> None:
    assert sign(*change).rpartition("v1=")[2] != sign(SECRET, 1, b"{}").rpartition("v1=")[2]


def test_who_does_not_hear_is_told_again_after_growing_pauses(database: Database, receiver: Receiver) -> None:
    receiver.statuses = [500, 404, 302]  # a redirect is not followed: it could lead to an address that is not public
    job_id, clock = ended_job(database, receiver.url), Clock()
    callbacks = Callbacks(database, is_private_allowed=True, now=clock)
    for pause_s in PAUSES_S[:3]:
        assert callbacks.tell_next()
        assert state_of(database, job_id) == "waiting"
        clock.at += timedelta(seconds=pause_s - 1)
        assert not callbacks.tell_next()
        clock.at += timedelta(seconds=1)
    assert callbacks.tell_next()
    assert state_of(database, job_id) == "delivered"
    assert [path for path, _, _ in receiver.heard] == ["/hook?of=jobs"] * 4


def test_it_is_given_up_in_the_end(database: Database, receiver: Receiver) -> None:
    receiver.server.server_close()  # nobody listens
    job_id, clock = ended_job(database, receiver.url), Clock()
    callbacks = Callbacks(database, is_private_allowed=True, now=clock)
    for _ in range(len(PAUSES_S) + 1):
        assert state_of(database, job_id) == "waiting"
        assert callbacks.tell_next()
        clock.at += timedelta(hours=1)
    assert state_of(database, job_id) == "failed"
    assert not callbacks.tell_next()


def test_an_address_that_is_not_public_is_never_asked(database: Database, receiver: Receiver) -> None:
    job_id = ended_job(database, receiver.url)
    assert Callbacks(database).tell_next()
    assert receiver.heard == []
    assert state_of(database, job_id) == "failed"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f.0.0.1/x",
        "https://0x7f000001/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://10.1.2.3/x",
        "https://172.16.0.1/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest",
        "https://100.64.0.1/x",
        "https://0.0.0.0/x",
        "https://224.0.0.1/x",
        "https://localhost/x",
        "https://localhost./x",
        "https://a.localhost/x",
        "https://db/x",
        "https://metadata.google.internal/x",
        "https://printer.local/x",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "example.com/x",
        "https:///x",
        "https://user:pass@example.com/x",
        "https://example.com:99999/x",
        "https://example.com/a b",
        "https://example.com/\r\nx: y",
        "https://例子.com/路径",
        "https://[::1/x",
        "https://example.com/" + "x" * 2_000,
    ],
)
def test_addresses_that_are_refused_when_a_job_is_started(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_url(url)
    assert caught.value.param == "callback.url"
    assert "example" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.com", Place(True, "example.com", 443, "/")),
        ("http://hooks.example.com:8080/a/b?c=1#d", Place(False, "hooks.example.com", 8080, "/a/b?c=1")),
        ("https://93.184.215.14/x", Place(True, "93.184.215.14", 443, "/x")),
        ("https://[2606:2800:220:1::1]/x", Place(True, "2606:2800:220:1::1", 443, "/x")),
    ],
)
def test_public_addresses_are_taken(url: str, place: Place) -> None:
    assert read_url(url) == place


def test_a_name_that_stands_for_a_private_address_is_refused_when_it_is_used() -> None:
    place = Place(True, "localhost", 443, "/")  # stands for any name that leads here
    with pytest.raises(Refused):
        resolve(place)
    assert resolve(place, is_private_allowed=True) in ("127.0.0.1", "::1")
