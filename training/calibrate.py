"""Calibration on a split of its own: logits of both parts to probabilities one can believe, and the thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS, Calibration, probabilities, softmax
from nlp_service.types import INTENTS

Floats = npt.NDArray[np.floating]


PRIOR = 2.0
"""Strength of the pull on a column's own bias, in messages."""


def fit(encoder: Floats, linear: Floats, targets: Floats) -> Calibration:
    """Weights of both parts and biases by maximum likelihood.

    A head's columns share the two weights; biases are drawn to a common shift, the more so the rarer a column is, so
    that a label with three positives does not get a bias of its own (Platt scaling with two inputs and a prior).

    Args:
        encoder: Logits of the encoder before calibration, (n, N_OUTPUTS).
        linear: Those of the linear part.
        targets: 0, 1 or NaN, (n, N_OUTPUTS).
    """
    parts = [np.zeros(N_OUTPUTS), np.zeros(N_OUTPUTS), np.zeros(N_OUTPUTS)]
    for group in GROUPS:
        columns = COLUMNS[group.name]
        a, b, bias = _fit_group(encoder[:, columns], linear[:, columns], targets[:, columns], group.kind)
        parts[0][columns], parts[1][columns], parts[2][columns] = a, b, bias
    return Calibration(*(part.astype(np.float32) for part in parts))


def _fit_group(z: Floats, w: Floats, t: Floats, kind: str) -> tuple[float, float, Floats]:
    known = ~np.isnan(t).any(1)
    z, w, t = z[known].astype(np.float64), w[known].astype(np.float64), t[known].astype(np.float64)
    k = z.shape[1]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        a, b = np.exp(parameters[:2])
        shift, own = parameters[2], parameters[3:]
        logits = a * z + b * w + shift + own
        if kind == "softmax":
            chance = softmax(logits).astype(np.float64)
            value = -np.sum(np.log(np.maximum((chance * (t > 0)).sum(1), 1e-12)))
            wanted = chance * (t > 0)
            slope = chance - wanted / np.maximum(wanted.sum(1, keepdims=True), 1e-12)
        else:
            value = float(np.sum(np.logaddexp(0.0, logits) - t * logits))
            slope = 1.0 / (1.0 + np.exp(-logits)) - t
        each = slope.sum(0)
        gradient = np.concatenate(([a * np.sum(slope * z), b * np.sum(slope * w), each.sum()], each + PRIOR * own))
        gradient[:2] += 0.1 * parameters[:2]
        gradient[2] += 1e-3 * shift
        penalty = 0.5 * PRIOR * own @ own + 0.05 * parameters[:2] @ parameters[:2] + 5e-4 * shift * shift
        return float(value + penalty), gradient

    start = np.concatenate((np.log([0.7, 0.5]), np.zeros(1 + k)))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-6.0, 3.0)] * 2 + [(-20.0, 20.0)] * (1 + k))
    a, b = np.exp(found.x[:2])
    return float(a), float(b), found.x[2] + found.x[3:]


def thresholds(chances: Floats, targets: Floats) -> dict[str, Any]:
    """Probabilities from which to commit, for the best F1 of each label on the calibration split.

    Args:
        chances: Calibrated probabilities, (n, N_OUTPUTS).
        targets: 0 or 1, (n, N_OUTPUTS).
    """
    intent, risk = COLUMNS["intent"].start, COLUMNS["risk"].start
    return {
        "intent": {name: _best(chances[:, intent + i], targets[:, intent + i]) for i, name in enumerate(INTENTS)},
        "risk": [_best(chances[:, risk + i], targets[:, risk + i]) for i in range(3)],
        "abuse": _best(chances[:, COLUMNS["abuse"].start], targets[:, COLUMNS["abuse"].start]),
        "pain_prior": 0.0,
        "pain_least": 1.0,
        "pain_begin": 0.5,
        "target": 0.3,
    }


def _best(chance: Floats, true: Floats) -> float:
    """Threshold of the best F1 among twentieths, kept within 0.3 and 0.6: beyond, it follows chance in the split."""
    grid = np.arange(0.30, 0.601, 0.05)
    scores = []
    for bound in grid:
        said = chance >= bound
        scores.append(2 * (said & (true > 0)).sum() / max(1, said.sum() + (true > 0).sum()))
    return round(float(grid[int(np.argmax(scores))]), 2)


def believed(encoder: Floats, linear: Floats, calibration: Calibration) -> Floats:
    """Calibrated probabilities of logits, (n, N_OUTPUTS)."""
    return probabilities(calibration.join(encoder.astype(np.float32), linear.astype(np.float32)))
