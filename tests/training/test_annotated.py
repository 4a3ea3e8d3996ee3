from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_service.inference.heads import COLUMNS
from nlp_service.types import INTENTS
from tests.training.made_up import write
from training import annotated
from training.examples import key

TEXTS = ["客服一直不回复", "请问几点开门", "今天真冷呀"]


def label(place: str, row: int, text: str, **changes: Any) -> dict[str, Any]:
    """A line of the annotations."""
    labels = {
        "intent": ["chat"],
        "sentiment": 0,
        "risk": 0,
        "risk_categories": [],
        "abuse": 0,
        "unsafe": [],
        "pain": [],
    }
    return {"set": place, "row": row, "key": annotated.checksum(text), "drawn": True} | labels | changes


def write_data(folder: Path, labels: list[dict[str, Any]]) -> Path:
    """A corpus and a public set of the same texts, and annotations of them."""
    for name in ("corpus/street.jsonl.gz", "public/reviews/train.jsonl.gz"):
        write(folder / name, [{"text": text} for text in TEXTS])
    write(folder / "messages.jsonl.gz", labels)
    return folder


def load(folder: Path, held_out: set[str] | None = None) -> list[str]:
    return [each.text for each in annotated.load(folder, held_out or set(), folder / "messages.jsonl.gz")]


def test_labels_find_their_texts(tmp_path: Path) -> None:
    complaint = {"intent": ["complaint"], "sentiment": -2, "risk": 1, "pain": [[0, 2, "客服"]]}
    labels = [
        label("public/reviews", 1, TEXTS[1], intent=["question"]),
        label("corpus/street", 0, TEXTS[0], **complaint),
    ]
    folder = write_data(tmp_path, labels)
    asked, complained = annotated.load(folder, set(), folder / "messages.jsonl.gz")
    assert (asked.text, asked.source) == (TEXTS[1], "reviews")
    assert (complained.text, complained.source, complained.spans) == (TEXTS[0], "street", [(0, 2, "客服")])
    primary = [INTENTS[int(np.argmax(each.targets[COLUMNS["primary"]]))] for each in (asked, complained)]
    assert primary == ["question", "complaint"]


def test_a_text_that_was_changed_is_refused_without_being_quoted(tmp_path: Path) -> None:
    folder = write_data(tmp_path, [label("corpus/street", 1, "请问几点关门")])
    with pytest.raises(ValueError, match="corpus/street: row 1 is not the message") as caught:
        load(folder)
    assert "几点" not in str(caught.value)


def test_a_text_that_normalises_alike_is_the_same(tmp_path: Path) -> None:
    assert load(write_data(tmp_path, [label("corpus/street", 1, "請問几点開門")])) == [TEXTS[1]]


def test_a_row_that_is_not_there_is_named(tmp_path: Path) -> None:
    labels = [label("corpus/street", 0, TEXTS[0]), label("corpus/street", 3, TEXTS[0])]
    with pytest.raises(ValueError, match="corpus/street: there is no row 3"):
        load(write_data(tmp_path, labels))


@pytest.mark.parametrize("place", ["corpus/nowhere", "public/nowhere"])
def test_a_set_that_is_not_there_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(write_data(tmp_path, [label(place, 0, TEXTS[0])]))


def test_annotations_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        annotated.load(tmp_path, set(), tmp_path / "none.jsonl.gz")


def test_what_is_held_out_is_not_learnt_from(tmp_path: Path) -> None:
    labels = [label("corpus/street", row, text) for row, text in enumerate(TEXTS)]
    folder = write_data(tmp_path, labels)
    assert load(folder) == TEXTS
    assert load(folder, {key("請問幾點開門")}) == [TEXTS[0], TEXTS[2]]  # held out by what it normalises to


def test_the_shipped_annotations_hold_no_text() -> None:
    if not annotated.FILE.exists():
        pytest.skip("there are no annotations in this working copy")
    from training import corpora

    names = {name for row in corpora.read(annotated.FILE) for name in row}
    assert {"set", "row", "key"} <= names
    assert "text" not in names
