from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nlp_service.inference.hub.pooling import ACTIVATIONS, Dense, Normalise, Pooled, Tokens, modes, pool

OFFSETS = np.array([0, 3, 4])  # two messages of three units and one


def pooled(seed: int = 0) -> Pooled:
    """Units of two messages whose shares add up."""
    rng = np.random.default_rng(seed)
    weighed = rng.normal(size=(4, 5)).astype(np.float32)
    return Pooled(rng.normal(size=(4, 5)).astype(np.float32), weighed, np.add.reduceat(weighed, OFFSETS[:-1], axis=0))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shares_add_up_behind_a_dense_layer(activation: str) -> None:
    rng = np.random.default_rng(1)
    weight, before = rng.normal(size=(6, 5)).astype(np.float32), pooled()
    bias = rng.normal(size=6).astype(np.float32)
    bias[0] = -(weight[0] @ before.vectors[0])  # of what is nothing in all, no unit has a share by its size
    behind = Dense(weight, bias, activation).apply(before, OFFSETS)
    expected = ACTIVATIONS[activation](before.vectors @ weight.T + bias)
    np.testing.assert_allclose(behind.vectors, expected, atol=1e-6)
    np.testing.assert_allclose(np.add.reduceat(behind.weighed, OFFSETS[:-1], axis=0), expected, atol=1e-4)
    assert behind.states.shape == (4, 6)


def test_shares_add_up_to_a_vector_of_unit_length() -> None:
    behind = Normalise().apply(pooled(), OFFSETS)
    np.testing.assert_allclose(np.linalg.norm(behind.vectors, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.add.reduceat(behind.weighed, OFFSETS[:-1], axis=0), behind.vectors, atol=1e-6)


def test_a_vector_of_nothing_stays_nothing() -> None:
    nothing = Pooled(*(np.zeros((n, 5), np.float32) for n in (4, 4, 2)))
    assert all((part == 0).all() for part in Normalise().apply(nothing, OFFSETS))


def test_a_unit_without_a_token_takes_its_neighbours_state_within_the_message() -> None:
    states = np.arange(8, dtype=np.float32)[:, None] + 1
    tokens = Tokens(
        states,
        window=np.array([0, 0, 0, 1, 1, 1, 2, 2]),
        message=np.array([0, 1, 2]),
        begin=np.array([0, 1, 0, 0, 4, 0, 0, 0]),
        end=np.array([0, 2, 0, 0, 5, 0, 0, 0]),
    )
    found = pool(tokens, ("mean",), np.array([0, 3, 6, 7]))
    # The unit behind, the one of the token, the one before; the same for the next message; then the mean of the marks.
    assert found.states[:, 0].tolist() == [2, 2, 2, 5, 5, 5, 7.5]
    assert found.weighed[:, 0] == pytest.approx([4 / 9, 2 / 3 + 4 / 9, 4 / 9, 10 / 9, 5 / 3 + 10 / 9, 10 / 9, 7.5])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ("mean",)),
        ({"pooling_mode": "cls"}, ("cls",)),
        ({"pooling_mode": ["mean", "max"]}, ("mean", "max")),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, ("cls", "mean")),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}, ("lasttoken",)),
        ({"pooling_mode_mean_tokens": False}, ("mean",)),
    ],
)
def test_both_forms_of_a_pooling_configuration_are_read(config: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert modes(config) == expected


def test_a_pooling_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="'median'"):
        modes({"pooling_mode": "median"})
