from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network import ConvEncoder, Convolution, EncoderShape

SHAPE = EncoderShape(n_units=40, n_pairs=60, width=24, pair_width=8, dilations=(1, 2, 4), n_attention=4)


@pytest.fixture
def encoder() -> ConvEncoder:
    torch.manual_seed(0)
    return ConvEncoder(SHAPE).eval()


def texts(*lengths: int, longest: int | None = None, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random unit and pair ids of the given lengths; row ``i`` does not depend on the others or on the padding."""
    units = torch.zeros(len(lengths), longest or max(lengths), dtype=torch.int64)
    pairs = torch.zeros_like(units)
    for i, length in enumerate(lengths):
        chance = torch.Generator().manual_seed(seed + i)
        units[i, :length] = torch.randint(1, SHAPE.n_units, (length,), generator=chance)
        pairs[i, :length] = torch.randint(0, SHAPE.n_pairs, (length,), generator=chance)
    return units, pairs


@torch.no_grad()
def test_every_position_gets_a_state_and_every_text_a_vector(encoder: ConvEncoder) -> None:
    states, vectors = encoder(*texts(7, 3))
    assert states.shape == (2, 7, 24)
    assert vectors.shape == (2, 24)


@torch.no_grad()
def test_a_convolution_is_that_of_torch() -> None:
    torch.manual_seed(1)
    own, rows = Convolution(6, dilation=2), torch.randn(3, 9, 6)
    kernel = own.mix.weight.view(6, 3, 6).transpose(1, 2)
    other = functional.conv1d(rows.transpose(1, 2), kernel, own.mix.bias, padding=2, dilation=2)
    torch.testing.assert_close(own(rows), other.transpose(1, 2))


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 5, 12])
def test_padding_changes_nothing(encoder: ConvEncoder, length: int) -> None:
    alone_states, alone = encoder(*texts(length))
    states, vectors = encoder(*texts(length, longest=length + 20))
    torch.testing.assert_close(vectors, alone, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(states[:, :length], alone_states, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_text_does_not_depend_on_those_beside_it(encoder: ConvEncoder) -> None:
    units, pairs = texts(5, 30, 1, 12)
    _, together = encoder(units, pairs)
    for i, length in enumerate((5, 30, 1, 12)):
        _, alone = encoder(units[i : i + 1, :length], pairs[i : i + 1, :length])
        torch.testing.assert_close(together[i], alone[0], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_state_sees_as_far_as_the_dilations_reach_and_no_further(encoder: ConvEncoder) -> None:
    units, pairs = texts(31)
    before, _ = encoder(units, pairs)
    units[0, 15] = units[0, 15] % (SHAPE.n_units - 1) + 1
    after, _ = encoder(units, pairs)
    changed = torch.nonzero((after - before)[0].abs().sum(1)).flatten().tolist()
    assert changed[0] == 15 - (1 + 2 + 4)
    assert changed[-1] == 15 + (1 + 2 + 4)


@torch.no_grad()
def test_the_order_of_units_matters(encoder: ConvEncoder) -> None:
    units, pairs = texts(6)
    _, one = encoder(units, pairs)
    _, other = encoder(units.flip(1), pairs)
    assert (one - other).abs().max() > 0.05


@torch.no_grad()
def test_a_vector_is_the_states_weighed_by_attention(encoder: ConvEncoder) -> None:
    units, pairs = texts(9)
    states, vectors = encoder(units, pairs)
    attention = torch.softmax(encoder.attend(states[0]), 0)
    torch.testing.assert_close(attention.sum(0), torch.ones(4))
    for feature in range(24):
        weighed = attention[:, feature // 6] @ states[0, :, feature]  # four pools of six features
        torch.testing.assert_close(vectors[0, feature], weighed, rtol=1e-4, atol=1e-5)


def test_padding_is_zero_and_never_learns(encoder: ConvEncoder) -> None:
    assert not encoder.units.weight[0].any()
    _, vectors = encoder(*texts(3, 8))
    vectors.square().sum().backward()
    gradient = encoder.units.weight.grad
    assert gradient is not None
    assert not gradient[0].any()
    assert gradient.any()


def test_dropout_is_for_training_alone() -> None:
    torch.manual_seed(0)
    encoder = ConvEncoder(SHAPE, dropout=0.5)
    units, pairs = texts(6)
    with torch.no_grad():
        assert not torch.equal(encoder(units, pairs)[1], encoder(units, pairs)[1])
        encoder.eval()
        assert torch.equal(encoder(units, pairs)[1], encoder(units, pairs)[1])


def test_there_is_nothing_but_tables_products_and_one_normalisation(encoder: ConvEncoder) -> None:
    # What else came in would have no counterpart in the exported graph.
    kinds = {type(module) for module in encoder.modules()}
    assert kinds == {ConvEncoder, nn.Embedding, nn.ModuleList, Convolution, nn.Linear, nn.LayerNorm, nn.Dropout}
