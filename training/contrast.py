"""Sentence embeddings: texts that ask the same come close, others apart.

Two losses take turns, each on a batch of one set, so that the negatives are of the same trade: of pairs that mean the
same, every other text of the batch is a negative (van den Oord et al. 2018), and with it one that BM25 finds near and
that is another's; of pairs with a degree of likeness, the more alike must be the closer (CoSENT, Su 2022). Both are
taken on the first 32, 64 and all columns of the embedding, so that any of these stands for the whole (Kusupati et al.
2022). The losses are those of sentence-transformers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers.sentence_transformer.losses import CoSENTLoss, MultipleNegativesRankingLoss
from torch import Tensor

from nlp_service.inference.lookup import Lookup
from nlp_service.text.normalise import normalise
from training.corpora import read
from training.examples import Example
from training.network import EMBEDDING, Classifier
from training.tokens import pad, tokenise

DIMENSIONS = (32, 64, EMBEDDING)
"""Columns that stand for the whole embedding."""

LONGEST = 96
"""Units of a text that are read while training."""

_LABELLED = ("bq", "afqmc", "atec", "chip_sts", "xiaobu", "kuake_qqr", "sts_b")
_FULL = {"kuake_qqr": 2.0, "sts_b": 5.0}  # the label of pairs that mean the same; elsewhere it is 1
_NEIGHBOURS = 8

Ids = npt.NDArray[np.int64]


@dataclass(slots=True)
class PairSet:
    """Pairs of one source; every text is an index into `ids`.

    Attributes:
        ids: Unit ids of each text.
        same: Anchor, text that means the same, and one that is near but another's or -1; int64, shape (n, 3).
        alike: Two texts each; int64, shape (n, 2).
        degrees: How alike they are, 0 to 1; shape (n,).
    """

    ids: list[Ids] = field(default_factory=list)
    same: Ids = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    alike: Ids = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    degrees: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


def load(data: Path, lookup: Lookup) -> list[PairSet]:
    """Every set to learn from: labelled pairs, members' questions with the standard ones of knowledge bases.

    Raises:
        FileNotFoundError: A set is not there.
    """
    found = [_labelled(data / "pairs" / name / "train.jsonl.gz", _FULL.get(name, 1.0), lookup) for name in _LABELLED]
    for folder in sorted((data / "faq" / "train").iterdir()):
        entries = {row["id"]: row["question"] for row in read(folder / "entries.jsonl.gz")}
        asked = [(row["text"], row["entry_id"]) for row in read(folder / "queries.jsonl.gz")]
        found.append(_answered(entries, asked, lookup))
    folder = data / "faq" / "10jqka"
    entries = {row["id"]: row["text"] for row in read(folder / "corpus.jsonl.gz")}
    queries = {row["id"]: row["text"] for row in read(folder / "queries.train.jsonl.gz")}
    relevant = read(folder / "qrels.train.jsonl.gz")
    asked = [(queries[row["query-id"]], row["corpus-id"]) for row in relevant if row["query-id"] in queries]
    return [*found, _answered(entries, asked, lookup)]


def _labelled(path: Path, full: float, lookup: Lookup) -> PairSet:
    rows = list(read(path))
    texts = [text for row in rows for text in (row["text1"], row["text2"])]
    degrees = np.array([row["label"] for row in rows], np.float32) / full
    alike = np.arange(len(texts)).reshape(-1, 2)
    same = alike[degrees == 1]
    nothing = np.full((len(same), 1), -1)
    return PairSet(_ids(texts, lookup), np.concatenate((same, nothing), 1), alike, degrees)


def _answered(entries: dict[str, str], asked: list[tuple[str, str]], lookup: Lookup) -> PairSet:
    """Questions with the entry that answers them, and the likeliest entry by BM25 that does not."""
    names = list(entries)
    place = {name: i for i, name in enumerate(names)}
    index = bm25s.BM25()
    index.index([_bigrams(entries[name]) for name in names], show_progress=False)
    n = min(_NEIGHBOURS, len(names))
    near, _ = index.retrieve([_bigrams(text) for text, _ in asked], k=n, show_progress=False)
    same = []
    for i, (_, entry) in enumerate(asked):
        wrong = [int(other) for other in near[i] if int(other) != place[entry]]
        same.append((i, len(asked) + place[entry], len(asked) + wrong[0] if wrong else -1))
    texts = [text for text, _ in asked] + [entries[name] for name in names]
    return PairSet(_ids(texts, lookup), np.array(same, np.int64).reshape(-1, 3))


def _bigrams(text: str) -> list[str]:
    units = normalise(text).normalised
    return [*units, *map("".join, itertools.pairwise(units))] or [" "]


def _ids(texts: list[str], lookup: Lookup) -> list[Ids]:
    return tokenise([Example(text, "pairs") for text in texts], lookup, LONGEST).ids


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Texts of a step, a column (n, longest) for each side, and how alike they are; None if they mean the same."""

    columns: list[Ids]
    degrees: npt.NDArray[np.float32] | None


def batches(sets: list[PairSet], size: int, rng: np.random.Generator) -> Iterator[PairBatch]:
    """Batches for ever; a set is drawn the more often the larger it is, by the root of its size."""
    weights = np.sqrt([len(each.same) for each in sets])
    while True:
        chosen = sets[int(rng.choice(len(sets), p=weights / weights.sum()))]
        if len(chosen.degrees) and rng.random() < 0.4:
            rows = rng.choice(len(chosen.alike), min(size, len(chosen.alike)), replace=False)
            yield PairBatch(_columns(chosen, chosen.alike[rows]), chosen.degrees[rows])
        else:
            rows = rng.choice(len(chosen.same), min(size, len(chosen.same)), replace=False)
            yield PairBatch(_columns(chosen, _distinct(chosen.same[rows])), None)


def _distinct(same: Ids) -> Ids:
    """Without rows whose second text stands in another row too: it would be a negative of itself."""
    _, first = np.unique(same[:, 1], return_index=True)
    return same[np.sort(first)]


def _columns(source: PairSet, rows: Ids) -> list[Ids]:
    columns = rows.T if (rows >= 0).all() else rows.T[:2]
    return [pad([source.ids[i] for i in column]) for column in columns.tolist()]


class ContrastLoss:
    """The loss of a `PairBatch`."""

    def __init__(self) -> None:
        # They are given embeddings and never call a model.
        nothing: Any = torch.nn.Identity()
        self._same = MultipleNegativesRankingLoss(nothing)
        self._alike = CoSENTLoss(nothing)

    def __call__(self, classifier: Classifier, lookup: Lookup, batch: PairBatch, device: torch.device) -> Tensor:
        """Mean over `DIMENSIONS`."""
        embeddings = []
        for ids in batch.columns:
            pairs = torch.from_numpy(lookup.pair_ids(ids)).to(device)
            embeddings.append(classifier.embed(torch.from_numpy(ids).to(device), pairs))
        degrees = torch.zeros(len(batch.columns[0])) if batch.degrees is None else torch.from_numpy(batch.degrees)
        loss = self._same if batch.degrees is None else self._alike
        parts = [
            loss.compute_loss_from_embeddings([each[:, :n] for each in embeddings], degrees.to(device))
            for n in DIMENSIONS
        ]
        # CoSENT sums over the logarithm of all pairs, and so is several times as large.
        return torch.stack(parts).mean() * (1.0 if batch.degrees is None else 0.3)
