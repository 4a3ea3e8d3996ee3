"""Exports that are one JSON document: Telegram, Discord, and WeChat by chatlog. A document is read whole."""

from __future__ import annotations

import msgspec

from nlp_service.cli.chats.rows import Ids, Origin, Row, Rows, local_time, message, no_time
from nlp_service.errors import BadInput

_DISCORD_TEXT = ("Default", "Reply", "ThreadStarterMessage")
_CHATLOG_TEXT = 1


class _Piece(msgspec.Struct):
    text: str = ""


class _TelegramMessage(msgspec.Struct):
    id: int
    type: str = "message"
    date: str = ""
    date_unixtime: str | int | None = None
    edited_unixtime: str | int | None = None
    # Not `from`, which is the name and a word of Python.
    name: str | None = msgspec.field(default=None, name="from")
    from_id: str | int | None = None
    text: str | list[str | _Piece] = ""


class _TelegramChat(msgspec.Struct):
    id: int | str
    messages: list[_TelegramMessage]
    name: str | None = None


class _TelegramChats(msgspec.Struct):
    chats: list[_TelegramChat] = msgspec.field(name="list")


class _TelegramAll(msgspec.Struct):
    chats: _TelegramChats


class _DiscordPlace(msgspec.Struct):
    id: str
    name: str | None = None


class _DiscordAuthor(msgspec.Struct):
    id: str
    name: str = ""
    nickname: str | None = None
    is_bot: bool = msgspec.field(default=False, name="isBot")


class _DiscordMessage(msgspec.Struct):
    id: str
    timestamp: str
    author: _DiscordAuthor
    type: str = "Default"
    content: str = ""
    edited: str | None = msgspec.field(default=None, name="timestampEdited")


class _Discord(msgspec.Struct):
    guild: _DiscordPlace
    channel: _DiscordPlace
    messages: list[_DiscordMessage]


class _ChatlogMessage(msgspec.Struct):
    talker: str
    sender: str
    time: str
    seq: int = 0
    type: int = _CHATLOG_TEXT
    content: str = ""
    sender_name: str = msgspec.field(default="", name="senderName")
    talker_name: str = msgspec.field(default="", name="talkerName")


class _Kind(msgspec.Struct):
    """What tells documents apart."""

    guild: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    chats: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def read_document(data: bytes, origin: Origin) -> Rows:
    """Read a document; entries are counted from 1.

    Raises:
        BadInput: It is none that is known, or an entry is not as it should be; the message says where.
    """
    try:
        if data.lstrip()[:1] == b"[":
            return _chatlog(msgspec.json.decode(data, type=list[_ChatlogMessage]), origin)
        kind = msgspec.json.decode(data, type=_Kind)
        if kind.guild is not msgspec.UNSET:
            return _discord(msgspec.json.decode(data, type=_Discord), origin)
        if kind.chats is not msgspec.UNSET:
            return _telegram(msgspec.json.decode(data, type=_TelegramAll).chats.chats, origin)
        if kind.messages is not msgspec.UNSET:
            return _telegram([msgspec.json.decode(data, type=_TelegramChat)], origin)
    except msgspec.ValidationError as error:
        raise BadInput(f"the document is not as its kind has it: {error}", param="FILE") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("the document is not JSON in UTF-8", param="FILE") from error
    raise BadInput("the document is no export that is known", param="FILE")


def _telegram(chats: list[_TelegramChat], origin: Origin) -> Rows:
    ids = Ids()
    entries = ((chat, item) for chat in chats for item in chat.messages)
    for line, (chat, item) in enumerate(entries, 1):
        text = _plain(item.text)
        if item.type != "message" or not text:
            yield None
            continue
        try:
            at = local_time(str(item.date_unixtime or item.date), origin.zone)
        except ValueError:
            yield no_time(line, "date")
            continue
        row = message(
            line,
            ids,
            id=f"{chat.id}:{item.id}",
            platform="telegram",
            channel=origin.channel or str(chat.id),
            author=str(item.from_id or ""),
            at=at,
            text=text,
            author_name=item.name or "",
            channel_name=chat.name or "",
        )
        yield _edited(row, item.edited_unixtime)


def _plain(text: str | list[str | _Piece]) -> str:
    if isinstance(text, str):
        return text
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


def _discord(export: _Discord, origin: Origin) -> Rows:
    ids = Ids()
    for line, item in enumerate(export.messages, 1):
        if item.type not in _DISCORD_TEXT or not item.content:
            yield None
            continue
        try:
            at = local_time(item.timestamp, origin.zone)
        except ValueError:
            yield no_time(line, "timestamp")
            continue
        row = message(
            line,
            ids,
            id=item.id,
            platform="discord",
            channel=origin.channel or export.channel.id,
            author=item.author.id,
            at=at,
            text=item.content,
            author_name=item.author.nickname or item.author.name,
            channel_name=export.channel.name or "",
            is_bot=item.author.is_bot,
        )
        yield _edited(row, item.edited)


def _chatlog(items: list[_ChatlogMessage], origin: Origin) -> Rows:
    ids = Ids()
    for line, item in enumerate(items, 1):
        if item.type != _CHATLOG_TEXT or not item.content:
            yield None
            continue
        try:
            at = local_time(item.time, origin.zone)
        except ValueError:
            yield no_time(line, "time")
            continue
        yield message(
            line,
            ids,
            id=f"{item.talker}:{item.seq}" if item.seq else "",
            platform="wechat",
            channel=origin.channel or item.talker,
            author=item.sender,
            at=at,
            text=item.content,
            author_name=item.sender_name,
            channel_name=item.talker_name,
        )


def _edited(row: Row, at: str | int | None) -> Row:
    return row if at is None else Row(row.line, row.values | {"edited_at": at})
