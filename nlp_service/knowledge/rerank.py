"""How well a text answers a question, for pairs that belong to no base: each pair is judged by itself.

The features are those of a search as far as they need no base: which of the question's characters and sounds the
document has, and how near its words are. How rare a word is comes from the search model, not from the documents, so
that a score depends on nothing but its own pair.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.features import MAX_UNITS, Question, read
from nlp_service.knowledge.search.fields import normalised
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.synonyms import Synonyms
from nlp_service.knowledge.search.words import WordField, align
from nlp_service.text import segment
from nlp_service.text.normalise import Batch, normalise_batch

MAX_DOCUMENT = 1_000
"""Code points of a document that are read."""

BLOCK = 128
"""Documents that are read at a time: all words of a block are held beside all words of the question."""

FEATURES = ("units", "sounds", "vector", "passage", "aligned", "aligned.back", "length")
"""What is read of a pair, in order: shares of the question's characters and pairs of syllables, cosines to the whole
document and to its nearest passage, how the words find one another both ways, and the logarithm of its words."""

WEIGHTS = (6.80, 1.31, 4.41, 4.02, 7.98, 2.92, -1.29)
"""Of `FEATURES`, learnt as a choice among all entries of a base (`training/rerank.py`)."""

SLOPE, BIAS = 0.435, -5.034
"""From the weighted sum to log-odds, fitted on the ten best of each question, one in fifteen of which was right."""

_PASSAGE = 20  # code points; shorter sentences are joined with the next one
_END = re.compile(r"(?<=[。！？!?；;\n])")
_NO_SYNONYMS = Synonyms(())

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]


class Relevance(NamedTuple):
    """What is said of a document.

    Attributes:
        place: Among the documents, from 0.
        probability: That it answers, in [0, 1].
        logit: The log-odds of that.
    """

    place: int
    probability: float
    logit: float


class _Runs(NamedTuple):
    """Codes of all documents, one behind the other, and the document of each."""

    codes: Codes
    owner: Index


class Documents:
    """Documents, read once for any number of questions.

    Args:
        model: The search model.
        texts: At least one; the first `MAX_DOCUMENT` code points of each are read.
    """

    def __init__(self, model: SearchModel, texts: Sequence[str]) -> None:
        passages = [_passages(text[:MAX_DOCUMENT]) for text in texts]
        batch = normalise_batch([passage for each in passages for passage in each])
        rows = model.words(normalised(batch))
        self.n = len(texts)
        self.model = model
        self.begins: Index = np.concatenate(([0], np.cumsum(list(map(len, passages))))).astype(np.intp)
        bounds = zip(self.begins[:-1], self.begins[1:], strict=True)
        self.words = WordField([[row for passage in rows[a:b] for row in passage] for a, b in bounds])
        self.vectors = model.projector.project(self.words.means(model.table))
        self.passages = model.projector.project(WordField(rows).means(model.table))
        owner = np.repeat(np.arange(self.n), np.diff(batch.offsets[self.begins]))
        units = batch.units.astype(np.int64)
        self.units = _Runs(units, owner)
        self.sounds = _pairs(_syllables(model, batch), owner)


def rank(model: SearchModel, query: str, texts: Sequence[str]) -> list[Relevance]:
    """How well each text answers a question, the best first; those alike in the order that they came in.

    Args:
        model: The search model.
        query: Its first `MAX_UNITS` characters are read.
        texts: Any number.
    """
    if not texts:
        return []
    blocks = [Documents(model, texts[first : first + BLOCK]) for first in range(0, len(texts), BLOCK)]
    values = np.concatenate([features(query, block) for block in blocks])
    # No product of matrices, whose last digits depend on how many rows there are.
    logits = SLOPE * (values * np.array(WEIGHTS, np.float32)).sum(1) + BIAS
    rounded = np.round(logits.astype(np.float64), 4)
    chances = np.round(1.0 / (1.0 + np.exp(-rounded)), 4)
    order = np.argsort(-rounded, kind="stable")
    return [Relevance(int(i), float(chances[i]), float(rounded[i])) for i in order]


def features(query: str, documents: Documents) -> Floats:
    """Values of `FEATURES` for each document; (n, n_features)."""
    model = documents.model
    (question,) = read(model, [query], _NO_SYNONYMS)
    batch = normalise_batch([query[: 4 * MAX_UNITS]])
    units = batch.units[:MAX_UNITS].astype(np.int64)
    rarity = _rarity(model, normalised(batch)[0][:MAX_UNITS], units)
    syllables = _syllables(model, batch)[:MAX_UNITS]
    heard = _pairs(syllables, np.zeros(len(syllables), np.intp)).codes
    columns = {
        "units": _share(documents.units, documents.n, units, rarity),
        "sounds": _share(documents.sounds, documents.n, heard, _of_pairs(rarity, syllables)),
        "vector": documents.vectors @ question.vector,
        "passage": np.maximum.reduceat(documents.passages @ question.vector, documents.begins[:-1]),
        **_aligned(question, documents),
        "length": np.log1p(np.diff(documents.words.offsets)),
    }
    return np.stack([columns[name] for name in FEATURES], 1).astype(np.float32)


def _aligned(question: Question, documents: Documents) -> dict[str, Floats]:
    if not len(question.words):
        nothing = np.zeros(documents.n, np.float32)
        return {"aligned": nothing, "aligned.back": nothing}
    (found,) = align(documents.model.table, question.words, [(documents.words, np.arange(documents.n))])
    share = question.weights / max(float(question.weights.sum()), 1e-9)
    return {"aligned": (found.forth * share).sum(1), "aligned.back": found.back}


def _passages(text: str) -> list[str]:
    """A text in pieces of whole sentences; at least one."""
    found, open_ = [], ""
    for sentence in _END.split(text):
        open_ += sentence
        if len(open_) >= _PASSAGE:
            found.append(open_)
            open_ = ""
    return [*found, open_] if open_ or not found else found


def _rarity(model: SearchModel, text: str, units: Codes) -> Floats:
    """What each unit counts: as much as the rarest word that it stands in, nothing for punctuation."""
    rarest = float(model.table.weights.max())
    counts: dict[int, float] = {}
    for word in filter(str.isalnum, segment.cut([text])[0]):
        rows = model.table.rows([word])
        weight = float(model.table.weights[rows].mean()) if rows else rarest
        for char in map(ord, word):
            counts[char] = max(weight, counts.get(char, 0.0))
    return np.array([counts.get(unit, 0.0) for unit in units.tolist()], np.float32)


def _syllables(model: SearchModel, batch: Batch) -> Codes:
    """Code of the syllable of each unit, 0 where it has none."""
    inside = batch.units < len(model.syllables)
    return np.where(inside, model.syllables[np.where(inside, batch.units, 0)], 0).astype(np.int64)


def _pairs(codes: Codes, owner: Index) -> _Runs:
    """Neighbouring codes of one document, both known, as one code."""
    whole = (codes[:-1] > 0) & (codes[1:] > 0) & (owner[:-1] == owner[1:])
    return _Runs((codes[:-1] << 32 | codes[1:])[whole], owner[:-1][whole])


def _of_pairs(weights: Floats, codes: Codes) -> Floats:
    whole = (codes[:-1] > 0) & (codes[1:] > 0)
    return np.asarray((weights[:-1] + weights[1:])[whole], np.float32)


def _share(documents: _Runs, n: int, wanted: Codes, weights: Floats) -> Floats:
    """Share of the wanted codes, by weight, that each document has; (n,)."""
    codes, first = np.unique(wanted, return_index=True)
    total = float(weights[first].sum())
    if total <= 0.0:
        return np.zeros(n, np.float32)
    at = np.minimum(np.searchsorted(codes, documents.codes), len(codes) - 1)
    has = codes[at] == documents.codes
    found = np.zeros((n, len(codes)), np.bool_)
    found[documents.owner[has], at[has]] = True
    return np.asarray((found * weights[first]).sum(1) / total, np.float32)
