"""Exports as the tools write them; what is said in them is made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nlp_service.cli.batch.records import Failure
from nlp_service.cli.chats.files import read_messages
from nlp_service.cli.chats.rows import Ids, Origin, Row, local_time
from nlp_service.errors import BadInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
ORIGIN = Origin("", "", SHANGHAI)

QQ = """消息记录（此消息记录为文本格式，不支持重新导入）

================================================================
消息分组:我的群聊
================================================================
消息对象:宝妈交流群
================================================================

2024-01-01 12:00:00 小鹿(10086123)
今天的辅食
怎么做？

2024-01-01 8:00:05 PM 【管理员】阿强<aqiang@example.com>
一起团购吗

2024-01-01 12:01:00 系统消息(10000)
小鹿加入本群。

2024-01-01 12:02:00 小鹿(10086123)
[图片]

================================================================
消息分组:我的好友
================================================================
消息对象:老王
================================================================

2024-01-02 下午 1:02:03 老王(20001)
在吗
"""

WECHAT_TEXT = """2024-03-01 09:00:00 小美
早上好呀
2024-03-01 是周五

2024-03-01 09:00:30 你撤回了一条消息

2024-03-01 09:01:00 阿花
[图片]

2024-03-01 09:02:00 阿花
快递到了吗

