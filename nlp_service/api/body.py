"""The body of a request: read within its bound, and decoded so that an error names the field."""

from __future__ import annotations

import json
import re
from typing import TypeVar

import msgspec
from starlette.requests import Request

from nlp_service.errors import BadInput, TooLarge
from nlp_service.inference.frames import without_surrogates

T = TypeVar("T")

# How msgspec words its errors; it never quotes what was sent.
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read the body, no further than its bound.

    Raises:
        TooLarge: It is longer, or says that it will be.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode JSON in UTF-8. A lone surrogate, as an emoji cut in two leaves one, is read as U+FFFD.

    Raises:
        BadInput: It is no JSON, or not of the decoder's type; `param` names the field, ``body`` when it is the whole.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _bad_field(error) from error
    except RecursionError as error:
        raise BadInput("the body is nested too deeply", param="body") from error
    except UnicodeDecodeError as error:
        raise BadInput("the body is not UTF-8", param="body") from error
    except msgspec.DecodeError as error:
        repaired = _without_lone_surrogates(body)
        if repaired is None:
            raise BadInput(f"the body is not JSON: {error}", param="body") from error
    return decode_body(repaired, decoder)


def _without_lone_surrogates(body: bytes) -> bytes | None:
    """The same document with U+FFFD for each escaped lone surrogate; None when it has none or is broken otherwise."""
    if b"\\u" not in body:
        return None
    try:
        # The decoder of the standard library accepts what msgspec refuses here.
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    repaired = without_surrogates(text)
    return repaired.encode() if repaired != text else None


def _bad_field(error: msgspec.ValidationError) -> BadInput:
    match = _AT.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    missing = _MISSING.search(what)
    if missing:
        path = f"{path}.{missing['name']}".lstrip(".")
    return BadInput(what, param=path or "body")


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"the body is longer than {max_bytes} bytes", param="body")
