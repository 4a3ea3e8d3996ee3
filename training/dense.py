"""The dense part of search: word vectors and a small network that bring a question close to what answers it.

A deep averaging network (Iyyer et al. 2015) over the word vectors that `training.words` learnt from unlabelled text.
Members' questions are drawn to the entry that answers them against all other entries of the base, and labelled pairs to
each other against all others of the batch (van den Oord et al. 2018). It begins overfitting early: the words of some
thousand questions are soon known by heart, so that words are left out at random and the steps are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.knowledge.search.fields import normalised
from nlp_service.knowledge.search.model import words_of
from nlp_service.knowledge.search.ragged import gather
from nlp_service.knowledge.search.words import WordField, WordTable
from nlp_service.text.normalise import normalise_batch
from training import corpora
from training.bases import Base

STEPS, PAIRS, MAX_ASKED, LEFT_OUT = 220, 256, 320, 0.4
COLUMNS, HIDDEN = 128, 256
VECTOR_RATE, RATE = 1e-3, 2e-3

_PAIRS = {"bq": 1, "afqmc": 1, "atec": 1, "chip_sts": 1, "xiaobu": 1, "kuake_qqr": 2}

Bag = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions of a base, the entry that answers each, and what its entries say in three ways."""

    questions: WordField
    right: npt.NDArray[np.intp]
    documents: tuple[WordField, WordField, WordField]

    def draw(self, rng: np.random.Generator) -> tuple[Bag, Bag, Tensor]:
        """Questions, documents, and which document answers each: entries in one of three ways, or others' questions."""
        way = int(rng.integers(4))
        if way < 3:
            asked = rng.permutation(len(self.right))[:MAX_ASKED]
            return _bag(self.questions, asked), _bag(self.documents[way]), torch.from_numpy(self.right[asked])
        order = rng.permutation(len(self.right))
        answered, first = np.unique(self.right[order], return_index=True)
        known = order[first]  # one question of each entry stands for it
        others = rng.permutation(np.setdiff1d(order, known))[:MAX_ASKED]
        right = torch.from_numpy(np.searchsorted(answered, self.right[others]))
        return _bag(self.questions, others), _bag(self.questions, known), right


class Averager(nn.Module):
    """Words to vectors of unit length, as `nlp_service.knowledge.search.words.Projector` computes them."""

    def __init__(self, table: WordTable) -> None:
        super().__init__()
        vectors = torch.from_numpy(table.vectors(np.arange(len(table.weights))))
        self.vectors = nn.Embedding.from_pretrained(vectors, freeze=False)
        self.weights = nn.Parameter(torch.from_numpy(table.weights).clamp(min=1e-3).log())
        self.inner = nn.Linear(table.dim, HIDDEN)
        self.outer = nn.Linear(HIDDEN, COLUMNS)
        self.skip = nn.Linear(table.dim, COLUMNS, bias=False)
        self.sharpness = nn.Parameter(torch.tensor(2.5))

    def forward(self, bag: Bag) -> Tensor:
        """Vectors (n, COLUMNS) of bags of words: rows, and where each bag begins."""
        rows, begins = bag
        weights = self.weights[rows].exp()
        if self.training:
            weights = weights * (torch.rand_like(weights) > LEFT_OUT)
        vectors = functional.normalize(self.vectors(rows), dim=1) * weights.unsqueeze(1)
        owner = torch.repeat_interleave(torch.arange(len(begins)), torch.diff(begins, append=torch.tensor([len(rows)])))
        means = torch.zeros(len(begins), vectors.shape[1]).index_add(0, owner, vectors)
        x = 3.0 * functional.normalize(means, dim=1)
        return functional.normalize(self.skip(x) + self.outer(torch.tanh(self.inner(x))), dim=1)


