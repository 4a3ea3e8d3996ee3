from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.training.made_up import row, write, write_data
from training import corpora


def test_rows_come_as_they_were_written(tmp_path: Path) -> None:
    rows = [{"text": "两行\n文字"}, {"text": "😀", "label": 1}, {}]
    write(tmp_path / "a.jsonl.gz", rows)
    assert list(corpora.read(tmp_path / "a.jsonl.gz")) == rows


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl\.gz"):
        list(corpora.read(tmp_path / "nowhere.jsonl.gz"))


@pytest.mark.parametrize("line", ['{"text": "秘密"', "秘密", '["秘密"]', '"秘密"', "null", ""])
def test_a_line_that_is_no_object_is_named_without_its_text(tmp_path: Path, line: str) -> None:
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(f'{{"text": "好"}}\n{line}\n')
    rows = corpora.read(tmp_path / "a.jsonl.gz")
    assert next(rows) == {"text": "好"}
    with pytest.raises(ValueError, match=r"^a\.jsonl\.gz:2: ") as caught:
        next(rows)
    assert "秘密" not in str(caught.value)


def test_unlabelled_text_is_the_corpus_and_the_train_splits_but_never_dev(tmp_path: Path) -> None:
    train, dev = row("ad", 1), row("ad", 2)
    data = write_data(
        tmp_path,
        train=[train],
        dev=[dev],
        corpus={"forum": ["楼主在吗", "顶一下"], "news": ["今日晴"]},
        public={"reviews": [{"text": "分量足", "label": 1}]},
    )
    write(data / "public" / "reviews" / "dev.jsonl.gz", [{"text": "留着考试", "label": 0}])
    write(data / "corpus" / "unlisted.jsonl.gz", [{"text": "没有登记"}])
    assert list(corpora.unlabelled(data)) == ["楼主在吗", "顶一下", "今日晴", train["text"], "分量足"]


def test_a_public_set_without_a_train_split_is_passed_over(tmp_path: Path) -> None:
    data = write_data(tmp_path, train=[row("ad", 1)], dev=[])
    (data / "index.json").write_text('{"corpus": [], "public": [{"name": "exam", "splits": ["dev"]}]}', "utf-8")
    assert list(corpora.unlabelled(data)) == [row("ad", 1)["text"]]


def test_every_listed_set_of_the_real_data_can_be_read(shared_data: Path) -> None:
    index = json.loads((shared_data / "index.json").read_text("utf-8"))
    paths = [shared_data / "corpus" / f"{name}.jsonl.gz" for name in index["corpus"]]
    paths += [
        shared_data / "public" / e["name"] / f"{split}.jsonl.gz" for e in index["public"] for split in e["splits"]
    ]
    assert len(paths) > 50
    for path in [*paths, shared_data / "gold" / "train.jsonl.gz", shared_data / "gold" / "dev.jsonl.gz"]:
        assert isinstance(next(corpora.read(path))["text"], str), path
