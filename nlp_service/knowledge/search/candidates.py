"""Wordings that may match a question, gathered in several ways, and the most promising of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.search.features import Overview, Pairs, Question, products
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.postings import best
from nlp_service.knowledge.search.ragged import distinct

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

CANDIDATES = 24
"""Wordings or entries that each of the four ways may bring."""

KEPT, KEPT_BY_WHOLE = 32, 12
"""Candidates that are ranked, and how many of them at least are of the entries with the highest BM25 of all that they
say. With 32 every figure of the model's card is what it is with all eighty that the four ways bring; with 20 as well,
but for long messages, whose right entry only that BM25 finds."""

KEPT_OF_ENTRY = 4
"""Wordings of one entry that are ranked, so that an entry of hundreds does not hide the others."""

_SHARES = (1.0, 1.5, 0.5, 0.5)
"""What counts for being kept: shares of the terms in the wording and in the whole entry, cosines to both."""


def candidates_of(index: Index, questions: Sequence[Question], allowed: Sequence[Mask | None], seen: Overview) -> Pairs:
    """Wordings that may match, each once: found by terms and by words, in wordings and in what entries say.

    Args:
        index: Of the base.
        questions: What is asked; at least one.
        allowed: Which entries may come back for each; None is all.
        seen: What `survey` gives for the questions.
    """
    vectors = np.stack([question.vector for question in questions])
    opened = [None if mask is None else mask[index.wordings.entry] for mask in allowed]
    near_wordings = index.near_wordings.best_of(vectors, CANDIDATES, opened)
    near_entries = index.near_entries.best_of(vectors, CANDIDATES, allowed)
    by_whole, found = [], []
    for i in range(len(questions)):
        by_whole.append(best(seen.entries[i], CANDIDATES, allowed[i]))
        # An entry that was found by what it says is judged by its standard wording, unless another one was found too.
        standard = index.begins[np.concatenate((by_whole[i], near_entries[i]))]
        found.append(np.concatenate((best(seen.wordings[i], CANDIDATES, opened[i]), near_wordings[i], standard)))
    n = max(1, index.n_wordings)
    asked = np.repeat(np.arange(len(found)), list(map(len, found)))
    pairs = Pairs(*np.divmod(distinct(asked * n + np.concatenate(found)), n))
    is_over = np.bincount(pairs.question, minlength=len(questions)) > KEPT
    if not is_over.any():
        return pairs
    is_kept = _most_promising(index, vectors, pairs, seen, by_whole) | ~is_over[pairs.question]
    return Pairs(*(each[is_kept] for each in pairs))


def _most_promising(
    index: Index, vectors: npt.NDArray[np.float32], pairs: Pairs, seen: Overview, by_whole: Sequence[Rows]
) -> Mask:
    """Which are the `KEPT` most promising ones of each question by what costs little to know."""
    asked, rows = pairs
    entries = index.wordings.entry.take(rows)
    of_wordings, of_entries, near_wordings, near_entries = _SHARES
    asking = vectors.take(asked, axis=0)
    promise = seen.wordings[asked, rows] * (of_wordings / seen.of_wordings)[asked]
    promise += seen.entries[asked, entries] * (of_entries / seen.of_entries)[asked]
    promise += near_wordings * products(index.wordings.vectors.of(rows), asking)
    promise += near_entries * products(index.answers.all_vectors.of(entries), asking)
    is_highest = np.zeros(seen.entries.shape, np.bool_)
    for i, found in enumerate(by_whole):
        is_highest[i, found[np.argsort(-seen.entries[i, found], kind="stable")[:KEPT_BY_WHOLE]]] = True
    promise[is_highest[asked, entries]] += 10.0
    falling = np.lexsort((-promise, asked))
    codes = asked * len(index.entries) + entries
    falling = falling[_place_among_equals(codes[falling]) < KEPT_OF_ENTRY]
    falling = falling[_place_among_equals(asked[falling]) < KEPT]
    is_kept = np.zeros(len(rows), np.bool_)
    is_kept[falling] = True
    return is_kept


def _place_among_equals(values: Rows) -> Rows:
    """For each value, how many equal ones stand before it."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    places = np.empty(len(values), np.intp)
    places[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered)
    return places
