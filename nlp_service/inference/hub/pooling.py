"""From the tokens of a checkpoint to units: the state of each, and what each adds to its message's vector.

A checkpoint cuts text into tokens of its own, pools their states, and may send the pooled vector through more layers.
Everything above reads units and vectors that are sums over units, so whatever the layers do is done to the vector and
to the parts that it falls into: the parts add up behind every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.ragged import positions

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]
Offsets = npt.NDArray[np.integer]

MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""Ways of pooling, in the order in which several are joined, with the keys of the configuration before version 5.7."""

ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0.0),
    "Sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
}
"""What a dense layer may end with."""

_NOTHING = 1e-6  # below this a pooled number is too small to be divided by


class Tokens(NamedTuple):
    """Tokens of some messages one behind the other, T in all, in windows of at least one token.

    Attributes:
        states: (T, width).
        window: The window of each token, ascending; shape (T,).
        message: The message of each window, ascending, each at least once; shape (n_windows,).
        begin, end: Units that a token covers, counted through all messages; empty where it stands for none; shape (T,).
    """

    states: Floats
    window: Index
    message: Index
    begin: Index
    end: Index


class Pooled(NamedTuple):
    """N units of n messages: ``states`` and ``weighed`` are (N, width), ``vectors`` (n, width)."""

    states: Floats
    weighed: Floats
    vectors: Floats


