from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.made_up import write
from tests.training.made_up_sets import write_sets
from training import publicsets
from training.publicsets import LABEL_SETS, PAIR_SETS, LabelSet, PairSet


def test_messages_of_dev_that_a_judge_may_have_learnt_from_are_left_out(tmp_path: Path) -> None:
    data, _ = write_sets(tmp_path)
    labelled = [{"text": text, "label": "buy"} for text in ("只在这里", "  想买 水壶！", "批注过的")]
    write(data / "public" / "cold" / "dev.jsonl.gz", labelled)
    write(data / "public" / "cold" / "train.jsonl.gz", [{"text": "想买水壶！", "label": "buy"}])
    task = publicsets.label_task(data, LabelSet("cold"), set(publicsets.keys(["批注过的"])))
    assert (task.dev_texts, task.dropped) == (["只在这里"], 2)


def test_no_more_than_the_cap_is_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = write_sets(tmp_path)
    monkeypatch.setattr(publicsets, "MAX_ROWS", 3)
    monkeypatch.setattr(publicsets, "MAX_PAIRS", 5)
    task = publicsets.label_task(data, LABEL_SETS[-1], set())
    assert (len(task.texts), len(task.codes), len(task.dev_texts)) == (3, 3, 4)
    assert [len(side) for side in publicsets.pair_task(data, PAIR_SETS[0]).train] == [5, 5, 5]


def test_bounds_of_a_set_without_a_train_split_come_from_another(tmp_path: Path) -> None:
    data, _ = write_sets(tmp_path)
    (data / "pairs" / "lcqmc" / "train.jsonl.gz").unlink()
    write(data / "pairs" / "bq" / "train.jsonl.gz", [{"text1": "借", "text2": "还", "label": 0}])
    assert publicsets.pair_task(data, PAIR_SETS[0]).train.first == ["借"]


def test_pairs_that_train_holds_too_are_left_out_of_dev(tmp_path: Path) -> None:
    data, _ = write_sets(tmp_path)
    pairs = [("怎么退", "如何退"), ("如何退", "怎么 退"), ("如何退", "如何换")]
    for split, some in (("train", pairs[:1]), ("dev", pairs)):
        rows = [{"text1": a, "text2": b, "label": 1} for a, b in some]
        write(data / "pairs" / "bq" / f"{split}.jsonl.gz", rows)
    dev = publicsets.pair_task(data, PairSet("bq")).dev
    assert (dev.first, dev.second, dev.labels.tolist()) == (["如何退"], ["如何换"], [1.0])


def test_three_classes_of_pairs_have_two_bounds() -> None:
    scores, labels = np.array([0.1, 0.2, 0.5, 0.6, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])
    pairs = publicsets.Pairs([], [], labels)
    figures = publicsets.pair_figures(PairSet("x", levels=(1, 2)), publicsets.PairTask(pairs, pairs), scores, scores)
    # Labels have ties and scores have none, so even the right order falls short of 1.
    assert figures == {"Spearman": pytest.approx(0.956, abs=1e-3), "accuracy": 1.0}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 2.0, 3.0], [10.0, 20.0, 1000.0], 1.0),  # only the order counts
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], -1.0),
        ([1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 1.0, 2.0], 0.0),  # ties stand at their mean rank
        ([1.0, 1.0], [1.0, 2.0], math.nan),
    ],
)
def test_rank_correlation(a: list[float], b: list[float], expected: float) -> None:
    assert publicsets.spearman(np.array(a), np.array(b)) == pytest.approx(expected, nan_ok=True)


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    data, _ = write_sets(tmp_path)
    for name in ("public/cold/dev.jsonl.gz", "pairs/bq/train.jsonl.gz", "public/zhang_aste/dev.jsonl.gz"):
        (data / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks public/zhang_aste/dev.*public/cold/dev.*pairs/bq/train"):
        publicsets.files(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def turn(path: Path) -> None:
    path.write_bytes(b"PK" + path.read_bytes())


def unlabel(path: Path) -> None:
    write(path, [{"text": "密语", "label": "buy"}, {"text": "密语"}])


def empty(path: Path) -> None:
    write(path, [])


def garble(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write('{"text": "密语", "label": "buy"}'.encode("gb18030"))


@pytest.mark.parametrize("harm", [cut, turn, unlabel, empty, garble])
def test_a_damaged_set_is_named_without_its_text(tmp_path: Path, harm: Any) -> None:
    data, _ = write_sets(tmp_path)
    harm(data / "public" / "cold" / "dev.jsonl.gz")
    with pytest.raises(ValueError, match=r"cold/dev\.jsonl\.gz") as caught:
        publicsets.label_task(data, LabelSet("cold"), set())
    assert "密语" not in str(caught.value)


def test_a_class_that_train_lacks_is_refused(tmp_path: Path) -> None:
    data, _ = write_sets(tmp_path)
    write(data / "public" / "cold" / "dev.jsonl.gz", [{"text": "换货", "label": "swap"}])
    with pytest.raises(ValueError, match="cold: 1 classes"):
        publicsets.label_task(data, LabelSet("cold"), set())


def test_damaged_gold_is_named(tmp_path: Path) -> None:
    write(tmp_path / "dev.jsonl.gz", [{"text": "没有标注"}])
    with pytest.raises(ValueError, match=r"dev\.jsonl\.gz: damaged"):
        publicsets.gold(tmp_path / "dev.jsonl.gz")


def test_no_message_of_a_real_dev_split_can_be_learnt_from(shared_data: Path) -> None:
    for one in (LABEL_SETS[1], LABEL_SETS[-1]):
        task = publicsets.label_task(shared_data, one, set())
        learnt = [r["text"] for r in publicsets.rows(shared_data / "public" / one.name / "train.jsonl.gz")]
        assert len(task.dev_texts) > 500
        assert not set(publicsets.keys(learnt)) & set(publicsets.keys(task.dev_texts))
