"""Entries half written: what a gap already knows of the entry that would close it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.knowledge import likeness
from nlp_service.knowledge.entries import MAX_QUESTION, MAX_QUESTIONS, Entry, tidy

FloatArray = npt.NDArray[np.float32]

CATEGORY_LIKENESS = 1.0
"""What the nearest entry must reach, on the scale of `gaps.SIMILARITY`, for its category to be proposed: as much as
two questions that are one, because entries of one category are no more alike than entries of two."""

# What an entry cannot hold.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")


class KnownQuestions(NamedTuple):
    """What the base has, for a guess of the category.

    Attributes:
        entries: Any number.
        vectors: Those of the standard questions, of unit length; (n_entries, d).
    """

    entries: Sequence[Entry]
    vectors: FloatArray


class DraftEntry(msgspec.Struct, frozen=True):
    """An entry that lacks its answer.

    Attributes:
        questions: The most typical wording first, then the others, the most frequent first; fit for an `Entry`.
        category: Of the nearest entry; empty if none is near.
        answer: Empty: a person fills it in.
        proposal: The answer that people gave most often; empty if none did.
    """

    questions: tuple[str, ...]
    category: str = ""
    answer: str = ""
    proposal: str = ""


def make_draft(wordings: Sequence[str], answers: Iterable[str], category: str = "") -> DraftEntry:
    """Make a draft of what was asked, the most typical wording first, and of all answers that people gave."""
    given = [answer for answer in map(tidy, answers) if answer]
    questions = tuple(filter(None, dict.fromkeys(map(_as_question, wordings))))
    return DraftEntry(questions[:MAX_QUESTIONS], category, proposal=most_frequent(given) if given else "")


def most_frequent(texts: Iterable[str]) -> str:
    """The text that comes most often; of several the first in the order of code points."""
    return min(Counter(texts).items(), key=lambda item: (-item[1], item[0]))[0]


def guess_categories(keys: Sequence[str], vectors: Sequence[FloatArray], known: KnownQuestions | None) -> list[str]:
    """The category of the nearest entry for each wording, given its key and vector; empty where none is near."""
    if known is None or not known.entries or not keys:
        return [""] * len(keys)
    own = likeness.keys([entry.questions[0] for entry in known.entries])
    spelt = likeness.spell([*own, *keys])
    products = np.stack(vectors) @ known.vectors.T + spelt[len(own) :] @ spelt[: len(own)].T
    nearest = products.argmax(axis=1)
    is_near = products.max(axis=1) >= CATEGORY_LIKENESS
    return [known.entries[i].category if near else "" for i, near in zip(nearest, is_near, strict=True)]


def _as_question(text: str) -> str:
    """A message as a wording of an entry: on one line, and cut where it is longer than one may be."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:MAX_QUESTION].rstrip()
