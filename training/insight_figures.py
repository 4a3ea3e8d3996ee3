"""What mining makes of complaints that people have sorted, with plain k-means beside it in the same run."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.analyser import Analyser
from nlp_service.insight.pains import cluster
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.words import WordField
from nlp_service.text import segment

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]

GROUPS = 40
COLUMNS = 100
"""Dimensions of the rival's words."""

LONGEST = 4000
"""Code points of a complaint that the model reads, as at the doors of the service."""

_SEED = 0


class Figure(NamedTuple):
    """How groups agree with classes.

    Attributes:
        part: Which complaints: ``chosen on`` (even rows), ``held out`` (odd rows), ``all``.
        method: ``pains.cluster`` or ``k-means``.
        groups: How many.
        nmi: Normalised mutual information, in [0, 1].
        purity: Part of the complaints that are of their group's most frequent class.
    """

    part: str
    method: str
    groups: int
    nmi: float
    purity: float


class Embedder:
    """Vectors of texts by the dense part of the search model."""

    def __init__(self, model: SearchModel) -> None:
        self._model = model

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Of unit length, zero for a text without known words; (n, columns)."""
        field = WordField(self._model.words(texts))
        return self._model.projector.project(field.means(self._model.table))


def measure(data: Path, search_model: Path, analyser: Path) -> list[Figure]:
    """Group the car complaints, half by half and all together.

    Args:
        data: The data folder, with ``public/car_complaints_2024``.
        search_model: Folder of the search model.
        analyser: Folder of the model whose vectors are used.

    Raises:
        ArtifactError: A model cannot be loaded.
        FileNotFoundError: The complaints are not there.
    """
    texts, classes = _read(data / "public" / "car_complaints_2024" / "train.jsonl.gz")
    vectors = Analyser.load(analyser).vectors([text[:LONGEST] for text in texts])
    embed = Embedder(SearchModel.load(search_model))
    even = np.arange(len(texts)) % 2 == 0
    parts = {"chosen on": even, "held out": ~even, "all": np.ones(len(texts), np.bool_)}
    found = []
    for name, part in parts.items():
        own = [texts[i] for i in np.flatnonzero(part).tolist()]
        grouped = {"pains.cluster": cluster(own, vectors[part], embed, GROUPS), "k-means": plain(own, GROUPS)}
        found += [_figure(name, method, label, classes[part]) for method, label in grouped.items()]
    return found


def plain(texts: Sequence[str], k: int) -> Index:
    """The rival: k-means on TF-IDF of jieba's words, folded to `COLUMNS` dimensions."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    reader = TfidfVectorizer(analyzer=list, min_df=2)
    words = reader.fit_transform([[word for word in own if word.isalnum()] for own in segment.cut(texts)])
    folded = normalize(TruncatedSVD(min(COLUMNS, words.shape[1] - 1), random_state=_SEED).fit_transform(words))
    return np.asarray(KMeans(k, n_init=3, random_state=_SEED).fit_predict(folded), np.int64)


def purity(label: Index, classes: npt.NDArray[np.str_]) -> float:
    """Part of the texts that are of the most frequent class of their group."""
    most = (Counter(classes[label == group].tolist()).most_common(1)[0][1] for group in np.unique(label))
    return sum(most) / len(label)


def _figure(part: str, method: str, label: Index, classes: npt.NDArray[np.str_]) -> Figure:
    from sklearn.metrics import normalized_mutual_info_score

    nmi = float(normalized_mutual_info_score(classes, label))
    return Figure(part, method, len(np.unique(label)), nmi, purity(label, classes))


def _read(path: Path) -> tuple[list[str], npt.NDArray[np.str_]]:
    """Texts and classes; rows without a class are left out."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["label"]]
    return [row["text"] for row in rows], np.array([row["label"] for row in rows])
