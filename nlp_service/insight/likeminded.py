"""Circles of authors who talk about the same things, found without rules; only of those who say enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.insight.counting import Ledger
from nlp_service.insight.topics.crowds import find_crowds
from nlp_service.insight.topics.options import TopicOptions
from nlp_service.insight.topics.reading import sketch, words_of
from nlp_service.insight.topics.state import PEOPLE, Index
from nlp_service.insight.wording import Corpus

LEAST_STATEMENTS = 5
"""Different statements from which an author says enough."""

MOST_AUTHORS = 4000
"""Authors who are compared, those who say the most."""

NEAR = 0.4
"""Cosine to the centre of a circle."""

LEAST_PART = 0.5
"""Part of a circle's members who use a term of it."""

LEAST_LIFT = 3.0
"""How much more often the circle's statements have a term than all others: to say much is not to talk alike."""

LEAST_RATE = 0.03
"""Part of the circle's statements that have a term: what somebody talks about comes up again and again."""

N_TERMS = 8


class Circle(NamedTuple):
    """Authors who talk alike.

    Attributes:
        terms: Words that they share and others do not, most telling first.
        rows: Their messages with these words, rising.
    """

    terms: tuple[str, ...]
    rows: Index


def find_circles(corpus: Corpus, ledger: Ledger, rows: Index, *, least_people: int = 5) -> list[Circle]:
    """Find circles among the known authors of some rows, the closest first.

    Args:
        corpus: The words of all rows.
        ledger: Of the table.
        rows: That are read; of known authors.
        least_people: Members of a circle at the least.
    """
    said = np.unique(np.stack((ledger.people[rows], corpus.row_core[rows])), axis=1)
    counts = np.bincount(said[0], minlength=1)
    authors = np.flatnonzero(counts >= LEAST_STATEMENTS)
    authors = np.sort(authors[np.argsort(-counts[authors], kind="stable")[:MOST_AUTHORS]])
    if len(authors) < least_people:
        return []
    said = said[:, np.isin(said[0], authors)]
    author = np.searchsorted(authors, said[0])
    own, word = words_of(corpus, said[1])
    vectors = sketch(author[own], word, corpus.words, len(authors))
    people = np.zeros((len(authors), PEOPLE), np.uint64)
    people[:, 0] = authors + 1
    options = TopicOptions(near=NEAR, least_people=1, least_messages=least_people)
    circles = []
    for members in find_crowds(vectors, np.ones(len(authors), np.float32), people, options):
        is_member = np.zeros(len(authors), np.bool_)
        is_member[members] = True
        words = _telling(is_member, author, own, word, len(corpus.words))
        if len(words) < 2:
            continue
        with_words = said[1][own[np.isin(word, words)]]
        inside = rows[np.isin(ledger.people[rows], authors[members]) & np.isin(corpus.row_core[rows], with_words)]
        if ledger.count_people(inside) >= least_people:
            circles.append(Circle(tuple(corpus.words[i] for i in words.tolist()), inside))
    return circles


def _telling(is_member: npt.NDArray[np.bool_], author: Index, own: Index, word: Index, n_words: int) -> Index:
    """Words that most members use, and in a far larger part of their statements than others do; best first."""
    by_member = is_member[author]
    inside = by_member[own]
    n_in, n_out = int(by_member.sum()), int((~by_member).sum())
    users = np.unique(np.stack((word[inside], author[own][inside])), axis=1)[0]
    part = np.bincount(users, minlength=n_words) / max(int(is_member.sum()), 1)
    rate_in = np.bincount(word[inside], minlength=n_words) / max(n_in, 1)
    rate_out = (np.bincount(word[~inside], minlength=n_words) + 0.5) / (n_out + 1.0)
    telling = np.flatnonzero((part >= LEAST_PART) & (rate_in >= np.maximum(LEAST_RATE, LEAST_LIFT * rate_out)))
    score = rate_in[telling] * np.log(rate_in[telling] / rate_out[telling])
    found: Index = telling[np.argsort(-score, kind="stable")][:N_TERMS]
    return found
