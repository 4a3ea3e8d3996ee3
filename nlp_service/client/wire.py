"""A call as it goes over the wire and comes back; knows nothing of connections."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from nlp_service.client.errors import BY_STATUS, Refused, Unavailable, UnexpectedAnswer

T = TypeVar("T")
Query = Mapping[str, "str | int | bool | datetime | list[str] | None"]

TIMEOUT_S = 15.0
"""For connecting, and between two pieces of an answer."""

JSON = "application/json"
FILE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and what its answer is.

    Attributes:
        method, path: The path is escaped, see `path_of`.
        answer: Type of the answer.
        query: Parameters; those that are None are left out.
        body: As it is sent; None for none.
        media_type: Of the body.
        is_harmless: Whether to do it twice is as good as once.
    """

    method: str
    path: str
    answer: type[T]
    query: Query | None = None
    body: bytes | None = None
    media_type: str = JSON
    is_harmless: bool = True


class _Detail(msgspec.Struct):
    code: str
    message: str
    param: str | None = None


class _Error(msgspec.Struct):
    error: _Detail
    request_id: str = ""


def check_url(url: str) -> str:
    """An address of http or https.

    Raises:
        ValueError: It is none.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("the address of the service begins with http:// or https://")
    return url


def path_of(*parts: str | int) -> str:
    """A path of parts, each escaped, but for slashes within one."""
    segments = [segment for part in parts for segment in str(part).split("/")]
    # A dot alone would be taken for a way up.
    escaped = [
        segment.replace(".", "%2E") if segment in (".", "..") else quote(segment, safe="") for segment in segments
    ]
    return "/" + "/".join(escaped)


def write(value: Any) -> bytes:
    """A value in JSON. Half an emoji, as some platforms cut them, is escaped; the service reads it as U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()


def request_of(call: Call[Any]) -> dict[str, Any]:
    """What httpx's ``request`` takes for a call."""
    query = {name: _plain(value) for name, value in (call.query or {}).items() if value is not None}
    headers = {} if call.body is None else {"content-type": call.media_type}
    return {"method": call.method, "url": call.path, "params": query, "content": call.body, "headers": headers}


def read(call: Call[T], response: httpx.Response) -> T:
    """The answer to a call.

    Raises:
        Refused: The service said no.
        UnexpectedAnswer: It is none of the service's answers.
    """
    if not response.is_success:
        raise _refusal(response)
    try:
        return msgspec.json.decode(response.content, type=call.answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        status = response.status_code
        raise UnexpectedAnswer(f"the answer to {call.method} {call.path} is not one", status=status) from error


def _refusal(response: httpx.Response) -> Refused:
    status = response.status_code
    kind = Unavailable if status >= 500 else BY_STATUS.get(status, Refused)
    try:
        told = msgspec.json.decode(response.content, type=_Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = _Error(_Detail("", "the answer was none of the service's"))
    return kind(
        told.error.message,
        status=status,
        code=told.error.code,
        param=told.error.param,
        request_id=told.request_id,
        retry_after_s=_retry_after(response.headers.get("retry-after", "")),
    )


def _retry_after(text: str) -> float | None:
    """Seconds, from a number of them or a date."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds()) if at.tzinfo else None


def _plain(value: str | int | bool | datetime | list[str]) -> str | int | list[str]:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else value
