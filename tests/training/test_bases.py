from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.made_up import write
from training import bases

ENTRIES = [
    {"id": "a", "question": "怎么退款", "answer": "三天内", "category": "售后", "tags": ["退款"]},
    {"id": "b", "questions": ["几点开门", "营业时间"], "answer": "九点"},
]
QUERIES = [{"id": "q1", "text": "几点关门", "entry_id": "b"}, {"id": "q2", "text": "退钱", "entry_id": "a"}]
OUTSIDE = [{"text": "今天真冷"}]


def write_plain(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def folder(tmp_path: Path, **files: list[dict[str, Any]]) -> Path:
    """A base; `files` take the place of its own."""
    base = tmp_path / "shop"
    base.mkdir(exist_ok=True)
    for name, rows in ({"entries": ENTRIES, "queries": QUERIES, "unanswerable": OUTSIDE} | files).items():
        write_plain(base / f"{name}.jsonl", rows)
    return base


def test_a_base_is_read_as_an_operator_would_import_it(tmp_path: Path) -> None:
    base = bases.load(folder(tmp_path))
    assert base.name == "shop"
    assert [entry.questions for entry in base.entries] == [("怎么退款",), ("几点开门", "营业时间")]
    assert (base.entries[0].category, base.entries[0].tags) == ("售后", ("退款",))
    assert (base.queries, base.answers, base.unanswerable) == (["几点关门", "退钱"], [1, 0], ["今天真冷"])


def test_files_may_be_packed(tmp_path: Path) -> None:
    plain = bases.load(folder(tmp_path))
    packed = tmp_path / "packed" / "shop"
    for name, rows in (("entries", ENTRIES), ("queries", QUERIES), ("unanswerable", OUTSIDE)):
        write(packed / f"{name}.jsonl.gz", rows)
    assert bases.load(packed) == plain


def test_a_line_end_of_unicode_does_not_end_a_line(tmp_path: Path) -> None:
    odd = [{"text": "今天\u2028真冷\u0085"}]
    assert bases.load(folder(tmp_path, unanswerable=odd)).unanswerable == ["今天\u2028真冷\u0085"]


@pytest.mark.parametrize("name", ["entries", "queries", "unanswerable"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    base = folder(tmp_path)
    (base / f"{name}.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match=name):
        bases.load(base)


@pytest.mark.parametrize(
    ("name", "rows", "complaint"),
    [
        ("queries", [*QUERIES, {"id": "q3", "text": "问", "entry_id": "z"}], "query q3 is of no entry"),
        ("queries", [{"id": "q1", "text": "问"}], "line 1 of queries has no entry_id"),
        ("unanswerable", [*OUTSIDE, {"txt": "问"}], "line 2 of unanswerable has no text"),
        ("entries", [*ENTRIES, {"id": "c", "question": "问"}], "line 3 of entries has no answer"),
        ("entries", [*ENTRIES, {"id": "c", "answer": "答"}], "entry 3: questions must not be empty"),
        ("entries", [*ENTRIES, ENTRIES[0]], "1 entries have the id of another one"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, rows: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"shop: {complaint}"):
        bases.load(folder(tmp_path, **{name: rows}))


def test_a_line_that_is_no_json_is_named_without_what_it_says(tmp_path: Path) -> None:
    base = folder(tmp_path)
    with (base / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "秘密"\n')
    with pytest.raises(ValueError, match="shop: line 3 of queries") as caught:
        bases.load(base)
    assert "秘密" not in str(caught.value)


def test_our_own_bases_can_be_read() -> None:
    own = [bases.load(place) for place in sorted(bases.OWN.iterdir())]
    assert own
    for base in own:
        assert len(base.queries) == len(base.answers) > 0, base.name
        assert base.unanswerable, base.name
        assert len({*base.queries} & {*base.unanswerable}) == 0, base.name


def write_contest(data: Path) -> None:
    """Questions of a contest: standard ones, and those of customers of which a split may be learnt from."""
    place = data / "faq" / "10jqka"
    write(place / "corpus.jsonl.gz", [{"id": "c1", "text": "怎么开户"}, {"id": "c2", "text": "怎么销户"}])
    for split in ("train", "dev"):
        write(place / f"queries.{split}.jsonl.gz", [{"id": f"{split}1", "text": f"{split}不想用了"}])
        write(place / f"qrels.{split}.jsonl.gz", [{"query-id": f"{split}1", "corpus-id": "c2", "score": 1}])


def test_all_that_may_be_learnt_from_is_read(tmp_path: Path) -> None:
    place = tmp_path / "faq" / "train"
    place.mkdir(parents=True)
    folder(place)
    write_contest(tmp_path)
    found = {base.name: base for base in bases.learnt(tmp_path)}
    assert set(found) == {"shop", "10jqka", *(own.name for own in bases.OWN.iterdir())}
    assert (found["10jqka"].queries, found["10jqka"].answers) == (["train不想用了"], [1])  # not the dev split
