"""Training of the tagger of aspects and opinions, from the released model and public sets to an artefact."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.inference.aspectspans import BEGIN, INSIDE, Spans, candidates, pair_features
from nlp_service.inference.aspecttagger import MATCH, mark_kinds
from nlp_service.inference.lookup import EMPTY, FIRST_UNIT, MASK, Lookup
from nlp_service.text.normalise import normalise_batch
from training.aspects_data import UNKNOWN, Sentence
from training.aspects_network import N_CHAINS, Tagger, chain_loss
from training.telling import say
from training.tokens import pad

AVERAGE_EVERY = 8
"""Steps from one update of the averaged weights to the next."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TaggerPlan:
    """How to train.

    Attributes:
        epochs: Passes over the sentences.
        batch: Sentences in a step, all of one set.
        learning_rate: Of the heads; the encoder's is `encoder_rate` times it.
        unit_dropout: Share of units that are hidden while training.
        averaged: Decay a step of the running average of the weights, which is what is kept.
        polarity_weight, pair_weight: Shares in the loss, the chains' being 1.
        longest: Units of a sentence that are read while training.
        seed: Of order, heads and dropout.
    """

    epochs: float = 2.2
    batch: int = 48
    learning_rate: float = 6e-3
    encoder_rate: float = 0.5
    unit_dropout: float = 0.08
    averaged: float = 0.995
    polarity_weight: float = 1.0
    pair_weight: float = 0.7
    longest: int = 200
    seed: int = 1


class Ready(NamedTuple):
    """A sentence as the tagger learns it.

    Attributes:
        style: Index of its set.
        ids: (n_units,).
        tags: Of both chains; (n_units, 2).
        aspects, opinions: Units ``start:end`` of each; (n, 2).
        polarity: Of each opinion; `UNKNOWN` where nobody said.
        candidates: Index of an aspect and of an opinion; (n_candidates, 2).
        features: Of the candidates.
        belong: Whether they do, 0 or 1; empty where a set does not say, and then so are the candidates.
    """

    style: int
    ids: Ints
    tags: Ints
    aspects: Ints
    opinions: Ints
    polarity: Ints
    candidates: Ints
    features: npt.NDArray[np.float32]
    belong: npt.NDArray[np.float32]


def prepare(sentences: list[Sentence], lookup: Lookup, longest: int = 1 << 30) -> list[Ready]:
    """Sentences as arrays, in order. Spans that end beyond `longest` units are left out."""
    batch = normalise_batch([sentence.text for sentence in sentences])
    flat, kinds = lookup.unit_ids(batch).astype(np.int64), mark_kinds(batch.units)
    ready = []
    for i, sentence in enumerate(sentences):
        a, b = int(batch.offsets[i]), min(int(batch.offsets[i + 1]), int(batch.offsets[i]) + longest)
        ids = flat[a:b] if b > a else np.array([EMPTY])
        ready.append(_ready(sentence, ids, kinds[a:b], batch.starts[a:b], batch.ends[a:b]))
    return ready


def train(tagger: Tagger, lookup: Lookup, sentences: list[Sentence], plan: TaggerPlan) -> Tagger:
    """Train and give back the tagger with the averaged weights."""
    torch.manual_seed(plan.seed)
    ready = prepare(sentences, lookup, plan.longest)
    batches = list(_batches(ready, plan))
    table = tagger.encoder.pairs
    table.sparse = True  # most of the weights, and a step touches few of its rows
    encoder = [p for p in tagger.encoder.parameters() if p is not table.weight]
    heads = [p for name, p in tagger.named_parameters() if not name.startswith("encoder.")]
    optimisers = _optimisers(encoder, heads, table.weight, plan)
    rated = [(group, group["lr"]) for optimiser in optimisers for group in optimiser.param_groups]
    average = torch.optim.swa_utils.AveragedModel(
        tagger, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.averaged**AVERAGE_EVERY)
    )
    rng = np.random.default_rng((plan.seed, 2))
    tagger.train()
    losses: list[float] = []
    for step, chosen in enumerate(batches):
        warm = min(1.0, (step + 1) / (0.05 * len(batches)))
        for group, highest in rated:
            group["lr"] = highest * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / len(batches))))
        loss = _loss(tagger, lookup, [ready[i] for i in chosen], plan, rng)
        tagger.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([*encoder, *heads], 1.0)
        for optimiser in optimisers:
            optimiser.step()
        if step % AVERAGE_EVERY == 0 or step == len(batches) - 1:
            average.update_parameters(tagger)
        losses.append(loss.item())
        if (step + 1) % 200 == 0:
            say("train", step_of=f"{step + 1}/{len(batches)}", loss=round(float(np.mean(losses[-200:])), 4))
    tagger.load_state_dict(average.module.state_dict())
    table.sparse = False
    return tagger.eval()


def _optimisers(encoder: list, heads: list, table: Tensor, plan: TaggerPlan) -> list[torch.optim.Optimizer]:
    rate = plan.learning_rate
    return [
        torch.optim.AdamW(
            [{"params": encoder, "lr": rate * plan.encoder_rate}, {"params": heads, "lr": rate}],
            betas=(0.9, 0.98),
            weight_decay=0.02,
            fused=True,
        ),
        torch.optim.SparseAdam([table], lr=rate * plan.encoder_rate, betas=(0.9, 0.98)),
    ]


