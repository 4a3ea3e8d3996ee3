"""The linear part: one logistic regression an output over runs of one to four units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.ngrams import LinearPart, grams
from nlp_service.text.normalise import normalise_batch
from training.examples import Example


@dataclass(frozen=True, slots=True)
class LinearPlan:
    """How to fit.

    Attributes:
        min_messages: Features of fewer messages than this are left out.
        max_features: The features with the largest weights are kept.
        strength: Inverse regularisation of the regressions.
    """

    min_messages: int = 2
    max_features: int = 160_000
    strength: float = 10.0


def fit(examples: list[Example], plan: LinearPlan) -> dict[str, npt.NDArray[np.generic]]:
    """Arguments of a `LinearPart`, by name, from messages with all labels.

    An output that no message has, or every one, gets no weights.
    """
    code = _codes([example.text for example in examples])
    keys, count = np.unique(code & 0xFFFFFFFF, return_counts=True)
    keys, count = keys[count >= plan.min_messages], count[count >= plan.min_messages]
    rarity = (np.log((1 + len(examples)) / (1 + count)) + 1).astype(np.float32)
    matrix = _matrix(code, keys, rarity, len(examples))
    targets = np.stack([example.targets for example in examples])
    weights = np.zeros((len(keys), N_OUTPUTS), np.float32)
    bias = np.zeros(N_OUTPUTS, np.float32)
    for column in range(N_OUTPUTS):
        known = ~np.isnan(targets[:, column])
        true = targets[known, column] > 0
        if 0 < true.sum() < known.sum():
            model = LogisticRegression(C=plan.strength, class_weight="balanced", solver="liblinear")
            model.fit(matrix[known], true)
            weights[:, column], bias[column] = model.coef_[0], model.intercept_[0]
    return _pack(keys, rarity, weights, bias, plan.max_features)


def build(arrays: dict[str, npt.NDArray[np.generic]]) -> LinearPart:
    """The linear part as serving has it."""
    return LinearPart(**arrays)  # type: ignore[arg-type]


def _codes(texts: list[str]) -> npt.NDArray[np.int64]:
    """Message index and key of every feature, once a message, as one number; ascending."""
    found = grams(normalise_batch(texts))
    return np.unique(found.message.astype(np.int64) << 32 | found.keys)


def _matrix(
    code: npt.NDArray[np.int64], keys: npt.NDArray[np.int64], rarity: npt.NDArray[np.float32], n: int
) -> sparse.csr_matrix:
    key = code & 0xFFFFFFFF
    at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    hit = keys[at] == key
    row, column = (code[hit] >> 32).astype(np.int64), at[hit]
    norm = np.sqrt(np.bincount(row, rarity[column].astype(np.float64) ** 2, n))
    values = rarity[column] / np.maximum(norm[row], 1e-9)
    return sparse.csr_matrix((values.astype(np.float64), (row, column)), shape=(n, len(keys)))


def _pack(
    keys: npt.NDArray[np.int64],
    rarity: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
    max_features: int,
) -> dict[str, npt.NDArray[np.generic]]:
    """Keep the strongest features and write their weights in 8 bits.

    The length of a message is then taken over the kept features alone; calibration, which comes after, sees the same.
    """
    spread = np.maximum(weights.std(0), 1e-9)
    force = np.abs(weights / spread).max(1) * rarity
    kept = np.sort(np.argsort(-force, kind="stable")[:max_features])
    steps = np.maximum(np.abs(weights[kept]).max(0), 1e-6) / 127
    # The largest weights are few: cutting them at a quantile leaves finer steps to all the others.
    steps = np.minimum(steps, np.maximum(np.quantile(np.abs(weights[kept]), 0.9999, axis=0), 1e-6) / 127)
    bytes_ = np.clip(np.round(weights[kept] / steps), -127, 127).astype(np.int8)
    return {
        "keys": keys[kept].astype(np.uint32),
        "rarity": rarity[kept].astype(np.float16),
        "weights": bytes_,
        "steps": steps.astype(np.float32),
        "bias": bias,
    }
