"""What the models are measured against: common ways to classify Chinese text, trained on the same messages.

A rival that comes as a package of its own is optional: `version` says whether it is there.
"""

from __future__ import annotations

import importlib
import itertools
import tempfile
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import sklearn
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from nlp_service.inference.heads import COLUMNS
from nlp_service.text.segment import Segmenter
from nlp_service.types import INTENTS, SENTIMENTS
from training.evaluate import Answers, primary_codes, sentiment_codes, targets
from training.examples import Example

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Aim = Literal["accuracy", "macro-F1"]

CUTS = 201
"""Places that are tried for a bound: quantiles of the scores."""
_LABEL = "__label__"
_SETTINGS = {"dim": 50, "minn": 1, "maxn": 4, "wordNgrams": 3, "bucket": 500_000, "lr": 0.3, "minCount": 1}
_RISKS = (COLUMNS["risk"].start, COLUMNS["risk"].start + 1)
_ABUSE = COLUMNS["abuse"].start


class Rival(Protocol):
    """Somebody who learns from labelled messages and answers others.

    Attributes:
        name: Heading of its column.
        version: Of what it is made with; None where that is not installed.
        recipe: All that decides its answers beside the data.
    """

    name: str
    version: str | None
    recipe: dict[str, object]

    def read(self, train: list[Example], texts: Sequence[str]) -> Answers:
        """Learn from annotated messages and answer `texts`."""
        ...

    def classify(self, train: Sequence[str], codes: Ints, n_classes: int, texts: Sequence[str]) -> Ints | None:
        """Learn a label of one's own, a code for each message of `train`, and give that of `texts`."""
        ...

    def similarities(self, known: Sequence[str], first: Sequence[str], second: Sequence[str]) -> Floats | None:
        """How near the messages of each pair are; `known` are texts of the same kind without labels."""
        ...


class LogisticRival:
    """Logistic regression on TF-IDF of runs of one to four characters, classes weighed by their rarity."""

    name = "TF-IDF + LR"
    version: str | None = sklearn.__version__

    def __init__(self, strength: float = 10.0, min_messages: int = 2) -> None:
        self._strength = strength
        self._min_messages = min_messages
        self.recipe: dict[str, object] = {"runs": "1-4", "strength": strength, "min_messages": min_messages}

    def read(self, train: list[Example], texts: Sequence[str]) -> Answers:
        """One regression for each label; the primary intent and the sentiment are those with the highest score."""
        seen, asked = self._features([example.text for example in train], texts)
        columns = targets(train)
        intents = range(COLUMNS["intent"].start, COLUMNS["intent"].stop)
        return Answers(
            primary=self._one_of(seen, primary_codes(columns), len(INTENTS), asked),
            intent=np.stack([self._score(seen, columns[:, i] > 0, asked) for i in intents], 1),
            sentiment=self._one_of(seen, sentiment_codes(columns), len(SENTIMENTS), asked),
            risk=np.stack([self._score(seen, columns[:, i] > 0, asked) for i in _RISKS], 1),
            abuse=self._score(seen, columns[:, _ABUSE] > 0, asked),
        )

    def classify(self, train: Sequence[str], codes: Ints, n_classes: int, texts: Sequence[str]) -> Ints:
        """The class with the highest score."""
        seen, asked = self._features(train, texts)
        return self._one_of(seen, codes, n_classes, asked)

    def similarities(self, known: Sequence[str], first: Sequence[str], second: Sequence[str]) -> Floats:
        """Cosine of TF-IDF over pairs of neighbouring characters, their rarity counted over all texts at hand."""
        weigher = TfidfVectorizer(analyzer="char", ngram_range=(2, 2), sublinear_tf=True)
        weigher.fit(
            [*known, *first, *second, "无字"]
        )  # a vocabulary must not be empty, and single characters give none
        product = weigher.transform(first).multiply(weigher.transform(second))
        return np.asarray(product.sum(1), np.float64).ravel()

    def _features(self, train: Sequence[str], texts: Sequence[str]) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        least = min(self._min_messages, len(train))
        weigher = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=least, sublinear_tf=True)
        return weigher.fit_transform(train), weigher.transform(texts)

    def _one_of(self, seen: sparse.csr_matrix, codes: Ints, n_classes: int, asked: sparse.csr_matrix) -> Ints:
        return np.stack([self._score(seen, codes == code, asked) for code in range(n_classes)], 1).argmax(1)

    def _score(self, seen: sparse.csr_matrix, true: npt.NDArray[np.bool_], asked: sparse.csr_matrix) -> Floats:
        """Log-odds of one yes-or-no label; a label that nobody or everybody has is no question."""
        if true.all() or not true.any():
            return np.full(asked.shape[0], 99.0 if true.any() else -99.0)
        model = LogisticRegression(C=self._strength, class_weight="balanced", solver="liblinear")
        return model.fit(seen, true).decision_function(asked)


