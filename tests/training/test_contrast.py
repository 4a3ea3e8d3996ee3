from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.made_up import THINGS, classifier, learn, write
from training import contrast
from training.contrast import DIMENSIONS, ContrastLoss, PairBatch, PairSet
from training.tokens import pad

ASKED = [(f"{thing}多少钱", f"{thing}什么价格") for thing in THINGS]
LOOKUP = learn([text for pair in ASKED for text in pair] + ["怎么退货呀", "想换一个行吗"])


def write_pairs(data: Path) -> Path:
    rows = [{"text1": a, "text2": b, "label": 1} for a, b in ASKED]
    rows += [{"text1": a, "text2": "怎么退货呀", "label": 0} for a, _ in ASKED]
    for name in contrast._LABELLED:
        full = int(contrast._FULL.get(name, 1))
        labelled = [row | {"label": row["label"] * full} for row in rows]
        write(data / "pairs" / name / "train.jsonl.gz", labelled)
    entries = [{"id": f"e{i}", "question": b} for i, (_, b) in enumerate(ASKED)]
    write(data / "faq" / "train" / "home" / "entries.jsonl.gz", entries)
    queries = [{"id": f"q{i}", "text": a, "entry_id": f"e{i}"} for i, (a, _) in enumerate(ASKED)]
    write(data / "faq" / "train" / "home" / "queries.jsonl.gz", queries)
    folder = data / "faq" / "10jqka"
    write(folder / "corpus.jsonl.gz", [{"id": row["id"], "text": row["question"]} for row in entries])
    write(folder / "queries.train.jsonl.gz", [{"id": row["id"], "text": row["text"]} for row in queries])
    relevant = [{"query-id": f"q{i}", "corpus-id": f"e{i}", "score": 1} for i in range(len(ASKED))]
    write(folder / "qrels.train.jsonl.gz", relevant)
    return data


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[PairSet]:
    return contrast.load(write_pairs(tmp_path_factory.mktemp("data")), LOOKUP)


def test_every_set_is_read_with_its_own_full_mark(sets: list[PairSet]) -> None:
    assert len(sets) == len(contrast._LABELLED) + 2
    for each in sets[: len(contrast._LABELLED)]:
        assert len(each.same) == len(ASKED)
        assert sorted(set(each.degrees.tolist())) == [0.0, 1.0]


def test_a_near_entry_that_is_another_is_the_negative(sets: list[PairSet]) -> None:
    for each in sets[-2:]:
        assert (each.same[:, 2] >= 0).all()
        assert (each.same[:, 1] != each.same[:, 2]).all()
        assert (each.same[:, 1:] >= len(ASKED)).all()  # entries stand behind the questions


def test_a_batch_is_of_one_set_and_no_text_is_a_negative_of_itself(sets: list[PairSet]) -> None:
    rng = np.random.default_rng(0)
    found = contrast.batches(sets, 6, rng)
    kinds = set()
    for _ in range(60):
        batch = next(found)
        kinds.add((batch.degrees is None, len(batch.columns)))
        assert len({len(column) for column in batch.columns}) == 1
        if batch.degrees is None:
            second = [tuple(row[row > 0]) for row in batch.columns[1]]
            assert len(set(second)) == len(second)
    assert kinds == {(True, 2), (True, 3), (False, 2)}


@pytest.mark.parametrize("graded", [False, True])
def test_learning_brings_what_is_alike_together(graded: bool) -> None:
    model = classifier(LOOKUP)
    ids = PairSet(ids=contrast._ids([text for pair in ASKED for text in pair], LOOKUP)).ids
    left, right = ids[::2], ids[1::2]
    if graded:
        columns = [pad([*left, *left]), pad([*right, *right[1:], right[0]])]
        batch = PairBatch(columns, np.repeat([1.0, 0.0], len(left)).astype(np.float32))
    else:
        batch = PairBatch([pad(left), pad(right)], None)
    loss, optimiser = ContrastLoss(), torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        value = loss(model, LOOKUP, batch, torch.device("cpu"))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value.detach()))
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        a, b = (
            model.embed(torch.from_numpy(pad(side)), torch.from_numpy(LOOKUP.pair_ids(pad(side))))
            for side in (left, right)
        )
    for n in DIMENSIONS:  # the first columns stand for the whole
        likeness = torch.nn.functional.normalize(a[:, :n], dim=1) @ torch.nn.functional.normalize(b[:, :n], dim=1).T
        assert (likeness.argmax(1) == torch.arange(len(left))).float().mean() >= 0.8
