"""Annotated messages in one form, whatever their source: a head learns only where a label exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.inference.heads import COLUMNS, LEVELS, N_OUTPUTS
from nlp_service.text.normalise import normalise
from nlp_service.types import INTENTS, RISK_CATEGORIES, UNSAFE
from training import corpora

UNKNOWN = np.nan
NEGATIVE, NEUTRAL, POSITIVE = (-2, -1), (0,), (1, 2)


@dataclass(slots=True)
class Example:
    """One message and what is known of it.

    Attributes:
        text: As it was written.
        source: The set it comes from.
        targets: 1, 0 or NaN (not known) for each output; of a softmax group, 1 for every column that may be the true
            one; float32, shape (N_OUTPUTS,).
        spans: Half-open code-point ranges of pain spans with their targets; None where nobody looked for them.
        tags: What teachers say of each unit, where nobody looked for spans: probabilities of outside, begin and inside;
            float16, shape (n_units, 3).
        auxiliary: Class of the source's own label, for the head that only training has.
    """

    text: str
    source: str
    targets: npt.NDArray[np.float32] = field(default_factory=lambda: np.full(N_OUTPUTS, UNKNOWN, np.float32))
    spans: list[tuple[int, int, str]] | None = None
    tags: npt.NDArray[np.float16] | None = None
    auxiliary: tuple[str, int] | None = None

    def set(self, group: str, names: tuple[Any, ...], true: Any) -> None:
        """Set a whole group: 1 for the names in `true`, 0 for the others."""
        self.targets[COLUMNS[group]] = [1.0 if name in true else 0.0 for name in names]


def gold(path: Path) -> list[Example]:
    """Messages annotated with everything."""
    return [from_row(row) for row in corpora.read(path)]


def from_row(row: dict[str, Any]) -> Example:
    """One message annotated with everything."""
    example = Example(row["text"], row["source"])
    example.set("primary", INTENTS, row["intent"][:1])
    example.set("intent", INTENTS, row["intent"])
    example.set("sentiment", LEVELS, (row["sentiment"],))
    example.set("risk", (1, 2, 3), range(1, row["risk"] + 1))
    example.set("category", RISK_CATEGORIES, row["risk_categories"])
    example.set("abuse", (1,), (row["abuse"],))
    example.set("unsafe", UNSAFE, row["unsafe"])
    example.spans = [(span["start"], span["end"], span["target"]) for span in row["pain"]]
    return example


_SENTIMENT: dict[str, dict[str | int, tuple[int, ...]]] = {
    "weibo2018_senti": {0: NEGATIVE, 1: POSITIVE},
    "smp2020_usual": {"angry": NEGATIVE, "sad": NEGATIVE, "fear": NEGATIVE, "happy": POSITIVE, "neutral": NEUTRAL},
    "smp2020_virus": {"angry": NEGATIVE, "sad": NEGATIVE, "fear": NEGATIVE, "happy": POSITIVE, "neutral": NEUTRAL},
    "waimai_10k": {0: NEGATIVE, 1: POSITIVE},
    "online_shopping_10_cats": {0: NEGATIVE, 1: POSITIVE},
    "car_review_posneg": {"neg": NEGATIVE, "pos": POSITIVE},
}
_AD = COLUMNS["intent"].start + INTENTS.index("ad")
_COMPLAINT = COLUMNS["intent"].start + INTENTS.index("complaint")
_WATCH = COLUMNS["risk"].start
_FOOD_SAFETY = COLUMNS["category"].start + RISK_CATEGORIES.index("food_safety")
_SELF_HARM = COLUMNS["category"].start + RISK_CATEGORIES.index("self_harm")


def public(data: Path, name: str, split: str = "train") -> list[Example]:
    """One public set: its own label for an auxiliary head, and those of our heads that the label settles."""
    rows = list(corpora.read(data / "public" / name / f"{split}.jsonl.gz"))
    classes = sorted({str(row["label"]) for row in rows if isinstance(row.get("label"), str | int)})
    codes = {label: code for code, label in enumerate(classes)}
    examples = []
    for row in rows:
        label = row.get("label")
        if not isinstance(label, str | int):
            continue
        example = Example(row["text"], name, auxiliary=(name, codes[str(label)]))
        if name in _SENTIMENT and label in _SENTIMENT[name]:
            example.set("sentiment", LEVELS, _SENTIMENT[name][label])
        for column, true in _settled(name, label):
            example.targets[column] = true
        examples.append(example)
    return examples


def _settled(name: str, label: str | int) -> list[tuple[int, float]]:
    """Yes-or-no columns of our heads that a public set's label decides, with their value."""
    if name in ("tg_spam", "sms80w_10k"):
        return [(_AD, float(label))]
    if name == "fbs_sms":
        return [(_AD, 1.0)] if str(label).startswith("AD:") else []
    if name == "foodsafety_o2o":
        return [(_FOOD_SAFETY, float(label)), *([(_WATCH, 1.0)] if label == 1 else [])]
    if name == "suicide_weibo":
        return [(_SELF_HARM, 1.0), (_WATCH, 1.0)] if label == "high" else []
    if name == "car_complaints_2024":
        return [(_COMPLAINT, 1.0)]
    return []


@dataclass(frozen=True)
class Splits:
    """Annotated messages for four uses that share no text."""

    train: list[Example]
    calibration: list[Example]
    test: list[Example]
    dev: list[Example]

    @cached_property
    def held_out(self) -> set[str]:
        """Keys of the texts that nothing may learn from."""
        return {key(example.text) for part in (self.calibration, self.test, self.dev) for example in part}


def split(data: Path, *, seed: int = 1) -> Splits:
    """Cut gold train into train, calibration and test, and check that no text stands in two of them or in dev.

    Calibration and test are drawn as dev is: messages of a random draw (ids ``t``), and of community groups. One whole
    group (authored-4) is calibrated on, so that the probabilities know what an unseen trade does to them.
    """
    rows = list(corpora.read(data / "gold" / "train.jsonl.gz"))
    dev = gold(data / "gold" / "dev.jsonl.gz")
    seen = {key(example.text) for example in dev}
    room = {("calibration", "drawn"): 1000, ("test", "drawn"): 700, ("test", "group"): 300}
    parts: dict[str, list[Example]] = {"train": [], "calibration": [], "test": []}
    for row in (rows[i] for i in np.random.default_rng(seed).permutation(len(rows))):
        text = key(row["text"])
        if text not in seen:
            seen.add(text)
            parts[_part(row, room)].append(from_row(row))
    return Splits(**parts, dev=dev)


def _part(row: dict[str, Any], room: dict[tuple[str, str], int]) -> str:
    """The part that a message goes to; `room` says how many of each kind a part still takes."""
    if row["source"] == "authored-4":
        return "calibration"
    group = row["source"] in ("authored-1", "authored-2", "authored-3")
    kind = "group" if group else "drawn" if row["id"].startswith("t") else "other"
    for part in ("calibration", "test"):
        if room.get((part, kind), 0):
            room[part, kind] -= 1
            return part
    return "train"


def key(text: str) -> str:
    """What makes two texts the same for a split: the normalised text without spaces and case."""
    return normalise(text).normalised.replace(" ", "")
