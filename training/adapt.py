"""A released model learns from corrections in minutes and without its corpus; its encoder stays as it is.

What changes are the heads on the encoder's vector and the weights of those runs of units that corrections hold. What
the model said before of messages as they come (the replay: texts that the operator has stored) holds it where it was.

corrections + replay ─ released model ─► vectors, features, logits ─ fit ─► change ─ into 8 bits, calibrate ─► a model
                                                └─ folds: fit without some, measure on them ─► the gate
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nlp_service.inference import artifact
from nlp_service.inference.analyser import Analyser
from training import corrections, examples
from training.corrections import Correction
from training.released import Released, Seen, Solved
from training.settling import Problem, SettlePlan
from training.telling import say

LEAST_REPLAY = 100
"""Messages without which nobody can say what was forgotten."""


@dataclass(frozen=True, slots=True)
class AdaptPlan:
    """How to adapt, and when to refuse.

    Attributes:
        settle: How corrections are weighed.
        replay: Messages of the replay that are read at the most.
        allowed: By which share the mean loss of labels may rise that were not learnt from.
        agreement: Share of the messages not learnt from whose labels must stay as they were.
        seed: Of the draw of the replay.
    """

    settle: SettlePlan = field(default_factory=SettlePlan)
    replay: int = 2_500
    allowed: float = 0.05
    agreement: float = 0.95
    seed: int = 1


class Worse(ValueError):
    """The adapted model is worse than the one that it began as; nothing was written."""


def adapt(
    model: Path,
    labels: Path,
    replay: Path,
    out: Path,
    *,
    checked: Path | None = None,
    data: Path | None = None,
    plan: AdaptPlan | None = None,
) -> dict[str, Any]:
    """Adapt a model, measure it and write it.

    Args:
        model: Folder of a released model with an encoder of its own.
        labels: What `nlp-service export labels` writes.
        replay: What `nlp-service export messages` writes: JSON lines with a ``text``.
        out: Folder of the adapted model; must not be there.
        checked: Labels that nothing is learnt from, to measure on as well; in the form of `labels`.
        data: The data folder, where there is one: texts that it keeps for measuring are not learnt from.
        plan: How.

    Returns:
        What was measured, as it stands in the manifest.

    Raises:
        ArtifactError: The model cannot be read.
        FileNotFoundError: A file is not there.
        ValueError: A file cannot be read, there is too little in it, or `out` is there.
        Worse: See there.
    """
    plan = plan or AdaptPlan()
    if out.exists():
        raise ValueError(f"{out} is there already")
    released = Released.load(model)
    kept = _labels(checked, set()) if checked else []
    known = examples.split(data).held_out if data and (data / "gold").is_dir() else set()
    known = known | {_key(one) for one in kept}
    said = _labels(labels, known)
    if not said:
        raise ValueError(f"{labels.name}: there is no label to learn from")
    texts = _replay(replay, known | {_key(one) for one in said}, plan)
    say("adapt", model=released.version, corrections=len(said), replay=len(texts), checked=len(kept))
    own, others = ([one.example.text for one in part] for part in (said, kept))
    seen = released.read([*own, *texts, *others], changing=len(said))
    problem = Problem(plan.settle, said, kept, seen)
    solved = problem.solve()
    measured = problem.measure(solved, released.thresholds)
    say("measured", **measured)
    _refuse(measured, plan)
    _write(released, seen, solved, measured, hashlib.sha256(labels.read_bytes()).hexdigest()[:6], out)
    say("written", folder=str(out))
    return measured


def _labels(path: Path, known: set[str]) -> list[Correction]:
    """Corrections of a file that say something of texts, without those that must not be learnt from."""
    said = (one for one in corrections.load(path) if _key(one) not in known)
    return [one for one in said if corrections.known_groups(one.example)]


def _replay(path: Path, known: set[str], plan: AdaptPlan) -> list[str]:
    found: dict[str, str] = {}
    for number, row in corrections.rows(path):
        if not isinstance(row["text"], str):
            raise ValueError(f"{path.name}:{number}: text is no text")
        found.setdefault(examples.key(row["text"]), row["text"])
    texts = [text for name, text in found.items() if name not in known]
    if len(texts) < LEAST_REPLAY:
        raise ValueError(f"{path.name}: {len(texts)} other messages are too few, {LEAST_REPLAY} are needed")
    order = np.random.default_rng(plan.seed).permutation(len(texts))[: plan.replay]
    return [texts[i] for i in order.tolist()]


def _refuse(measured: dict[str, Any], plan: AdaptPlan) -> None:
    unseen = {"loss_not_learnt_from": "labels that were not learnt from", "loss_checked": "checked labels"}
    for name, words in unseen.items():
        loss = measured.get(name)
        if loss and loss["after"] > loss["before"] * (1.0 + plan.allowed):
            raise Worse(f"{words} are read worse: mean loss {loss['after']}, it was {loss['before']}")
    if measured["agreement_on_replay"] < plan.agreement:
        raise Worse(f"only {measured['agreement_on_replay']:.1%} of other messages are read as before")


def _write(released: Released, seen: Seen, solved: Solved, measured: dict[str, Any], labels: str, out: Path) -> None:
    old = released.manifest
    manifest = {
        "name": old["name"],
        "version": f"{old['version']}-adapted.{labels}",
        "thresholds": old["thresholds"],
        # They hold on messages like those that the old model was calibrated on; these were others.
        "promises": {},
        "training": {"adapted_from": released.version, "labels": labels, "measured": measured},
    }
    with _made(out) as part:
        released.write(part, seen, solved)
        artifact.write(part, manifest)
        Analyser.load(part)


@contextlib.contextmanager
def _made(out: Path) -> Iterator[Path]:
    """A folder beside `out`, which takes its place unless the block raises."""
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        os.replace(part, out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _key(one: Correction) -> str:
    return examples.key(one.example.text)
