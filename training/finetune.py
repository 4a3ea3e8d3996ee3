"""Multi-task fine-tuning of a pre-trained encoder: all heads together, each learning only where a label exists."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.inference.heads import COLUMNS, GROUPS
from nlp_service.inference.lookup import FIRST_UNIT, MASK, Lookup
from training import contrast
from training.contrast import ContrastLoss, PairSet
from training.examples import Example
from training.network import Classifier
from training.tokens import TAGS, Spans, Tokens, pad, tokenise

AVERAGE_EVERY = 8
"""Steps from one update of the averaged weights to the next."""

WEIGHTS = {"primary": 1.0, "intent": 1.0, "sentiment": 1.0, "risk": 1.5, "category": 0.5, "abuse": 0.7, "unsafe": 0.7}
"""Share of each group in the loss: what is asked most of counts most."""


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """How to fine-tune.

    Attributes:
        epochs: Passes over the annotated messages.
        batch: Annotated messages in a step; as many of the public sets come beside them.
        public_share: Public messages for each annotated one.
        disguised: Share of the harmful annotated messages that come again as `training.obfuscate` rewrites them; of
            the others a part of it.
        learning_rate: Of the heads; the encoder's is `encoder_rate` times it.
        dropout: On the rows and between the layers.
        unit_dropout: Share of units that are hidden while training.
        averaged: Decay a step of the running average of the weights, which is what is kept.
        longest: Units of a message that are read while training.
        pair_share: Batches of pairs, for the sentence embeddings, for each batch of annotated messages.
        pairs: Pairs in such a batch.
        pair_weight: Share of it in the loss.
        tag_weight, target_weight, auxiliary_weight: Shares in the loss of the pain tags, of the names of pains, and of
            the heads that only training has.
        seed: Of order, heads and dropout.
    """

    epochs: float = 6.0
    batch: int = 32
    public_share: float = 1.0
    disguised: float = 0.0
    learning_rate: float = 1e-2
    encoder_rate: float = 0.5
    dropout: float = 0.15
    unit_dropout: float = 0.08
    averaged: float = 0.998
    longest: int = 260
    pair_share: float = 0.0
    pairs: int = 48
    pair_weight: float = 0.3
    tag_weight: float = 1.5
    target_weight: float = 0.1
    auxiliary_weight: float = 0.3
    seed: int = 1


def loss_of(logits: Tensor, targets: Tensor, weights: dict[str, float] = WEIGHTS) -> Tensor:
    """Masked loss of all groups.

    A softmax group with several allowed columns (1) is right on any of them; one without a 1 holds probabilities to be
    met.
    """
    total = logits.new_zeros(())
    for group in GROUPS:
        columns = COLUMNS[group.name]
        z, t = logits[:, columns], targets[:, columns]
        known = ~torch.isnan(t)
        t = torch.where(known, t, 0.0)
        if group.kind == "softmax":
            rows = known.all(1)
            chances = torch.log_softmax(z, 1)
            allowed = -chances.masked_fill(t == 0, -1e4).logsumexp(1)
            soft = -(t * chances).sum(1)
            each = torch.where(t.amax(1) == 1, allowed, soft)
            part = (each * rows).sum() / rows.sum().clamp(min=1)
        else:
            each = functional.binary_cross_entropy_with_logits(z, t, reduction="none") * known
            part = each.sum() / known.any(1).sum().clamp(min=1)
            part = part / (1.0 if group.name in ("intent", "risk", "abuse") else 2.0)
        total = total + weights[group.name] * part
    return total


def finetune(
    classifier: Classifier,
    lookup: Lookup,
    annotated: list[Example],
    public: list[Example],
    plan: FinetunePlan,
    pair_sets: list[PairSet] | None = None,
) -> Classifier:
    """Train and give back the classifier with the averaged weights.

    Args:
        classifier: With a pre-trained or fresh encoder; changed in place.
        lookup: Its vocabulary.
        annotated: Messages with all labels.
        public: Messages with some; may be empty.
        plan: How.
        pair_sets: What the sentence embeddings are learnt from; None to leave them as they are.
    """
    torch.manual_seed(plan.seed)
    device = next(classifier.parameters()).device
    own, other = tokenise(annotated, lookup, plan.longest), tokenise(public, lookup, plan.longest)
    steps = list(_steps(own, other, plan))
    pairs = _pairs(classifier, lookup, pair_sets or [], plan, device)
    # The pair table is most of the weights, and a step touches few of its rows: only those are learnt and paid for.
    table = classifier.encoder.pairs
    table.sparse = True
    encoder = [p for p in classifier.encoder.parameters() if p is not table.weight]
    heads = [p for name, p in classifier.named_parameters() if not name.startswith("encoder.")]
    groups = [
        {"params": encoder, "lr": plan.learning_rate * plan.encoder_rate},
        {"params": heads, "lr": plan.learning_rate},
    ]
    optimisers = [
        torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02, fused=True),
        torch.optim.SparseAdam([table.weight], lr=plan.learning_rate * plan.encoder_rate, betas=(0.9, 0.98)),
    ]
    average = torch.optim.swa_utils.AveragedModel(
        classifier, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.averaged**AVERAGE_EVERY)
    )
    rated = [(group, group["lr"]) for optimiser in optimisers for group in optimiser.param_groups]
    classifier.train()
    rng = np.random.default_rng((plan.seed, 2))
    began, losses = time.monotonic(), []
    for step, (tokens, chosen) in enumerate(steps):
        factor = min(1.0, (step + 1) / (0.05 * len(steps))) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / len(steps)))
        )
        for group, rate in rated:
            group["lr"] = rate * factor
        own_loss = _loss(classifier, lookup, tokens, chosen, plan, rng, device)
        for loss in itertools.chain((own_loss,), next(pairs) if tokens is own else ()):
            classifier.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([*encoder, *heads], 1.0)
            for optimiser in optimisers:
                optimiser.step()
        if step % AVERAGE_EVERY == 0 or step == len(steps) - 1:
            average.update_parameters(classifier)
        losses.append(own_loss.item())
        if (step + 1) % 200 == 0:
            row = {"step": step + 1, "of": len(steps), "loss": round(float(np.mean(losses[-200:])), 4)}
            print(json.dumps(row | {"seconds": round(time.monotonic() - began)}), flush=True)
    classifier.load_state_dict(average.module.state_dict())
    table.sparse = False
    return classifier.eval()


def _pairs(
    classifier: Classifier, lookup: Lookup, sets: list[PairSet], plan: FinetunePlan, device: torch.device
) -> Iterator[Iterator[Tensor]]:
    """For each batch of annotated messages the losses of as many batches of pairs as are due, computed when taken."""
    found = contrast.batches(sets, plan.pairs, np.random.default_rng((plan.seed, 3)))
    loss = ContrastLoss()
    due = 0.0
    while True:
        due += plan.pair_share if sets else 0.0
        n, due = int(due), due % 1.0
        yield (plan.pair_weight * loss(classifier, lookup, batch, device) for batch in itertools.islice(found, n))


def _steps(own: Tokens, other: Tokens, plan: FinetunePlan) -> Iterator[tuple[Tokens, npt.NDArray[np.int64]]]:
    """Batches of annotated messages, a batch of public ones after each as far as `public_share` says."""
    rng = np.random.default_rng((plan.seed, 1))
    n = int(plan.epochs * len(own.ids) / plan.batch)
    own_order, other_order = _endless(own, plan.batch, rng), _endless(other, plan.batch, rng)
    due = 0.0
    for _ in range(n):
        yield own, next(own_order)
        due += plan.public_share if other.ids else 0.0
        while due >= 1.0:
            due -= 1.0
            yield other, next(other_order)


def _endless(tokens: Tokens, size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Batches of messages of about the same length, for ever; shuffled anew every pass.

    Fewer messages than `size` are one batch. What does not fill a batch is left out of a pass, whatever its length.
    """
    lengths = np.array([len(row) for row in tokens.ids])
    size = min(size, len(lengths))
    while len(lengths):
        order = rng.permutation(len(lengths))
        pools = np.array_split(order, max(1, len(order) // (size * 20)))
        batches = []
        for pool in pools:
            # Cut before ranking: cut after it, the longest messages of all would never be read.
            whole = pool[: len(pool) // size * size]
            ranked = whole[np.argsort(lengths[whole], kind="stable")]
            batches += [ranked[i : i + size] for i in range(0, len(ranked), size)]
        for i in rng.permutation(len(batches)):
            yield batches[i]


def _loss(
    classifier: Classifier,
    lookup: Lookup,
    tokens: Tokens,
    chosen: npt.NDArray[np.int64],
    plan: FinetunePlan,
    rng: np.random.Generator,
    device: torch.device,
) -> Tensor:
    ids = pad([tokens.ids[i] for i in chosen])
    hide = (rng.random(ids.shape) < plan.unit_dropout) & (ids >= FIRST_UNIT)
    ids = np.where(hide, MASK, ids)
    pairs = torch.from_numpy(lookup.pair_ids(ids)).to(device)
    logits, vector, tag_logits, states = classifier(torch.from_numpy(ids).to(device), pairs)
    examples = [tokens.examples[i] for i in chosen]
    targets = torch.from_numpy(np.stack([e.targets for e in examples])).to(device)
    loss = loss_of(logits, targets)
    if any(tokens.tags[i] is not None for i in chosen):
        tags = np.zeros((*ids.shape, len(TAGS)), np.float32)
        for row, i in enumerate(chosen):
            if (known := tokens.tags[i]) is not None:
                tags[row, : len(known)] = known
        loss = loss + plan.tag_weight * _tag_loss(tag_logits, torch.from_numpy(tags).to(device))
        loss = loss + plan.target_weight * _target_loss(classifier, states, [tokens.spans[i] for i in chosen])
    rest: dict[str, list[int]] = {}
    for i, example in enumerate(examples):
        if example.auxiliary:
            rest.setdefault(example.auxiliary[0], []).append(i)
    for name, rows in rest.items():
        labels = torch.tensor([examples[i].auxiliary[1] for i in rows], device=device)
        part = functional.cross_entropy(classifier.auxiliary[name](vector[rows]), labels, reduction="sum")
        loss = loss + plan.auxiliary_weight * part / len(examples)
    return loss


def _tag_loss(logits: Tensor, tags: Tensor) -> Tensor:
    """Cross entropy of the tags (batch, length, 3), probabilities or all 0 where nothing is known."""
    each = -(tags * torch.log_softmax(logits, 2)).sum(2)
    return each.sum() / tags.sum().clamp(min=1)


def _target_loss(classifier: Classifier, states: Tensor, spans: list[Spans]) -> Tensor:
    """Cross entropy of the target of each annotated span, told from the mean of its states."""
    means, classes = [], []
    for row, found in enumerate(spans):
        for start, end, target in found:
            means.append(states[row, start:end].mean(0))
            classes.append(target)
    if not means:
        return states.new_zeros(())
    return functional.cross_entropy(classifier.targets(torch.stack(means)), torch.tensor(classes, device=states.device))


@torch.no_grad()
def predict(classifier: Classifier, lookup: Lookup, tokens: Tokens, batch: int = 64) -> dict[str, list[npt.NDArray]]:
    """Logits, vectors and tag logits of each example, in order."""
    result: dict[str, list[npt.NDArray]] = {name: [None] * len(tokens.ids) for name in ("logits", "vector", "tags")}  # type: ignore[list-item]
    order = np.argsort([len(row) for row in tokens.ids], kind="stable")
    for chosen in (order[i : i + batch] for i in range(0, len(order), batch)):
        ids = pad([tokens.ids[i] for i in chosen])
        outputs = classifier(torch.from_numpy(ids), torch.from_numpy(lookup.pair_ids(ids)))
        for name, values in zip(result, outputs[:3], strict=True):
            for i, value in zip(chosen, values.numpy(), strict=True):
                result[name][i] = value[: len(tokens.ids[i])] if name == "tags" else value
    return result
