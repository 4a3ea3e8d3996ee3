from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from training.grow import fill
from training.network import ConvEncoder, EncoderShape
from training.pretrain import MaskedUnits

SMALL = EncoderShape(n_units=40, n_pairs=60, width=24, pair_width=8, dilations=(1, 2), n_attention=4)


def made(seed: int, width: int, pair_width: int, dilations: tuple[int, ...]) -> MaskedUnits:
    torch.manual_seed(seed)
    shape = EncoderShape(SMALL.n_units, SMALL.n_pairs, width, pair_width, dilations, SMALL.n_attention)
    model = MaskedUnits(ConvEncoder(shape)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too, as training leaves them
            parameter.add_(0.05 * torch.randn_like(parameter))
        model.encoder.units.weight[0] = 0.0
    return model


def grown(small: MaskedUnits, width: int, pair_width: int, dilations: tuple[int, ...]) -> MaskedUnits:
    model = made(1, width, pair_width, dilations)
    fill(model, small.state_dict(), pair_width)
    return model


@pytest.fixture
def small() -> MaskedUnits:
    return made(0, SMALL.width, SMALL.pair_width, SMALL.dilations)


@torch.no_grad()
def guesses(model: MaskedUnits) -> Tensor:
    """What a model says of every position of some rows."""
    chance = torch.Generator().manual_seed(5)
    units = torch.randint(1, SMALL.n_units, (6, 30), generator=chance)
    pairs = torch.randint(0, SMALL.n_pairs, (6, 30), generator=chance)
    return model(units, pairs, torch.ones(6, 30, dtype=torch.bool))


def test_more_layers_alone_change_nothing(small: MaskedUnits) -> None:
    deeper = grown(small, SMALL.width, SMALL.pair_width, (1, 2, 4, 1))
    torch.testing.assert_close(guesses(deeper), guesses(small))


def features(model: MaskedUnits) -> np.ndarray:
    """The sums of all layers at every position, before they are normalised."""
    seen: list[Tensor] = []
    hook = model.encoder.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    guesses(model)
    hook.remove()
    return seen[0].reshape(-1, model.encoder.shape.width).numpy()


def test_the_features_of_the_small_model_keep_their_meaning(small: MaskedUnits) -> None:
    old = [*range(16), *range(32, 40)]  # those of units, and those of pairs where the wider model has its own
    wanted = features(small).ravel()
    by_chance, after = made(1, 48, 16, (1, 2, 4)), grown(small, 48, 16, (1, 2, 4))
    assert np.corrcoef(features(by_chance)[:, old].ravel(), wanted)[0, 1] < 0.2
    assert np.corrcoef(features(after)[:, old].ravel(), wanted)[0, 1] > 0.95


def test_what_was_learnt_of_units_and_pairs_is_kept(small: MaskedUnits) -> None:
    model = grown(small, 48, 16, (1, 2))
    for name, size in (("units", 16), ("pairs", 8)):
        old, new = (getattr(encoder, name).weight for encoder in (small.encoder, model.encoder))
        assert torch.equal(new[:, :size], old)
        assert new[1:, size:].abs().mean() > 0.1  # the rest begins at random


def test_new_features_can_learn(small: MaskedUnits) -> None:
    model = grown(small, 48, 16, (1, 2, 4))
    units, pairs = torch.randint(1, 40, (4, 20)), torch.randint(0, 60, (4, 20))
    model(units, pairs, torch.ones(4, 20, dtype=torch.bool)).square().mean().backward()
    for layer in model.encoder.layers:
        assert layer.mix.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("width", "pair_width"), [(16, 8), (24, 4), (24, 12)])
def test_a_model_is_not_grown_into_a_narrower_one(small: MaskedUnits, width: int, pair_width: int) -> None:
    with pytest.raises(ValueError, match="wider"):
        grown(small, width, pair_width, SMALL.dilations)
