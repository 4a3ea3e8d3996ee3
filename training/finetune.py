"""Multi-task fine-tuning of a pre-trained encoder: all heads together, each learning only where a label exists."""

from __future__ import annotations

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

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS
from nlp_service.inference.lookup import EMPTY, FIRST_UNIT, MASK, Lookup
from nlp_service.inference.targets import TARGETS
from nlp_service.text.normalise import normalise_batch
from training.examples import Example
from training.network import ConvEncoder
from training.targets import classify

TAGS = ("outside", "begin", "inside")
WEIGHTS = {"primary": 1.0, "intent": 1.0, "sentiment": 1.0, "risk": 1.5, "category": 0.5, "abuse": 0.7, "unsafe": 0.7}
"""Share of each group in the loss: what is asked most of counts most."""


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """How to fine-tune.

    Attributes:
        epochs: Passes over the annotated messages.
        batch: Annotated messages in a step; as many of the public sets come beside them.
        public_share: Public messages for each annotated one.
        learning_rate: Of the heads; the encoder's is `encoder_rate` times it.
        dropout: On the rows and between the layers.
        unit_dropout: Share of units that are hidden while training.
        averaged: Decay a step of the running average of the weights, which is what is kept.
        longest: Units of a message that are read while training.
        tag_weight, target_weight, auxiliary_weight: Shares in the loss of the pain tags, of the names of pains, and of
            the heads that only training has.
        seed: Of order, heads and dropout.
    """

    epochs: float = 6.0
    batch: int = 32
    public_share: float = 1.0
    learning_rate: float = 1e-2
    encoder_rate: float = 0.5
    dropout: float = 0.15
    unit_dropout: float = 0.08
    averaged: float = 0.998
    longest: int = 260
    tag_weight: float = 0.5
    target_weight: float = 0.1
    auxiliary_weight: float = 0.3
    seed: int = 1


class Classifier(nn.Module):
    """An encoder with the heads of the service and, while training, one for each public set."""

    def __init__(self, encoder: ConvEncoder, auxiliary: dict[str, int]) -> None:
        super().__init__()
        width = encoder.shape.width
        self.encoder = encoder
        self.heads = nn.Linear(width, N_OUTPUTS)
        self.tags = nn.Linear(width, len(TAGS))
        self.tags_vector = nn.Linear(width, len(TAGS), bias=False)
        self.targets = nn.Linear(width, len(TARGETS))
        self.auxiliary = nn.ModuleDict({name: nn.Linear(width, n) for name, n in auxiliary.items()})
        self.dropout = nn.Dropout(0.2)

    def forward(self, unit_ids: Tensor, pair_ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (batch, N_OUTPUTS), vectors (batch, width), tag logits (batch, length, 3) and states."""
        states, vector = self.encoder(unit_ids, pair_ids)
        vector = self.dropout(vector)
        tags = self.tags(self.dropout(states)) + self.tags_vector(vector).unsqueeze(1)
        return self.heads(vector), vector, tags, states


Spans = list[tuple[int, int, int]]
"""Units ``start:end`` of each pain of a message, with the index of its target."""


@dataclass(slots=True)
class Tokens:
    """Examples as arrays: ids, tags and spans of each, ready to be padded."""

    examples: list[Example]
    ids: list[npt.NDArray[np.int64]]
    tags: list[npt.NDArray[np.int64] | None]
    spans: list[Spans]


def tokenise(examples: list[Example], lookup: Lookup, longest: int = 1 << 30) -> Tokens:
    """Normalise and look up; a text without units becomes the one id `EMPTY`."""
    batch = normalise_batch([example.text for example in examples])
    flat = lookup.unit_ids(batch).astype(np.int64)
    tokens = Tokens(examples, [], [], [])
    for i, example in enumerate(examples):
        a, b = int(batch.offsets[i]), int(batch.offsets[i + 1])
        ids = flat[a:b][:longest] if b > a else np.array([EMPTY])
        spans = _spans(example, batch.starts[a:b], batch.ends[a:b], len(ids))
        tokens.ids.append(ids)
        tokens.spans.append(spans)
        tokens.tags.append(_tags(spans, len(ids)) if example.spans is not None else None)
    return tokens


def _spans(example: Example, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], n_units: int) -> Spans:
    found = []
    for start, end, target in example.spans or ():
        inside = np.flatnonzero((starts < end) & (ends > start))
        if len(inside) and inside[-1] < n_units:
            found.append((int(inside[0]), int(inside[-1]) + 1, classify(target)))
    return found


def _tags(spans: Spans, n_units: int) -> npt.NDArray[np.int64]:
    tags = np.zeros(n_units, np.int64)
    for start, end, _ in spans:
        tags[start:end] = TAGS.index("inside")
        tags[start] = TAGS.index("begin")
    return tags


def pad(rows: list[npt.NDArray[np.int64]], value: int = 0) -> npt.NDArray[np.int64]:
    """Rows of different length to one array (n, longest)."""
    result = np.full((len(rows), max(map(len, rows))), value, np.int64)
    for i, row in enumerate(rows):
        result[i, : len(row)] = row
    return result


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
    classifier: Classifier, lookup: Lookup, annotated: list[Example], public: list[Example], plan: FinetunePlan
) -> Classifier:
    """Train and give back the classifier with the averaged weights.

    Args:
        classifier: With a pre-trained or fresh encoder; changed in place.
        lookup: Its vocabulary.
        annotated: Messages with all labels.
        public: Messages with some; may be empty.
        plan: How.
    """
    torch.manual_seed(plan.seed)
    device = next(classifier.parameters()).device
    own, other = tokenise(annotated, lookup, plan.longest), tokenise(public, lookup, plan.longest)
    steps = list(_steps(own, other, plan))
    encoder = set(classifier.encoder.parameters())
    groups = [
        {"params": list(encoder), "lr": plan.learning_rate * plan.encoder_rate},
        {"params": [p for p in classifier.parameters() if p not in encoder], "lr": plan.learning_rate},
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
    average = torch.optim.swa_utils.AveragedModel(
        classifier, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.averaged)
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    classifier.train()
    rng = np.random.default_rng((plan.seed, 2))
    began, losses = time.monotonic(), []
    for step, (tokens, chosen) in enumerate(steps):
        factor = min(1.0, (step + 1) / (0.05 * len(steps))) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / len(steps)))
        )
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        loss = _loss(classifier, lookup, tokens, chosen, plan, rng, device)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(classifier)
        losses.append(loss.item())
        if (step + 1) % 200 == 0:
            row = {"step": step + 1, "of": len(steps), "loss": round(float(np.mean(losses[-200:])), 4)}
            print(json.dumps(row | {"seconds": round(time.monotonic() - began)}), flush=True)
    classifier.load_state_dict(average.module.state_dict())
    return classifier.eval()


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
    if tokens.tags[chosen[0]] is not None:
        tags = pad([row for i in chosen if (row := tokens.tags[i]) is not None], -100)
        part = functional.cross_entropy(tag_logits.flatten(0, 1), torch.from_numpy(tags).flatten().to(device))
        loss = loss + plan.tag_weight * part * 3
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
