"""Exports that are read like a play: a line with time and name, and what was said under it. QQ and WeChat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nlp_service.cli.batch.records import Failure
from nlp_service.cli.chats.rows import NOT_TEXT, Ids, Origin, Row, Rows, local_time, message, no_time

_TIME = r"\d{4}-\d{1,2}-\d{1,2} (?:(?:上午|下午) ?)?\d{1,2}:\d{2}:\d{2}(?: (?:AM|PM))?"
_QQ = re.compile(rf"(?P<at>{_TIME}) (?:【[^】]*】)?(?P<name>.*?)(?:\((?P<number>\d+)\)|<(?P<mail>[^<>\s]+)>)\s*")
_WECHAT = re.compile(rf"(?P<at>{_TIME}) (?P<name>\S.*?)\s*")
_OBJECT = re.compile(r"消息对象[:：](?P<name>.*?)\s*")
_RULE = re.compile(r"={16,}\s*|消息分组[:：].*|消息记录（此消息记录为文本格式.*")
_QQ_SYSTEM = ("10000", "1000000")


class _Head(NamedTuple):
    """The line over a message."""

    line: int
    at: str
    name: str
    author: str


def is_qq(head: str) -> bool:
    """Whether a text that begins so is an export of QQ."""
    lines = head.splitlines()
    return any(_OBJECT.fullmatch(line) for line in lines) or any(_QQ.fullmatch(line) for line in lines)


def is_wechat(head: str) -> bool:
    """Whether a text that begins so is an export of WeChat, given that it is none of QQ."""
    first = next((line for line in head.removeprefix("\ufeff").splitlines() if line.strip()), "")
    return _WECHAT.fullmatch(first) is not None


def read_qq(lines: Iterable[str], origin: Origin) -> Rows:
    """Read an export of QQ, of one chat or of several one after the other."""
    ids = Ids()
    channel = ""
    head: _Head | None = None
    said: list[str] = []
    for number, line in _numbered(lines):
        over, begins = _OBJECT.fullmatch(line), _QQ.fullmatch(line)
        if over or begins or _RULE.fullmatch(line):
            if head:
                yield _said(head, said, ids, origin, "qq", channel)
            head, said = None, []
            if over:
                channel = over["name"]
            if begins:
                author = begins["number"] or begins["mail"]
                head = _Head(number, begins["at"], begins["name"], author)
        elif head:
            said.append(line)
    if head:
        yield _said(head, said, ids, origin, "qq", channel)


def read_wechat(lines: Iterable[str], origin: Origin) -> Rows:
    """Read an export of WeChat. Names are all that it knows of authors."""
    ids = Ids()
    head: _Head | None = None
    said: list[str] = []
    is_after_blank = True
    for number, line in _numbered(lines):
        # A time at the beginning of a line may be part of what was said; a message is followed by an empty line.
        begins = _WECHAT.fullmatch(line) if is_after_blank else None
        if begins:
            if head:
                yield _said(head, said, ids, origin, "wechat", "")
            head, said = _Head(number, begins["at"], begins["name"], begins["name"]), []
        elif head:
            said.append(line)
        is_after_blank = not line.strip()
    if head:
        yield _said(head, said, ids, origin, "wechat", "")


def _said(head: _Head, said: list[str], ids: Ids, origin: Origin, platform: str, channel: str) -> Row | Failure | None:
    text = "\n".join(said).strip()
    if not text or text in NOT_TEXT or head.author in _QQ_SYSTEM:
        return None
    try:
        at = local_time(head.at, origin.zone)
    except ValueError:
        return no_time(head.line, "time")
    where, who = origin.channel or channel, head.author
    name = head.name if head.name != who else ""
    return message(head.line, ids, platform=platform, channel=where, author=who, at=at, text=text, author_name=name)


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        text = line.removeprefix("\ufeff") if number == 1 else line
        yield number, text.rstrip("\r\n")
