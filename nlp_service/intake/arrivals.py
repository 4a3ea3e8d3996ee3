"""A message at the door: what a caller may send, what of it is refused, and when it was written.

The same for HTTP, files and streams, so that a message passes or fails alike whichever way it comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec

from nlp_service.errors import BadInput, TooLarge
from nlp_service.intake.meta import check_meta
from nlp_service.intake.moments import Time, settle

MAX_ID = 200
"""Code points in the id of a message, an author or a channel."""

MAX_PLATFORM = 50
MAX_TEXT = 4_000
"""Code points in a text, and in each text of a context."""

MAX_CONTEXT = 20
# What PostgreSQL does not take as text.
_REFUSED = re.compile(r"[\x00\ud800-\udfff]")
_PLATFORM = re.compile(r"[^\s/\x00-\x1f\x7f\ud800-\udfff]+")
# How msgspec words its errors; it never quotes what was sent.
_FAULT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")

TextId = Annotated[str, msgspec.Meta(max_length=MAX_ID)]
# What fits 64 bits: larger integers are not numbers any more in most languages that read the answer.
NumberId = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class IncomingMessage(msgspec.Struct):
    """A message of a community.

    Attributes:
        id: The platform's; with the platform it names the message for ever. Numbers and their digits are the same id.
        text: What was written, at most 4,000 code points; an empty text is a message too.
        platform: Where it was written (``wechat``), 1 to 50 characters without spaces and slashes.
        channel: The group or forum; empty if there is none.
        author: The platform's id of who wrote it; empty if it is not known.
        sent_at: When it was written: ISO 8601 with a zone, or seconds or milliseconds since 1970.
        edited_at: When this wording was written, for one that replaces an earlier one; as `sent_at`.
        context: What was said before it in the same conversation, oldest first; at most 20 texts of 4,000 code points.
            It is read with the message and not stored.
        meta: The caller's own fields, kept as they are; at most 16 KiB.
    """

    id: TextId | NumberId
    text: str
    platform: Annotated[str, msgspec.Meta(max_length=MAX_PLATFORM)]
    channel: TextId = ""
    author: TextId | NumberId = ""
    sent_at: Time | None = None
    edited_at: Time | None = None
    context: list[str] | None = None
    meta: dict[str, Any] | None = None


class Arrival(NamedTuple):
    """A message that may come in.

    Attributes:
        id: As the caller sent it, echoed in the answer.
        external_id: The same as a text.
        sent_at: When it was written, no later than `received_at`.
        received_at: When the service got it.
        edited_at: When this wording was written; None for the first one.
        is_adjusted: Whether the caller gave no `sent_at`, or one that is not believed, and `received_at` stands for it.
    """

    id: str | int
    external_id: str
    text: str
    context: tuple[str, ...]
    platform: str
    channel: str
    author: str
    sent_at: datetime
    received_at: datetime
    edited_at: datetime | None
    meta: Mapping[str, Any]
    is_adjusted: bool


def admit(given: IncomingMessage, received_at: datetime, *, at: str = "", max_text: int = MAX_TEXT) -> Arrival:
    """Let a message in, or say which field is at fault.

    Args:
        given: As it was sent.
        received_at: Now.
        at: What stands before the name of a field in an error (``messages[3].``).
        max_text: Code points in a text, and in each text of a context.

    Raises:
        BadInput: A field cannot be taken; `param` names it.
        TooLarge: A text or the context is too long.
    """
    try:
        sent_at, is_adjusted = settle(given.sent_at, received_at, "sent_at")
        edited_at = None if given.edited_at is None else settle(given.edited_at, received_at, "edited_at")[0]
        _check_text("text", given.text, max_text)
        return Arrival(
            given.id,
            check_name("id", str(given.id)),
            given.text,
            _check_context(given.context or (), max_text),
            check_platform(given.platform),
            _check_line("channel", given.channel),
            _check_line("author", str(given.author)),
            sent_at,
            received_at,
            edited_at,
            check_meta(given.meta) if given.meta else {},
            is_adjusted,
        )
    except BadInput as error:
        raise type(error)(error.message, param=f"{at}{error.param}") from error


def read_message(values: bytes | Mapping[str, Any]) -> IncomingMessage:
    """Make a message of JSON, or of what JSON holds.

    Raises:
        BadInput: It is no JSON in UTF-8, or not of this type; `param` names the field.
    """
    try:
        if isinstance(values, bytes):
            return _decoder.decode(values)
        return msgspec.convert(values, IncomingMessage)
    except msgspec.ValidationError as error:
        raise _bad_field(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("it is not JSON in UTF-8", param="body") from error


def check_name(name: str, text: str) -> str:
    """An id that is kept: not empty, and nothing that a database refuses.

    Raises:
        BadInput: It is none.
    """
    if not text:
        raise BadInput(f"{name} is empty", param=name)
    return _check_line(name, text)


def check_platform(text: str) -> str:
    """The name of a platform, which stands in paths.

    Raises:
        BadInput: It is empty, too long, or no path can name it.
    """
    if len(text) > MAX_PLATFORM or text in (".", "..") or not _PLATFORM.fullmatch(text):
        raise BadInput(
            f"platform has 1 to {MAX_PLATFORM} characters, none of them a space or a slash", param="platform"
        )
    return text


def _check_line(name: str, text: str) -> str:
    if len(text) > MAX_ID:
        raise BadInput(f"{name} has {len(text)} characters, at most {MAX_ID} are kept", param=name)
    if _REFUSED.search(text):
        raise BadInput(f"{name} holds NUL or is not valid Unicode", param=name)
    return text


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise TooLarge(f"{len(text)} code points are more than {longest}", param=name)
    if _REFUSED.search(text):
        raise BadInput(f"{name} holds NUL or is not valid Unicode", param=name)


def _check_context(context: Sequence[str], longest: int) -> tuple[str, ...]:
    if len(context) > MAX_CONTEXT:
        raise TooLarge(f"{len(context)} texts are more than {MAX_CONTEXT}", param="context")
    for place, text in enumerate(context):
        _check_text(f"context[{place}]", text, longest)
    return tuple(context)


def _bad_field(error: msgspec.ValidationError) -> BadInput:
    match = _FAULT.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    missing = _MISSING.search(what)
    if missing:
        path = f"{path}.{missing['name']}".lstrip(".")
    return BadInput(what, param=path or "body")


_decoder = msgspec.json.Decoder(IncomingMessage)
