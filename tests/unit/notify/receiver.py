"""A receiver of notices for tests: real HTTP on a free port of loopback, that checks signatures as the robots do."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from nlp_service.notify.kinds import KEY_HEADER, SIGNATURE_HEADER, dingtalk_sign, feishu_sign, webhook_sign

SECRET = "a secret of the test's own"


class Receiver:
    """Keeps what it took. It answers with `status` after `delay_s`, and goes by the clock `now`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.keys: list[str] = []
        self.refused: list[str] = []
        self.status = 200
        self.delay_s = 0.0
        self.now = time.time
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a sender that was killed or has lost its patience

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        n_bytes = int(handler.headers["Content-Length"])
        body = handler.rfile.read(n_bytes)
        if len(body) < n_bytes:
            return  # the sender was killed while it sent
        time.sleep(self.delay_s)
        if self.status != 200:
            self._say(handler, self.status, b"{}")
            return
        kind = urlsplit(handler.path).path.strip("/")
        fault = getattr(self, f"_check_{kind}")(handler, body)
        if fault:
            self.refused.append(fault)
            codes = {"wecom": b'{"errcode":40035}', "feishu": b'{"code":19021}', "dingtalk": b'{"errcode":310000}'}
            self._say(handler, 401 if kind == "webhook" else 200, codes.get(kind, b""))
            return
        self.keys.append(handler.headers[KEY_HEADER])
        self.taken.append((kind, json.loads(body)))
        self._say(handler, 200, {"feishu": b'{"code":0}'}.get(kind, b'{"errcode":0}'))

    @staticmethod
    def _say(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _is_now(self, stamp: str, per_second: int = 1) -> bool:
        return abs(int(stamp) / per_second - self.now()) < 60

    def _check_wecom(self, handler: BaseHTTPRequestHandler, body: bytes) -> str:
        value = json.loads(body)
        text = value["markdown"]["content"]
        return "" if value["msgtype"] == "markdown" and 0 < len(text.encode()) <= 4_096 else "wecom takes 4096 bytes"

    def _check_feishu(self, handler: BaseHTTPRequestHandler, body: bytes) -> str:
        value = json.loads(body)
        is_signed = value.get("sign") == feishu_sign(value.get("timestamp", "0"), SECRET)
        return "" if is_signed and self._is_now(value["timestamp"]) else "sign match fail"

    def _check_dingtalk(self, handler: BaseHTTPRequestHandler, body: bytes) -> str:
        asked = parse_qs(urlsplit(handler.path).query)
        (stamp,), (sign,) = asked.get("timestamp", ["0"]), asked.get("sign", [""])
        return "" if sign == dingtalk_sign(stamp, SECRET) and self._is_now(stamp, 1000) else "sign not match"

    def _check_webhook(self, handler: BaseHTTPRequestHandler, body: bytes) -> str:
        parts = dict(part.split("=", 1) for part in handler.headers[SIGNATURE_HEADER].split(","))
        is_signed = parts["v1"] == webhook_sign(parts["t"], body, SECRET)
        return "" if is_signed and self._is_now(parts["t"]) else "signature"
