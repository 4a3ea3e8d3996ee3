"""Corrections and replay as one problem: solved, put into 8 bits, calibrated, measured on what nothing learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS
from nlp_service.inference.reading import Thresholds
from training.anchored import Case, Change, Floats, Pull, fit, mean_loss, no_change, rescale
from training.corrections import Correction
from training.released import Seen, Solved, readings, spread

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SettlePlan:
    """How corrections are weighed against what the model says of everything else.

    Attributes:
        strength: What a label of a correction of weight 1 counts; a label of a message of the replay counts 1 or more.
        replay: What the replay counts at least, in messages; never less than all corrections.
        held: Share of the replay that nothing learns from: it calibrates and measures.
        folds: Parts of the corrections; each is measured by a fit without it.
        rounds: How often labels that are still not read as they are said are made `raised` times as strong.
        raised: See `rounds`.
        pull: Keeps the change small.
        seed: Of the folds.
    """

    strength: float = 4.0
    replay: float = 2_000.0
    held: float = 0.2
    folds: int = 4
    rounds: int = 3
    raised: float = 2.0
    pull: Pull = field(default_factory=Pull)
    seed: int = 1


class Problem:
    """What is to be settled.

    Args:
        plan: How.
        said: The corrections.
        checked: Labels that nothing is learnt from, to measure on as well.
        seen: What the released model makes of the texts of the corrections, then of the replay, then of the checked.
    """

    def __init__(self, plan: SettlePlan, said: Sequence[Correction], checked: Sequence[Correction], seen: Seen) -> None:
        self._plan, self._seen = plan, seen
        rows = np.arange(len(seen.logits))
        end = len(rows) - len(checked)
        n_held = int(plan.held * (end - len(said)))
        self._corrected, self._replay, self._held, self._checked = np.split(rows, (len(said), end - n_held, end))
        self._case = self._weighed(said, checked)
        self._is_said = self._case.weights[self._corrected] > 1.0
        self._groups = np.flatnonzero(self._is_said.any(0)).tolist()

    def solve(self) -> Solved:
        """Learn from everything, in 8 bits, and calibrate on what was not learnt from."""
        free = self._settle(self._corrected)
        steps = self._seen.rounded(free.features)
        settled = self._case.part(np.concatenate((self._corrected, self._replay)))
        start = free._replace(features=self._seen.worth(steps))
        change = fit(settled, self._plan.pull, self._groups, start, keeps_features=True)
        held, corrected = self._case.part(self._held), self._corrected[: len(self.unseen)]
        factors, shifts = rescale(
            np.concatenate((self.unseen, change.apply(held))),
            self._case.targets[np.concatenate((corrected, self._held))],
            np.concatenate((self._is_said[: len(corrected)].astype(float), np.ones_like(held.weights))),
        )
        return Solved(change, steps, factors, shifts)

    def measure(self, solved: Solved, thresholds: Thresholds) -> dict[str, Any]:
        """What the change does to corrections, and to messages that nothing was learnt from.

        Losses are those of the labels that people gave; that of corrections by fits without them.
        """
        case, n = self._case, len(self._corrected)
        both = (case.logits, solved.factors * solved.change.apply(case) + solved.shifts)
        met = [float(is_met(logits[:n], case.targets[:n])[self._is_said].mean()) for logits in both]
        read = [readings(logits[self._held], thresholds) for logits in both]
        stays = sum(old == new for old, new in zip(*read, strict=True)) / max(1, len(self._held))
        measured: dict[str, Any] = {
            "corrections": n,
            "labels": int(self._is_said.sum()),
            "replay": len(self._replay) + len(self._held),
            "read_as_said": _pair(met),
            "agreement_on_replay": round(stays, 4),
        }
        if len(self.unseen):
            own = (case.targets[:n], self._is_said.astype(float))
            measured["loss_not_learnt_from"] = _pair([mean_loss(z, *own) for z in (case.logits[:n], self.unseen)])
        if len(self._checked):
            kept = case.part(self._checked)
            losses = [mean_loss(logits[self._checked], kept.targets, kept.weights) for logits in both]
            measured["loss_checked"] = _pair(losses)
        return measured

    @cached_property
    def unseen(self) -> Floats:
        """Logits of each correction by a fit without it, (n, N_OUTPUTS); none for a lone correction."""
        n = len(self._corrected)
        if n < 2:
            return np.zeros((0, N_OUTPUTS))
        fold = np.random.default_rng(self._plan.seed).permutation(n) % min(self._plan.folds, n)
        logits = np.zeros((n, N_OUTPUTS))
        for number in range(int(fold.max()) + 1):
            left = np.flatnonzero(fold == number)
            logits[left] = self._settle(np.flatnonzero(fold != number)).apply(self._case.part(left))
        return logits

    def _settle(self, corrected: Rows) -> Change:
        """Fit, and fit again with more weight on what is still not read as it was said."""
        case = self._case.part(np.concatenate((corrected, self._replay)))
        n, is_said = len(corrected), self._is_said[corrected]
        change = fit(case, self._plan.pull, self._groups, no_change(case))
        for _ in range(self._plan.rounds):
            missed = is_said & ~is_met(change.apply(case)[:n], case.targets[:n])
            if not missed.any():
                break
            case.weights[:n][missed] *= self._plan.raised
            change = fit(case, self._plan.pull, self._groups, change)
        return change

    def _weighed(self, said: Sequence[Correction], checked: Sequence[Correction]) -> Case:
        """What is wanted of each message: what people say, and elsewhere what the model says already."""
        seen, plan = self._seen, self._plan
        targets, weights = spread(seen.logits), np.ones((len(seen.logits), len(GROUPS)))
        weights[self._checked] = 0.0
        for row, one in (*zip(self._corrected, said, strict=True), *zip(self._checked, checked, strict=True)):
            for place, group in enumerate(GROUPS):
                known = one.example.targets[COLUMNS[group.name]]
                if not np.isnan(known).any():
                    targets[row, COLUMNS[group.name]] = known
                    weights[row, place] = 1.0 + plan.strength * one.weight if row < len(said) else one.weight
        total = max(plan.replay, float(weights[self._corrected].max(1).sum()))
        weights[self._replay] = max(1.0, total / max(1, len(self._replay)))
        return Case(seen.vectors, seen.features, seen.logits, targets, weights)


def is_met(logits: Floats, targets: Floats) -> npt.NDArray[np.bool_]:
    """Whether each group of each message is read as it is said, with room to spare; (n, groups)."""
    chances = spread(logits)
    met = np.zeros((len(logits), len(GROUPS)), np.bool_)
    for place, group in enumerate(GROUPS):
        p, t = chances[:, COLUMNS[group.name]], targets[:, COLUMNS[group.name]]
        if group.kind == "softmax":
            met[:, place] = p.argmax(1) == t.argmax(1)
        else:
            # Below the thresholds of all labels, which lie between .3 and .6.
            met[:, place] = np.where(t >= 0.5, p >= 0.5, p < 0.3).all(1)
    return met


def _pair(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(("before", "after"), (round(value, 4) for value in values), strict=True))
