"""Communities whose topics are known: days of messages about themes, each said in many ways."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from nlp_service.insight.facts import Floats
from nlp_service.insight.results import Period
from nlp_service.insight.topics import TopicOptions, TopicState, advance
from tests.unit.insight.stated import MONDAY, message, table

THEMES = {
    "parcels": ["快递", "包裹", "物流", "签收", "驿站", "派件"],
    "coffee": ["咖啡", "豆子", "手冲", "拿铁", "烘焙", "奶泡"],
    "phones": ["手机", "屏幕", "电池", "充电", "摄像头", "续航"],
    "lessons": ["老师", "直播课", "作业", "考试", "讲义", "题目"],
    "plants": ["绿萝", "浇水", "发芽", "黄叶", "换土", "多肉"],
    "pets": ["小猫", "猫粮", "罐头", "宠物医院", "猫砂", "疫苗"],
}
ELSE = "公园 雨伞 窗帘 火车 钥匙 邻居 电影 楼梯 花盆 闹钟 牙刷 钢琴 沙发 日历 围巾 台灯 书架 拖鞋 瓶子 镜子".split()
START = MONDAY.date()
# Half of a statement here is one of twenty words that mean nothing.
OPTIONS = TopicOptions(near=0.35)


def embed(texts: Sequence[str]) -> Floats:
    """Bags of characters, thrown into 64 columns: alike where the characters are."""
    found = np.zeros((len(texts), 64), np.float32)
    for row, text in enumerate(texts):
        for char in text:
            found[row, hashlib.blake2b(char.encode(), digest_size=1).digest()[0] % 64] += 1.0
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def statements(words: Sequence[str], n: int, seed: int) -> list[str]:
    """`n` different ways to talk of a theme: three of its words, and one that anybody might say."""
    rng = np.random.default_rng(seed)
    return [
        "，".join([*rng.choice(list(words), 3, replace=False).tolist(), str(rng.choice(ELSE))]) + "！" * (i % 3)
        for i in range(n)
    ]


def day_of(day: int, texts: Sequence[str], *, people: int = 20, first: int = 0) -> pa.Table:
    """A table of a day of `START`'s week, a message a minute, by so many people in turn."""
    return table(
        [
            message(24 * day + i / 60, f"p{i % people}", id=f"d{day}-{first + i:05d}", text=text)
            for i, text in enumerate(texts)
        ]
    )


def talk(day: int, themes: Sequence[str], n: int = 40, seed: int = 0) -> pa.Table:
    """A day on which so much is said of each theme."""
    texts = [
        text
        for place, name in enumerate(themes)
        for text in statements(THEMES[name], n, 1000 * seed + 10 * day + place)
    ]
    return day_of(day, texts)


def on(day: int) -> date:
    """The date of a day."""
    return START + timedelta(days=day)


def follow(tables: Sequence[pa.Table], options: TopicOptions = OPTIONS):
    """Read days one after the other; the last state, the numbers of each day, and all events with their days."""
    state, numbers, events = TopicState(), [], []
    for day, each in enumerate(tables):
        state, found, happened = advance(state, on(day), each, embed, options)
        numbers.append(found)
        events += [(day, event) for event in happened]
    return state, numbers, events


def main_topic(numbers: np.ndarray, place: int, n: int = 40) -> int:
    """The topic that most of the messages of the `place`-th theme of a day have."""
    own = numbers[place * n : (place + 1) * n]
    return int(np.bincount(own[own >= 0]).argmax())


def whole(n_days: int) -> Period:
    """So many days from `START` on."""
    begin = datetime.combine(START, datetime.min.time(), MONDAY.tzinfo)
    return Period(begin, begin + timedelta(days=n_days), "UTC")


def replace_options(**changed) -> TopicOptions:
    """`OPTIONS` with some of them changed."""
    return TopicOptions(**{name: getattr(OPTIONS, name) for name in OPTIONS.__struct_fields__} | changed)
