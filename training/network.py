"""The fast encoder: characters and character pairs, dilated convolutions, attention pools.

    units ─► unit table | pair table ─► residual convolutions ─► states ─► attention pools ─► vector ─► heads of texts
                                                                   └─► heads of positions (pain spans)

Every layer is a product of matrices (a convolution is a product over shifted copies), because that is what runs fastest
on a processor without special instructions. There is no normalisation between the layers and each rectifies what it
reads, so that in 8-bit integers the rectifier is the lower bound of the type and costs nothing. The pools are linear in
the states once their weights are known: a label's logit falls apart into one contribution for each position.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_service.inference.targets import TARGETS

N_TAGS = 3
"""Outside, begin and inside of a pain."""

EMBEDDING = 128
"""Columns of a sentence embedding."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of a `ConvEncoder`.

    Attributes:
        n_units: Rows of the unit table.
        n_pairs: Rows of the pair table; row 0 stands for every pair that is not in the vocabulary.
        width: Size of a state.
        pair_width: Size of a row of the pair table; a row of the unit table has the rest of the width.
        dilations: One convolution of three taps each, with this distance between the taps; all but the first residual.
        n_attention: Attention pools; each weighs ``width / n_attention`` of the features.
    """

    n_units: int
    n_pairs: int
    width: int = 192
    pair_width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4)
    n_attention: int = 8


class Convolution(nn.Module):
    """Product of three positions, each ``dilation`` from the next, with one matrix."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.mix = nn.Linear(3 * width, width)
        self.dilation = dilation

    def forward(self, states: Tensor) -> Tensor:
        """States (batch, length, width), zero at padding, to as many new ones."""
        d, length = self.dilation, states.shape[1]
        padded = functional.pad(states, (0, 0, d, d))
        taps = (padded[:, :length], states, padded[:, 2 * d :])
        return self.mix(torch.cat(taps, 2))


class ConvEncoder(nn.Module):
    """Unit and pair ids to a state for each position and a vector for each text."""

    def __init__(self, shape: EncoderShape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.units = nn.Embedding(shape.n_units, shape.width - shape.pair_width, padding_idx=0)
        self.pairs = nn.Embedding(shape.n_pairs, shape.pair_width)
        self.layers = nn.ModuleList(Convolution(shape.width, d) for d in shape.dilations)
        self.norm = nn.LayerNorm(shape.width)
        self.attend = nn.Linear(shape.width, shape.n_attention)
        self.dropout = nn.Dropout(dropout)
        for table in (self.units, self.pairs):
            nn.init.normal_(table.weight, std=0.3)
        with torch.no_grad():
            self.units.weight[0] = 0.0

    def states(self, unit_ids: Tensor, pair_ids: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, length, width) and the mask (batch, length, 1) of what is no padding (unit id 0)."""
        mask = (unit_ids != 0).unsqueeze(2).to(self.units.weight.dtype)
        rows = torch.cat((self.units(unit_ids), self.pairs(pair_ids)), 2) * mask
        first, *rest = self.layers
        states = first(self.dropout(rows))
        for layer in rest:
            states = states + layer(torch.relu(self.dropout(states)) * mask)
        return self.norm(states), mask

    def forward(self, unit_ids: Tensor, pair_ids: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, length, width) and vectors (batch, width)."""
        states, mask = self.states(unit_ids, pair_ids)
        return states, self.pool(states, self.attend(states), mask)

    def pool(self, states: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        """States weighed by their scores (batch, length, n_attention) and summed up: (batch, width)."""
        weights = torch.softmax(scores + (mask - 1.0) * 1e4, 1)
        weights = weights.repeat_interleave(self.shape.width // self.shape.n_attention, 2)
        return (weights * states).sum(1)


class Classifier(nn.Module):
    """An encoder with the heads of the service and, while training, one for each public set."""

    def __init__(self, encoder: ConvEncoder, auxiliary: dict[str, int]) -> None:
        # Here and not above: a machine lent for pre-training has torch and numpy, and this needs more.
        from nlp_service.inference.heads import N_OUTPUTS

        super().__init__()
        width = encoder.shape.width
        self.encoder = encoder
        self.heads = nn.Linear(width, N_OUTPUTS)
        self.tags = nn.Linear(width, N_TAGS)
        self.tags_vector = nn.Linear(width, N_TAGS, bias=False)
        self.targets = nn.Linear(width, len(TARGETS))
        self.embed_attend = nn.Linear(width, encoder.shape.n_attention)
        self.embed_project = nn.Linear(width, EMBEDDING, bias=False)
        self.auxiliary = nn.ModuleDict({name: nn.Linear(width, n) for name, n in auxiliary.items()})
        self.dropout = nn.Dropout(0.2)

    def forward(self, unit_ids: Tensor, pair_ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (batch, N_OUTPUTS), vectors (batch, width), tag logits (batch, length, 3) and states."""
        states, vector = self.encoder(unit_ids, pair_ids)
        vector = self.dropout(vector)
        tags = self.tags(self.dropout(states)) + self.tags_vector(vector).unsqueeze(1)
        return self.heads(vector), vector, tags, states

    def embed(self, unit_ids: Tensor, pair_ids: Tensor) -> Tensor:
        """Sentence embeddings (batch, EMBEDDING), of any length."""
        states, mask = self.encoder.states(unit_ids, pair_ids)
        return self.embed_project(self.encoder.pool(self.dropout(states), self.embed_attend(states), mask))
