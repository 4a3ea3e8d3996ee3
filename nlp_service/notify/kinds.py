"""The kinds of channels: what each needs to be set, how a notice goes there, and what its answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

import msgspec

from nlp_service.errors import BadInput
from nlp_service.notify.addresses import check_url
from nlp_service.notify.notices import Notice
from nlp_service.notify.wording import as_markdown, headline

KEY_HEADER, SIGNATURE_HEADER = "X-NLP-Idempotency-Key", "X-NLP-Signature"
"""Of every request: the same key for every try of a notice; time and HMAC-SHA256 of what a webhook gets."""

SEVERITY_COLOURS = ("grey", "blue", "yellow", "orange", "red")
"""Of the heads of Feishu's cards."""


class Request(NamedTuple):
    """A POST: where to, its headers and its body."""

    url: str
    headers: dict[str, str]
    body: bytes


class Outcome(NamedTuple):
    """What an answer means: taken; or not, with a code, and whether another try may help."""

    is_taken: bool
    error: str = ""
    may_be_tried: bool = True


TAKEN = Outcome(True)


class Kind(Protocol):
    """What is called over HTTP."""

    secrets: tuple[str, ...]
    optional: tuple[str, ...]

    def check(self, secrets: Mapping[str, str], *, allow_private: bool) -> None:
        """Refuse secrets that cannot be.

        Raises:
            BadInput: `param` names which.
        """
        ...

    def request(self, notice: Notice, secrets: Mapping[str, str], key: str, now: datetime, zone: str) -> Request:
        """The request that delivers a notice."""
        ...

    def outcome(self, status: int, body: bytes) -> Outcome:
        """What an answer means."""
        ...


def _by_status(status: int) -> Outcome:
    if 200 <= status < 300:
        return TAKEN
    # 408, 425 and 429 ask for another try, and so does whatever is wrong on the other side.
    return Outcome(False, f"http_{status}", status >= 500 or status in (408, 425, 429))


def _by_code(status: int, body: bytes, names: tuple[str, ...], again: frozenset[int]) -> Outcome:
    """What a robot means that answers 200 with a code of its own."""
    by_status = _by_status(status)
    if not by_status.is_taken:
        return by_status
    try:
        answer = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return Outcome(False, "answer_unreadable")
    code = next((answer[name] for name in names if name in answer), None) if isinstance(answer, dict) else None
    if not isinstance(code, int):
        return Outcome(False, "answer_unreadable")
    return TAKEN if code == 0 else Outcome(False, f"code_{code}", code in again)


def _json(url: str, key: str, value: Any) -> Request:
    return Request(url, {"Content-Type": "application/json", KEY_HEADER: key}, msgspec.json.encode(value))


class _Robot:
    secrets: tuple[str, ...] = ("url",)
    optional: tuple[str, ...] = ("secret",)

    def check(self, secrets: Mapping[str, str], *, allow_private: bool) -> None:
        """As `Kind.check`."""
        check_url(secrets["url"], allow_private=allow_private, param="secrets.url")


class WeCom(_Robot):
    """A robot of a WeCom group. Its address is its secret: WeCom knows no signature."""

    optional: tuple[str, ...] = ()
    _AGAIN = frozenset({-1, 45009, 45033})  # busy, too many a minute, too many at once

    def request(self, notice: Notice, secrets: Mapping[str, str], key: str, now: datetime, zone: str) -> Request:
        """As `Kind.request`; WeCom takes 4,096 bytes of Markdown."""
        text = as_markdown(notice, zone, 4_096)
        return _json(secrets["url"], key, {"msgtype": "markdown", "markdown": {"content": text}})

    def outcome(self, status: int, body: bytes) -> Outcome:
        """As `Kind.outcome`."""
        return _by_code(status, body, ("errcode",), self._AGAIN)


