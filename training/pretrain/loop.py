"""A pre-training from its first step to its last, over as many runs as it takes."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from nlp_service.inference.lookup import Lookup
from training.network import ConvEncoder
from training.pretrain import model as models
from training.pretrain import plan as plans
from training.pretrain.budget import MEASURE_S, Budget, measure, report
from training.pretrain.model import MaskedUnits
from training.pretrain.plan import PretrainPlan
from training.pretrain.states import load, save
from training.pretrain.steps import Engine, Trainer, begin_as, load_stream
from training.pretrain.tokens import load_lookup, prepare

TOLD = 50
"""Steps between two lines about how it goes."""


def pretrain(data: Path, folder: Path, plan: PretrainPlan, *, save_every_s: float = 240.0) -> ConvEncoder:
    """Train until `plan.tokens` units were seen and leave ``encoder.pt`` in `folder`.

    An interrupted run goes on from its last checkpoint, with the same order of batches and masks.
    """
    prepare(data, folder, plan)
    return begin(folder, plan, save_every_s=save_every_s)


def begin(
    folder: Path,
    plan: PretrainPlan,
    *,
    budget: Budget | None = None,
    begin_with: dict[str, Any] | None = None,
    engine: Engine | None = None,
    save_every_s: float = 240.0,
) -> ConvEncoder:
    """Train on what `prepare` left in `folder`, or go on where a run stopped.

    Args:
        folder: Work folder; checkpoints and ``encoder.pt`` are written to it.
        plan: How to train.
        budget: The time there is. The speed is measured first and decides how many units the whole training sees, in
            place of `plan.tokens`; later runs keep that number. When the time is up, a checkpoint is there and
            ``encoder.pt`` is not.
        begin_with: State of an ``encoder.pt`` to begin as, if there is no checkpoint yet.
        engine: What computes; that of this machine unless given.
        save_every_s: Seconds between checkpoints.

    Raises:
        ValueError: The stream is shorter than one batch.
    """
    run = _Run(folder, plan, engine or Engine.here(), begin_with)
    n_tokens = run.plan_for(budget, seconds=budget.measure_s) if budget else 0
    run.resume()
    run.planned = run.planned or n_tokens
    run.go(budget.until if budget else math.inf, save_every_s)
    return run.trainer.model.encoder


def dry_run(folder: Path, plan: PretrainPlan, budget: Budget | None, *, seconds: float = MEASURE_S) -> None:
    """Measure the speed and the memory, print them with the units that the budget is enough for, and leave no trace."""
    _Run(folder, plan, Engine.here(), None).plan_for(budget, seconds=seconds)


class _Run:
    """One run of a training: its model, its stream, and how far it is."""

    def __init__(self, folder: Path, plan: PretrainPlan, engine: Engine, begin_with: dict[str, Any] | None) -> None:
        self.folder, self.plan = folder, plan
        self.lookup: Lookup = load_lookup(folder)
        self.stream = load_stream(folder)
        if len(self.stream) < plan.size:
            raise ValueError(f"the stream has {len(self.stream)} units, and a batch takes {plan.size}")
        model: MaskedUnits = models.make(self.lookup, plan, folder)
        if begin_with:
            begin_as(model, self.lookup, begin_with)
        self.trainer = Trainer(model, plan, engine)
        self.step = 0
        self.planned = 0
        """Units of the whole training by time, as its first run planned them; 0 if the plan's count."""

    def plan_for(self, budget: Budget | None, *, seconds: float) -> int:
        """Measure, tell and return how many units there is time for."""
        batches = self.trainer.batches(self.stream, self.lookup, 0)
        speed = measure(self.trainer, batches, self.plan, seconds=seconds)
        size = self.plan.size
        n_tokens = self.plan.tokens
        if budget:
            n_tokens = budget.tokens(speed.tokens_per_s, time.monotonic() - budget.began, size)
        report(speed, n_tokens, len(self.stream))
        return n_tokens

    def resume(self) -> None:
        """Go back to the last checkpoint, if there is one."""
        path = self.folder / "checkpoint.pt"
        if path.exists():
            state = load(path)
            self.trainer.restore(state)
            self.step, self.planned = int(state["step"]), int(state.get("planned", 0))

    def go(self, until: float, save_every_s: float) -> None:
        """Take the steps that are left, and stop when the clock says `until`."""
        n_steps = (self.planned or self.plan.tokens) // self.plan.size
        first = self.step
        began = saved = time.monotonic()
        losses: list[Tensor] = []
        batches = self.trainer.batches(self.stream, self.lookup, first)
        while self.step < n_steps:
            losses.append(self.trainer.step(next(batches), plans.rate(self.step, n_steps, self.plan.hold)))
            self.step += 1
            if self.step % TOLD == 0:
                speed = (self.step - first) * self.plan.size / self._since(began)
                self._tell(n_steps, losses, speed)
                losses.clear()
            now = time.monotonic()
            if now > until or now - saved > save_every_s:
                self._save()
                saved = now
            if now > until and self.step < n_steps:
                print(json.dumps({"stopped": "the time is up", "step": self.step, "of": n_steps}), flush=True)
                return
        self._save()
        save(self._encoder(), self.folder / "encoder.pt")

    def _since(self, began: float) -> float:
        self.trainer.engine.wait()
        return max(1e-9, time.monotonic() - began)

    def _tell(self, n_steps: int, losses: list[Tensor], speed: float) -> None:
        loss = float(np.mean([loss.item() for loss in losses]))
        row = {"step": self.step, "of": n_steps, "loss": round(loss, 4), "tokens_per_s": round(speed)}
        left_s = (n_steps - self.step) * self.plan.size / speed
        print(json.dumps(row | {"left_s": round(left_s)}), flush=True)

    def _save(self) -> None:
        save(self.trainer.state() | {"step": self.step, "planned": self.planned}, self.folder / "checkpoint.pt")

    def _encoder(self) -> dict[str, Any]:
        encoder = self.trainer.model.encoder
        return {"shape": asdict(encoder.shape), "weights": encoder.state_dict(), "plan": asdict(self.plan)}
