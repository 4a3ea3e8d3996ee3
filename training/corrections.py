"""Labels that people gave in reviews, as examples to learn from: only what somebody has looked at counts.

A line of the file is a line of annotated data with two fields more: ``confirmed``, the fields that a person has set or
found right (all of them where it is missing), and ``weight``. `nlp-service export labels` writes such files.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nlp_service.inference.heads import COLUMNS, LEVELS
from nlp_service.types import INTENTS, RISK_CATEGORIES, UNSAFE
from training.examples import Example, Splits, key

GROUPS: dict[str, tuple[str, ...]] = {
    "intent": ("primary", "intent"),
    "sentiment": ("sentiment",),
    "risk": ("risk",),
    "risk_categories": ("category",),
    "abuse": ("abuse",),
    "unsafe": ("unsafe",),
}
"""Groups of outputs that each field settles; ``pain`` settles spans."""

TIMES = 3
"""How often a correction of weight 1 stands among the messages that are trained on."""


class Correction(NamedTuple):
    """What people say of one message.

    Attributes:
        example: The message; what nobody has looked at is not known.
        fields: What somebody has looked at.
        weight: What it counts beside other corrections.
    """

    example: Example
    fields: tuple[str, ...]
    weight: float


def load(path: Path) -> list[Correction]:
    """Corrections of a file of JSON lines, gzipped if its name says so; of one text the last line counts.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line cannot be read; the message names file, line and field, and nothing of the text.
    """
    found: dict[str, Correction] = {}
    for number, row in rows(path):
        try:
            correction = from_row(row)
        except (KeyError, TypeError, ValueError) as error:
            fault = error.args[0] if isinstance(error, _Fault) else f"{type(error).__name__} in a field"
            raise ValueError(f"{path.name}:{number}: {fault}") from None  # the original error quotes the line
        found[key(correction.example.text)] = correction
    return list(found.values())


def from_row(row: dict[str, Any]) -> Correction:
    """One line."""
    named = ("intent", "sentiment", "risk", "risk_categories", "abuse", "unsafe", "pain")
    fields = tuple(row.get("confirmed", [name for name in named if name in row]))
    if unknown := [name for name in fields if name not in named or name not in row]:
        raise _Fault(f"confirmed names {len(unknown)} fields that are not there")
    if not isinstance(row["text"], str):
        raise _Fault("text is no text")
    weight = float(row.get("weight", 1.0))
    if not 0.0 < weight <= 100.0:
        raise _Fault("weight must be above 0 and at most 100")
    example = Example(row["text"], str(row.get("source", "review")))
    for name in fields:
        _set(example, name, row[name])
    return Correction(example, fields, weight)


def join(splits: Splits, corrections: list[Correction], times: int = TIMES) -> Splits:
    """Splits with the corrections among what is trained on, each as often as it counts.

    A text that is kept for calibration, test or dev is never trained on. Of one that is trained on already the
    corrected fields change and the others stay.
    """
    fresh = {key(correction.example.text): correction for correction in corrections}
    fresh = {name: correction for name, correction in fresh.items() if name not in splits.held_out}
    kept: list[Example] = []
    for example in splits.train:
        correction = fresh.get(key(example.text))
        if correction is None:
            kept.append(example)
        else:
            fresh[key(example.text)] = correction._replace(example=_merged(example, correction))
    for correction in fresh.values():
        kept += [correction.example] * max(1, round(times * correction.weight))
    return dataclasses.replace(splits, train=kept)


def folder_for(labels: Path, plain: Path) -> Path:
    """The folder of intermediate files of a run with corrections, with what a run without them has of the pre-training.

    Args:
        labels: The corrections; others have another folder.
        plain: The folder of a run without them, which may not be there.
    """
    digest = hashlib.sha256(labels.read_bytes()).hexdigest()[:8]
    folder = plain.with_name(f"{plain.name}-labels-{digest}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("vocabulary.npz", "encoder.pt"):
        if (plain / name).exists() and not (folder / name).exists():
            os.link(plain / name, folder / name)
    return folder


def _merged(example: Example, correction: Correction) -> Example:
    said = correction.example
    targets = np.where(np.isnan(said.targets), example.targets, said.targets).astype(np.float32)
    spans = said.spans if "pain" in correction.fields else example.spans
    return dataclasses.replace(example, text=said.text, targets=targets, spans=spans)


def _set(example: Example, name: str, value: Any) -> None:
    if name == "intent":
        _check(value and set(value) <= set(INTENTS), name)
        example.set("primary", INTENTS, value[:1])
        example.set("intent", INTENTS, value)
    elif name == "sentiment":
        _check(value in LEVELS, name)
        example.set("sentiment", LEVELS, (value,))
    elif name == "risk":
        _check(value in (0, 1, 2, 3), name)
        example.set("risk", (1, 2, 3), range(1, value + 1))
    elif name == "risk_categories":
        _check(set(value) <= set(RISK_CATEGORIES), name)
        example.set("category", RISK_CATEGORIES, value)
    elif name == "abuse":
        _check(value in (0, 1), name)
        example.set("abuse", (1,), (int(value),))
    elif name == "unsafe":
        _check(set(value) <= set(UNSAFE), name)
        example.set("unsafe", UNSAFE, value)
    else:
        spans = [(int(span["start"]), int(span["end"]), str(span.get("target", ""))) for span in value]
        _check(all(0 <= start < end <= len(example.text) for start, end, _ in spans), name)
        example.spans = spans


def _check(is_good: object, name: str) -> None:
    if not is_good:
        raise _Fault(f"{name} is none that labels have")


class _Fault(ValueError):
    """What is wrong with a line, without what the line says."""


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects of a file of JSON lines with a ``text``, each with the number of its line.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is none; the message names file and line.
    """
    content = path.read_bytes()
    # Not `splitlines`: texts may hold other characters that end a line.
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or "text" not in row:
            raise ValueError(f"{path.name}:{number}: not a JSON object with a text")
        yield number, row


def known_groups(example: Example) -> list[str]:
    """Groups of outputs of which something is known."""
    return [name for name, columns in COLUMNS.items() if not np.isnan(example.targets[columns]).any()]
