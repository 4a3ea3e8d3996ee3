"""Questions of a base with what a search gathers for them, for the ranker to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlp_service.inference.analyser import Analyser
from nlp_service.inference.heads import COLUMNS
from nlp_service.knowledge.search import features
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.searching import candidates
from nlp_service.types import INTENTS
from training import bases
from training.bases import Base

MAX_ASKED = 800
"""Queries of one base that are asked at the most, so that none outweighs the others."""

PARTS = 4
"""Queries of a base are asked once more in so many parts, those of the other parts standing as wordings."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with the features of its candidates.

    Attributes:
        features: (n_candidates, n_features).
        entries: Entry of each candidate; (n_candidates,).
        right: The entry that answers; -1 if none does.
        intents: Probabilities of its intents by name.
        length: Logarithm of its number of words, and one.
    """

    features: Floats
    entries: npt.NDArray[np.intp]
    right: int
    intents: dict[str, float]
    length: float


def collect(base: Base, search_model: SearchModel, reader: Analyser, *, seed: int) -> list[Asked]:
    """The questions of a base with their candidates, and again with other members' questions as wordings."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(base.queries))
    alone = Index(base.entries, search_model)
    found = _ask(alone, *_of(base, order[:MAX_ASKED]), reader)
    found += _ask(alone, base.unanswerable, [-1] * len(base.unanswerable), reader)
    for part in range(PARTS):
        asked = order[part::PARTS]
        index = Index(bases.with_wordings(base, np.setdiff1d(order, asked).tolist()), search_model)
        found += _ask(index, *_of(base, asked[: MAX_ASKED // PARTS]), reader)
        outside = base.unanswerable[part::PARTS]
        found += _ask(index, outside, [-1] * len(outside), reader)
    return found


def _of(base: Base, rows: npt.NDArray[np.intp]) -> tuple[list[str], list[int]]:
    """Some of the queries with the entries that answer them."""
    return [base.queries[i] for i in rows], [base.answers[i] for i in rows]


def _ask(index: Index, texts: Sequence[str], answers: Sequence[int], reader: Analyser) -> list[Asked]:
    questions = features.read(index.model, texts, index.synonyms)
    found = []
    for question, right, intents in zip(questions, answers, intents_of(reader, texts), strict=True):
        seen = features.survey(index, question)
        rows = candidates(index, question, seen=seen)
        if len(rows):
            values = features.features(index, question, rows, seen)
            entries = index.wordings.entry[rows]
            found.append(Asked(values, entries, right, intents, question.length))
    return found


def intents_of(reader: Analyser, texts: Sequence[str]) -> list[dict[str, float]]:
    """Probabilities of the intents of each text, by name."""
    chances = reader.probabilities(texts)[:, COLUMNS["intent"]].tolist()
    return [dict(zip(INTENTS, row, strict=True)) for row in chances]
