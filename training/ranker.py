"""The search model: which of the entries that a search gathers is the right one, and whether any is.

The ranker's scores are learnt as logits of a choice among the candidates of a question (McFadden 1974), with the very
features that the service computes. Whether a base answers a question at all is learnt afterwards, by a logistic
regression on what the search found; for that the scores of each base come from a ranker that did not learn from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.inference import artifact
from nlp_service.inference.analyser import Analyser
from nlp_service.knowledge.calibrate import CLARIFY_PRECISION, LEAST_CLARIFY, least_bound
from nlp_service.knowledge.search import model, searching
from nlp_service.knowledge.search.model import COVER, FEATURES, Ranker, SearchModel
from nlp_service.knowledge.search.words import Projector, WordTable
from nlp_service.knowledge.thresholds import N_CLARIFY, Thresholds
from nlp_service.text import normalise
from training import bases, dense, words
from training.gathering import Asked, collect
from training.telling import say

HIDDEN, EPOCHS, BATCH, RATE, DECAY, DROPOUT = 32, 20, 128, 5e-3, 0.1, 0.1

SEEDS = (1, 2, 3, 4)
"""Of the networks whose mean is the ranker."""
FOLDS = 3
"""Parts of the bases, each read by vectors that learnt from the others."""

OUTSIDE = 3
"""How often a message that nothing answers counts: with that they are about as many as the others."""

Floats = npt.NDArray[np.float32]


def write(data: Path, work: Path, out: Path, analyser: Path) -> None:
    """Make the folder of the search model.

    Args:
        data: The data folder.
        work: Where word vectors are kept and found again.
        out: Folder of the artefact.
        analyser: Folder of the model that tells the intents of questions.
    """
    work.mkdir(parents=True, exist_ok=True)
    words.write_text(data, work / "words.txt")
    words.learn(work / "words.txt", work / "words.bin")
    first = words.table(work / "words.bin")
    sounds, reader = syllables(), Analyser.load(analyser)
    table = WordTable(**first)
    pairs = dense.read_pairs(data, table)
    every = bases.learnt(data)
    sets: list[list[Asked]] = [[] for _ in every]
    for left in range(FOLDS):
        # What the ranker reads of a base comes from vectors that did not learn from it, as it will be in life.
        network = dense.learn(table, [base for i, base in enumerate(every) if i % FOLDS != left], pairs, seed=left)
        part = _search_model(first, network, sounds)
        for i in range(left, len(every), FOLDS):
            sets[i] = collect(every[i], part, reader, seed=i)
        say("fold", left=left, asked=sum(map(len, sets)))
    weights: dict[str, Any] = fit(list(itertools.chain(*sets)))
    asked = left_out(sets)
    cover = fit_cover(asked)
    say("ranker", cover=dict(zip(COVER, cover.round(3).tolist(), strict=False)))
    vectors, projector = dense.arrays(dense.learn(table, every, pairs, seed=FOLDS))
    parts: dict[str, dict[str, Any]] = {
        "words.npz": first | vectors,
        "projector.npz": projector,
        "sounds.npz": {"syllables": sounds},
        "ranker.npz": weights | {"cover": cover},
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, arrays in parts.items():
        np.savez_compressed(out / name, **arrays)
    manifest = {
        "name": "search",
        "version": "1",
        "format": model.FORMAT,
        "normaliser": normalise.VERSION,
        "features": list(FEATURES),
        "thresholds": msgspec.to_builtins(fit_thresholds(asked, weights, cover)),
        "training": {"bases": len(sets), "questions": sum(map(len, sets))},
    }
    artifact.write_parts(out, model.FILES, manifest)


def _search_model(
    first: dict[str, npt.NDArray], network: dense.Averager, sounds: npt.NDArray[np.uint16]
) -> SearchModel:
    """A model that computes features and cannot rank yet."""
    vectors, projector = dense.arrays(network)
    return SearchModel("none", WordTable(**(first | vectors)), Projector(**projector), sounds, _blank(), Thresholds())


def syllables() -> npt.NDArray[np.uint16]:
    """Code of the most common reading of each character up to U+9FFF, tones left aside; 0 where it has none."""
    from pypinyin import Style, pinyin

    codes: dict[str, int] = {}
    result = np.zeros(0xA000, np.uint16)
    for point in range(0x3400, 0xA000):
        reading = pinyin(chr(point), style=Style.NORMAL, errors="ignore")
        if reading:
            result[point] = codes.setdefault(reading[0][0], len(codes) + 1)
    return result


class _Network(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(n, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1, bias=False)
        self.direct = nn.Linear(n, 1, bias=False)
        self.dropout = nn.Dropout(DROPOUT)
        nn.init.zeros_(self.direct.weight)
        nn.init.normal_(self.out.weight, std=0.02)

    def forward(self, z: Tensor) -> Tensor:
        return (self.out(self.dropout(torch.tanh(self.hidden(z)))) + self.direct(z)).squeeze(-1)


def fit(asked: Sequence[Asked], *, seeds: Sequence[int] = SEEDS) -> dict[str, Floats]:
    """Weights of a `Ranker`, all but ``cover``, from the questions whose right entry is among the candidates.

    The mean of networks that began differently is steadier than each of them, and is itself one such network.
    """
    rows = [each for each in asked if (each.entries == each.right).any()]
    every = np.concatenate([each.features for each in rows])
    mean, scale = every.mean(0), every.std(0) + 1e-6
    longest = max(len(each.entries) for each in rows)
    z = torch.zeros(len(rows), longest, len(FEATURES))
    there, right = torch.zeros(len(rows), longest, dtype=torch.bool), torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, each in enumerate(rows):
        n = len(each.entries)
        z[i, :n] = torch.from_numpy((each.features - mean) / scale)
        there[i, :n] = True
        right[i, :n] = torch.from_numpy(each.entries == each.right)
    networks = [_train(z, there, right, seed) for seed in seeds]
    states = [{name: value.detach().numpy() for name, value in each.state_dict().items()} for each in networks]
    return {
        "mean": mean.astype(np.float32),
        "scale": scale.astype(np.float32),
        "direct": np.mean([state["direct.weight"][0] for state in states], 0),
        "hidden": np.concatenate([state["hidden.weight"] for state in states]).T.copy(),
        "bias": np.concatenate([state["hidden.bias"] for state in states]),
        "out": np.concatenate([state["out.weight"][0] for state in states]) / np.float32(len(states)),
    }


def _train(z: Tensor, there: Tensor, right: Tensor, seed: int) -> _Network:
    """One network.

    Args:
        z: Standardised features; (n, longest, n_features).
        there: Where there is a candidate; (n, longest).
        right: Where it is of the right entry; (n, longest).
        seed: Of weights, order and dropout.
    """
    torch.manual_seed(seed)
    network = _Network(len(FEATURES))
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(z)).split(BATCH):
            scores = network(z[chosen]).masked_fill(~there[chosen], -1e4)
            # How unlikely the right entry is, by whichever of its wordings.
            loss = (scores.logsumexp(1) - scores.masked_fill(~right[chosen], -1e4).logsumexp(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return network.eval()


def left_out(sets: Sequence[list[Asked]]) -> list[tuple[Asked, Ranker]]:
    """Every question with a ranker that did not learn from its base."""
    found = []
    for left in range(5):
        others = [asked for i, each in enumerate(sets) if i % 5 != left for asked in each]
        ranker = Ranker(**fit(others), cover=np.zeros(len(COVER) + 1, np.float32))
        found += [(asked, ranker) for i, each in enumerate(sets) if i % 5 == left for asked in each]
    return found


class _Judged(NamedTuple):
    """What a ranker makes of a question: entries, best first, their softmax, and the values of `COVER`."""

    entries: npt.NDArray[np.intp]
    shares: Floats
    signs: tuple[float, ...]


def _judge(asked: Asked, ranker: Ranker) -> _Judged:
    scores = ranker.scores(asked.features)
    best, shares = searching.order(scores, asked.entries)
    top, share = int(best[0]), float(shares[0])
    signs = searching.signs_of(asked.features, scores, top, share, asked.length, asked.intents)
    return _Judged(asked.entries[best], shares, signs)


def fit_cover(asked: Sequence[tuple[Asked, Ranker]]) -> Floats:
    """Weights of whether a base answers a question, the last one the constant.

    Messages that nothing answers count as much as the others in all, since in a base they are fewer than in life.
    """
    signs = torch.tensor([_judge(each, ranker).signs for each, ranker in asked])
    answered = torch.tensor([float(each.right >= 0) for each, _ in asked])
    share = float(answered.mean())
    counts = torch.where(answered > 0, 0.5 / share, 0.5 / (1 - share))
    mean, scale = signs.mean(0), signs.std(0) + 1e-6
    weights = torch.zeros(len(COVER) + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = ((signs - mean) / scale) @ weights[:-1] + weights[-1]
        loss = (
            functional.binary_cross_entropy_with_logits(logits, answered, counts) + 1e-3 * weights[:-1].square().sum()
        )
        loss.backward()
        return loss

    optimiser.step(closure)
    plain = weights.detach()[:-1] / scale
    return torch.cat((plain, weights.detach()[-1:] - plain @ mean)).numpy()


def fit_thresholds(
    asked: Sequence[tuple[Asked, Ranker]], weights: dict[str, Floats], cover: Floats, precision: float = 0.9
) -> Thresholds:
    """Bounds for bases that have none of their own.

    Questions that are answered and messages that are not count alike in all, as for `fit_cover`.

    Args:
        asked: Questions with rankers that did not learn from their base.
        weights: Of a ranker, for its shape alone.
        cover: What `fit_cover` gave.
        precision: Wanted of ``answer``.
    """
    rows = []
    covering = Ranker(**weights, cover=cover)
    for each, ranker in asked:
        found, shares, signs = _judge(each, ranker)
        chances = shares[:N_CLARIFY] * covering.cover(signs)
        found = found[:N_CLARIFY]
        row = (chances[0], found[0] == each.right, chances.sum(), each.right in found)
        # Messages that nothing answers are fewer than the others: they are counted several times.
        rows += [row] * (1 if each.right >= 0 else OUTSIDE)
    table = np.array(rows, np.float64)
    answer = least_bound(table[:, 0], table[:, 1] > 0, precision)
    return Thresholds(
        answer=answer,
        clarify=min(answer, max(LEAST_CLARIFY, least_bound(table[:, 2], table[:, 3] > 0, CLARIFY_PRECISION))),
        margin=0.0,
        precision=precision,
    )


def _blank() -> Ranker:
    """A ranker for computing features alone."""
    n = len(FEATURES)
    zero, one = np.zeros(n, np.float32), np.ones(n, np.float32)
    empty = np.zeros(0, np.float32)
    return Ranker(zero, one, zero, np.zeros((n, 0), np.float32), empty, empty, np.zeros(len(COVER) + 1, np.float32))
