"""What a large list costs. The bounds are three times what docs/lexicon.md says, so that a busy machine passes."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import numpy as np
import psutil
import pytest

from nlp_service.moderation.lexicon import Entry, Matcher
from nlp_service.text.normalise import normalise_batch
from nlp_service.text.ordinary import rarity

NOW = datetime(2026, 11, 22, tzinfo=UTC)
N_WORDS = 100_000
COMMON = [chr(point) for point in (np.flatnonzero(rarity()[0x4E00:0x9FFF] <= 11) + 0x4E00).tolist()]
MESSAGES = [
    "昨天在你们家买的奶粉今天到了，包装有点破，里面没事，客服态度挺好的",
    "有没有人一起去爬山，周六早上八点在地铁口集合，记得带水和雨衣",
    "这个游戏更新以后好卡，weixin登录半天进不去，你们什么时候修一下",
    "求推荐一款适合油皮的防晒，预算两百以内，最好不要太油的那种",
]


@pytest.fixture(scope="module")
def words() -> list[Entry]:
    chance = random.Random(1)
    sizes = (2, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8)
    found: set[str] = set()
    while len(found) < N_WORDS:
        found.add("".join(chance.choices(COMMON, k=chance.choice(sizes))))
    return [Entry(word, "large", "deny") for word in sorted(found)]


def test_a_hundred_thousand_words_are_built_in_seconds_and_searched_in_microseconds(words: list[Entry]) -> None:
    Matcher.build(words[:10])  # the tables, which all matchers share
    before, started = psutil.Process().memory_info().rss, time.process_time()
    matcher = Matcher.build(words)
    assert time.process_time() - started < 9.0
    assert psutil.Process().memory_info().rss - before < 300e6
    texts = MESSAGES * 128
    batch = normalise_batch(texts)
    costs_s = []
    for _ in range(5):
        started = time.process_time()
        matcher.find(texts, batch, NOW)
        costs_s.append(time.process_time() - started)
    assert min(costs_s) / len(texts) < 150e-6
