"""What every format gives: rows that say which message they are, and ids where an export has none."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from nlp_service.cli.batch.records import Failure
from nlp_service.intake.moments import read_time

NOT_TEXT = frozenset(
    "[图片] [照片] [语音] [视频] [文件] [表情] [表情包] [动画表情] [音乐分享] [名片] [位置] [红包] [转账] [闪照] "
    "[语音通话] [视频通话]".split()
)
"""What exports write in place of what is no text."""

_WHEN = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?[ T]\s*(?P<half>上午|下午|晚上|凌晨|中午)?\s*"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:\.\d+)?(?:\s*(?P<half_after>AM|PM))?",
    re.IGNORECASE,
)
_AFTERNOON, _MORNING = ("下午", "晚上", "pm", "中午"), ("上午", "凌晨", "am")


class Origin(NamedTuple):
    """What the command line says of a file.

    Attributes:
        platform: Where its messages come from; empty for what the format says.
        channel: Where they were written; empty for what the file says.
        zone: Of times that have none.
    """

    platform: str
    channel: str
    zone: tzinfo


class Row(NamedTuple):
    """A message as `IncomingMessage` has its fields, and the line or entry of the file that it comes from."""

    line: int
    values: dict[str, Any]


Rows = Iterator[Row | Failure | None]
"""What is in a file, in its order; None stands for an entry that is no text."""


class Ids:
    """Ids for messages of exports that give none.

    An id is a hash of who said what, where and when, and of how many said the same before: so the same export, and a
    longer one of the same chat, gives the same messages the same ids.
    """

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()

    def of(self, channel: str, author: str, at: float, text: str) -> str:
        """The id of the next message that says this."""
        said = "\0".join((channel, author, repr(at), text)).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(said, digest_size=12).digest()
        key = int.from_bytes(digest[:8], "big")
        self._seen[key] += 1
        number = self._seen[key]
        return f"h-{digest.hex()}" + (f"-{number}" if number > 1 else "")


def local_time(text: str, zone: tzinfo) -> float:
    """Seconds since 1970 of a time as exports write it; one without a zone is of `zone`.

    Raises:
        ValueError: It is none.
    """
    text = text.strip()
    match = _WHEN.fullmatch(text)
    if match is None:
        return read_time(text).timestamp()
    hour = int(match["hour"])
    half = (match["half"] or match["half_after"] or "").lower()
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in _MORNING and hour == 12:
        hour = 0
    day = (int(match["year"]), int(match["month"]), int(match["day"]))
    return datetime(*day, hour, int(match["minute"]), int(match["second"] or 0), tzinfo=zone).timestamp()


def message(
    line: int,
    ids: Ids,
    *,
    platform: str,
    channel: str,
    author: str,
    at: float,
    text: str,
    id: str = "",
    **meta: str | bool,
) -> Row:
    """A row of these fields; fields of `meta` that are empty are left out."""
    known = {name: value for name, value in meta.items() if value}
    values: dict[str, Any] = {
        "id": id or ids.of(channel, author, at, text),
        "text": text,
        "platform": platform,
        "channel": channel,
        "author": author,
        "sent_at": at,
        "meta": known,
    }
    return Row(line, values)


def no_time(line: int, name: str) -> Failure:
    """Stands for an entry whose time cannot be read."""
    return Failure(line, None, "invalid_input", f"{name} is no time", name)
