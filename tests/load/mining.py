"""How long mining takes and what it holds in memory: `python -m tests.load.mining --messages N --folder PATH`.

A million messages, analysis included, are to be mined in 25 minutes and 3 GB in all on two cores. The messages are made
up: a community of many channels that chats, asks, praises and complains, in wordings that hardly ever come twice. With
`--one-text` all say the same.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil

THINGS = (
    "耳机 跑鞋 保温杯 面霜 猫粮 键盘 奶茶 行李箱 台灯 投影仪 雨伞 背包 电饭煲 手环 洗面奶 瑜伽垫 咖啡机 显示器 充电宝 "
    "婴儿车 牙刷 防晒霜 酸奶 露营灯 空气炸锅 床垫 路由器 羽绒服 拼图 香薰"
).split()
PLACES = "门店 直播间 小程序 官网 旗舰店 驿站 社区团购点 售后中心 体验馆 仓库".split()
TROUBLES = (
    "{thing}到手就有裂纹",
    "{thing}用了{n}天就坏",
    "{thing}晚了{n}天才发货",
    "{place}的人爱理不理",
    "退{thing}的钱等了{n}天没到账",
    "{thing}比上个月贵了{n}块",
    "说好送的赠品没有给",
    "{thing}闻起来一股怪味",
    "{place}排了{n}分钟的队",
    "优惠券到期前没有人说一声",
    "软件更新以后连不上{thing}",
    "发票开了{n}次都写错",
)
PRAISES = (
    "{thing}的手感出乎意料",
    "{thing}颜值真高",
    "第{n}次回购{thing}",
    "{place}的小姐姐特别耐心",
    "{thing}装起来只要{n}分钟",
    "孩子抱着{thing}不撒手",
)
QUESTIONS = (
    "{thing}有没有{n}号",
    "{place}周末几点关门",
    "{thing}能不能用{n}伏的电",
    "谁知道{thing}怎么清洗",
    "{thing}和上一代差在哪里",
    "积分换{thing}要{n}分吗",
)
CHAT = (
    "中午吃了碗{n}块的面",
    "楼下的猫又生了{n}只",
    "地铁晚点{n}分钟",
    "今天降温记得加衣服",
    "周末去{place}逛逛有人一起吗",
    "昨晚的球赛看到{n}点",
    "阳台的花开了{n}朵",
    "下班路上听完一本书",
)
OPENINGS = ("", "", "", "唉，", "说真的，", "大家好，", "补充一下，", "问个事，", "路过，", "早上好，", "气死我了，")
ENDINGS = ("", "", "", "。", "！", "……", "，你们呢", "，先记一笔", "，有同感的吗", "，晒个图", "，谢谢", "，求回复")
KINDS = ((TROUBLES, 0.18), (PRAISES, 0.12), (QUESTIONS, 0.2), (CHAT, 0.5))
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def messages(n: int, days: int, seed: int, one_text: bool) -> Iterator[dict[str, Any]]:
    """Messages in the order of their times."""
    rng = random.Random(seed)
    authors = list(accumulate((rank + 30) ** -0.9 for rank in range(max(10, n // 12))))
    people = range(len(authors))
    pools, weights = zip(*KINDS, strict=True)
    for number in range(n):
        at = BEGIN + timedelta(days=days) * (number / n)
        parts = rng.choices(pools, weights, k=1 + (rng.random() < 0.35))
        said = "，".join(rng.choice(pool) for pool in parts)
        text = said.format(thing=rng.choice(THINGS), place=rng.choice(PLACES), n=rng.randint(2, 60))
        text = rng.choice(OPENINGS) + text + rng.choice(ENDINGS)
        yield {
            "id": f"m{number:08}",
            "platform": ("wechat", "qq", "forum")[number % 3],
            "channel": f"room-{int(rng.paretovariate(1.0)) % 60:02}",
            "author": f"u{rng.choices(people, cum_weights=authors)[0]:06}",
            "sent_at": at.isoformat(),
            "text": "今天的快递还没有到" if one_text else text,
            "meta": {"region": rng.choice(("华东", "华南", "华北", "西南")), "product": rng.choice(THINGS)},
        }


def write(path: Path, found: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for message in found:
            file.write(json.dumps(message, ensure_ascii=False) + "\n")


class Memory:
    """The most that a process and those it started held at once, in bytes; shared pages count in part (PSS)."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            held = 0
            for process in self._all():
                try:
                    held += process.memory_full_info().pss
                except psutil.Error:
                    continue  # ended in between
            self.most = max(self.most, held)

    def _all(self) -> list[psutil.Process]:
        try:
            return [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=7, help="over how many; seven are one period")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one-text", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    kind = "same" if options.one_text else "varied"
    source = options.folder / f"{kind}-{options.messages}-{options.days}-{options.seed}.jsonl"
    if not source.exists():
        write(source, messages(options.messages, options.days, options.seed, options.one_text))
    output = source.with_suffix(f".{options.engine}-{options.workers}.json")
    command = [sys.executable, "-m", "nlp_service", "mine", str(source), "-o", str(output), "--json", "--fresh"]
    command += ["--engine", options.engine, "--workers", str(options.workers), "--zone", "UTC"]
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process, Memory(process.pid) as memory:
        said, _ = process.communicate()
    seconds = time.monotonic() - begun
    if process.returncode:
        return process.returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = round(used.ru_utime + used.ru_stime, 1)
    measured = {"seconds": round(seconds, 1), "cpu_s": cpu_s, "peak_mb": memory.most >> 20, **json.loads(said)}
    sys.stdout.write(json.dumps(measured, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
