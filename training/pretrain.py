"""Masked-unit pre-training of the fast encoder on unlabelled text.

``python -m training pretrain`` prepares the tokens once and then trains until the wanted number of them was seen. It
saves a checkpoint every few minutes and goes on from it when it is started again.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.inference.lookup import FIRST_UNIT, MASK, PAD, Lookup
from nlp_service.text.normalise import Batch, normalise_batch
from training import corpora, grow, vocabulary
from training.network import ConvEncoder, EncoderShape


@dataclass(frozen=True, slots=True)
class PretrainPlan:
    """How to pre-train.

    Attributes:
        max_units, max_pairs: Sizes of the vocabulary.
        max_text: Units of a text that are read; the rest of a long one is left out.
        row: Units in a row of a batch.
        rows: Rows in a batch.
        tokens: Units to see in all.
        learning_rate: Highest rate, after the warm-up; it falls to a twentieth along a cosine.
        hold: Share of the steps at the highest rate before it falls. While a run holds, `tokens` may still be changed.
        masked: Share of units to be guessed.
        width, pair_width, dilations, n_attention: Of the encoder, as in `EncoderShape`.
        grow_from: Name of the work folder, beside this one, of a smaller pre-trained encoder to begin as; its
            vocabulary and tokens are used too. Empty to begin at random.
        seed: Of weights, order and masks.
    """

    max_units: int = 7500
    max_pairs: int = 120_000
    max_text: int = 192
    row: int = 128
    rows: int = 64
    tokens: int = 60_000_000
    learning_rate: float = 2e-3
    hold: float = 0.0
    masked: float = 0.2
    width: int = 192
    pair_width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4)
    n_attention: int = 8
    grow_from: str = ""
    seed: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))

    def shape(self, lookup: Lookup) -> EncoderShape:
        """Sizes of the encoder for a vocabulary."""
        sizes = (self.width, self.pair_width, self.dilations, self.n_attention)
        return EncoderShape(lookup.n_ids, lookup.n_pairs, *sizes)


class MaskedUnits(nn.Module):
    """Guesses units that were hidden, by the encoder's own table."""

    def __init__(self, encoder: ConvEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        size = encoder.units.embedding_dim
        self.project = nn.Linear(encoder.shape.width, size)
        self.norm = nn.LayerNorm(size)
        # Rows of the table are long: without this the first guesses are far too sure.
        nn.init.constant_(self.norm.weight, 0.2)
        self.bias = nn.Parameter(torch.zeros(encoder.shape.n_units))

    def forward(self, unit_ids: Tensor, pair_ids: Tensor, where: Tensor) -> Tensor:
        """Logits (n_hidden, n_units) of the positions where the mask `where` (batch, length) is set."""
        states, _ = self.encoder.states(unit_ids, pair_ids)
        hidden = self.norm(functional.gelu(self.project(states[where])))
        return functional.linear(hidden, self.encoder.units.weight, self.bias)


def prepare(data: Path, folder: Path, plan: PretrainPlan) -> None:
    """Write the vocabulary and the stream of ids (uint16, a `PAD` between texts) to `folder`, unless they are there."""
    if (folder / "tokens.npy").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if plan.grow_from:
        for name in ("vocabulary.npz", "tokens.npy"):
            os.link(folder.parent / plan.grow_from / name, folder / name)
        return
    texts = corpora.unlabelled(data)
    batches = [_cut(normalise_batch(chunk), plan.max_text) for chunk in _chunks(texts, 4096)]
    lookup = vocabulary.learn(batches, max_units=plan.max_units, max_pairs=plan.max_pairs)
    rng = np.random.default_rng(plan.seed)
    pieces: list[npt.NDArray[np.uint16]] = []
    for batch in batches:
        ids = lookup.unit_ids(batch)
        pieces += np.split(ids, batch.offsets[1:-1])
    order = rng.permutation(len(pieces))
    gap = np.array([PAD], np.uint16)
    stream = np.concatenate([part for i in order for part in (pieces[i], gap)])
    np.savez(folder / "vocabulary.npz", units=lookup.units, pairs=lookup.pairs)
    np.save(folder / "tokens.part.npy", stream)
    os.replace(folder / "tokens.part.npy", folder / "tokens.npy")


def load_lookup(folder: Path) -> Lookup:
    """The vocabulary that `prepare` wrote."""
    arrays = np.load(folder / "vocabulary.npz", allow_pickle=False)
    return Lookup(arrays["units"], arrays["pairs"])


def pretrain(data: Path, folder: Path, plan: PretrainPlan, *, save_every_s: float = 240.0) -> ConvEncoder:
    """Train until `plan.tokens` units were seen and leave ``encoder.pt`` in `folder`.

    An interrupted run goes on from its last checkpoint, with the same order of batches and masks.
    """
    prepare(data, folder, plan)
    lookup = load_lookup(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(plan.seed)
    model = MaskedUnits(ConvEncoder(plan.shape(lookup)))
    if plan.grow_from:
        small = load(folder.parent / plan.grow_from / "checkpoint.pt")["model"]
        grow.fill(model, small, plan.pair_width)
    encoder = model.to(device).encoder
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    n_steps = plan.tokens // (plan.row * plan.rows)
    first = _resume(folder, model, optimiser)
    began = saved = time.monotonic()
    losses: list[float] = []
    batches = _batches(np.load(folder / "tokens.npy", mmap_mode="r"), plan, first)
    for step, (ids, targets) in zip(range(first, n_steps), batches, strict=False):
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * _rate(step, n_steps, plan.hold)
        where = torch.from_numpy(targets > 0).to(device)
        pairs = torch.from_numpy(lookup.pair_ids(ids)).to(device)
        logits = model(torch.from_numpy(ids).to(device), pairs, where)
        loss = functional.cross_entropy(logits, torch.from_numpy(targets).to(device)[where])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        now = time.monotonic()
        if (step + 1) % 50 == 0:
            speed = (step + 1 - first) * plan.row * plan.rows / (now - began)
            row = {"step": step + 1, "of": n_steps, "loss": round(float(np.mean(losses[-50:])), 4)}
            row |= {"tokens_per_s": round(speed), "left_s": round((n_steps - step - 1) * plan.row * plan.rows / speed)}
            print(json.dumps(row), flush=True)
        if now - saved > save_every_s:
            _save(folder, model, optimiser, step + 1)
            saved = now
    _save(folder, model, optimiser, n_steps)
    state = {"shape": asdict(encoder.shape), "weights": encoder.state_dict(), "plan": asdict(plan)}
    save(state, folder / "encoder.pt")
    return encoder


def _rate(step: int, n_steps: int, hold: float) -> float:
    warm = min(1.0, (step + 1) / max(1, n_steps // 40))
    fallen = max(0.0, step / n_steps - hold) / (1.0 - hold)
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * fallen)))


def _batches(
    stream: npt.NDArray[np.uint16], plan: PretrainPlan, skip: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Hidden ids and the targets (0 where nothing is to be guessed), for ever; each batch has a seed of its own."""
    size = plan.row * plan.rows
    n = len(stream) // size
    for step in itertools.count(skip):
        epoch, index = divmod(step, n)
        order = np.random.default_rng((plan.seed, epoch)).permutation(n)
        start = int(order[index]) * size
        ids = np.asarray(stream[start : start + size], np.int64).reshape(plan.rows, plan.row)
        yield _hide(ids, plan.masked, np.random.default_rng((plan.seed, step, 1)))


def _hide(
    ids: npt.NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hide runs of one to three units, as words are; one hidden unit in ten keeps its place, one is another's."""
    begins = rng.random(ids.shape) < share / 1.88  # units a run on average, overlaps taken off
    length = rng.integers(1, 4, ids.shape)
    chosen = begins.copy()
    chosen[:, 1:] |= begins[:, :-1] & (length[:, :-1] >= 2)
    chosen[:, 2:] |= begins[:, :-2] & (length[:, :-2] >= 3)
    chosen &= ids >= FIRST_UNIT
    targets = np.where(chosen, ids, 0)
    fate = rng.random(ids.shape)
    hidden = np.where(chosen & (fate < 0.8), MASK, ids)
    # Others' units are drawn from the batch itself, so that they come as often as in the language.
    other = rng.permutation(ids.ravel()).reshape(ids.shape)
    return np.where(chosen & (fate > 0.9) & (other >= FIRST_UNIT), other, hidden), targets


def _cut(batch: Batch, longest: int) -> Batch:
    """The first `longest` units of each text, longer pieces left out."""
    position = np.arange(len(batch.units)) - np.repeat(batch.offsets[:-1], np.diff(batch.offsets))
    keep = position < longest
    lengths = np.minimum(np.diff(batch.offsets), longest)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return Batch(batch.units[keep], batch.starts[keep], batch.ends[keep], offsets)


def _chunks(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(itertools.islice(texts, size)):
        yield chunk


def _save(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    save(state, folder / "checkpoint.pt")


def save(state: dict[str, Any], path: Path) -> None:
    """Write a state whole or not at all: a file that is there can be trusted."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any]:
    """A state that `save` wrote, on the processor whatever device it was saved on."""
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    return state


def _resume(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = load(path)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
