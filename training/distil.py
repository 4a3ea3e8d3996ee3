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


@dataclass(frozen=True, slots=True)
class DistilPlan:
    """How a student learns from teachers.

    Attributes:
        teachers: Recipes of the teachers, files beside the student's. The student begins as the first one.
        pool: Messages without labels that the teachers read.
        messages: How many of them the student learns from.
        seed: Of the draw of both.
    """

    teachers: tuple[str, ...]
    pool: int = 200_000
    messages: int = 80_000
    seed: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "teachers", tuple(self.teachers))
        if not self.teachers:
            raise ValueError("a student needs teachers")


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


def opinion(teachers: Sequence[Path], texts: list[str]) -> Floats:
    """Mean of the teachers' calibrated probabilities of each message, (n, N_OUTPUTS).

    Args:
        teachers: Folders of their artefacts.
        texts: The messages.
    """
    total = np.zeros((len(texts), N_OUTPUTS), np.float32)
    for folder in teachers:
        analyser = Analyser.load(folder)
        for start in range(0, len(texts), 2048):
            total[start : start + 2048] += analyser.probabilities(texts[start : start + 2048])
    total /= len(teachers)
    return total


def choose(texts: list[str], chances: Floats, n: int, *, seed: int) -> list[Example]:
    """Examples with soft targets: half of `n` the messages with the most of something rare, half drawn from the rest.

    Args:
        texts: The pool.
        chances: The ensemble's probabilities of each, (n_texts, N_OUTPUTS).
        n: How many to keep.
        seed: Of the draw.
    """
    rare = chances[:, _RARE].max(1)
    order = np.argsort(-rare, kind="stable")
    first, rest = order[: n // 2], order[n // 2 :]
    drawn = np.random.default_rng(seed).permutation(rest)[: n - len(first)]
    # Never quite 1: a target of 1 in a softmax group means "may be the true one", not a probability.
    soft = np.clip(chances, 1e-4, 1 - 1e-4).astype(np.float32)
    return [Example(texts[i], "teachers", soft[i]) for i in np.concatenate((first, drawn)).tolist()]
