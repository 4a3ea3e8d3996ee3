from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from nlp_service.inference.lookup import FIRST_UNIT, Lookup
from training.pretrain import PretrainPlan, begin, load, load_lookup
from training.pretrain.budget import SHARE, SPARE_S, Budget, measure
from training.pretrain.loop import dry_run
from training.pretrain.model import make
from training.pretrain.plan import rate
from training.pretrain.steps import Engine, Trainer, load_stream

PLAN = PretrainPlan(row=16, rows=4, tokens=12 * 64, width=24, pair_width=8, n_attention=4)
RESIDENT = Engine(torch.device("cpu"), resident=True)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What `prepare` leaves."""
    units = np.arange(65, 95, dtype=np.int32)
    pairs = np.array([(FIRST_UNIT << 16) | FIRST_UNIT + 1], np.uint32)
    np.savez(tmp_path / "vocabulary.npz", units=units, pairs=pairs)
    lookup = Lookup(units, pairs)
    np.save(tmp_path / "tokens.npy", np.random.default_rng(0).integers(0, lookup.n_ids, 2000).astype(np.uint16))
    return tmp_path


def budget(*, left_s: float = 5.0) -> Budget:
    """Of a run that has been at it for so long that some seconds are left of its training."""
    run_s = 600.0
    return Budget(run_s, run_s, measure_s=0.01, began=time.monotonic() - run_s + SPARE_S + left_s)


def test_the_units_planned_are_what_the_time_is_enough_for() -> None:
    planned = Budget(100.0, 100.0).tokens(speed=1000.0, used_s=20.0, size=64)
    seconds = 100 - 20 - SPARE_S
    assert planned % 64 == 0  # whole batches
    assert planned == pytest.approx(SHARE * 1000 * seconds, abs=64)


def test_a_schedule_of_several_runs_pays_for_the_beginning_of_each() -> None:
    # Three runs: each loses 20 s before its first step and what is spared for its end.
    planned = Budget(100.0, 300.0).tokens(speed=1000.0, used_s=20.0, size=64)
    assert planned == pytest.approx(3 * SHARE * 1000 * (100 - 20 - SPARE_S), abs=64)


def test_too_little_time_is_one_batch() -> None:
    assert Budget(40.0, 40.0).tokens(speed=1.0, used_s=39.0, size=64) == 64


@pytest.mark.parametrize(
    ("run_s", "schedule_s"), [(SPARE_S, 100.0), (100.0, 99.0), (float("nan"), 100.0), (100.0, float("nan"))]
)
def test_a_budget_that_is_no_plan_is_refused(run_s: float, schedule_s: float) -> None:
    with pytest.raises(ValueError, match="no plan"):
        Budget(run_s, schedule_s)


def test_minutes_are_of_one_run_unless_more_are_given() -> None:
    alone, first = Budget.minutes(9), Budget.minutes(9, 27)
    assert (alone.run_s, alone.schedule_s) == (540.0, 540.0)
    assert (first.run_s, first.schedule_s) == (540.0, 1620.0)


def test_measuring_leaves_weights_and_optimiser_as_new(work: Path) -> None:
    lookup = load_lookup(work)
    trainer = Trainer(make(lookup, PLAN, work), PLAN, RESIDENT)
    batches = trainer.batches(load_stream(work), lookup, 0)
    speed = measure(trainer, batches, PLAN, seconds=0.0)
    assert speed.tokens_per_s > 0
    assert speed.memory_mb > 0
    assert all(map(torch.equal, trainer.model.parameters(), make(lookup, PLAN, work).parameters()))
    assert not trainer.optimiser.state


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, float]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_dry_run_tells_and_leaves_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(work.iterdir())
    dry_run(work, PLAN, None, seconds=0.0)
    (told,) = lines(capsys)
    assert set(told) == {"tokens_per_s", "first_step_s", "memory_mb", "tokens", "epochs"}
    assert told["tokens"] == PLAN.tokens
    assert told["epochs"] == round(PLAN.tokens / 2000, 2)
    assert sorted(work.iterdir()) == before


def test_when_the_time_is_up_there_is_a_checkpoint_and_the_next_run_keeps_the_schedule(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(work, PLAN, budget=budget(left_s=1.0), engine=RESIDENT)
    first = load(work / "checkpoint.pt")
    told = lines(capsys)
    # Measuring took a part of the second and the plan a share of the rest, so the run may end either way.
    assert first["planned"] == told[0]["tokens"] >= PLAN.size
    # As if it had been stopped at the third step:
    (work / "encoder.pt").unlink(missing_ok=True)
    torch.save(first | {"step": 3, "planned": 8 * PLAN.size}, work / "checkpoint.pt")
    begin(work, PLAN, budget=budget(left_s=60.0), engine=RESIDENT)
    last = load(work / "checkpoint.pt")
    assert (last["step"], last["planned"]) == (8, 8 * PLAN.size)
    assert (work / "encoder.pt").exists()


def test_a_run_without_time_left_stops_after_one_step(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(work, PLAN, engine=RESIDENT)
    state = load(work / "checkpoint.pt")
    torch.save(state | {"step": 2, "planned": 50 * PLAN.size}, work / "checkpoint.pt")
    (work / "encoder.pt").unlink()
    begin(work, PLAN, budget=budget(left_s=0.0), engine=RESIDENT)
    assert load(work / "checkpoint.pt")["step"] == 3
    assert lines(capsys)[-1] == {"stopped": "the time is up", "step": 3, "of": 50}
    assert not (work / "encoder.pt").exists()


def test_a_stream_shorter_than_a_batch_is_refused(work: Path) -> None:
    with pytest.raises(ValueError, match="2000 units, and a batch takes 4096"):
        begin(work, PretrainPlan(row=64, rows=64))


def test_a_run_on_the_device_that_was_stopped_ends_as_one_that_was_not(work: Path, tmp_path: Path) -> None:
    whole = [part.detach().clone() for part in begin(work, PLAN, engine=RESIDENT).parameters()]
    (work / "encoder.pt").unlink()
    (work / "checkpoint.pt").unlink()

    lookup, trainer = load_lookup(work), Trainer(make(load_lookup(work), PLAN, work), PLAN, RESIDENT)
    for step, batch in enumerate(itertools.islice(trainer.batches(load_stream(work), lookup, 0), 5)):
        trainer.step(batch, rate(step, 12, 0.0))
    torch.save(trainer.state() | {"step": 5}, work / "checkpoint.pt")
    resumed = begin(work, PLAN, engine=RESIDENT)
    assert all(map(torch.equal, resumed.parameters(), whole))
