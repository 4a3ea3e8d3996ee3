"""What is trained: the encoder and the head that guesses hidden units, and how wrong they are."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.inference.lookup import Lookup
from training import grow
from training.network import ConvEncoder
from training.pretrain.masking import Masked
from training.pretrain.plan import PretrainPlan
from training.pretrain.states import load


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
        return self.guess(states[where])

    def guess(self, states: Tensor) -> Tensor:
        """Logits (n, n_units) of states (n, width)."""
        hidden = self.norm(functional.gelu(self.project(states)))
        return functional.linear(hidden, self.encoder.units.weight, self.bias)


def make(lookup: Lookup, plan: PretrainPlan, folder: Path) -> MaskedUnits:
    """A model with random weights of the plan's seed, grown from the smaller one that the plan names."""
    torch.manual_seed(plan.seed)
    model = MaskedUnits(ConvEncoder(plan.shape(lookup)))
    if plan.grow_from:
        small = load(folder.parent / plan.grow_from / "checkpoint.pt")["model"]
        grow.fill(model, small, plan.pair_width)
    return model


def loss_of_all(model: MaskedUnits, batch: Masked) -> Tensor:
    """Cross-entropy in nats, summed over every unit to be guessed."""
    where = batch.targets > 0
    logits = model(batch.unit_ids, batch.pair_ids, where)
    return functional.cross_entropy(logits, batch.targets[where], reduction="sum")


def loss_of_most(model: MaskedUnits, batch: Masked, n_places: int) -> Tensor:
    """The same over the first `n_places` units to be guessed.

    Every size is known beforehand, so that nothing waits for the device and a compiler finds one shape. Units beyond
    `n_places` stay hidden and are not asked for.
    """
    targets = batch.targets.flatten()
    # A stable sort keeps the order of positions: the same ones on every run.
    places = torch.sort((targets > 0).to(torch.uint8), descending=True, stable=True).indices[:n_places]
    states, _ = model.encoder.states(batch.unit_ids, batch.pair_ids)
    logits = model.guess(states.flatten(0, 1)[places])
    return functional.cross_entropy(logits.float(), targets[places], ignore_index=0, reduction="sum")
