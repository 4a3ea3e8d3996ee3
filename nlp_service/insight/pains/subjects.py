"""Groups of any set of texts by what they are about; unlike statements, texts may be long and tell a story.

Texts are read four ways, side by side: by the matters they name, by their words and the characters of these, folded
to few dimensions (latent semantic analysis; Deerwester et al. 1990), by the embedding that the caller brings, and by
the vectors of the model. The last two are means over a text: they help with short ones and blur over long ones.
Groups are what several runs of k-means agree on (evidence accumulation; Fred and Jain 2005).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags, hstack

from nlp_service.insight.pains import matters
from nlp_service.insight.pains.grouping import (
    LEAST_TEXTS,
    MEANING,
    MODEL,
    MOST_FITTED,
    SHORT,
    numbered,
    units,
)
from nlp_service.insight.pains.statements import Embed, Floats, Index
from nlp_service.insight.wording import Corpus, read

COLUMNS = 50
"""Dimensions that words are folded to."""

WORDS, MATTERS = 1.0, 1.5
"""What these readings count; see `grouping` for the two others."""

EARLY = 30.0
"""Words: one that stands after n others counts ``1 / sqrt(1 + n / EARLY)``: a complaint begins with its matter, and
goes on to its story, the law and what is asked for."""

CHARACTERS = 0.5
"""What a character or pair of characters of a longer word counts beside the word: 大灯, 车灯 and 尾灯 share one."""

RARITY = 1.5
"""Power of the inverse document frequency of words; that of matters is 1."""

RUNS, FINENESS = 12, (0.75, 1.0, 1.5)
"""Runs of k-means that are asked, and how many groups each makes in turn, as parts of those that are wanted."""

MOST_AGREED = 4_000
"""Texts whose pairs are held against each other; further ones join the nearest group."""

_SEED = 0


def cluster(texts: Sequence[str], vectors: Floats, embed: Embed, k_max: int = 40) -> Index:
    """Group texts by what they are about.

    Args:
        texts: The texts; equal ones, and ones that say the same, are always of one group.
        vectors: Of the texts by the model, (n, 128); zero where there is none.
        embed: Better vectors of texts, of unit length.
        k_max: Groups at the most.

    Returns:
        Group of each text, numbered from 0 in the order of their first text.
    """
    if not len(texts):
        return np.zeros(0, np.int64)
    corpus = read(texts)
    sums = np.zeros((len(corpus.cores), vectors.shape[1]), np.float64)
    np.add.at(sums, corpus.row_core, vectors - vectors.mean(0))
    weight = np.bincount(corpus.row_core, minlength=len(corpus.cores))
    return numbered(_agreed(_readings(corpus, units(sums), embed), weight, k_max)[corpus.row_core])


def _readings(corpus: Corpus, vectors: Floats, embed: Embed) -> Floats:
    """What cores are grouped by; (n_cores, columns), rows of unit length."""
    meaning = embed(corpus.cores)
    blur = np.sqrt(SHORT / (SHORT + np.diff(corpus.offsets)))[:, None].astype(np.float32)
    named = matters.count(corpus.cores)
    named.data = np.log1p(named.data)
    parts = [
        WORDS * _folded(_weighed(_words(corpus), RARITY, LEAST_TEXTS)),
        MATTERS * _weighed(named, 1.0, 1).toarray(),
        MEANING * blur * units(meaning - meaning.mean(0)),
        MODEL * blur * vectors,
    ]
    return units(np.concatenate(parts, axis=1))


def _words(corpus: Corpus) -> csr_matrix:
    """What each word and each character and pair of characters of words counts in each core."""
    n = len(corpus.cores)
    meant = corpus.tokens >= 0
    owner = np.repeat(np.arange(n), np.diff(corpus.offsets))[meant]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    counts = ((1.0 + place / EARLY) ** -0.5).astype(np.float32)
    words = csr_matrix((counts, (owner, corpus.tokens[meant])), shape=(n, len(corpus.words)))
    both = hstack([words, CHARACTERS * (words @ _spelling(corpus.words))]).tocsr()
    both.data = np.log1p(both.data)
    return both


def _spelling(words: Sequence[str]) -> csr_matrix:
    """How often each word has each character, and each pair if it has more than two; (n_words, n_pieces)."""
    numbers: dict[str, int] = {}
    rows, columns = [], []
    for row, word in enumerate(words):
        pieces = [*word] if len(word) > 1 else []
        pieces += [word[i : i + 2] for i in range(len(word) - 1)] if len(word) > 2 else []
        rows += [row] * len(pieces)
        columns += [numbers.setdefault(piece, len(numbers)) for piece in pieces]
    ones = np.ones(len(rows), np.float32)
    return csr_matrix((ones, (rows, columns)), shape=(len(words), len(numbers)))


def _weighed(counts: csr_matrix, power: float, least: int) -> csr_matrix:
    """Times the power of the inverse document frequency, rows of unit length or zero.

    Columns that fewer than `least` texts have, or more than half of them, are left out.
    """
    fitted = counts[:MOST_FITTED]
    n = fitted.shape[0]
    texts = fitted.getnnz(0)
    known = np.flatnonzero((texts >= min(least, n)) & (texts <= max(1, n // 2)))
    weighed = counts[:, known] @ diags(np.log(n / np.maximum(texts[known], 1)) ** power)
    norms = np.sqrt(np.asarray(weighed.multiply(weighed).sum(1)).ravel())
    return (diags(1.0 / np.maximum(norms, 1e-9)) @ weighed).tocsr()


def _folded(weighed: csr_matrix) -> npt.NDArray[np.floating]:
    """In `COLUMNS` dimensions, rows of unit length or zero."""
    from sklearn.decomposition import TruncatedSVD

    fitted = weighed[:MOST_FITTED]
    n_columns = min(COLUMNS, fitted.shape[0] - 1, fitted.shape[1] - 1)
    if n_columns < 1:
        return np.zeros((weighed.shape[0], 1), np.float32)
    folder = TruncatedSVD(n_columns, random_state=_SEED).fit(fitted)
    return units(folder.transform(weighed))


def _agreed(rows: Floats, weight: npt.NDArray[np.integer], k: int) -> Index:
    """Group of each row: at most `k`, by average linkage on how many runs of k-means part each pair."""
    from sklearn.cluster import AgglomerativeClustering, KMeans

    known = rows[:MOST_AGREED]
    n_different = len(np.unique(known, axis=0))
    if min(k, n_different) < 2:
        return np.zeros(len(rows), np.int64)
    parted = np.full((len(known), len(known)), 1.0, np.float32)
    for run in range(RUNS):
        n_groups = min(max(2, round(k * FINENESS[run % len(FINENESS)])), n_different)
        each = KMeans(n_groups, n_init=1, random_state=_SEED + run).fit(
            known, sample_weight=np.sqrt(weight[: len(known)])
        )
        parted -= (each.labels_[:, None] == each.labels_).astype(np.float32) / RUNS
    tree = AgglomerativeClustering(min(k, n_different), metric="precomputed", linkage="average")
    label = tree.fit_predict(np.maximum(parted, 0.0))
    centres = np.stack([known[label == number].mean(0) for number in range(label.max() + 1)])
    further = (rows[MOST_AGREED:] @ units(centres).T).argmax(1)
    return np.concatenate([label, further]).astype(np.int64)
