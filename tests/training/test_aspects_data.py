from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from training import aspects_data
from training.aspects_data import UNKNOWN, Sentence, load, zhang


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path


def triple(aspect: str, opinion: str, at: tuple[int, int], polarity: str = "POS") -> dict[str, Any]:
    spans = {"a_span": [at[0], at[0] + len(aspect) - 1], "o_span": [at[1], at[1] + len(opinion) - 1]}
    return {"aspect": aspect, "opinion": opinion, "polarity": polarity} | spans


def words(sentence: Sentence) -> tuple[list[str], list[tuple[str, int]]]:
    text = sentence.text
    return [text[a:b] for a, b in sentence.aspects], [(text[a:b], side) for a, b, side in sentence.opinions]


def test_spans_that_count_numbers_as_one_are_put_right(tmp_path: Path) -> None:
    # Token 4 of "花 | 120 | 元 | 的 | 包 ..." is the code point 6.
    text = "花120元的包不错"
    path = write(tmp_path / "a.jsonl.gz", {"text": text, "label": [triple("包", "不错", (4, 5))]})
    (sentence,) = zhang(path)
    assert words(sentence) == (["包"], [("不错", 2)])
    assert sentence.pairs == {(0, 0)}


def test_of_spans_that_overlap_the_first_is_kept(tmp_path: Path) -> None:
    text = "面好吃又便宜"
    labels = [triple("面", "好吃又便宜", (0, 1)), triple("面", "便宜", (0, 4))]
    (sentence,) = zhang(write(tmp_path / "a.jsonl.gz", {"text": text, "label": labels}))
    assert words(sentence) == (["面"], [("好吃又便宜", 2)])
    assert sentence.pairs == {(0, 0)}


def world(data: Path) -> None:
    public = data / "public"
    dev = {"text": "甲店的茶很香", "label": [triple("茶", "很香", (3, 4))]}
    train = [{"text": f"第{n}家的茶太苦", "label": [triple("茶", "太苦", (4, 5), "NEG")]} for n in "一二三四五六"]
    write(public / "zhang_aste" / "dev.jsonl.gz", dev)
    write(public / "zhang_aste" / "train.jsonl.gz", *train, dev)
    label = {"aspect_term": None, "a_start": None, "a_end": None, "opinion_term": "很润", "o_start": 0, "o_end": 2}
    zhijiang = {"text": "很润", "label": [label | {"category": "功效", "polarity": "正面"}]}
    write(public / "zhijiang_cosmetics" / "train.jsonl.gz", zhijiang)
    thread = {
        "text": "x",
        "sentences": ["屏幕OK", "说啥呢", "A1机身太重"],
        "sentences_tokenized": ["屏 幕 OK", "说 啥 呢", "A 1 机 身 太 重"],
        "label": [[6, 8, 8, 10, 10, 12, "neg", "A1", "机身", "太重"], [0, 1, 0, 2, 2, 3, "pos", "?", "屏幕", "OK"]],
    }
    write(public / "diaasq_zh" / "train.jsonl.gz", thread)
    bio = ["B-COMMENTS_N", "I-COMMENTS_N", "B-COMMENTS_ADJ", "O", "B-BANK"]
    write(public / "bdci2021_bank" / "train.jsonl.gz", {"text": "利息高，乙", "label": 0, "bio": bio})
    base = {"source": "s", "sentiment": 0, "risk": 0, "risk_categories": [], "abuse": 0, "unsafe": [], "pain": []}
    rows = [base | {"id": f"t{i}", "text": f"在吗{i}", "intent": ["chat"]} for i in range(3)]
    rows.append(base | {"id": "t9", "text": "气死人了", "intent": ["complaint"], "sentiment": -2})
    write(data / "gold" / "train.jsonl.gz", *rows)
    write(data / "gold" / "dev.jsonl.gz", base | {"id": "d", "text": "早", "intent": ["chat"]})


def test_every_set_is_read_as_it_annotates(tmp_path: Path) -> None:
    world(tmp_path)
    sets = load(tmp_path)
    held_out = {sentence.text for sentence in sets.held_out}
    assert len(held_out) == 6  # fewer than are to be held out: all of them are
    others = {sentence.text: sentence for sentence in sets.train}
    assert words(others["很润"]) == ([], [("很润", 2)])
    assert words(others["屏幕OK"]) == (["屏幕"], [("OK", 2)])
    assert words(others["A1机身太重"]) == (["机身"], [("太重", 0)])
    assert words(others["利息高，乙"]) == (["利息"], [("高", UNKNOWN)])
    assert others["利息高，乙"].pairs is None
    assert "说啥呢" not in others


def test_nothing_of_dev_is_learnt_from(tmp_path: Path) -> None:
    world(tmp_path)
    sets = load(tmp_path)
    assert "甲店的茶很香" not in {sentence.text for sentence in (*sets.train, *sets.held_out)}


def test_only_messages_without_feeling_are_quiet(tmp_path: Path) -> None:
    world(tmp_path)
    quiet = {sentence.text for sentence in load(tmp_path).train if sentence.style == 0 and not sentence.opinions}
    assert "气死人了" not in quiet
    assert quiet <= {"在吗0", "在吗1", "在吗2"}


def test_the_real_sets_share_no_text_with_dev(shared_data: Path) -> None:
    sets = load(shared_data)
    dev = zhang(shared_data / "public" / "zhang_aste" / "dev.jsonl.gz")
    learnt = aspects_data.keys([sentence.text for sentence in (*sets.train, *sets.held_out)])
    assert not set(learnt) & set(aspects_data.keys([sentence.text for sentence in dev]))
    assert len(sets.held_out) == aspects_data.HELD_OUT
    assert {sentence.style for sentence in sets.train} == set(range(len(aspects_data.STYLES)))
