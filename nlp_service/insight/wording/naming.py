"""Terms of groups of messages, and names made of them.

Class-based TF-IDF after Grootendorst 2022 ("BERTopic"), with all messages as the background instead of the average
group: W(t, c) = p(t, c) log(1 + p(t, c) N / f(t)), with p the part of the group's messages that have the term, f how
many of all N messages have it. A term of every group is worth log 2 or less in any; a term of a few of the group's
messages loses to one of all of them, however rare it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.insight.wording.reading import Corpus

CANDIDATES = 80
"""Phrases of a group that are looked at one by one."""

NESTED = 0.6
"""Part of a phrase's messages that a longer one must have to take its place."""

LONGEST_NAME = 10
"""Code points of a name that a second word may still make longer."""


class _Candidate(NamedTuple):
    phrase: str
    score: float
    messages: float


def terms(corpus: Corpus, groups: Sequence[npt.NDArray[np.integer]], n: int = 8) -> list[tuple[str, ...]]:
    """What each group of rows says more than the others and the background, most telling first.

    Args:
        corpus: Of all messages of the period.
        groups: Rows of each group.
        n: Terms of a group at the most.

    Returns:
        Words and phrases of two or three words, none inside another; () for a group without words.
    """
    codes, counts = corpus.frequencies()
    return [tuple(each.phrase for each in _best(corpus, rows, codes, counts, n)) for rows in groups]


def _best(
    corpus: Corpus,
    rows: npt.NDArray[np.integer],
    codes: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    n: int,
) -> list[_Candidate]:
    cores, weight = np.unique(corpus.row_core[rows], return_counts=True)
    found, owner = corpus.phrases(cores)
    if not len(found):
        return []
    different, place = np.unique(found, return_inverse=True)
    # One text said a thousand times is not a thousand times as telling: the root keeps copies from drowning wordings.
    messages = np.bincount(place, np.sqrt(weight[owner]))
    everywhere = counts[np.searchsorted(codes, different)]
    part = messages / np.sqrt(weight).sum()
    score = part * np.log1p(part * corpus.n_rows / everywhere)
    order = np.lexsort((different, -score))[:CANDIDATES].tolist()
    listed = [_Candidate(corpus.spell(int(different[i])), float(score[i]), float(messages[i])) for i in order]
    return _without_nested(listed, n)


def _without_nested(candidates: list[_Candidate], n: int) -> list[_Candidate]:
    """The best `n` of which none is inside another: the longer one where it is most of the shorter one."""
    chosen: list[_Candidate] = []
    for each in candidates:
        longer = [other for other in candidates if each.phrase in other.phrase and other is not each]
        if any(other.messages >= NESTED * each.messages for other in longer):
            continue
        if not any(each.phrase in other.phrase or other.phrase in each.phrase for other in chosen):
            chosen.append(each)
            if len(chosen) == n:
                break
    return chosen


def name(terms: Sequence[str], fallback: str = "") -> str:
    """Two or three words for people, of a group's terms; `fallback` where it has none."""
    if not terms:
        return fallback
    chosen = terms[0]
    for term in terms[1:3]:
        if len(chosen) + len(term) <= LONGEST_NAME and not _pairs(term) & _pairs(chosen):
            return f"{chosen} {term}"
    return chosen


def excerpt(corpus: Corpus, rows: npt.NDArray[np.integer]) -> str:
    """The beginning of what most of some rows say, for a group without any term."""
    cores, counts = np.unique(corpus.row_core[rows], return_counts=True)
    return corpus.cores[int(cores[np.argmax(counts)])][:LONGEST_NAME] if len(cores) else ""


def _pairs(term: str) -> set[str]:
    return {term[i : i + 2] for i in range(len(term) - 1)}