class FastTextRival:
    """fastText: mean of vectors of jieba's words, of their character n-grams and of runs of words."""

    name = "fastText"

    def __init__(self, messages_seen: int = 200_000, most_epochs: int = 50, least_epochs: int = 10) -> None:
        self._epochs = (messages_seen, most_epochs, least_epochs)
        self.version = _version("fasttext")
        self.recipe: dict[str, object] = {**_SETTINGS, "epochs": self._epochs}
        self._segmenter = Segmenter()

    def read(self, train: list[Example], texts: Sequence[str]) -> Answers:
        """One model for each head; all intents together are one of yes-or-no losses."""
        seen, asked = self._words([example.text for example in train]), self._words(texts)
        columns = targets(train)
        sets = [np.flatnonzero(row > 0).tolist() for row in columns[:, COLUMNS["intent"]]]

        def says(column: int) -> Floats:
            return self._chances(seen, [[int(value > 0)] for value in columns[:, column]], 2, asked)[:, 1]

        return Answers(
            primary=self._chances(seen, _alone(primary_codes(columns)), len(INTENTS), asked).argmax(1),
            intent=self._chances(seen, sets, len(INTENTS), asked, loss="ova"),
            sentiment=self._chances(seen, _alone(sentiment_codes(columns)), len(SENTIMENTS), asked).argmax(1),
            risk=np.stack([says(column) for column in _RISKS], 1),
            abuse=says(_ABUSE),
        )

    def classify(self, train: Sequence[str], codes: Ints, n_classes: int, texts: Sequence[str]) -> Ints:
        """The class with the highest probability."""
        return self._chances(self._words(train), _alone(codes), n_classes, self._words(texts)).argmax(1)

    def similarities(self, known: Sequence[str], first: Sequence[str], second: Sequence[str]) -> None:
        """It takes no part: what it learns is for a label."""

    def _words(self, texts: Sequence[str]) -> list[str]:
        """Words of each text with spaces between them, on one line and without what fastText takes for a label."""
        sound = (text.encode("utf-8", "replace").decode("utf-8") for text in texts)  # it takes no lone surrogates
        return [" ".join(self._segmenter.words(text)).replace(_LABEL, "").replace("\0", "") for text in sound]

    def _chances(
        self, seen: list[str], labels: list[list[int]], n_classes: int, asked: list[str], *, loss: str = "softmax"
    ) -> Floats:
        """Probability of each class; without words that of the class among the labels."""
        messages_seen, most, least = self._epochs
        epochs = min(most, max(least, messages_seen // len(seen)))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            with path.open("w", encoding="utf-8") as file:
                for line, classes in zip(seen, labels, strict=True):
                    file.write(f"{' '.join(f'{_LABEL}{code}' for code in classes)} {line}\n")
            # One thread: with more, the weights differ from run to run.
            model = importlib.import_module("fasttext").train_supervised(
                str(path), loss=loss, epoch=epochs, thread=1, seed=1, verbose=0, **_SETTINGS
            )
        shares = np.bincount(list(itertools.chain.from_iterable(labels)), minlength=n_classes) / len(labels)
        found = np.tile(shares, (len(asked), 1))
        for row, names, chances in zip(found, *model.predict(asked, k=-1), strict=True):
            for name, chance in zip(names, chances, strict=True):
                row[int(name.removeprefix(_LABEL))] = chance
        return found


class SnowRival:
    """SnowNLP: naive Bayes over words, trained by its makers on shop reviews. It knows no neutral and nothing else.

    Its probability of a positive text is cut into three at the two bounds that are best on annotated messages.
    """

    name = "SnowNLP"

    def __init__(self, messages: int = 1500) -> None:
        self._messages = messages
        self.version = _version("snownlp")
        self.recipe: dict[str, object] = {"messages": messages, "cuts": CUTS}

    def read(self, train: list[Example], texts: Sequence[str]) -> Answers:
        """Sentiment alone; the bounds are chosen on some of the annotated messages."""
        drawn = np.random.default_rng(0).permutation(len(train))[: self._messages]
        chosen = [train[i] for i in drawn]
        truth = sentiment_codes(targets(chosen))
        bounds = best_bounds(self._scores([e.text for e in chosen]), truth, len(SENTIMENTS), "macro-F1")
        return Answers(sentiment=np.searchsorted(bounds, self._scores(texts), "right"))

    def classify(self, train: Sequence[str], codes: Ints, n_classes: int, texts: Sequence[str]) -> None:
        """It takes no part: its model is measured as it ships."""

    def similarities(self, known: Sequence[str], first: Sequence[str], second: Sequence[str]) -> None:
        """It takes no part: its similarity is one of keywords."""

    def _scores(self, texts: Sequence[str]) -> Floats:
        classify = _import("snownlp.sentiment").classify
        return np.array([classify(text) for text in texts])


def rivals() -> list[Rival]:
    """Everybody the models are measured against."""
    return [LogisticRival(), FastTextRival(), SnowRival()]


def best_bounds(scores: Floats, codes: Ints, n_classes: int, aim: Aim) -> Floats:
    """Bounds between ordered classes that are best for given scores; a score at a bound is above it.

    Args:
        scores: (n,), n > 0.
        codes: Class of each, 0 for the one of the lowest scores.
        n_classes: Number of classes; every way to place one bound less is tried.
        aim: What to make largest.

    Returns:
        Ascending, (n_classes - 1,); infinite where nothing should be of the classes above.
    """
    cuts = np.append(np.unique(np.quantile(scores, np.linspace(0.0, 1.0, CUTS))), np.inf)
    below = np.stack([(scores[codes == code, None] < cuts).sum(0) for code in range(n_classes)], 1)
    all_ = np.bincount(codes, minlength=n_classes)
    best, found = -1.0, (0,) * (n_classes - 1)
    for chosen in itertools.combinations_with_replacement(range(len(cuts)), n_classes - 1):
        said = np.diff(np.vstack((np.zeros_like(all_), below[list(chosen)], all_)), axis=0)  # (said, true)
        hits = said.diagonal()
        reached = hits.sum() / len(codes)
        if aim == "macro-F1":
            reached = np.mean(2 * hits / np.maximum(1, said.sum(1) + all_))
        if reached > best:
            best, found = float(reached), chosen
    return cuts[list(found)]


def _alone(codes: Ints) -> list[list[int]]:
    return [[code] for code in codes.tolist()]


def _version(module: str) -> str | None:
    """Distribution and version that an installed module comes from."""
    names = metadata.packages_distributions().get(module)
    return f"{names[0]} {metadata.version(names[0])}" if names else None


def _import(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that a package leaves open, and of escapes that newer Pythons refuse
        return importlib.import_module(name)
