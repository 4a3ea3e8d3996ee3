"""A recipe: everything that decides what a trained model is, in one TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from training.distil import DistilPlan
from training.finetune import FinetunePlan
from training.linear import LinearPlan
from training.pretrain import PretrainPlan

Plan = TypeVar("Plan", PretrainPlan, FinetunePlan, LinearPlan, DistilPlan)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is made.

    Attributes:
        name, version: Of the artefact.
        pretrain, finetune, linear: Plans of the steps.
        public_sets: Public sets that are learnt from.
        public_rows: Rows of each that are used at the most.
        annotations: Whether the project's own annotations (`training.annotated`) are learnt from beside gold's.
        seed: Of the split and of what the plans do not seed themselves.
        distil: Teachers, for a student; None for a model that learns from annotations alone.
    """

    name: str
    version: str
    pretrain: PretrainPlan
    finetune: FinetunePlan
    linear: LinearPlan
    public_sets: tuple[str, ...]
    public_rows: int
    annotations: bool = False
    seed: int = 1
    distil: DistilPlan | None = None


def load(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ValueError: A key is unknown, missing or of the wrong type; the message names it.
    """
    raw = tomllib.loads(path.read_text("utf-8"))
    known = {"name", "version", "seed", "annotations", "pretrain", "finetune", "linear", "public", "distil"}
    if unknown := set(raw) - known:
        raise ValueError(f"{path.name}: unknown key {sorted(unknown)[0]!r}")
    public = raw.get("public", {})
    try:
        return Recipe(
            name=raw["name"],
            version=raw["version"],
            pretrain=_plan(PretrainPlan, raw.get("pretrain", {}), "pretrain"),
            finetune=_plan(FinetunePlan, raw.get("finetune", {}), "finetune"),
            linear=_plan(LinearPlan, raw.get("linear", {}), "linear"),
            public_sets=tuple(public.get("sets", ())),
            public_rows=int(public.get("rows", 0)),
            annotations=bool(raw.get("annotations", False)),
            seed=int(raw.get("seed", 1)),
            distil=_plan(DistilPlan, raw["distil"], "distil") if "distil" in raw else None,
        )
    except KeyError as error:
        raise ValueError(f"{path.name}: no key {error.args[0]!r}") from error


def _plan(kind: type[Plan], values: dict[str, Any], section: str) -> Plan:
    fields = {field.name for field in dataclasses.fields(kind)}
    if unknown := set(values) - fields:
        raise ValueError(f"[{section}]: unknown key {sorted(unknown)[0]!r}")
    return kind(**values)
