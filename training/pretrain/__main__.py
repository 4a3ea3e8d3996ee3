"""``python -m training.pretrain``: pre-train on a machine that was lent, with nothing but torch and numpy."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.pretrain import loop, parts, plan, shards
from training.pretrain.budget import MEASURE_S, Budget
from training.pretrain.states import load

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    """Unpack the shards, measure, train for the minutes given, and leave the weights in parts."""
    given = _arguments()
    budget = Budget.minutes(given.minutes, given.schedule_minutes, measure_s=given.measure_seconds)
    name, recipe = plan.read(given.recipe)
    work = given.work or ROOT / "work" / name
    print(json.dumps({"units": shards.unpack(given.shards, work), "recipe": name}), flush=True)
    if given.dry_run:
        loop.dry_run(work, recipe, budget, seconds=budget.measure_s)
        return
    begin_with = None
    if given.begin and not (work / "checkpoint.pt").exists():
        begin_with = parts.read(given.begin) if given.begin.is_dir() else load(given.begin)
    loop.begin(work, recipe, budget=budget, begin_with=begin_with)
    manifest = parts.split(work, given.out, recipe)
    told = {"step": manifest["step"], "type": manifest["type"], "parts": len(manifest["parts"])}
    print(json.dumps(told), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description=__doc__)
    parser.add_argument("recipe", type=Path, help="a recipe in TOML; only its pre-training counts")
    parser.add_argument("out", type=Path, help="folder for the weights in parts")
    parser.add_argument("--shards", type=Path, required=True, help="folder of the tokens, from `shards`")
    parser.add_argument("--work", type=Path, help="folder of checkpoints; work/NAME unless given")
    parser.add_argument("--minutes", type=float, default=9.0, help="time of this run")
    parser.add_argument("--schedule-minutes", type=float, default=0.0, help="time of all runs, if there are several")
    parser.add_argument("--begin", type=Path, help="parts or an encoder.pt to begin as, if there is no checkpoint")
    parser.add_argument("--measure-seconds", type=float, default=MEASURE_S, help="time of measuring the speed")
    parser.add_argument("--dry-run", action="store_true", help="measure and stop")
    return parser.parse_args()


main()
