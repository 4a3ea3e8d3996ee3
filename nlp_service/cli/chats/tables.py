"""Exports that are tables: CSV of messages, of WeChat by two tools, and of WeCom."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

import msgspec

from nlp_service.api.messages.records import unguard
from nlp_service.cli.batch.records import Failure
from nlp_service.cli.chats.rows import NOT_TEXT, Ids, Origin, Row, Rows, local_time, message, no_time

MAX_FIELD = 1 << 20
"""Characters of one field; a quote left open is found at this size."""

_DELIMITERS = ",;\t"
_OWN = ("id", "text", "platform", "channel", "author", "sent_at", "received_at", "edited_at")
_WECOM = {
    "id": ("msgid", "消息id"),
    "author": ("from", "发送人", "发送者", "发送人id", "发送成员", "发送方", "sender"),
    "channel": ("roomid", "群id", "群聊id", "群聊", "群名称", "群聊名称", "会话id", "会话名称"),
    "text": ("content", "消息内容", "内容"),
    "at": ("msgtime", "发送时间", "消息时间", "时间"),
    "kind": ("msgtype", "消息类型", "类型"),
    "action": ("action",),
}
_TEXT_KINDS = ("", "text", "文本", "文本消息", "markdown")

Cells = Mapping[str, str]
Read = Callable[[int, Cells, Origin, Ids], Row | Failure | None]


def find_table(head: str) -> tuple[Read, str] | None:
    """How to read a table that begins so, and what separates its columns; None if it is none that is known."""
    for delimiter in _DELIMITERS:
        names = set(_names(next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])))
        if {"id", "text"} <= names:
            return _own, delimiter
        if "strcontent" in names and names & {"createtime", "strtime"}:
            return _wechatmsg, delimiter
        if {"msgsvrid", "createtime"} <= names:
            return _pywxdump, delimiter
        if names & {"msgid", "消息id"} or all(names & set(_WECOM[field]) for field in ("author", "text", "at")):
            return _wecom, delimiter
    return None


def read_table(file: TextIO, read: Read, delimiter: str, origin: Origin) -> Rows:
    """Read the records of a table; `file` is open with ``newline=""``."""
    ids = Ids()
    names: list[str] = []
    for line, cells in _records(file, delimiter):
        if isinstance(cells, Failure):
            yield cells
        elif not names:
            names = _names(cells)
        elif any(cells):
            yield read(line, dict(zip(names, cells, strict=False)), origin, ids)


def _records(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | Failure]]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(file, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            lost = f"lines {line} to {reader.line_num}"
            yield line, Failure(line, None, "invalid_csv", f"{lost} are one field that is too long")
            continue
        if cells is None:
            return
        yield line, cells


def _names(cells: list[str]) -> list[str]:
    # Names of `meta` keep their letters: they are the caller's own.
    names = [cell.strip().removeprefix("\ufeff") for cell in cells]
    return [name if name.lower().startswith("meta.") else name.lower() for name in names]


def _own(line: int, cells: Cells, origin: Origin, ids: Ids) -> Row | Failure | None:
    """A row of this service's own columns; ``meta.x`` is a field of `meta`, ``meta`` all of them as JSON."""
    if "message_id" in cells:  # an export of this service, which guards its cells
        cells = {name: unguard(cell) for name, cell in cells.items()}
    values: dict[str, Any] = {name: cells[name] for name in _OWN if cells.get(name) or name in ("id", "text")}
    meta = {name[5:]: cell for name, cell in cells.items() if name.startswith("meta.") and cell}
    try:
        meta |= msgspec.json.decode(cells["meta"], type=dict[str, Any]) if cells.get("meta") else {}
        values["context"] = msgspec.json.decode(cells["context"], type=list[str]) if cells.get("context") else None
    except msgspec.DecodeError:
        return Failure(line, values["id"], "invalid_input", "meta or context is not JSON", "meta")
    return Row(line, values | {"meta": meta})


def _wechatmsg(line: int, cells: Cells, origin: Origin, ids: Ids) -> Row | Failure | None:
    text = cells.get("strcontent", "")
    if cells.get("type", "1") != "1" or not text:
        return None
    try:
        at = local_time(cells.get("createtime") or cells.get("strtime", ""), origin.zone)
    except ValueError:
        return no_time(line, "CreateTime")
    # The columns of a chat of two name nobody: there is one who keeps the chat, and the other.
    author = cells.get("sender") or ("self" if cells.get("issender") == "1" else "other")
    name = cells.get("remark") or cells.get("nickname", "")
    channel = origin.channel
    return message(line, ids, platform="wechat", channel=channel, author=author, at=at, text=text, author_name=name)


def _pywxdump(line: int, cells: Cells, origin: Origin, ids: Ids) -> Row | Failure | None:
    text = cells.get("msg") or cells.get("content", "")
    if cells.get("type_name", "文本") not in ("文本", "文字") or not text:
        return None
    try:
        at = local_time(cells["createtime"], origin.zone)
    except (KeyError, ValueError):
        return no_time(line, "CreateTime")
    return message(
        line,
        ids,
        id=cells["msgsvrid"],
        platform="wechat",
        channel=origin.channel or cells.get("room_name", ""),
        author=cells.get("talker", ""),
        at=at,
        text=text,
    )


def _wecom(line: int, cells: Cells, origin: Origin, ids: Ids) -> Row | Failure | None:
    found = {field: next((cells[name] for name in names if cells.get(name)), "") for field, names in _WECOM.items()}
    text = _wecom_text(found["text"])
    if found["kind"].lower() not in _TEXT_KINDS or found["action"] not in ("", "send") or not text or text in NOT_TEXT:
        return None
    try:
        at = local_time(found["at"], origin.zone)
    except ValueError:
        return no_time(line, "msgtime")
    return message(
        line,
        ids,
        id=found["id"],
        platform="wecom",
        channel=origin.channel or found["channel"],
        author=found["author"],
        at=at,
        text=text,
    )


def _wecom_text(cell: str) -> str:
    """The text of a cell, which some tools leave in the JSON of the interface."""
    if not cell.startswith("{"):
        return cell
    try:
        inner = msgspec.json.decode(cell, type=dict[str, Any])
    except msgspec.DecodeError:
        return cell
    content = inner.get("content", inner.get("text"))
    if isinstance(content, dict):
        content = content.get("content")
    return content if isinstance(content, str) else cell
