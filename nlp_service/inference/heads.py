"""The heads: which column of the one product means what, and what its numbers become.

A head's columns are logits. `HeadGroup` says how they read: ``softmax`` (exactly one column is true) or ``sigmoid``
(each column is true or not). Calibration adds the encoder's and the linear part's logits with one weight each and a
bias a column, fitted on messages that neither has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nlp_service.types import INTENTS, RISK_CATEGORIES, UNSAFE

Floats = npt.NDArray[np.float32]

LEVELS = (-2, -1, 0, 1, 2)
"""Sentiment as it is annotated, very negative to very positive."""


@dataclass(frozen=True, slots=True)
class HeadGroup:
    """Neighbouring columns that are read together."""

    name: str
    columns: tuple[str, ...]
    kind: Literal["softmax", "sigmoid"]


GROUPS: tuple[HeadGroup, ...] = (
    HeadGroup("primary", INTENTS, "softmax"),
    HeadGroup("intent", INTENTS, "sigmoid"),
    HeadGroup("sentiment", tuple(f"{level:+d}" for level in LEVELS), "softmax"),
    HeadGroup("risk", (">=1", ">=2", ">=3"), "sigmoid"),
    HeadGroup("category", RISK_CATEGORIES, "sigmoid"),
    HeadGroup("abuse", ("abuse",), "sigmoid"),
    HeadGroup("unsafe", UNSAFE, "sigmoid"),
)


def _slices() -> dict[str, slice]:
    found, start = {}, 0
    for group in GROUPS:
        found[group.name] = slice(start, start + len(group.columns))
        start += len(group.columns)
    return found


COLUMNS: dict[str, slice] = _slices()
"""Columns of each group in the product of all heads."""

N_OUTPUTS = sum(len(group.columns) for group in GROUPS)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights that make logits into log-odds one can believe.

    Attributes:
        encoder, linear: Factor of each column's logit from the encoder and from the linear part; shape (N_OUTPUTS,).
        bias: Added to each column; shape (N_OUTPUTS,).
    """

    encoder: Floats
    linear: Floats
    bias: Floats

    def __post_init__(self) -> None:
        for values in (self.encoder, self.linear, self.bias):
            if values.shape != (N_OUTPUTS,) or not np.isfinite(values).all():
                raise ValueError(f"a calibration needs {N_OUTPUTS} finite numbers for each part")

    def join(self, encoder: Floats, linear: Floats) -> Floats:
        """Calibrated logits from those of both parts; all (n, N_OUTPUTS)."""
        return encoder * self.encoder + linear * self.linear + self.bias


def probabilities(logits: Floats) -> Floats:
    """Probability of each column from calibrated logits, both (n, N_OUTPUTS).

    P(risk >= 3) <= P(risk >= 2) <= P(risk >= 1) holds in the result.
    """
    result = sigmoid(logits)
    for group in GROUPS:
        if group.kind == "softmax":
            columns = COLUMNS[group.name]
            result[:, columns] = softmax(logits[:, columns])
    risk = COLUMNS["risk"]
    result[:, risk] = np.minimum.accumulate(result[:, risk], axis=1)
    return result


def sigmoid(logits: Floats) -> Floats:
    """Logistic function, safe for any finite logit."""
    return (1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))).astype(np.float32)


def softmax(logits: Floats) -> Floats:
    """Along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), np.float32)
