"""A larger encoder that begins as a smaller one: what was learnt is kept, what is new starts near nothing.

Growing a trained network instead of beginning at random saves a good part of the steps (Chen et al. 2016, Net2Net;
Chen et al. 2022, bert2BERT). Here the small network's features keep a place of their own in every layer. What new
features give to old ones begins near zero, and layers that the small network does not have begin as the identity.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

FAINT = 0.1
"""What new features give to old ones at first, as a share of a random weight."""


@torch.no_grad()
def fill(model: nn.Module, small: Mapping[str, Tensor], pair_width: int) -> None:
    """Write the weights of a smaller `MaskedUnits` into a larger one.

    Args:
        model: The larger model, with random weights; changed in place.
        small: State of the smaller one: the same vocabulary, no more layers, and dilations that the larger one has too.
        pair_width: Size of a row of the larger one's pair table.

    Raises:
        ValueError: A size of the smaller model is larger than that of the larger one.
    """
    weights = model.state_dict()
    n_units, n_pairs = (small[f"encoder.{name}.weight"].shape[1] for name in ("units", "pairs"))
    width = weights["encoder.norm.weight"].shape[0]
    if n_units > width - pair_width or n_pairs > pair_width:
        raise ValueError("the smaller encoder is wider than the larger one")
    units = torch.arange(n_units)
    # Where the small network's features lie: those of units first, those of pairs where the large one's pairs begin.
    old = torch.cat((units, width - pair_width + torch.arange(n_pairs)))
    new = torch.ones(width, dtype=torch.bool)
    new[old] = False

    weights["encoder.units.weight"][:, :n_units] = small["encoder.units.weight"]
    weights["encoder.pairs.weight"][:, :n_pairs] = small["encoder.pairs.weight"]
    for name in ("weight", "bias"):
        weights[f"encoder.norm.{name}"][old] = small[f"encoder.norm.{name}"]
    layers = sorted({int(name.split(".")[2]) for name in weights if name.startswith("encoder.layers.")})
    for i in layers:
        weight, bias = (weights[f"encoder.layers.{i}.mix.{name}"] for name in ("weight", "bias"))
        taps = weight.view(width, 3, width)
        if f"encoder.layers.{i}.mix.weight" not in small:
            weight.zero_()
            bias.zero_()
            continue
        trained = small[f"encoder.layers.{i}.mix.weight"].view(len(old), 3, len(old))
        taps[old] *= FAINT
        for tap in range(3):
            taps[old[:, None], tap, old[None, :]] = trained[:, tap]
        bias[old] = small[f"encoder.layers.{i}.mix.bias"]
    project = weights["project.weight"]
    project[:n_units] *= FAINT
    project[:n_units, old] = small["project.weight"]
    weights["project.bias"][:n_units] = small["project.bias"]
    weights["norm.weight"][:n_units] = small["norm.weight"]
    weights["norm.bias"][:n_units] = small["norm.bias"]
    weights["bias"].copy_(small["bias"])
