"""Two weeks of a made-up community with problems whose counts are known, and an embedding that needs no model."""

import random
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from nlp_service.insight.facts import Floats
from tests.unit.insight.stated import message, table

WEEK = 168.0
HEADS = ("", "", "我说，", "那个 ", "楼上+1 ", "@群主 ")
TAILS = ("", "", "！", "[捂脸]", "😂", "啊", "？？", " 大家怎么看")
PROBLEMS = {
    "门禁": ["门禁卡刷不开", "门禁又坏了", "小区门禁刷脸不认人", "门禁半夜报警"],
    "电梯": ["电梯困人了", "电梯按了没反应", "三号电梯停运", "电梯门关不上"],
}
_SUBJECTS = ("猫", "电影", "早餐", "球赛", "窗帘", "旅行", "小说", "吉他", "花园", "相机", "围巾", "火锅")
_VERBS = (
    "拍得挺好看",
    "准备换一套新的",
    "周末一起去吗",
    "昨天刚买到手",
    "推荐给我妹妹了",
    "比想象的便宜",
    "越看越喜欢",
)


def embed(texts: Sequence[str]) -> Floats:
    """Unit vectors of hashed characters: texts that share characters are near."""
    rows = np.zeros((len(texts), 256), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for char in text:
            row[zlib.crc32(char.encode()) % 256] += 1.0
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def weeks(counts: dict[str, tuple[int, int]], seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """This week and the week before: 400 messages of chatter in each, and of each problem as many as `counts` says.

    Args:
        counts: Of each of `PROBLEMS`, messages of this week and of the week before.
        seed: Of everything that is drawn.
    """
    rng = random.Random(seed)
    tables = []
    for week in (0, 1):
        rows = [_said(rng, week, rng.choice(_SUBJECTS) + rng.choice(_VERBS), "chat") for _ in range(400)]
        for name, (now, before) in counts.items():
            rows += [_said(rng, week, PROBLEMS[name][i % 4], "complaint") for i in range(now if week else before)]
        tables.append(table([{**row, "id": f"w{week}-{i}"} for i, row in enumerate(rows)]))
    return tables[1], tables[0]


def _said(rng: random.Random, week: int, text: str, says: str) -> dict[str, Any]:
    return message(
        week * WEEK + rng.uniform(0, WEEK - 1),
        f"u{rng.randrange(200)}",
        says,
        text=rng.choice(HEADS) + text + rng.choice(TAILS),
        sentiment=-0.5 if says == "complaint" else 0.1,
        meta={"building": rng.choice("ABC")},
    )