class Feishu(_Robot):
    """A robot of a Feishu group; with a secret each request is signed: HMAC-SHA256 of nothing, keyed by time and it."""

    _AGAIN = frozenset({9499, 11232, 11233, 99991400})  # too many requests

    def request(self, notice: Notice, secrets: Mapping[str, str], key: str, now: datetime, zone: str) -> Request:
        """As `Kind.request`."""
        text = as_markdown(notice, zone, 15_000)
        card = {
            "config": {"wide_screen_mode": True},
            "header": {
                "template": SEVERITY_COLOURS[notice.severity],
                "title": {"tag": "plain_text", "content": headline(notice)},
            },
            "elements": [{"tag": "markdown", "content": text}],
        }
        value: dict[str, Any] = {"msg_type": "interactive", "card": card}
        if secrets.get("secret"):
            stamp = str(int(now.timestamp()))
            value |= {"timestamp": stamp, "sign": feishu_sign(stamp, secrets["secret"])}
        return _json(secrets["url"], key, value)

    def outcome(self, status: int, body: bytes) -> Outcome:
        """As `Kind.outcome`."""
        return _by_code(status, body, ("code", "StatusCode"), self._AGAIN)


class DingTalk(_Robot):
    """A robot of a DingTalk group; with a secret, time and signature are part of the address."""

    _AGAIN = frozenset({-1, 130101, 410100})  # busy, too many a minute

    def request(self, notice: Notice, secrets: Mapping[str, str], key: str, now: datetime, zone: str) -> Request:
        """As `Kind.request`."""
        url = secrets["url"]
        if secrets.get("secret"):
            stamp = str(int(now.timestamp() * 1000))
            sign = quote(dingtalk_sign(stamp, secrets["secret"]), safe="")
            url += f"{'&' if urlsplit(url).query else '?'}timestamp={stamp}&sign={sign}"
        text = as_markdown(notice, zone, 15_000).replace("\n", "\n\n")  # one line end is none to DingTalk
        return _json(url, key, {"msgtype": "markdown", "markdown": {"title": headline(notice), "text": text}})

    def outcome(self, status: int, body: bytes) -> Outcome:
        """As `Kind.outcome`."""
        return _by_code(status, body, ("errcode",), self._AGAIN)


class Webhook(_Robot):
    """A program of the tenant's: gets the notice as JSON, signed as `webhook_sign` says."""

    secrets: tuple[str, ...] = ("url", "secret")
    optional: tuple[str, ...] = ()

    def check(self, secrets: Mapping[str, str], *, allow_private: bool) -> None:
        """As `Kind.check`."""
        super().check(secrets, allow_private=allow_private)
        if len(secrets["secret"]) < 16:
            raise BadInput("the secret of a webhook has at least 16 characters", param="secrets.secret")

    def request(self, notice: Notice, secrets: Mapping[str, str], key: str, now: datetime, zone: str) -> Request:
        """As `Kind.request`."""
        request = _json(secrets["url"], key, {"id": key, "notice": notice})
        stamp = str(int(now.timestamp()))
        signature = f"t={stamp},v1={webhook_sign(stamp, request.body, secrets['secret'])}"
        return request._replace(headers=request.headers | {SIGNATURE_HEADER: signature})

    def outcome(self, status: int, body: bytes) -> Outcome:
        """As `Kind.outcome`."""
        return _by_status(status)


KINDS: dict[str, Kind] = {"wecom": WeCom(), "feishu": Feishu(), "dingtalk": DingTalk(), "webhook": Webhook()}
"""By name; ``apprise`` is beside them (`notify.apprised`)."""


def feishu_sign(stamp: str, secret: str) -> str:
    """Base64 of HMAC-SHA256 with the key ``stamp LF secret`` of nothing."""
    return base64.b64encode(hmac.digest(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256)).decode()


def dingtalk_sign(stamp: str, secret: str) -> str:
    """Base64 of HMAC-SHA256 with the secret of ``stamp LF secret``."""
    return base64.b64encode(hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)).decode()


def webhook_sign(stamp: str, body: bytes, secret: str) -> str:
    """HMAC-SHA256 with the secret of ``stamp . body``, in hexadecimal digits; receivers should refuse old stamps."""
    return hmac.digest(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hex()
