"""The tagger of aspects and opinions: a copy of the released encoder, one layer more, and heads of units.

units ─► encoder (as released, one convolution more) ─► states ─┬─► tags of aspects, tags of opinions ─► two chains
                                                                ├─► polarity of each unit
                                                                └─► queries of opinions, keys of aspects ─► pairs
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact
from nlp_service.inference.aspectspans import N_FEATURES, NEVER
from nlp_service.inference.aspecttagger import MATCH, N_COLUMNS
from nlp_service.inference.lookup import Lookup
from training.aspects_data import STYLES
from training.graph import ZERO
from training.network import ConvEncoder, EncoderShape

DILATIONS = (1, 2, 4, 8)
"""The last one is new: what an opinion is about may stand further away than the released encoder looks."""

HIDDEN = 24
"""Of the network that tells whether two spans belong together."""

N_CHAINS = 2


class Unpacked(NamedTuple):
    """A released model's encoder in floats, and its vocabulary."""

    encoder: ConvEncoder
    lookup: Lookup


class FeatureDropout(nn.Module):
    """Drops whole features of a text instead of single numbers (Gal & Ghahramani 2016), which costs next to nothing."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, states: Tensor) -> Tensor:
        """States (batch, ..., width) to as many."""
        if not self.training:
            return states
        shape = (len(states), *(1 for _ in states.shape[1:-1]), states.shape[-1])
        return states * (torch.rand(shape) >= self.share) / (1.0 - self.share)


class Tagger(nn.Module):
    """Columns for each unit, and what decodes them."""

    def __init__(self, encoder: ConvEncoder, dropout: float = 0.15) -> None:
        super().__init__()
        width = encoder.shape.width
        self.encoder = encoder
        self.encoder.dropout = FeatureDropout(dropout)
        self.local = nn.Linear(width, N_COLUMNS)
        self.whole = nn.Linear(width, N_COLUMNS, bias=False)
        # How other sets mark differs from how the first one does; only the first one's way is served.
        self.styles = nn.ModuleList(nn.Linear(width, 3 * N_CHAINS) for _ in STYLES[1:])
        for layer in self.styles:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.transitions = nn.Parameter(torch.zeros(N_CHAINS, 3, 3))
        self.match = nn.Linear(MATCH + N_FEATURES, HIDDEN)
        self.belong = nn.Linear(HIDDEN, 1)
        self.dropout = FeatureDropout(dropout)

    def forward(self, unit_ids: Tensor, pair_ids: Tensor, style: int = 0) -> Tensor:
        """Columns (batch, length, N_COLUMNS), in the order of `nlp_service.inference.aspecttagger`."""
        states, vector = self.encoder(unit_ids, pair_ids)
        states, vector = self.dropout(states), self.dropout(vector)
        columns = self.local(states) + self.whole(vector).unsqueeze(1)
        if style:
            more = self.styles[style - 1](states)
            columns = torch.cat((columns[:, :, : more.shape[2]] + more, columns[:, :, more.shape[2] :]), 2)
        return columns

    def steps(self) -> Tensor:
        """Transitions with what must not be; (chains, 3, 3)."""
        barred = torch.zeros_like(self.transitions)
        barred[:, 0, 2] = NEVER
        return self.transitions + barred

    def pair_logits(self, queries: Tensor, keys: Tensor, features: Tensor) -> Tensor:
        """Whether pairs of spans belong together, (n,), from means over their units (n, MATCH) and `pair_features`."""
        return self.belong(torch.relu(self.match(torch.cat((queries * keys, features), 1)))).squeeze(1)


def chain_loss(emissions: Tensor, tags: Tensor, lengths: Tensor, steps: Tensor) -> Tensor:
    """Negative log-likelihood of each sentence and chain, (batch, chains) (Lafferty et al. 2001).

    Args:
        emissions: (batch, length, chains, 3).
        tags: Of the true sequence; (batch, length, chains).
        lengths: Units of each sentence, descending.
        steps: As `Tagger.steps` gives them.
    """
    start = torch.zeros_like(emissions[:, 0])
    start[:, :, 2] = NEVER
    first = emissions[:, 0] + start
    live = torch.arange(emissions.shape[1])[None, :] < lengths[:, None]
    own = emissions.gather(3, tags.unsqueeze(3)).squeeze(3)
    chain = torch.arange(emissions.shape[2])
    moves = steps[chain, tags[:, :-1], tags[:, 1:]]
    true = (own * live.unsqueeze(2)).sum(1) + (moves * live[:, 1:].unsqueeze(2)).sum(1)
    running, done = first, []
    counts = live.sum(0).tolist()
    for t in range(1, emissions.shape[1]):
        n = counts[t]
        if n < len(running):
            done.append(running[n:])
            running = running[:n]
        running = torch.logsumexp(running.unsqueeze(3) + steps, 2) + emissions[:n, t]
    total = torch.logsumexp(torch.cat((running, *reversed(done))), 2)
    return total - true


def unpack(folder: Path) -> Unpacked:
    """The encoder of a released model, from its 8-bit graph, with a new layer that at first changes little.

    Raises:
        ArtifactError: The model is missing or damaged.
    """
    found = artifact.load(folder)
    lookup = Lookup(**found.arrays("vocabulary.npz"))
    graph = onnx.load_model_from_string(found.content("encoder.onnx")).graph
    arrays = {each.name: numpy_helper.to_array(each).copy() for each in graph.initializer}
    try:
        return Unpacked(_encoder(arrays), lookup)
    except KeyError as error:
        raise ArtifactError(f"{folder / 'encoder.onnx'}: no {error.args[0]}") from error


def _encoder(arrays: dict[str, npt.NDArray]) -> ConvEncoder:
    scale = arrays["table_scale"]
    tables = {name: (arrays[f"{name}_table"].astype(np.float32) - ZERO) * scale for name in ("unit", "pair")}
    width, pair_width = len(arrays["norm_gain"]), tables["pair"].shape[1]
    encoder = ConvEncoder(EncoderShape(len(tables["unit"]), len(tables["pair"]), width, pair_width, DILATIONS))
    with torch.no_grad():
        encoder.units.weight.copy_(torch.from_numpy(tables["unit"]))
        encoder.pairs.weight.copy_(torch.from_numpy(tables["pair"]))
        for i, layer in enumerate(encoder.layers):
            if f"mix_{i}_matrix" in arrays:
                matrix = arrays[f"mix_{i}_matrix"].astype(np.float32) * arrays[f"mix_{i}_steps"]
                layer.mix.weight.copy_(torch.from_numpy(np.ascontiguousarray(matrix.T)))
                layer.mix.bias.copy_(torch.from_numpy(arrays[f"mix_{i}_bias"]))
            else:
                layer.mix.weight.mul_(0.1)
                layer.mix.bias.zero_()
        encoder.norm.weight.copy_(torch.from_numpy(arrays["norm_gain"]))
        encoder.norm.bias.copy_(torch.from_numpy(arrays["norm_bias"]))
    return encoder