def _loss(tagger: Tagger, lookup: Lookup, rows: list[Ready], plan: TaggerPlan, rng: np.random.Generator) -> Tensor:
    rows = sorted(rows, key=lambda row: -len(row.ids))
    ids = pad([row.ids for row in rows])
    lengths = torch.tensor([len(row.ids) for row in rows])
    tags = torch.from_numpy(np.stack([pad([row.tags[:, c] for row in rows]) for c in range(N_CHAINS)], 2))
    hidden = (rng.random(ids.shape) < plan.unit_dropout) & (ids >= FIRST_UNIT)
    ids = np.where(hidden, MASK, ids)
    # A batch is too short for long rows to be padded with anything but zeros, whose states the chains never read.
    longest = int(lengths[0])
    columns = tagger(torch.from_numpy(ids), torch.from_numpy(lookup.pair_ids(ids)), rows[0].style)[:, :longest]
    emissions = columns[:, :, :6].unflatten(2, (N_CHAINS, 3))
    loss = chain_loss(emissions, tags[:, :longest], lengths, tagger.steps()).sum() / lengths.sum() * 4
    loss = loss + plan.polarity_weight * _polarity_loss(columns, rows)
    return loss + plan.pair_weight * _pair_loss(tagger, columns, rows)


def _polarity_loss(columns: Tensor, rows: list[Ready]) -> Tensor:
    known = [
        (i, *span, side)
        for i, row in enumerate(rows)
        for span, side in zip(row.opinions.tolist(), row.polarity.tolist(), strict=True)
        if side != UNKNOWN
    ]
    if not known:
        return columns.new_zeros(())
    where = torch.tensor(known)
    logits = _means(columns[:, :, 6:9], where[:, 0], where[:, 1], where[:, 2])
    return functional.cross_entropy(logits, where[:, 3])


def _pair_loss(tagger: Tagger, columns: Tensor, rows: list[Ready]) -> Tensor:
    places = [
        (i, *row.aspects[aspect].tolist(), *row.opinions[opinion].tolist())
        for i, row in enumerate(rows)
        for aspect, opinion in row.candidates.tolist()
    ]
    if not places:
        return columns.new_zeros(())
    where = torch.tensor(places)
    queries = _means(columns[:, :, 9 : 9 + MATCH], where[:, 0], where[:, 3], where[:, 4])
    keys = _means(columns[:, :, 9 + MATCH :], where[:, 0], where[:, 1], where[:, 2])
    features = torch.from_numpy(np.concatenate([row.features for row in rows if len(row.belong)]))
    belong = torch.from_numpy(np.concatenate([row.belong for row in rows if len(row.belong)]))
    return functional.binary_cross_entropy_with_logits(tagger.pair_logits(queries, keys, features), belong)


def _means(columns: Tensor, row: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Mean of the columns over the units ``start:end`` of a row, for each of n spans; (n, columns)."""
    sums = functional.pad(columns.cumsum(1), (0, 0, 1, 0))
    return (sums[row, end] - sums[row, start]) / (end - start).unsqueeze(1)


def _batches(ready: list[Ready], plan: TaggerPlan) -> Iterator[list[int]]:
    """Sentences of one set and of about one length, all of them in each pass, shuffled anew."""
    rng = np.random.default_rng((plan.seed, 1))
    styles, lengths = np.array([row.style for row in ready]), np.array([len(row.ids) for row in ready])
    left = int(plan.epochs * len(ready) / plan.batch)
    while left > 0:
        found = []
        for style in np.unique(styles):
            order = rng.permutation(np.flatnonzero(styles == style))
            for pool in np.array_split(order, max(1, len(order) // (plan.batch * 20))):
                ranked = pool[np.argsort(lengths[pool], kind="stable")].tolist()
                found += [ranked[i : i + plan.batch] for i in range(0, len(ranked), plan.batch)]
        for i in rng.permutation(len(found))[:left]:
            yield found[i]
        left -= len(found)


def _ready(sentence: Sentence, ids: Ints, kinds: npt.NDArray, starts: npt.NDArray, ends: npt.NDArray) -> Ready:
    where = [_units(span[:2], starts, ends, len(ids)) for span in (*sentence.aspects, *sentence.opinions)]
    aspects, opinions = where[: len(sentence.aspects)], where[len(sentence.aspects) :]
    tags = np.zeros((len(ids), N_CHAINS), np.int64)
    for chain, spans in enumerate((aspects, opinions)):
        for start, end in filter(None, spans):
            tags[start:end, chain] = INSIDE
            tags[start, chain] = BEGIN
    kept = [i for i, span in enumerate(aspects) if span], [i for i, span in enumerate(opinions) if span]
    a = np.array([aspects[i] for i in kept[0]], np.int64).reshape(-1, 2)
    o = np.array([opinions[i] for i in kept[1]], np.int64).reshape(-1, 2)
    side = np.array([sentence.opinions[i][2] for i in kept[1]], np.int64)
    one, two = (Spans(np.zeros(len(spans), np.intp), spans[:, 0], spans[:, 1]) for spans in (a, o))
    aspect, opinion = candidates(one, two)
    if sentence.pairs is None:
        aspect, opinion = aspect[:0], opinion[:0]
    features = pair_features(one, two, aspect, opinion, kinds)
    true = sentence.pairs or frozenset()
    belong = [(kept[0][i], kept[1][j]) in true for i, j in zip(aspect.tolist(), opinion.tolist(), strict=True)]
    both = np.stack((aspect, opinion), 1).astype(np.int64)
    return Ready(sentence.style, ids, tags, a, o, side, both, features, np.array(belong, np.float32))


def _units(span: tuple[int, ...], starts: npt.NDArray, ends: npt.NDArray, n: int) -> tuple[int, int] | None:
    inside = np.flatnonzero((starts < span[1]) & (ends > span[0]))
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) and inside[-1] < n else None
