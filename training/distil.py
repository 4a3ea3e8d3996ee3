"""Teachers and student: an ensemble labels messages that nobody annotated, and one encoder learns from it.

The teachers are whole models, encoder and linear part, calibrated as for serving; the mean of their probabilities is
the ensemble's opinion. Messages on which it sees something rare (a risk, abuse, unsafe content) are kept first, since
a random draw is nearly all calm chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import COLUMNS, N_OUTPUTS
from training import corpora
from training.examples import Example, key

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class DistilPlan:
    """How a student learns from teachers.

    Attributes:
        teachers: Recipes of the teachers, files beside the student's.
        begin_as: The one of them as which the student begins; it has the student's encoder.
        pool: Messages without labels that the teachers read.
        messages: How many of them the student learns from.
        seed: Of the draw of both.
    """

    teachers: tuple[str, ...]
    begin_as: str
    pool: int = 200_000
    messages: int = 80_000
    seed: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "teachers", tuple(self.teachers))
        if self.begin_as not in self.teachers:
            raise ValueError("a student needs teachers and begins as one of them")


LONGEST = 200
"""Characters of the longest message that is labelled by teachers; longer ones cost more than they teach."""

_RARE = np.r_[COLUMNS["risk"], COLUMNS["category"], COLUMNS["abuse"], COLUMNS["unsafe"]]


def pool(data: Path, held_out: set[str], n: int, *, seed: int) -> list[str]:
    """Messages without labels: up to `n`, half from the public sets' train splits, half from the corpus.

    Args:
        data: The data folder.
        held_out: Keys of texts that must not be learnt from.
        n: How many.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    halves = (corpora.public_texts(data), corpora.corpus_texts(data))
    found: dict[str, str] = {}
    for texts in halves:
        candidates = [text for text in texts if 2 <= len(text) <= LONGEST]
        room = len(found) + n // 2
        for i in rng.permutation(len(candidates)).tolist():
            if len(found) >= room:
                break
            name = key(candidates[i])
            if name not in held_out:
                found[name] = candidates[i]
    return list(found.values())


def opinion(teachers: Sequence[Path], texts: list[str]) -> tuple[Floats, list[Halves]]:
    """Mean of the teachers' calibrated probabilities of each message, (n, N_OUTPUTS), and of its units' tags.

    Args:
        teachers: Folders of their artefacts; all with the same normaliser, so with the same units.
        texts: The messages.
    """
    total = np.zeros((len(texts), N_OUTPUTS), np.float32)
    tags: list[Halves] = []
    for folder in teachers:
        analyser = Analyser.load(folder)
        own: list[Halves] = []
        for start in range(0, len(texts), 2048):
            chances, found = analyser.opinions(texts[start : start + 2048])
            total[start : start + 2048] += chances
            own += [(each / len(teachers)).astype(np.float16) for each in found]
        tags = [one + other for one, other in zip(tags, own, strict=True)] if tags else own
    total /= len(teachers)
    return total, tags


def choose(texts: list[str], chances: Floats, tags: list[Halves], n: int, *, seed: int) -> list[Example]:
    """Examples with soft targets: half of `n` the messages with the most of something rare, half drawn from the rest.

    Args:
        texts: The pool.
        chances: The ensemble's probabilities of each, (n_texts, N_OUTPUTS).
        tags: What it says of the units of each.
        n: How many to keep.
        seed: Of the draw.
    """
    rare = chances[:, _RARE].max(1)
    order = np.argsort(-rare, kind="stable")
    first, rest = order[: n // 2], order[n // 2 :]
    drawn = np.random.default_rng(seed).permutation(rest)[: n - len(first)]
    # Never quite 1: a target of 1 in a softmax group means "may be the true one", not a probability.
    soft = np.clip(chances, 1e-4, 1 - 1e-4).astype(np.float32)
    return [Example(texts[i], "teachers", soft[i], tags=tags[i]) for i in np.concatenate((first, drawn)).tolist()]
