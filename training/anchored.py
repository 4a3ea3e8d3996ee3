"""A fit that is anchored at what a model says already: it meets new labels and spares the rest.

``z = z0 + v U + x W + d``, from U = W = d = 0: v is the encoder's vector of a message, x the features that may change.
What is wanted of old messages is what the model says of them, so that nothing which they show is forgotten. Cross
entropy and the squares of U, W and d are convex, and so is the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import minimize

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS

Floats = npt.NDArray[np.float64]

MOST_STEPS = 150
"""Of the optimiser. Where it stops is where the loss falls by less than a ten-millionth a step, or here."""


@dataclass(frozen=True, slots=True)
class Pull:
    """How strongly each kind of change is drawn to nothing: half of this times the sum of its squares is lost.

    Words and turns of phrase change easily, what is general hardly: labels of twenty messages that were read wrongly
    then leave the others as they were, where a weaker pull on the heads costs one in a hundred of them.
    """

    heads: float = 20.0
    features: float = 0.1
    biases: float = 50.0


class Case(NamedTuple):
    """Messages as the fit sees them, n of them.

    Attributes:
        vectors: Of the encoder, of about unit variance; (n, width).
        features: Shares of the features that may change; sparse, (n, k).
        logits: What the model says, calibrated; (n, N_OUTPUTS).
        targets: Probabilities that are wanted; (n, N_OUTPUTS).
        weights: What each of `GROUPS` counts of each message; (n, groups).
    """

    vectors: Floats
    features: sparse.csr_matrix
    logits: Floats
    targets: Floats
    weights: Floats

    def part(self, rows: npt.NDArray[np.intp]) -> Case:
        """Some of the messages, copied."""
        return Case(*(values[rows] for values in self))


class Change(NamedTuple):
    """What is added to calibrated logits: by vectors (width, N_OUTPUTS), by features (k, N_OUTPUTS), and always."""

    heads: Floats
    features: Floats
    biases: Floats

    def apply(self, case: Case) -> Floats:
        """What it makes of the logits of messages, (n, N_OUTPUTS)."""
        return np.asarray(case.logits + case.vectors @ self.heads + case.features @ self.features + self.biases)


def no_change(case: Case) -> Change:
    """The change that is none."""
    width, k = case.vectors.shape[1], case.features.shape[1]
    return Change(np.zeros((width, N_OUTPUTS)), np.zeros((k, N_OUTPUTS)), np.zeros(N_OUTPUTS))


def fit(
    case: Case, pull: Pull, groups: Sequence[int], start: Change | None = None, *, keeps_features: bool = False
) -> Change:
    """The change of the lowest loss.

    Args:
        case: New labels and old messages.
        pull: Keeps it small.
        groups: Which of `GROUPS` may change, by their places.
        start: Where to begin; at no change if None.
        keeps_features: Leave the change of features as it is in `start`.
    """
    start = start or no_change(case)
    columns = np.concatenate([np.arange(N_OUTPUTS)[COLUMNS[GROUPS[place].name]] for place in groups])
    base = case.logits[:, columns]
    if keeps_features:
        base = base + case.features @ start.features[:, columns]
    targets, weights = case.targets[:, columns], case.weights[:, list(groups)]
    shapes = [part[..., columns].shape for part in start]
    if keeps_features:
        shapes[1] = (0, len(columns))
    bounds = np.cumsum([int(np.prod(shape)) for shape in shapes])[:2]
    drawn = np.repeat((pull.heads, pull.features, pull.biases), [int(np.prod(shape)) for shape in shapes])
    transposed = case.features.T.tocsr()

    def unpack(values: Floats) -> list[Floats]:
        return [part.reshape(shape) for part, shape in zip(np.split(values, bounds), shapes, strict=True)]

    def objective(values: Floats) -> tuple[float, Floats]:
        heads, own, biases = unpack(values)
        logits = base + case.vectors @ heads + biases
        if not keeps_features:
            logits += case.features @ own
        loss, slope = loss_of(logits, targets, weights, groups)
        by_feature = np.zeros(0) if keeps_features else np.asarray(transposed @ slope).ravel()
        gradient = np.concatenate(((case.vectors.T @ slope).ravel(), by_feature, slope.sum(0)))
        return loss + 0.5 * float(drawn @ values**2), gradient + drawn * values

    parts = (start.heads[:, columns], start.features[: shapes[1][0], columns], start.biases[columns])
    options = {"maxiter": MOST_STEPS, "ftol": 1e-7}
    first = np.concatenate([part.ravel() for part in parts])
    found = minimize(objective, first, jac=True, method="L-BFGS-B", options=options)
    result = Change(*(part.copy() for part in start))
    for whole, part in zip(result, unpack(found.x), strict=True):
        if len(part):
            whole[..., columns] = part
    return result


def loss_of(
    logits: Floats, targets: Floats, weights: Floats, groups: Sequence[int] = range(len(GROUPS))
) -> tuple[float, Floats]:
    """Weighed cross entropy, and its slope by the logits; columns are those of `groups`, one after the other."""
    total, slope, first = 0.0, np.zeros_like(logits), 0
    for place, number in enumerate(groups):
        group = GROUPS[number]
        columns, weight = slice(first, first + len(group.columns)), weights[:, [place]]
        first = columns.stop
        z, t = logits[:, columns], targets[:, columns]
        if group.kind == "softmax":
            highest = z.max(1, keepdims=True)
            spread = highest + np.log(np.exp(z - highest).sum(1, keepdims=True))
            total += float((weight * t * (spread - z)).sum())
            slope[:, columns] = weight * (np.exp(z - spread) - t)
        else:
            total += float((weight * (np.logaddexp(0.0, z) - t * z)).sum())
            slope[:, columns] = weight * (1.0 / (1.0 + np.exp(-z)) - t)
    return total, slope


def mean_loss(logits: Floats, targets: Floats, weights: Floats) -> float:
    """Mean loss of what counts."""
    return loss_of(logits, targets, weights)[0] / max(float(weights.sum()), 1e-9)


def rescale(logits: Floats, targets: Floats, weights: Floats, prior: float = 10.0) -> tuple[Floats, Floats]:
    """A factor and a shift for each column that make logits believable again: calibration anew.

    A group's columns share the factor; both are drawn to no change by as much as `prior` messages.

    Args:
        logits: Of messages that were not learnt from; (n, N_OUTPUTS).
        targets: Probabilities; (n, N_OUTPUTS).
        weights: What each of `GROUPS` counts of each message; (n, groups).
        prior: See above.
    """
    owner = np.repeat(np.arange(len(GROUPS)), [len(group.columns) for group in GROUPS])

    def objective(values: Floats) -> tuple[float, Floats]:
        factors, shifts = np.exp(values[: len(GROUPS)]), values[len(GROUPS) :]
        loss, slope = loss_of(factors[owner] * logits + shifts, targets, weights)
        by_factor = np.bincount(owner, (slope * logits).sum(0), len(GROUPS)) * factors
        gradient = np.concatenate((by_factor, slope.sum(0))) + prior * values
        return loss + 0.5 * prior * float(values @ values), gradient

    bounds = [(-1.0, 1.0)] * len(GROUPS) + [(-3.0, 3.0)] * N_OUTPUTS
    found = minimize(objective, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.exp(found.x[: len(GROUPS)])[owner], found.x[len(GROUPS) :]
