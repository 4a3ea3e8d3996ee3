"""How much a limited time is enough for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from training.pretrain.masking import Masked
from training.pretrain.plan import PretrainPlan
from training.pretrain.steps import Trainer, memory_mb

SPARE_S = 30.0
"""Kept back of a run's time for its last checkpoint and what comes after it."""

SHARE = 0.96
"""Of the measured speed that is planned with: saving takes time, and a hot device slows down."""

MEASURE_S = 5.0
"""Seconds of measuring the speed."""

_WARM_STEPS = 3  # the first compiles, the next ones find the memory they will use


@dataclass(frozen=True, slots=True)
class Budget:
    """Time for a pre-training.

    Attributes:
        run_s: Seconds after which a run stops and can be gone on with, its preparation included.
        schedule_s: Seconds of all its runs together, for which the learning rate is planned; `run_s` or more.
        measure_s: Seconds of measuring the speed.
        began: When the run began, on the clock of `time.monotonic`.

    Raises:
        ValueError: A run has less time than is kept back for its end, or more than the schedule.
    """

    run_s: float
    schedule_s: float
    measure_s: float = MEASURE_S
    began: float = field(default_factory=time.monotonic)

    @property
    def until(self) -> float:
        """When a run stops, on the clock of `time.monotonic`."""
        return self.began + self.run_s - SPARE_S

    def __post_init__(self) -> None:
        # Written so that NaN is refused too: every comparison with it is false.
        if not SPARE_S < self.run_s <= self.schedule_s:
            raise ValueError(f"a run of {self.run_s:g} s in a schedule of {self.schedule_s:g} s is no plan")

    @classmethod
    def minutes(cls, run: float, schedule: float = 0.0, *, measure_s: float = MEASURE_S) -> Budget:
        """A budget in minutes, from now on; a schedule of 0 is that of one run."""
        return cls(run * 60.0, (schedule or run) * 60.0, measure_s)

    def tokens(self, speed: float, used_s: float, size: int) -> int:
        """Units that the whole schedule is enough for: whole batches, one at least.

        Args:
            speed: Units a second.
            used_s: Seconds that a run takes before its first step.
            size: Units in a batch.
        """
        n_runs = self.schedule_s / self.run_s
        seconds = max(0.0, self.schedule_s - n_runs * (used_s + SPARE_S))
        return max(1, int(SHARE * speed * seconds) // size) * size


@dataclass(frozen=True, slots=True)
class Speed:
    """What a dry run found.

    Attributes:
        tokens_per_s: Units learnt from in a second.
        first_s: Seconds of the first step, compilation included.
        memory_mb: The most memory that was held.
    """

    tokens_per_s: float
    first_s: float
    memory_mb: int


def measure(trainer: Trainer, batches: Iterator[Masked], plan: PretrainPlan, *, seconds: float) -> Speed:
    """Take steps that change no weight for some seconds, three at least, after a few that are not counted.

    What the optimiser knew is lost, so restore a checkpoint afterwards.
    """
    began = time.monotonic()
    for i in range(_WARM_STEPS):
        trainer.step(next(batches), 0.0)
        if i == 0:
            trainer.engine.wait()
            first_s = time.monotonic() - began
    trainer.engine.wait()
    n_steps, counted = 0, time.monotonic()
    while n_steps < 3 or time.monotonic() - counted < seconds:
        trainer.step(next(batches), 0.0)
        trainer.engine.wait()  # else a queue would be measured
        n_steps += 1
    speed = n_steps * plan.size / (time.monotonic() - counted)
    trainer.forget()
    return Speed(speed, first_s, memory_mb(trainer.engine))


def report(speed: Speed, n_tokens: int, n_units: int) -> None:
    """Print what was measured as one line of JSON.

    Args:
        speed: What was measured.
        n_tokens: Units that are to be seen.
        n_units: Units of the stream.
    """
    row = {"tokens_per_s": round(speed.tokens_per_s), "first_step_s": round(speed.first_s, 1)}
    row |= {"memory_mb": speed.memory_mb, "tokens": n_tokens}
    print(json.dumps(row | {"epochs": round(n_tokens / n_units, 2)}), flush=True)