"""

WECHATMSG = (
    "localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime,Remark,NickName,Sender\r\n"
    '7,2,1,0,0,1704081600,,"你好, 在吗",2024-01-01 12:00:00,小美,Mei,wxid_mei\r\n'
    "8,2,3,0,0,1704081601,,<msg/>,2024-01-01 12:00:01,小美,Mei,wxid_mei\r\n"
    "9,2,1,0,1,1704081602,,在的,2024-01-01 12:00:02\r\n"
)

PYWXDUMP = (
    "id,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime\n"
    "1,8801234567890123456,文本,0,wxid_a,12345@chatroom,这款奶粉好喝吗,,2024-01-01 12:00:00\n"
    "2,8801234567890123457,图片,0,wxid_a,12345@chatroom,图片,a.jpg,2024-01-01 12:00:01\n"
)

WECOM = (
    "msgid,action,from,tolist,roomid,msgtime,msgtype,content\n"
    'w-1,send,zhang,"[""li""]",wr-room,1704081600123,text,"{""content"": ""明天开会""}"\n'
    "w-2,send,zhang,[],wr-room,1704081601000,image,\n"
    "w-3,recall,zhang,[],wr-room,1704081602000,text,没有了\n"
)

WECOM_CHINESE = (
    "发送时间,发送人,群聊名称,消息类型,消息内容\n"
    "2024/1/1 12:00,张三,售后群,文本,客服怎么不回\n"
    "2024/1/1 12:01,张三,售后群,图片,[图片]\n"
)

TELEGRAM: dict[str, Any] = {
    "name": "口红爱好者",
    "type": "private_supergroup",
    "id": 1234,
    "messages": [
        {"id": 1, "type": "service", "date": "2024-01-01T12:00:00", "actor": "管理员", "action": "create", "text": ""},
        {
            "id": 2,
            "type": "message",
            "date": "2024-01-01T12:00:01",
            "date_unixtime": "1704081601",
            "edited_unixtime": "1704081700",
            "from": "Lin",
            "from_id": "user77",
            "text": ["看看 ", {"type": "link", "text": "https://example.com"}, " 这个"],
            "text_entities": [],
        },
        {
            "id": 3,
            "type": "message",
            "date": "2024-01-01T12:00:02",
            "from": None,
            "from_id": "user78",
            "text": "不带时区",
        },
        {"id": 4, "type": "message", "date": "2024-01-01T12:00:03", "from_id": "user78", "photo": "x.jpg", "text": ""},
    ],
}

DISCORD: dict[str, Any] = {
    "guild": {"id": "900", "name": "咖啡社区", "iconUrl": "x"},
    "channel": {
        "id": "901",
        "type": "GuildTextChat",
        "categoryId": "1",
        "category": "c",
        "name": "闲聊",
        "topic": None,
    },
    "dateRange": {"after": None, "before": None},
    "messages": [
        {
            "id": "910",
            "type": "Default",
            "timestamp": "2024-01-01T12:00:00.123+08:00",
            "timestampEdited": "2024-01-01T12:05:00+08:00",
            "isPinned": False,
            "content": "这家店的拿铁不错",
            "author": {"id": "77", "name": "lin", "discriminator": "0000", "nickname": "小林", "isBot": False},
            "attachments": [],
        },
        {
            "id": "911",
            "type": "GuildMemberJoin",
            "timestamp": "2024-01-01T12:00:01+08:00",
            "timestampEdited": None,
            "content": "Joined the server.",
            "author": {"id": "78", "name": "bot", "isBot": True},
        },
        {
            "id": "912",
            "type": "Reply",
            "timestamp": "2024-01-01T12:00:02+08:00",
            "timestampEdited": None,
            "content": "我是机器人",
            "author": {"id": "78", "name": "bot", "isBot": True},
        },
    ],
    "messageCount": 3,
}

CHATLOG: list[dict[str, Any]] = [
    {
        "seq": 1704081600001,
        "time": "2024-01-01T12:00:00+08:00",
        "talker": "1@chatroom",
        "talkerName": "邻里群",
        "isChatRoom": True,
        "sender": "wxid_b",
        "senderName": "阿宝",
        "isSelf": False,
        "type": 1,
        "subType": 0,
        "content": "停水了吗",
    },
    {"seq": 1704081600002, "time": "2024-01-01T12:00:01+08:00", "talker": "1@chatroom", "sender": "wxid_b", "type": 3},
]

NOON = 1704081600.0  # 2024-01-01 12:00:00 in Shanghai


def read(path: Path, content: str | bytes | Any, origin: Origin = ORIGIN) -> list[Row | Failure | None]:
    if isinstance(content, (dict, list)):
        content = json.dumps(content, ensure_ascii=False, indent=1)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_messages(path, origin))


def values(path: Path, content: str | bytes | Any, origin: Origin = ORIGIN) -> list[dict[str, Any]]:
    return [row.values for row in read(path, content, origin) if isinstance(row, Row)]


def said(path: Path, content: str | bytes | Any, origin: Origin = ORIGIN) -> list[tuple[Any, ...]]:
    fields = ("platform", "channel", "author", "sent_at", "text")
    return [tuple(row[name] for name in fields) for row in values(path, content, origin)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export"  # no extension: what a file is, its content says


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_qq(path: Path, encoding: str) -> None:
    assert said(path, QQ.replace("\n", "\r\n").encode(encoding)) == [
        ("qq", "宝妈交流群", "10086123", NOON, "今天的辅食\n怎么做？"),
        ("qq", "宝妈交流群", "aqiang@example.com", NOON + 8 * 3600 + 5, "一起团购吗"),
        ("qq", "老王", "20001", NOON + 25 * 3600 + 123, "在吗"),
    ]


def test_qq_passes_over_what_is_no_text_and_names_who_said_it(path: Path) -> None:
    rows = read(path, QQ)
    assert rows.count(None) == 2  # the system's line and the picture
    assert next(row.values["meta"] for row in rows if isinstance(row, Row)) == {"author_name": "小鹿"}
    assert [row.line for row in rows if isinstance(row, Row)] == [9, 13, 28]


def test_wechat_text(path: Path) -> None:
    begin = NOON + 59 * 86_400 + 21 * 3600  # 2024-03-01 09:00:00
    assert said(path, WECHAT_TEXT, Origin("", "妈妈群", SHANGHAI)) == [
        ("wechat", "妈妈群", "小美", begin, "早上好呀\n2024-03-01 是周五"),
        ("wechat", "妈妈群", "阿花", begin + 120, "快递到了吗"),
    ]


def test_wechatmsg(path: Path) -> None:
    assert said(path, WECHATMSG.encode("utf-8-sig")) == [
        ("wechat", "", "wxid_mei", NOON, "你好, 在吗"),
        ("wechat", "", "self", NOON + 2, "在的"),
    ]


def test_pywxdump(path: Path) -> None:
    (row,) = values(path, PYWXDUMP)
    assert row["id"] == "8801234567890123456"
    assert said(path, PYWXDUMP) == [("wechat", "12345@chatroom", "wxid_a", NOON, "这款奶粉好喝吗")]


def test_chatlog(path: Path) -> None:
    assert said(path, CHATLOG) == [("wechat", "1@chatroom", "wxid_b", NOON, "停水了吗")]
    (row,) = values(path, CHATLOG)
    assert row["id"] == "1@chatroom:1704081600001"
    assert row["meta"] == {"author_name": "阿宝", "channel_name": "邻里群"}


def test_wecom(path: Path) -> None:
    assert said(path, WECOM) == [("wecom", "wr-room", "zhang", pytest.approx(NOON + 0.123), "明天开会")]
    assert said(path, WECOM_CHINESE) == [("wecom", "售后群", "张三", NOON, "客服怎么不回")]
    assert said(path, WECOM_CHINESE.encode("gbk")) == said(path, WECOM_CHINESE)


@pytest.mark.parametrize("whole", [False, True])
def test_telegram(path: Path, whole: bool) -> None:
    export = {"about": "x", "chats": {"about": "y", "list": [TELEGRAM]}} if whole else TELEGRAM
    assert said(path, export) == [
        ("telegram", "1234", "user77", NOON + 1, "看看 https://example.com 这个"),
        ("telegram", "1234", "user78", NOON + 2, "不带时区"),
    ]
    first, second = values(path, export)
    assert (first["id"], first["edited_at"]) == ("1234:2", "1704081700")
    assert "edited_at" not in second


def test_discord(path: Path) -> None:
    assert said(path, DISCORD) == [
        ("discord", "901", "77", pytest.approx(NOON + 0.123), "这家店的拿铁不错"),
        ("discord", "901", "78", NOON + 2, "我是机器人"),
    ]
    first, second = values(path, DISCORD)
    assert first["edited_at"] == "2024-01-01T12:05:00+08:00"
    assert second["meta"]["is_bot"] is True


def test_messages_of_this_service(path: Path) -> None:
    lines = '\ufeff{"id": 7, "text": "好"}\n\nnot json\n[1]\n{"id": "8", "text": "\\ud83d坏"}\n'
    first, second, third, fourth = read(path, lines)
    assert first == Row(1, {"id": 7, "text": "好"})
    assert isinstance(second, Failure)
    assert (second.line, second.code) == (3, "invalid_json")
    assert isinstance(third, Failure)
    assert fourth == Row(5, {"id": "8", "text": "\ufffd坏"})


def test_a_table_of_this_service(path: Path) -> None:
    content = (
        'ID;text;platform;sent_at;meta.Region;meta;colour\n1;"a\nb";qq;1704081600;华东;{"vip": true};red\n;;;;;;\n'
    )
    assert values(path, content) == [
        {
            "id": "1",
            "text": "a\nb",
            "platform": "qq",
            "sent_at": "1704081600",
            "context": None,
            "meta": {"Region": "华东", "vip": True},
        }
    ]


def test_a_table_names_what_it_cannot_read(path: Path) -> None:
    good = "1,好,{}\n"
    rows = read(path, 'id,text,meta\n2,坏,{"a"\n' + good)
    assert isinstance(rows[0], Failure)
    assert (rows[0].line, rows[0].id, rows[0].param) == (2, "2", "meta")
    assert isinstance(rows[1], Row)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"PK\x03\x04....", "save it as CSV"),
        (b"<html></html>", "HTML"),
        (b"just some words\n", "no export that is known"),
        (b"a,b,c\n1,2,3\n", "no export that is known"),
        (b"{\n}", "no export that is known"),
        (b'{\n"messages": [', "not JSON"),
        (b'{\n"id": 1, "messages": [{"id": "x"}]}', "messages"),
        (b'[{"talker": 1}]', "talker"),
    ],
)
def test_what_is_no_file_of_messages_is_refused_and_not_quoted(path: Path, content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        read(path, content)
    assert "some words" not in caught.value.message


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        list(read_messages(path, ORIGIN))


def test_a_time_that_is_none_is_named(path: Path) -> None:
    (row,) = read(path, WECOM_CHINESE.splitlines(keepends=True)[0] + "昨天,张三,售后群,文本,好\n")
    assert isinstance(row, Failure)
    assert (row.line, row.param) == (2, "msgtime")


def test_ids_are_the_same_each_time_and_doubles_are_told_apart() -> None:
    first, second = Ids(), Ids()
    a = [first.of("c", "u", 1.0, "好"), first.of("c", "u", 1.0, "好"), first.of("c", "u", 2.0, "好")]
    b = [second.of("c", "u", 1.0, "好"), second.of("c", "u", 1.0, "好"), second.of("c", "u", 2.0, "好")]
    assert a == b
    assert len(set(a)) == 3


def test_a_longer_export_gives_the_same_messages_the_same_ids(path: Path) -> None:
    longer = QQ + "\n2024-01-03 10:00:00 老王(20001)\n人呢\n"
    short, long = ([row["id"] for row in values(path, content)] for content in (QQ, longer))
    assert long[: len(short)] == short
    assert len(long) == len(short) + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01 12:00:00", (2024, 1, 1, 4, 0, 0)),
        ("2024/1/1 0:05", (2023, 12, 31, 16, 5, 0)),
        ("2024年1月1日 下午 3:04:05", (2024, 1, 1, 7, 4, 5)),
        ("2024-01-01 12:00:00 AM", (2023, 12, 31, 16, 0, 0)),  # midnight, as English writes it
        ("2024-01-01 12:00:00 PM", (2024, 1, 1, 4, 0, 0)),
        ("2024-01-01T12:00:00", (2024, 1, 1, 4, 0, 0)),
        ("2024-01-01T12:00:00Z", (2024, 1, 1, 12, 0, 0)),
        ("1704081600", (2024, 1, 1, 4, 0, 0)),
    ],
)
def test_times_of_exports(text: str, expected: tuple[int, ...]) -> None:
    assert datetime.fromtimestamp(local_time(text, SHANGHAI), UTC) == datetime(*expected, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01 00:00:00", "2024-01-01 25:00:00", "2024-01-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|out of range|month"):
        local_time(text, SHANGHAI)
