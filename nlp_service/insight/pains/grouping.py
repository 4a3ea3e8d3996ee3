"""Groups of statements by what they are about: the steady part of what members complain of.

Statements are read three ways: as bags of words folded to few dimensions (latent semantic analysis; Deerwester
et al. 1990), as the embedding that the caller brings, and as the vectors of the model. Each says something the others
miss. Groups are those of k-means on the three side by side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nlp_service.insight.pains.statements import Embed, Floats, Index
from nlp_service.insight.wording import Corpus

COLUMNS = 50
"""Dimensions that words are folded to."""

WORDS, MEANING, MODEL = 1.0, 0.5, 0.3
"""What each reading counts."""

SHORT = 10.0
"""Words of a text from which means over it blur: the last two readings count ``sqrt(SHORT / (SHORT + n))`` of that."""

RARITY = 1.5
"""Power of a word's inverse document frequency; chosen on one half of the car complaints, see docs/pains.md."""

MOST_FITTED = 6_000
"""Texts that words are folded and groups are made by; further ones join the nearest group."""

LEAST_TEXTS = 3
"""That have a word, for it to be read; and of which more than half do not have it."""

_STARTS = 2  # of k-means, the better of which is taken
_SEED = 0


def readings(corpus: Corpus, cores: Index, vectors: Floats, embed: Embed) -> Floats:
    """What cores are grouped by; (n_cores, columns), rows of unit length.

    Args:
        corpus: The cores.
        cores: Which of them; those of most weight first, as the first `MOST_FITTED` settle how words are folded.
        vectors: Of the model for each of them, centred, of unit length or zero.
        embed: Better vectors.
    """
    meaning = np.concatenate(
        [
            embed([corpus.cores[core] for core in cores[first : first + 8192].tolist()])
            for first in range(0, len(cores), 8192)
        ]
    )
    lengths = (corpus.offsets[cores + 1] - corpus.offsets[cores])[:, None]
    blur = np.sqrt(SHORT / (SHORT + lengths)).astype(np.float32)
    parts = [WORDS * _folded(corpus, cores), MEANING * blur * units(meaning - meaning.mean(0)), MODEL * blur * vectors]
    return units(np.concatenate(parts, axis=1))


def group(rows: Floats, weight: npt.NDArray[np.integer], k: int) -> Index:
    """Group of each row by k-means; `weight` is what each row counts, its root being taken."""
    from sklearn.cluster import KMeans

    k = min(k, len(np.unique(rows[:MOST_FITTED], axis=0)))
    if k < 2:
        return np.zeros(len(rows), np.int64)
    fitted = KMeans(k, n_init=_STARTS, random_state=_SEED)
    fitted.fit(rows[:MOST_FITTED], sample_weight=np.sqrt(weight[:MOST_FITTED]))
    return np.asarray(fitted.predict(rows), np.int64)


def numbered(label: Index) -> Index:
    """The same groups, numbered in the order of their first member."""
    _, first, place = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place]


def _folded(corpus: Corpus, cores: Index) -> Floats:
    """TF-IDF of words in `COLUMNS` dimensions, rows of unit length; zero for a core without any."""
    from scipy.sparse import csr_matrix, diags
    from sklearn.decomposition import TruncatedSVD

    codes, owner = corpus.phrases(cores)
    words = corpus.n_words(codes) == 1
    codes, owner = codes[words], owner[words]
    different, place = np.unique(codes, return_inverse=True)
    fitted = owner < MOST_FITTED
    n_fitted = min(len(cores), MOST_FITTED)
    texts = np.bincount(place[fitted], minlength=len(different))
    known = (texts >= min(LEAST_TEXTS, n_fitted)) & (texts <= max(1, n_fitted // 2))
    if known.sum() < 2 or n_fitted < 2:
        return np.zeros((len(cores), 1), np.float32)
    number = np.cumsum(known) - 1
    held = known[place]
    shape = (len(cores), int(known.sum()))
    counts = csr_matrix((np.ones(int(held.sum()), np.float32), (owner[held], number[place[held]])), shape=shape)
    weighed = counts @ diags((np.log(n_fitted / texts[known]) ** RARITY).astype(np.float32))
    folder = TruncatedSVD(min(COLUMNS, shape[1] - 1, n_fitted - 1), random_state=_SEED)
    norms = np.sqrt(np.maximum(weighed.multiply(weighed).sum(1), 1e-9))
    weighed = diags(1.0 / np.asarray(norms).ravel()) @ weighed
    folder.fit(weighed[:n_fitted])
    return units(folder.transform(weighed))


def units(rows: npt.NDArray[np.floating]) -> Floats:
    """Rows of unit length; zero ones stay."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)
