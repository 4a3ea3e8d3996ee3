"""The search model: word vectors, the sounds of characters and the ranker, as one folder that is loaded or refused."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact as artifacts
from nlp_service.knowledge.search.words import Projector, WordTable
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.text import normalise, segment

FORMAT = 1
"""Layout of the folder. A reader takes only its own."""

FILES = ("ranker.npz", "projector.npz", "words.npz", "sounds.npz")
"""The first one's checksum is in the version: what is fitted anew most often."""

FEATURES = (
    "terms.wording", "terms.wording.share", "terms.wording.best",
    "terms.labels",
    "terms.answer", "terms.answer.best",
    "terms.entry", "terms.entry.share", "terms.entry.best",
    "sounds.wording", "sounds.wording.share", "sounds.answer",
    "words.wording", "words.answer", "words.entry",
    "aligned.wording", "aligned.wording.back", "aligned.answer", "aligned.answer.back", "aligned.entry",
    "entry.wordings",
)  # fmt: skip
"""What the ranker reads of a question and a candidate, in order. ``share`` is of what the question's terms could
reach, ``best`` of what the best candidate reaches; all others are sums or cosines."""

COVER = ("score", "spread", "share", "aligned", "length", "question", "chat", "ad")
"""What tells whether a base answers a question at all: the best score, how far the candidates are apart, shares of the
question's terms and words that are met, its length, and probabilities of its intents."""

Floats = npt.NDArray[np.float32]


class Ranker:
    """A small network: features of a candidate to a score, scores of all candidates to probabilities.

    ``score = direct · z + out · tanh(hidden z + bias)`` with ``z`` the standardised features. The scores of a
    question's candidates were learnt as the logits of which one is right, so their softmax is a probability, given
    that one is; ``cover`` is the logit of that.

    Args:
        mean, scale: Of the features; (n_features,).
        direct, hidden, bias, out: Weights; (n_features,), (n_features, n_hidden), (n_hidden,) and (n_hidden,).
        cover: Weights of `COVER`, the last one the constant; (len(COVER) + 1,).

    Raises:
        ValueError: The arrays do not fit together.
    """

    def __init__(
        self, mean: Floats, scale: Floats, direct: Floats, hidden: Floats, bias: Floats, out: Floats, cover: Floats
    ) -> None:
        n = len(FEATURES)
        if any(each.shape != (n,) for each in (mean, scale, direct)) or cover.shape != (len(COVER) + 1,):
            raise ValueError("the ranker is not of these features")
        if hidden.shape != (n, len(bias)) or out.shape != bias.shape:
            raise ValueError("the ranker's arrays do not fit together")
        self._mean, self._scale, self._direct = mean, scale, direct
        self._hidden, self._bias, self._out = hidden, bias, out
        self._cover = cover

    def scores(self, features: Floats) -> Floats:
        """Scores of candidates, (n,), from their features, (n, n_features)."""
        z = (features - self._mean) / self._scale
        return np.asarray(z @ self._direct + np.tanh(z @ self._hidden + self._bias) @ self._out, np.float32)

    def cover(self, signs: Sequence[float]) -> float:
        """Probability that the base answers the question at all, from the values of `COVER`."""
        logit = float(np.dot(self._cover[:-1], np.asarray(signs)) + self._cover[-1])
        return float(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))


class Crossing(Protocol):
    """What reads a question and a passage together, such as a cross-encoder of the hub."""

    version: str

    def scores(self, question: str, passages: Sequence[str]) -> Floats:
        """How well each passage answers, as a logit; (n,)."""
        ...


class SearchModel:
    """What turns texts into what is searched. `load` makes one; it may be shared between threads.

    Attributes:
        version: As answers carry it.
        table: Word vectors.
        projector: Their mean to the vector that searches compare.
        syllables: Code of the syllable of each code point, 0 where it has none.
        ranker: Orders candidates.
        thresholds: Bounds for bases without any of their own.
        crossing: Ranks the first hits anew; None for the ranker alone.
    """

    def __init__(
        self,
        version: str,
        table: WordTable,
        projector: Projector,
        syllables: npt.NDArray[np.uint16],
        ranker: Ranker,
        thresholds: Thresholds,
    ) -> None:
        self.version = version
        self.table = table
        self.projector = projector
        self.syllables = syllables
        self.ranker = ranker
        self.thresholds = thresholds
        self.crossing: Crossing | None = None

    def with_crossing(self, crossing: Crossing) -> SearchModel:
        """The same model with something that ranks its first hits anew; its version names both."""
        twin = copy.copy(self)
        twin.crossing, twin.version = crossing, f"{self.version}+{crossing.version}"
        return twin

    @classmethod
    def load(cls, folder: Path) -> SearchModel:
        """Load a search model.

        Raises:
            ArtifactError: A file is missing, damaged or of another version; the message names it.
        """
        expected: dict[str, Any] = {"format": FORMAT, "normaliser": normalise.VERSION, "features": list(FEATURES)}
        artifact = artifacts.load_parts(folder, FILES, expected)
        try:
            return cls(
                artifact.version,
                WordTable(**artifact.arrays("words.npz")),
                Projector(**artifact.arrays("projector.npz")),
                artifact.arrays("sounds.npz")["syllables"],
                Ranker(**artifact.arrays("ranker.npz")),
                Thresholds(**artifact.manifest["thresholds"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{folder}: its files do not fit together ({type(error).__name__})") from error

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """Rows of the words of each normalised text."""
        return words_of(self.table, texts)


def words_of(table: WordTable, texts: Sequence[str]) -> list[list[int]]:
    """Rows of the words of each normalised text, letters and digits only."""
    return [table.rows([word for word in words if word.isalnum()]) for words in segment.cut(texts)]
