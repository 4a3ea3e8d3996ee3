"""Every set of the comparison, small and made up."""

from __future__ import annotations

from pathlib import Path

from tests.training.made_up import KINDS, row, write, write_data
from training.publicsets import LABEL_SETS, PAIR_SETS, SPAN_SETS

THINGS = "水壶 台灯 背包 键盘 耳机 雨伞".split()
FEELINGS = {"angry": "{}坏了，气死了", "neutral": "{}周三到货", "happy": "{}好用，开心", "surprise": "{}居然会说话"}


def write_sets(data: Path) -> tuple[Path, dict[str, int]]:
    """A data folder with every set, and the class of each message of a dev split."""
    dev = [row(kind, n, source=source) for n, source in ((20, "street"), (21, "authored-5")) for kind in KINDS]
    write_data(data, train=[row(kind, n) for n in range(6) for kind in KINDS], dev=dev)
    truth: dict[str, int] = {}
    for one in LABEL_SETS:
        texts = FEELINGS if one.classes else {"buy": "想买{}", "return": "要退{}"}
        for split, things in (("train", THINGS[:4]), ("dev", THINGS[4:])):
            labelled = [(f"{one.name}：{form.format(thing)}", name) for name, form in texts.items() for thing in things]
            write(data / "public" / one.name / f"{split}.jsonl.gz", [{"text": t, "label": n} for t, n in labelled])
            truth |= {t: list(texts).index(n) for t, n in labelled}
    for pairs in PAIR_SETS:
        for split, verb in (("train", "退"), ("dev", "换")):
            same = [{"text1": f"{verb}{t}", "text2": f"{verb}{t}", "label": pairs.levels[-1]} for t in THINGS]
            other = [{"text1": f"{verb}{t}", "text2": "早上好", "label": 0} for t in THINGS]
            write(data / "pairs" / pairs.name / f"{split}.jsonl.gz", same + other)
    for name in SPAN_SETS:
        write(data / "public" / name / "dev.jsonl.gz", [{"text": "面条筋道"}])
    return data, truth