def learn(
    table: WordTable, bases: Sequence[Base], pairs: Sequence[tuple[WordField, WordField]], *, seed: int
) -> Averager:
    """Train on bases and pairs; 200 steps take a minute.

    Args:
        table: The word vectors to begin with.
        bases: To learn from.
        pairs: Texts that mean the same, as `read_pairs` gives them.
        seed: Of the order and of what is left out.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    asked = [_asked(base, table) for base in bases]
    network = Averager(table)
    slow = [network.vectors.weight]
    rest = [p for p in network.parameters() if p is not network.vectors.weight]
    optimiser = torch.optim.Adam([{"params": slow, "lr": VECTOR_RATE}, {"params": rest, "lr": RATE}])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / 50) * (1 - step / STEPS))
    shares = np.sqrt([len(one.offsets) for one, _ in pairs])
    for _ in range(STEPS):
        loss = torch.zeros(())
        if pairs:
            one, two = pairs[int(rng.choice(len(pairs), p=shares / shares.sum()))]
            n = len(one.offsets) - 1
            rows = rng.choice(n, min(PAIRS, n), replace=False)
            scores = network.sharpness.exp() * network(_bag(one, rows)) @ network(_bag(two, rows)).T
            loss = loss + functional.cross_entropy(scores, torch.arange(len(rows)))
        for each in (asked[int(rng.integers(len(asked)))] for _ in range(2)):
            questions, documents, right = each.draw(rng)
            scores = network.sharpness.exp() * network(questions) @ network(documents).T
            loss = loss + functional.cross_entropy(scores, right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def arrays(network: Averager) -> tuple[dict[str, npt.NDArray], dict[str, npt.NDArray]]:
    """Arrays of the word table (without its words) and of the projector."""
    vectors = functional.normalize(network.vectors.weight.detach(), dim=1).numpy()
    steps = np.maximum(np.abs(vectors).max(1, keepdims=True) / 127, 1e-9)
    table = {
        "vectors": np.round(vectors / steps).astype(np.int8),
        "weights": network.weights.detach().exp().numpy(),
    }
    projector = {
        "skip": network.skip.weight.detach().T.numpy().copy(),
        "inner": network.inner.weight.detach().T.numpy().copy(),
        "inner_bias": network.inner.bias.detach().numpy(),
        "outer": network.outer.weight.detach().T.numpy().copy(),
        "outer_bias": network.outer.bias.detach().numpy(),
    }
    return table, projector


def read_pairs(data: Path, table: WordTable) -> list[tuple[WordField, WordField]]:
    """Texts that mean the same: labelled pairs, and house buyers' questions with the replies that answer them."""
    found = []
    for name, full in _PAIRS.items():
        rows = [row for row in corpora.read(data / "pairs" / name / "train.jsonl.gz") if row["label"] == full]
        found.append((_field([row["text1"] for row in rows], table), _field([row["text2"] for row in rows], table)))
    rows = [row for row in corpora.read(data / "pairs" / "beke_reply" / "train.jsonl.gz") if row["label"] == 1]
    found.append((_field([row["query"] for row in rows], table), _field([row["reply"] for row in rows], table)))
    return found


def _asked(base: Base, table: WordTable) -> Asked:
    entries = base.entries
    whole = [" ".join((e.questions[0], e.answer, e.category, *e.tags)) for e in entries]
    documents = ([e.questions[0] for e in entries], [e.answer for e in entries], whole)
    one, two, three = (_field(texts, table) for texts in documents)
    return Asked(_field(base.queries, table), np.array(base.answers, np.intp), (one, two, three))


def _field(texts: Sequence[str], table: WordTable) -> WordField:
    return WordField(words_of(table, normalised(normalise_batch(texts))))


def _bag(field: WordField, documents: npt.NDArray[np.intp] | None = None) -> Bag:
    rows = np.arange(len(field.offsets) - 1) if documents is None else documents
    places, offsets = gather(field.offsets, rows)
    return torch.from_numpy(field.rows[places].astype(np.int64)), torch.from_numpy(offsets[:-1].astype(np.int64))
