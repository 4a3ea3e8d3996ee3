"""The weights of `nlp_service.knowledge.rerank`, and what it does on bases that nothing learnt from.

`python -m training.rerank learn` prints the constants in ten minutes: 8 of folds of word vectors, as for the ranker of
searches, 2 of features and fitting. `python -m training.rerank measure` prints the figures of the shipped ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import typer
from torch.nn import functional

from nlp_service.knowledge import rerank
from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.words import Projector, WordTable
from training import bases, corpora, dense, words
from training.bases import Base
from training.telling import say

FOLDS, EPOCHS, BATCH, RATE, DECAY = 3, 20, 128, 1e-2, 0.05
MAX_ASKED, MAX_OUTSIDE = 90, 30
"""Questions of a base, and messages that nothing answers."""

BEST = 10
"""Documents of a question that probabilities are fitted on: about as many as a first search brings."""

HELD_OUT = ("muying", "smarthome")
ROOT = Path(__file__).resolve().parent.parent
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class Listed(NamedTuple):
    """A question with what is read of each document; (n, n_features), and which one is right, if any; (n,)."""

    features: Floats
    right: Mask


def ways(entry: Entry) -> tuple[str, str, str]:
    """An entry as three kinds of documents: a question, an answer, both."""
    return entry.questions[0], entry.answer, f"{entry.questions[0]}\n{entry.answer}"


def gather(base: Base, model: SearchModel, way: int, asked: Sequence[int], outside: Sequence[str]) -> list[Listed]:
    """Some questions of a base, and messages that nothing in it answers, with all its entries as documents."""
    documents = rerank.Documents(model, [ways(entry)[way] for entry in base.entries])
    texts = [*((base.queries[i], base.answers[i]) for i in asked), *((text, -1) for text in outside)]
    places = np.arange(documents.n)
    return [Listed(rerank.features(text, documents), places == right) for text, right in texts]


def fit(lists: Sequence[Listed], *, seed: int = 1) -> Floats:
    """Weights under which the right document has the highest sum; those without a right one are left aside."""
    torch.manual_seed(seed)
    chosen = [each for each in lists if each.right.any()]
    every = np.concatenate([each.features for each in chosen])
    mean, scale = every.mean(0), every.std(0) + 1e-6
    longest = max(len(each.right) for each in chosen)
    z = torch.zeros(len(chosen), longest, len(rerank.FEATURES))
    there = torch.zeros(len(chosen), longest, dtype=torch.bool)
    right = torch.zeros(len(chosen), dtype=torch.long)
    for i, each in enumerate(chosen):
        z[i, : len(each.right)] = torch.from_numpy((each.features - mean) / scale)
        there[i, : len(each.right)] = True
        right[i] = int(each.right.argmax())
    weights = torch.zeros(len(rerank.FEATURES), requires_grad=True)
    optimiser = torch.optim.AdamW([weights], lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(z)).split(BATCH):
            loss = functional.cross_entropy((z[rows] @ weights).masked_fill(~there[rows], -1e4), right[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return np.asarray(weights.detach().numpy() / scale, np.float32)


def fit_probability(sums: Floats, right: Mask) -> tuple[float, float]:
    """Slope and constant of the log-odds of being right (Platt 1999).

    Args:
        sums: Weighted sums of the features; (n,).
        right: Which are right; (n,).
    """
    x, y = torch.from_numpy(sums.astype(np.float64)), torch.from_numpy(right.astype(np.float64))
    line = torch.tensor([0.1, -2.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(line[0] * x + line[1], y)
        loss.backward()
        return loss

    optimiser.step(closure)
    slope, constant = line.detach().tolist()
    return slope, constant


def best_of(lists: Sequence[Listed], weights: Floats) -> tuple[Floats, Mask]:
    """Sums of the `BEST` documents of each question, and which are right."""
    sums, right = [], []
    for each in lists:
        found = (each.features * weights).sum(1)
        first = np.argsort(-found, kind="stable")[:BEST]
        sums.append(found[first])
        right.append(each.right[first])
    return np.concatenate(sums), np.concatenate(right)


@app.command()
def learn(
    data: Path = corpora.DATA,
    vectors: Path = ROOT / "work" / "search" / "words.bin",
    shipped: Path = ROOT / "models" / "search",
) -> None:
    """Fit the weights, and print them for the constants of the module."""
    rng = np.random.default_rng(1)
    ranking: list[Listed] = []
    probable: list[Listed] = []
    for base, model in _unseen(data, vectors, SearchModel.load(shipped)):
        asked = rng.permutation(len(base.queries))[:MAX_ASKED].tolist()
        found = [gather(base, model, way, asked, base.unanswerable[:MAX_OUTSIDE]) for way in range(3)]
        ranking += [each for lists in found for each in lists]
        # Its standard questions are all alike, as no other documents are: right for ranking, wrong for probabilities.
        probable += [each for lists in found for each in lists] if base.unanswerable else []
        say("gathered", base=base.name, lists=len(ranking))
    weights = fit(ranking).round(2)
    slope, constant = fit_probability(*best_of(probable, weights))
    say("weights", **{name: f"{weight:.2f}" for name, weight in zip(rerank.FEATURES, weights, strict=True)})
    say("probability", slope=round(slope, 3), constant=round(constant, 3))


@app.command()
def measure(data: Path = corpora.DATA, shipped: Path = ROOT / "models" / "search") -> None:
    """Print what the shipped constants do on bases that nothing learnt from: hit@1, nDCG@10, ECE of probabilities."""
    model = SearchModel.load(shipped)
    weights = np.array(rerank.WEIGHTS, np.float32)
    for name in HELD_OUT:
        base = bases.load(data / "faq" / name)
        for way, kind in enumerate(("questions", "answers", "both")):
            lists = gather(base, model, way, range(len(base.queries)), base.unanswerable)
            ranks = np.array([_rank(each, weights) for each in lists if each.right.any()])
            sums, right = best_of(lists, weights)
            chances = 1.0 / (1.0 + np.exp(-(rerank.SLOPE * sums + rerank.BIAS)))
            gains = np.where(ranks < 10, 1.0 / np.log2(ranks + 2), 0.0)
            figures = {"hit@1": (ranks < 1).mean(), "nDCG@10": gains.mean(), "ECE": _ece(chances, right)}
            say("figures", base=name, documents=kind, **{key: round(float(v), 3) for key, v in figures.items()})


def _unseen(data: Path, vectors: Path, shipped: SearchModel) -> Iterator[tuple[Base, SearchModel]]:
    """Every base that may be learnt from, with word vectors that did not learn from it."""
    first = words.table(vectors)
    table = WordTable(**first)
    pairs = dense.read_pairs(data, table)
    every = bases.learnt(data)
    for left in range(FOLDS):
        network = dense.learn(table, [base for i, base in enumerate(every) if i % FOLDS != left], pairs, seed=left)
        learnt, projector = dense.arrays(network)
        model = SearchModel(
            "none",
            WordTable(**(first | learnt)),
            Projector(**projector),
            shipped.syllables,
            shipped.ranker,
            shipped.thresholds,
        )
        yield from ((base, model) for base in every[left::FOLDS])


def _rank(each: Listed, weights: Floats) -> int:
    order = np.argsort(-(each.features * weights).sum(1), kind="stable")
    return int(np.flatnonzero(each.right[order])[0])


def _ece(chances: npt.NDArray[np.floating], right: Mask) -> float:
    """Expected calibration error in ten bins of equal width (Naeini et al. 2015)."""
    bins = np.minimum((chances * 10).astype(np.intp), 9)
    parts = [(bins == i) for i in range(10) if (bins == i).any()]
    return float(sum(abs(chances[part].mean() - right[part].mean()) * part.mean() for part in parts))


if __name__ == "__main__":
    app()
