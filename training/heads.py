"""Heads for an encoder of somebody else: fitted on its vectors, its weights left as they are.

annotated messages ─ checkpoint ─► vectors, states ─► regressions ─┐
        └─ runs of units ─► linear part ───────────────────────────┴─► calibration ─► an artefact that names it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from nlp_service.inference import artifact
from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.hub.encoder import Checkpoint, HubEncoder
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.reading import Thresholds
from nlp_service.inference.targets import TARGETS
from nlp_service.text.normalise import normalise_batch
from training import calibrate, conformal, evaluate, examples, linear
from training.examples import Example, Splits
from training.finetune import loss_of
from training.linear import LinearPlan
from training.run import logits, pain_bounds
from training.telling import say
from training.tokens import TAGS, Spans, tokenise

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeadsPlan:
    """How to fit.

    Attributes:
        strength: Inverse regularisation of the regressions, on features of unit variance.
        steps: Of the optimiser (L-BFGS) at the most.
        numbers: Numbers of the states that are kept for the heads of units; messages are drawn until so many.
        seed: Of that draw, and of the draw of a limited run.
    """

    strength: float = 0.03
    steps: int = 200
    numbers: int = 100_000_000
    seed: int = 1


class Seen(NamedTuple):
    """What a checkpoint makes of annotated messages.

    Attributes:
        vectors: Of the n messages, (n, width).
        states: Of the units of some of them, (n_units, width), with the message of each unit and the index of its tag.
        row, tags: (n_units,).
        means: Mean state of each annotated pain, (n_pains, width).
        targets: Index in `TARGETS` of each, (n_pains,).
    """

    vectors: Floats
    states: Floats
    row: npt.NDArray[np.int64]
    tags: npt.NDArray[np.int64]
    means: Floats
    targets: npt.NDArray[np.int64]


def make(
    encoder: str, data: Path, out: Path, *, limit: int = 0, threads: int = 1, plan: HeadsPlan | None = None
) -> None:
    """Fit, calibrate and write heads, then print what they give on gold dev.

    Args:
        encoder: Folder or hub id of a checkpoint. One of the hub is downloaded where it is not in the local cache,
            unless HF_HUB_OFFLINE forbids it.
        data: The data folder.
        out: Folder of the artefact.
        limit: Messages of each split at the most, drawn at random; 0 for all.
        threads: Threads of torch.
        plan: How to fit.

    Raises:
        ArtifactError: The checkpoint is not there or cannot be read.
        FileNotFoundError: The data is not there.
    """
    plan = plan or HeadsPlan()
    checkpoint = Checkpoint(encoder, threads=threads, fetch=True)
    splits = _limited(examples.split(data), limit, plan.seed)
    say("checkpoint", **checkpoint.identity, train=len(splits.train), calibration=len(splits.calibration))
    seen = look(checkpoint, splits.train, plan)
    say("seen", messages=len(seen.vectors), units=len(seen.states), pains=len(seen.means))
    heads = fit(seen, np.stack([example.targets for example in splits.train]), plan)
    say("fitted", heads=sorted(heads))
    write(out, checkpoint, heads, linear.fit(splits.train, LinearPlan()), splits)
    analyser = Analyser.load(out, encoder=encoder, threads=threads)
    figures = evaluate.evaluate(analyser, splits.dev, rounds=200)
    evaluate.show(figures, title=f"{analyser.version} on gold dev", as_json=False)


def look(checkpoint: Checkpoint, messages: list[Example], plan: HeadsPlan) -> Seen:
    """Read annotated messages once and keep what the heads learn from."""
    nothing = Lookup(np.zeros(0, np.int32), np.zeros(0, np.uint32))  # tags and spans need no vocabulary
    tokens = tokenise(messages, nothing)
    kept = _drawn([len(ids) for ids in tokens.ids], plan, int(checkpoint.identity["width"]))
    vectors, states, rows, tags = [], [], [], []
    means: list[Floats] = []
    targets: list[int] = []
    for first, offsets, pooled in checkpoint.read(normalise_batch([message.text for message in messages])):
        vectors.append(pooled.vectors)
        for i, (a, b) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True), first):
            known = tokens.tags[i]
            if i in kept and known is not None:
                states.append(pooled.states[a:b])
                tags.append(known.argmax(1))
                rows.append(np.full(b - a, i))
            found: Spans = tokens.spans[i]
            means += [pooled.states[a + start : a + end].mean(0) for start, end, _ in found]
            targets += [target for _, _, target in found]
    width = vectors[0].shape[1]
    return Seen(
        np.concatenate(vectors),
        np.concatenate(states),
        np.concatenate(rows),
        np.concatenate(tags),
        np.stack(means) if means else np.zeros((0, width), np.float32),
        np.array(targets, np.int64),
    )


def fit(seen: Seen, targets: Floats, plan: HeadsPlan) -> dict[str, Floats]:
    """Arrays of a `HubEncoder`, and ``target_weight`` and ``target_bias`` of the names of pains.

    Args:
        seen: What the checkpoint makes of the messages.
        targets: 1, 0 or NaN (not known) for each output of each message, (n, N_OUTPUTS).
        plan: How.
    """
    vectors, truth = torch.from_numpy(seen.vectors), torch.from_numpy(targets)
    (weight,), head_bias = _regress([(vectors, None)], N_OUTPUTS, lambda z: loss_of(z, truth), plan)
    units = [(torch.from_numpy(seen.states), None), (vectors, torch.from_numpy(seen.row))]
    (own, shared), tags_bias = _regress(units, len(TAGS), _choice(seen.tags), plan)
    pains = [(torch.from_numpy(seen.means), None)]
    (target_weight,), target_bias = _regress(pains, len(TARGETS), _choice(seen.targets), plan)
    return {
        "weight": weight,
        "head_bias": head_bias,
        "tags_weight": own,
        "tags_vector": shared,
        "tags_bias": tags_bias,
        "target_weight": target_weight,
        "target_bias": target_bias,
    }


def write(out: Path, checkpoint: Checkpoint, heads: dict[str, Floats], part: dict[str, Any], splits: Splits) -> None:
    """Calibrate heads together with a linear part and write both as an artefact that names its checkpoint."""
    # The steps of `training.run` only encode, which both encoders do alike.
    encoder = HubEncoder(checkpoint, heads)
    z, w = logits(encoder, linear.build(part), splits.calibration)
    truth = np.stack([example.targets for example in splits.calibration])
    calibration = calibrate.fit(z, w, truth)
    chances = calibrate.believed(z, w, calibration)
    bounds = calibrate.thresholds(chances, truth)
    bounds |= pain_bounds(encoder, splits.calibration, chances, Thresholds(**bounds))
    parts: dict[str, Any] = {"encoder": calibration.encoder, "linear": calibration.linear, "bias": calibration.bias}
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "linear.npz", **part)
    np.savez_compressed(out / "heads.npz", **(parts | heads))
    manifest = {
        "name": out.resolve().name,
        "version": "1",
        "encoder": checkpoint.identity,
        "thresholds": bounds,
        "promises": conformal.promises(chances, truth),
        "training": {"messages": {name: len(getattr(splits, name)) for name in ("train", "calibration")}},
    }
    artifact.write(out, manifest)
    say("written", folder=str(out), thresholds=bounds)


def _regress(
    parts: list[tuple[Tensor, Tensor | None]], n_outputs: int, loss: Callable[[Tensor], Tensor], plan: HeadsPlan
) -> tuple[list[Floats], Floats]:
    """Weights for each part and a bias of the logits that they add up to; nothing to learn from gives zeros.

    Args:
        parts: Features (n, width), with the rows of them that the examples have, in order; None for all as they are.
        n_outputs: Number of logits.
        loss: Mean loss of the logits (n_examples, n_outputs).
        plan: How.
    """
    scales, weights = [], [torch.zeros(x.shape[1], n_outputs, requires_grad=True) for x, _ in parts]
    bias = torch.zeros(n_outputs, requires_grad=True)
    n = len(parts[0][0])
    if not n:
        return [w.detach().numpy() for w in weights], bias.detach().numpy()
    for x, _ in parts:
        spread = x.std(0, correction=0)
        scales.append((x.mean(0), spread.clamp(min=1e-4 * float(spread.max()) + 1e-9)))

    def total() -> Tensor:
        z = bias
        for (x, rows), (mean, spread), weight in zip(parts, scales, weights, strict=True):
            plain = weight / spread[:, None]
            part = x @ plain - mean @ plain
            z = z + (part if rows is None else part[rows])
        return loss(z) + sum(0.5 * (weight**2).sum() for weight in weights) / (plan.strength * n)

    optimiser = torch.optim.LBFGS([*weights, bias], max_iter=plan.steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = total()
        value.backward()
        return value

    optimiser.step(closure)
    with torch.no_grad():
        plain = [weight / spread[:, None] for weight, (_, spread) in zip(weights, scales, strict=True)]
        shift = bias - sum(mean @ weight for weight, (mean, _) in zip(plain, scales, strict=True))
        return [weight.numpy() for weight in plain], shift.numpy()


def _choice(truth: npt.NDArray[np.int64]) -> Callable[[Tensor], Tensor]:
    return lambda z: functional.cross_entropy(z, torch.from_numpy(truth))


def _drawn(lengths: list[int], plan: HeadsPlan, width: int) -> set[int]:
    """Messages whose units are kept, at least one."""
    order = np.random.default_rng(plan.seed).permutation(len(lengths))
    total = np.cumsum(np.array(lengths)[order]) * width
    return set(order[: max(1, int(np.searchsorted(total, plan.numbers, "right")))].tolist())


def _limited(splits: Splits, limit: int, seed: int) -> Splits:
    if not limit:
        return splits
    rng = np.random.default_rng(seed)
    parts = (splits.train, splits.calibration, splits.test, splits.dev)
    return Splits(*([part[i] for i in rng.permutation(len(part))[:limit].tolist()] for part in parts))
