"""What decides a pre-training: a recipe's section ``[pretrain]``."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from nlp_service.inference.lookup import Lookup
from training.network import EncoderShape


@dataclass(frozen=True, slots=True)
class PretrainPlan:
    """How to pre-train.

    Attributes:
        max_units, max_pairs: Sizes of the vocabulary.
        max_text: Units of a text that are read; the rest of a long one is left out.
        row: Units in a row of a batch.
        rows: Rows in a batch.
        accumulate: Pieces that a batch is cut into where it does not fit the memory whole; `rows` is a multiple of it.
        tokens: Units to see in all; with a time limit, as many as the time is enough for.
        learning_rate: Highest rate, after the warm-up; it falls to a twentieth along a cosine.
        hold: Share of the steps at the highest rate before it falls. While a run holds, `tokens` may still be changed.
        masked: Share of units to be guessed.
        width, pair_width, dilations, n_attention: Of the encoder, as in `EncoderShape`.
        grow_from: Name of the work folder, beside this one, of a smaller pre-trained encoder to begin as; its
            vocabulary and tokens are used too. Empty to begin at random.
        seed: Of weights, order and masks.

    Raises:
        ValueError: `rows` is no multiple of `accumulate`.
    """

    max_units: int = 7500
    max_pairs: int = 120_000
    max_text: int = 192
    row: int = 128
    rows: int = 64
    accumulate: int = 1
    tokens: int = 60_000_000
    learning_rate: float = 2e-3
    hold: float = 0.0
    masked: float = 0.2
    width: int = 192
    pair_width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4)
    n_attention: int = 8
    grow_from: str = ""
    seed: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))
        if self.accumulate < 1 or self.rows % self.accumulate:
            raise ValueError(f"rows must be a multiple of accumulate, got {self.rows} and {self.accumulate}")

    @property
    def size(self) -> int:
        """Units in a batch."""
        return self.row * self.rows

    def shape(self, lookup: Lookup) -> EncoderShape:
        """Sizes of the encoder for a vocabulary."""
        sizes = (self.width, self.pair_width, self.dilations, self.n_attention)
        return EncoderShape(lookup.n_ids, lookup.n_pairs, *sizes)


def read(path: Path) -> tuple[str, PretrainPlan]:
    """Name and pre-training plan of a recipe, with nothing else of it checked.

    Raises:
        FileNotFoundError: There is no such recipe.
        ValueError: It has no name, or a key of the section is unknown.
    """
    raw = tomllib.loads(path.read_text("utf-8"))
    values = raw.get("pretrain", {})
    if unknown := set(values) - {field.name for field in dataclasses.fields(PretrainPlan)}:
        raise ValueError(f"[pretrain]: unknown key {sorted(unknown)[0]!r}")
    if "name" not in raw:
        raise ValueError(f"{path.name}: no key 'name'")
    return raw["name"], PretrainPlan(**values)


def rate(step: int, n_steps: int, hold: float) -> float:
    """Share of the highest learning rate, in (0, 1]: a warm-up over a fortieth of the steps, a plateau, a cosine."""
    warm = min(1.0, (step + 1) / max(1, n_steps // 40))
    fallen = max(0.0, step / n_steps - hold) / (1.0 - hold)
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * fallen)))