def modes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Ways of pooling that the configuration of a sentence-transformers pooling layer names.

    Raises:
        ValueError: It names none that is known.
    """
    named = config.get("pooling_mode") or [mode for mode, key in MODES.items() if config.get(key)] or "mean"
    found = (named,) if isinstance(named, str) else tuple(named)
    if unknown := [mode for mode in found if mode not in MODES]:
        raise ValueError(f"pooling {unknown[0]!r} is not known")
    return found


def pool(tokens: Tokens, ways: tuple[str, ...], offsets: Offsets) -> Pooled:
    """Pool tokens into vectors, and say what each unit adds.

    A token's share belongs in equal parts to the units that it covers; that of a token that stands for none (the marks
    around a text) to all units of the message. Windows count by their tokens. ``max`` is read
    as the mean: of largest numbers each would belong to one token, which is no share that anybody could be shown.

    Args:
        tokens: Of all the messages.
        ways: One or more of `MODES`; several are joined side by side.
        offsets: Where each message's units begin, with N at the end; no message is empty.
    """
    sizes = np.diff(offsets)
    row = tokens.message[tokens.window]
    begins = np.searchsorted(row, np.arange(len(sizes)))
    cover = _Cover(tokens, int(offsets[-1]))
    stands_for_none = cover.n_units == 0
    own = np.repeat(np.arange(len(sizes)), sizes)
    counts = np.diff(begins, append=len(row)).astype(np.float32)
    means = np.asarray(np.add.reduceat(tokens.states, begins, axis=0) / counts[:, None], np.float32)
    states = cover.states(tokens.states, means, offsets, own)
    weighed, vectors = [], []
    for way in ways:
        share = tokens.states * _weights(way, tokens, stands_for_none)[:, None]
        vectors.append(np.add.reduceat(share, begins, axis=0))
        rest = np.add.reduceat(np.where(stands_for_none[:, None], share, 0.0), begins, axis=0)
        weighed.append(cover.spread(share) + (rest / sizes[:, None])[own])
    joined = (np.concatenate(parts, axis=1, dtype=np.float32) for parts in ([states] * len(ways), weighed, vectors))
    return Pooled(*joined)


class _Cover:
    """Which tokens cover which units."""

    def __init__(self, tokens: Tokens, n: int) -> None:
        self.n_units = tokens.end - tokens.begin
        token, unit = positions(tokens.begin, self.n_units)
        order = np.argsort(unit, kind="stable")
        self._token, unit = token[order], unit[order]
        self._firsts = np.flatnonzero(np.diff(unit, prepend=-1))
        self._covered = unit[self._firsts]
        self._n = n

    def spread(self, values: Floats) -> Floats:
        """Sum over the tokens of each unit of their values, each in equal parts for its units; (N, width)."""
        return self._sum(values / np.maximum(self.n_units, 1).astype(np.float32)[:, None])

    def states(self, values: Floats, means: Floats, offsets: Offsets, own: Index) -> Floats:
        """Mean state of the tokens of each unit; without one that of the unit before, else behind; else the mean."""
        count = np.zeros(self._n, np.float32)
        count[self._covered] = np.diff(self._firsts, append=len(self._token))
        result = self._sum(values) / np.maximum(count, 1.0)[:, None]
        at = np.arange(self._n)
        before = np.maximum.accumulate(np.where(count > 0, at, -1))
        behind = np.minimum.accumulate(np.where(count > 0, at, self._n)[::-1])[::-1]
        near = np.where(before >= offsets[own], before, behind)
        found = (near >= offsets[own]) & (near < offsets[own + 1])
        return np.where(found[:, None], result[np.minimum(near, self._n - 1)], means[own]).astype(np.float32)

    def _sum(self, values: Floats) -> Floats:
        result = np.zeros((self._n, values.shape[1]), np.float32)
        if len(self._covered):
            result[self._covered] = np.add.reduceat(values[self._token], self._firsts, axis=0)
        return result


def _weights(way: str, tokens: Tokens, stands_for_none: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """How much each token's state counts in its message's vector; shape (T,)."""
    n = len(tokens.message)
    first = np.searchsorted(tokens.window, np.arange(n))
    length = np.diff(first, append=len(tokens.window))
    place = np.arange(len(tokens.window)) - first[tokens.window]
    size = length[tokens.window]
    if way == "cls":
        each = (place == 0).astype(np.float64)
    elif way == "lasttoken":
        each = (place == size - 1).astype(np.float64)
    elif way == "weightedmean":
        each = (place + 1) / (size * (size + 1) / 2)
    elif way == "mean_sqrt_len_tokens":
        each = 1.0 / np.sqrt(size)
    else:
        each = 1.0 / size
    # A window counts by the tokens that stand for something; one without any is all that its message has.
    said = np.maximum(np.bincount(tokens.window, ~stands_for_none, n), _NOTHING)
    whole = np.bincount(tokens.message, said)[tokens.message]
    return np.asarray(each * (said / whole)[tokens.window], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A layer behind the pooling: ``activation(weight @ vector + bias)``.

    Attributes:
        weight: (width behind, width before).
        bias: (width behind,).
        activation: Name in `ACTIVATIONS`.
    """

    weight: Floats
    bias: Floats
    activation: str

    def apply(self, pooled: Pooled, offsets: Offsets) -> Pooled:
        """The same units and messages behind the layer; shares are scaled as their sum is."""
        bend = ACTIVATIONS[self.activation]
        sizes = np.diff(offsets)[:, None]
        own = np.repeat(np.arange(len(sizes)), sizes[:, 0])
        straight = pooled.vectors @ self.weight.T + self.bias
        vectors = bend(straight)
        rises = np.abs(straight) > _NOTHING
        zero = bend(np.zeros_like(straight))
        factor = np.where(rises, (vectors - zero) / np.where(rises, straight, 1.0), 0.0)
        equal = np.where(rises, zero, vectors) / sizes
        weighed = (pooled.weighed @ self.weight.T + (self.bias / sizes)[own]) * factor[own] + equal[own]
        states = bend(pooled.states @ self.weight.T + self.bias)
        return Pooled(*(part.astype(np.float32) for part in (states, weighed, vectors)))


@dataclass(frozen=True, slots=True)
class Normalise:
    """A layer that gives vectors unit length; states stay as they are."""

    def apply(self, pooled: Pooled, offsets: Offsets) -> Pooled:
        """The same units and messages behind the layer."""
        length = np.maximum(np.linalg.norm(pooled.vectors, axis=1, keepdims=True), 1e-12)
        own = np.repeat(np.arange(len(length)), np.diff(offsets))
        return Pooled(pooled.states, pooled.weighed / length[own], pooled.vectors / length)
