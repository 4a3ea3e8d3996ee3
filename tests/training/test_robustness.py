from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nlp_service.inference.analyser import Analyser
from nlp_service.types import Abuse, Analysis, Intent, Message, Risk
from nlp_service.wiring import TIERS
from tests.training.made_up import examples, row, write, write_data
from training.examples import Example, gold
from training.obfuscate import KINDS
from training.robustness import GROUPS, Recall, Row, as_json, main_table, markdown, table


class Literal:
    """Knows one word for each label, and only as it is usually written; Latin letters are an advert to it, too."""

    version = "literal-1"

    def analyse(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        return [self._read(message.text) for message in messages]

    def _read(self, text: str) -> Analysis:
        primary = "ad" if "微信" in text or re.search("[a-z]", text) else "chat"
        risk = Risk(2 if "中毒" in text else 0, 0.5, 0.5)
        return Analysis(None, Intent(primary, (primary,), {}), None, risk, Abuse(0.5, "废物" in text), None, ())


class Failed(Literal):
    """A model whose intent head has failed."""

    def _read(self, text: str) -> Analysis:
        return Analysis(None, None, None, Risk(0, None, None), Abuse(None, False), None, ())


def annotated(tmp_path: Path, *texts: str, kind: str = "chat", **labels: Any) -> list[Example]:
    path = tmp_path / "gold.jsonl.gz"
    write(path, [row(kind, n) | {"text": text} | labels for n, text in enumerate(texts)])
    return gold(path)


def row_of(kind: str, messages: Sequence[Example], model: Literal | None = None) -> Row:
    return next(row for row in table(model or Literal(), messages, seed=1) if row.kind == kind)


def test_every_kind_has_a_row_of_every_group() -> None:
    rows = table(Literal(), examples(2))
    assert [row.kind for row in rows] == list(KINDS)
    assert all(tuple(row.recall) == GROUPS for row in rows)


def test_recall_is_that_of_the_same_messages_before_and_after(tmp_path: Path) -> None:
    messages = annotated(tmp_path, "加微信领券", "便宜出加微信", "低价出台灯", kind="ad")
    found = row_of("contact", messages)
    assert (found.rewritten, found.messages) == (2, 3)
    assert found.recall["ad"].messages == 2  # the third says no contact that could be rewritten
    assert found.recall["ad"].plain == 1.0
    assert found.recall["ad"].rewritten is not None
    assert found.recall["ad"].rewritten < 1.0


@pytest.mark.parametrize(
    ("group", "labels", "text"),
    [("abuse", {"abuse": 1}, "你是废物"), ("risk >= 2", {"risk": 2}, "吃了中毒")],
)
def test_abuse_and_risk_have_their_own_recall(tmp_path: Path, group: str, labels: dict[str, Any], text: str) -> None:
    recall = row_of("traditional", annotated(tmp_path, text, "你好，爱吃", **labels)).recall
    assert recall[group] == Recall(2, 0.5, 0.0 if group == "abuse" else 0.5)  # 廢物, but 中毒 has no other form
    assert recall["ad"] == Recall(0, None, None)


def test_risk_one_is_not_in_the_group_of_risk_two(tmp_path: Path) -> None:
    messages = annotated(tmp_path, "东西坏了", risk=1) + annotated(tmp_path, "让人受伤", risk=3)
    assert row_of("homophone", messages).recall["risk >= 2"].messages == 1


def test_false_alarms_are_harmless_messages_that_become_adverts(tmp_path: Path) -> None:
    harmless = annotated(tmp_path, "今天天气很好", "不要在微信里说这个事")
    adverts = annotated(tmp_path, "便宜出台灯", kind="ad")
    found = row_of("pinyin", harmless + adverts)
    assert found.rewritten == 3
    assert found.false_alarms == 0.5  # the second was taken for one before, and the third is one
    assert found.same == pytest.approx(1 / 3)


def test_messages_that_stay_as_they_are_count_only_among_all(tmp_path: Path) -> None:
    found = row_of("pinyin", annotated(tmp_path, "今天天气很好", "666", "😀", "？？"))
    assert (found.same, found.same_of_all) == (0.0, 0.75)


def test_a_kind_that_finds_nothing_has_no_shares(tmp_path: Path) -> None:
    found = row_of("fullwidth", annotated(tmp_path, "全是汉字", kind="ad"))
    assert found == Row("fullwidth", 1, 0, {group: Recall(0, None, None) for group in GROUPS}, None, 1.0, None)


def test_a_failed_head_finds_nothing(tmp_path: Path) -> None:
    found = row_of("contact", annotated(tmp_path, "加微信领券", kind="ad"), Failed())
    assert found.recall["ad"] == Recall(1, 0.0, 0.0)


def test_the_seed_decides_the_rewriting() -> None:
    messages = examples(10)
    first, again, other = (table(Literal(), messages, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_markdown_has_a_line_for_each_row_and_a_dash_where_nothing_was_measured() -> None:
    recall = {"ad": Recall(4, 1.0, 0.25), "abuse": Recall(0, None, None), "risk >= 2": Recall(2, 0.5, 0.5)}
    lines = markdown([Row("split", 9, 6, recall, 0.5, 2 / 3, None)]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2] == "| split | 6 of 9 | 1.000 → 0.250 (4) | – → – (0) | 0.500 → 0.500 (2) | 0.500 | 0.667 | – |"


def test_json_has_null_where_nothing_was_measured() -> None:
    recall = {group: Recall(0, None, None) for group in GROUPS}
    said = json.loads(as_json([Row("split", 3, 0, recall, None, 1.0, None)], "a title"))
    assert said["title"] == "a title"
    (only,) = said["rows"]
    assert (only["kind"], only["messages"], only["same"], only["same_of_all"]) == ("split", 3, None, 1.0)
    assert only["recall"]["ad"] == {"messages": 0, "plain": None, "rewritten": None}


def test_the_table_of_a_data_folder_is_of_gold_dev(tmp_path: Path) -> None:
    dev = [row("ad", n) for n in range(3)]
    data = write_data(tmp_path, train=[row("chat", 1)], dev=dev)
    text = main_table(Literal(), data, seed=7)
    assert text.startswith("literal-1 on gold dev, rewritten with seed 7\n\n| kind |")
    assert "| split | 3 of 3 |" in text
    rows = json.loads(main_table(Literal(), data, seed=7, for_machines=True))["rows"]
    assert {r["kind"]: r["messages"] for r in rows} == dict.fromkeys(KINDS, 3)


def test_a_folder_without_gold_dev_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main_table(Literal(), tmp_path)


def test_what_the_normaliser_undoes_changes_nothing_that_the_shipped_model_says(tmp_path: Path) -> None:
    texts = ("加V领优惠券 138abc", "这个质量太差了，头发都掉了！", "请问 iPhone 怎么设置铃声?", "你这个废物，滚远点")
    rows = {row.kind: row for row in table(Analyser.load(TIERS["fast"]), annotated(tmp_path, *texts))}
    assert (rows["traditional"].rewritten, rows["traditional"].same) == (4, 1.0)
    assert (rows["fullwidth"].rewritten, rows["fullwidth"].same) == (2, 1.0)
