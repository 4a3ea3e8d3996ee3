"""The linear part: weights of single words, names and turns of phrase, beside what the encoder generalises.

Features are runs of one to four units, hashed to 32 bits; a message's features are weighed by their rarity and scaled
to unit length (TF-IDF with binary counts), and each has one weight for every output.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.hashed import HashedKeys
from nlp_service.text.normalise import Batch

LONGEST = 4
"""Units of the longest feature."""

_BEGIN, _END = 1, 2  # code points that no text contains, since the normaliser drops controls
_FACTORS = tuple(np.uint64(f) for f in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93))

Floats = npt.NDArray[np.float32]


class Grams(NamedTuple):
    """Features of a batch.

    Attributes:
        keys: Hash of each feature; uint32, shape (n,).
        message: Index of its message; ascending within one length of feature.
        start: Its first unit, counted within the message; -1 where it begins with the mark before the message.
        length: Its number of units, marks included.
    """

    keys: npt.NDArray[np.uint32]
    message: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]


def grams(batch: Batch) -> Grams:
    """Every run of one to `LONGEST` units, with a mark before and after each message; single marks are left out."""
    n = len(batch.offsets) - 1
    lengths = np.diff(batch.offsets)
    padded = np.full(len(batch.units) + 2 * n, _END, np.uint64)
    begins = batch.offsets[:-1] + 2 * np.arange(n)
    message = np.repeat(np.arange(n, dtype=np.int32), lengths + 2)
    padded[np.arange(len(batch.units)) + 1 + 2 * np.repeat(np.arange(n), lengths)] = batch.units
    padded[begins] = _BEGIN
    position = np.arange(len(padded), dtype=np.int32) - begins[message].astype(np.int32) - 1
    if not n:
        return Grams(np.zeros(0, np.uint32), *(np.zeros(0, np.int32) for _ in range(3)))
    keys, messages, starts, sizes = [], [], [], []
    state = np.zeros(len(padded), np.uint64)
    for size in range(1, LONGEST + 1):
        reach = len(padded) - size + 1
        if reach <= 0:
            break
        state = (state[:reach] ^ (padded[size - 1 :] + np.uint64(size))) * _FACTORS[size - 1]
        state ^= state >> np.uint64(29)
        whole = message[:reach] == message[size - 1 :]
        if size == 1:
            whole = padded > _END
        keys.append((state[whole] >> np.uint64(32)).astype(np.uint32))
        messages.append(message[:reach][whole])
        starts.append(position[:reach][whole])
        sizes.append(np.full(len(starts[-1]), size, np.int32))
    return Grams(*(np.concatenate(parts) for parts in (keys, messages, starts, sizes)))


class LinearPart:
    """Weights of the known features.

    Args:
        keys: Hashes of the features, ascending; uint32, shape (n,).
        rarity: Inverse document frequency of each; shape (n,).
        weights: One row a feature, 8 bits; shape (n, n_outputs).
        steps: What one step of a column's weights is worth; shape (n_outputs,).
        bias: Shape (n_outputs,).

    Raises:
        ValueError: The keys are not ascending or the shapes do not fit.
    """

    def __init__(
        self,
        keys: npt.NDArray[np.uint32],
        rarity: Floats,
        weights: npt.NDArray[np.int8],
        steps: Floats,
        bias: Floats,
    ) -> None:
        if (keys[1:] <= keys[:-1]).any() or not len(keys):
            raise ValueError("the feature keys are not in ascending order")
        if rarity.shape != keys.shape or weights.shape != (len(keys), len(steps)) or bias.shape != steps.shape:
            raise ValueError("the linear part's arrays do not fit together")
        self._index = HashedKeys(keys)
        self._rarity = rarity.astype(np.float32)
        self._weights = weights
        self._steps = steps.astype(np.float32)
        self._bias = bias.astype(np.float32)

    def find(self, found: Grams, n_messages: int) -> Known:
        """The features of `found` that have weights, each once a message, in the order of the messages."""
        hit, row = self._index.find(found.keys)
        message = found.message[hit]
        code = message.astype(np.int64) * len(self._rarity) + row
        _, first = np.unique(code, return_index=True)
        row, message, hit = row[first], message[first], hit[first]
        rarity = self._rarity[row]
        norm = np.sqrt(np.bincount(message, rarity * rarity, n_messages))
        scale = rarity / np.maximum(norm, 1e-9).astype(np.float32)[message]
        return Known(row, message, scale, found.start[hit], found.length[hit])

    def logits(self, known: Known, n_messages: int) -> Floats:
        """Sum over each message's features; (n_messages, n_outputs)."""
        result = np.zeros((n_messages, len(self._steps)), np.float32)
        if len(known.row):
            weighed = self._weights[known.row] * known.scale[:, None]
            begins = np.flatnonzero(np.diff(known.message, prepend=-1))
            result[known.message[begins]] = np.add.reduceat(weighed, begins, axis=0)
        result *= self._steps
        result += self._bias
        return result

    def along(self, known: Known, features: slice, directions: Floats) -> Floats:
        """What features add to mixes of logits; (n_features, n_directions).

        Args:
            known: Features of a batch.
            features: Which of them.
            directions: The mixes; (n_directions, n_outputs).
        """
        weights = self._weights[known.row[features]].astype(np.float32)
        mixed = weights @ (directions * self._steps).T
        mixed *= known.scale[features][:, None]
        return np.asarray(mixed, np.float32)


class Known(NamedTuple):
    """Features of a batch that have weights: row of the weights, message, factor, first unit and number of units."""

    row: npt.NDArray[np.intp]
    message: npt.NDArray[np.int32]
    scale: Floats
    start: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]
