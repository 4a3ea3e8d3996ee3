"""A language model that stands in for the real one: a server on a free port of this machine that speaks OpenAI's chat
protocol, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

INVENTED_PRICE = "这项服务只要1999元[1]。"
"""A sentence that no source supports."""

MODES = ("answer", "hang", "hang_after", "break_off", "error", "rubbish", "not_utf8", "huge", "endless", "no_choice")


@dataclass
class FakeModel:
    """What the server says, to be changed between requests.

    Attributes:
        text: The answer; a stream gives it in pieces of `piece` characters.
        mode: One of `MODES`. "hang" sends nothing, "hang_after" and "break_off" stop after `text`.
        finish: The reason to stop that is given; None for an end with ``[DONE]`` alone.
        requests: Bodies that came.
        headers: Headers that came with them, in lower case.
        url: For the client, ends in ``/v1``.
        client_left: Set when a client has closed its connection before the end of an "endless" answer.
    """

    text: str = "好的。"
    mode: str = "answer"
    piece: int = 3
    finish: str | None = "stop"
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    client_left: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)


@contextmanager
def language_model(text: str = "好的。", mode: str = "answer") -> Iterator[FakeModel]:
    """Run the server; it has ended when the context has."""
    fake = FakeModel(text, mode)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    server.daemon_threads = False  # so that closing waits for them, and none outlives its test
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        fake.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeModel
    protocol_version = "HTTP/1.0"  # a body ends with its connection

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.fake.requests.append(body)
        self.fake.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.path != "/v1/chat/completions":
            self._begin(404)
        elif self.fake.mode == "hang":
            self.fake.stopping.wait()
        elif self.fake.mode == "error":
            self._begin(500)
            self._send(b'{"error": {"message": "out of memory"}}')
        elif body["stream"]:
            self._stream()
        else:
            self._answer()

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self._begin(200, "application/json")
        choice = {"message": {"role": "assistant", "content": self.fake.text}, "finish_reason": self.fake.finish}
        body = json.dumps({"id": "1", "choices": [choice], "usage": {"total_tokens": 9}}).encode()
        if self.fake.mode == "break_off":
            body = body[: len(body) // 2]
        elif self.fake.mode == "no_choice":
            body = b'{"choices": []}'
        self._send(self._spoilt(body))
        if self.fake.mode == "hang_after":
            self.fake.stopping.wait()

    def _stream(self) -> None:
        self._begin(200, "text/event-stream")
        self._send(b": a comment\r\n\r\n")
        text, step = self.fake.text, self.fake.piece
        for start in range(0, len(text), step):
            self._event({"choices": [{"index": 0, "delta": {"content": text[start : start + step]}}]})
        mode = self.fake.mode
        if mode == "endless":
            while not self.fake.client_left.is_set() and not self.fake.stopping.wait(0.005):
                self._event({"choices": [{"delta": {"content": text}}]})
        elif mode == "hang_after":
            self.fake.stopping.wait()
        elif mode != "break_off":
            self._send(self._spoilt(b""))
            if self.fake.finish:
                self._event({"choices": [{"delta": {}, "finish_reason": self.fake.finish}]})
            self._event({"choices": [], "usage": {"total_tokens": 9}})
            self._send(b"data: [DONE]\n\n")

    def _spoilt(self, body: bytes) -> bytes:
        spoilt = {"rubbish": b"data: <html>busy</html>\n\n", "not_utf8": b'data: {"choices": ["\xff\xfe"]}\n\n'}
        return b"x" * 3_000_000 if self.fake.mode == "huge" else spoilt.get(self.fake.mode, body)

    def _event(self, event: dict[str, Any]) -> None:
        self._send(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")

    def _begin(self, status: int, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def _send(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except ConnectionError:
            self.fake.client_left.set()

    def finish(self) -> None:
        with suppress(ConnectionError):
            super().finish()
