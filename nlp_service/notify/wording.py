"""A notice in the words of a channel: Markdown as chat groups read it, plain text as mail does."""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime

from nlp_service.notify.notices import Notice

SIGNS = ("⚪", "🔵", "🟡", "🟠", "🔴")
"""Of severities 0 to 4."""

# What Markdown of the three robots would read as more than a letter; members write what they like.
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """A text in one line, without what would turn or hide what follows it."""
    return " ".join(_ODD.sub("", text).split())


def escape(text: str) -> str:
    """A text in one line that Markdown shows as it is, and that calls nobody by ``@``."""
    return _MARKS.sub(r"\\\1", plain(text)).replace("@", "@\u200b")


def headline(notice: Notice) -> str:
    """The first line."""
    return f"{SIGNS[notice.severity]} {plain(notice.title)}"


def as_text(notice: Notice, zone: str) -> str:
    """As plain text."""
    parts = [headline(notice), f"时间：{_clock(notice.at, zone)}"]
    parts += [f"{plain(line.label)}：{plain(line.value)}" for line in notice.lines]
    parts += [f"“{plain(quote)}”" for quote in notice.quotes]
    if notice.draft:
        parts += ["", "参考话术：", notice.draft.strip()]
    parts += [f"{name}：{link}" for name, link in (("查看", notice.link), ("我来处理", notice.take_link)) if link]
    return "\n".join(parts)


def as_markdown(notice: Notice, zone: str, max_bytes: int) -> str:
    """As Markdown of at most so many bytes; quotes go first, then lines, never the links.

    Args:
        notice: What is told.
        zone: In which times are given.
        max_bytes: Of UTF-8.
    """
    head = [f"**{SIGNS[notice.severity]} {escape(notice.title)}**", f"> 时间：{_clock(notice.at, zone)}"]
    facts = [f"> {escape(line.label)}：**{escape(line.value)}**" for line in notice.lines]
    said = [f"> “{escape(quote)}”" for quote in notice.quotes]
    draft = ["", "参考话术：", escape(notice.draft)] if notice.draft else []
    named = (("查看详情", notice.link), ("我来处理", notice.take_link))
    foot = (
        ["", " ｜ ".join(f"[{name}]({link})" for name, link in named if link)]
        if notice.link or notice.take_link
        else []
    )
    while True:
        text = "\n".join((*head, *facts, *said, *draft, *foot))
        if len(text.encode()) <= max_bytes:
            return text
        for part in (said, draft, facts):
            if part:
                part.pop()
                break
        else:
            return _cut(head[0], max_bytes)


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


def _clock(at: datetime, zone: str) -> str:
    return at.astimezone(zoneinfo.ZoneInfo(zone)).strftime("%m-%d %H:%M")
