"""Words and phrases that are said more than before, or where there is no before, more than chance would have it.

The log-likelihood ratio of Dunning 1993 ("Accurate methods for the statistics of surprise and coincidence"), of the
messages that have a phrase among all messages of the period against those among all of the period before. It is signed:
negative where the phrase is said less. Where nothing is known of before, a phrase of several words is held against
chance (how much oftener the words stand together than their own numbers promise), and a word by itself against the
messages of an average word.

Messages are counted, not occurrences, and nobody counts more than `MOST_OF_ONE` times for a phrase: one who repeats a
text a thousand times makes no keyword.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight import wording
from nlp_service.insight.counting import Ledger, change
from nlp_service.insight.pains.statements import MOST_OF_ONE
from nlp_service.insight.results import Keyword
from nlp_service.insight.statistics import log_likelihood
from nlp_service.insight.wording import Corpus

Index = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

MOST_KEYS = 1000
"""Messages that are named of a keyword."""

CANDIDATES = 4
"""Phrases looked at for each keyword that is given: some are inside others, some are said by too few."""

NESTED = 0.6
"""Part of a phrase's messages that a longer one must have to take its place."""

_BLOCK = 50_000  # cores whose phrases are held at a time


@dataclass(frozen=True, slots=True)
class KeywordOptions:
    """How keywords are found.

    Attributes:
        most: Keywords that are given.
        least_people: Different people who say a keyword.
        fading: Whether what is said less than before is given too, behind what is said more.
    """

    most: int = 60
    least_people: int = 3
    fading: bool = False


def find_keywords(
    facts: pa.Table, previous: pa.Table, options: KeywordOptions | None = None, corpus: Corpus | None = None
) -> tuple[Keyword, ...]:
    """Words and phrases of up to three words, most telling first; none is inside another.

    Args:
        facts: FACTS of the period.
        previous: FACTS of the period before; without rows where nothing is known.
        options: See there.
        corpus: Of `previous` and, behind it, `facts`, where the caller has read it already.

    Raises:
        BadInput: A message has no time, or they are not in order, or `previous` is not before `facts`.
    """
    if not len(facts):
        return ()
    options = options or KeywordOptions()
    ledger = Ledger(pa.concat_tables([previous.select(facts.column_names), facts]))
    corpus = corpus or wording.read(ledger.facts.column("text"))
    n_before = len(previous)
    said = _Said(ledger, corpus, n_before)
    codes, now, before = said.counts()
    score = _scores(corpus, codes, now, before, len(facts), n_before)
    found = []
    signs = (1.0, -1.0) if options.fading and n_before else (1.0,)
    for sign in signs:
        order = np.lexsort((codes, -sign * score))[: CANDIDATES * options.most]
        order = order[sign * score[order] > 0.0]
        found += _chosen(said, codes[order], score[order], options, sign)
    return tuple(found)


class _Said:
    """Which rows have which phrase."""

    def __init__(self, ledger: Ledger, corpus: Corpus, n_before: int) -> None:
        self.ledger, self.corpus, self.n_before = ledger, corpus, n_before
        self.by_core = np.argsort(corpus.row_core, kind="stable")
        self.bounds = np.searchsorted(corpus.row_core[self.by_core], np.arange(len(corpus.cores) + 1))

    def counts(self) -> tuple[Index, Index, Index]:
        """Codes of all phrases, ascending, and the voices that have each now and had before."""
        n = len(self.corpus.cores)
        core, person = self.corpus.row_core, self.ledger.people
        now = np.arange(len(core)) >= self.n_before
        weights = [_voices(core[part], person[part], n) for part in (now, ~now)]
        codes, sums = [], []
        for first in range(0, n, _BLOCK):
            cores = np.arange(first, min(first + _BLOCK, n))
            found, owner = self.corpus.phrases(cores)
            different, place = np.unique(found, return_inverse=True)
            codes.append(different)
            sums.append([np.bincount(place, each[first + owner], len(different)) for each in weights])
        joined = np.concatenate(codes)
        different, place = np.unique(joined, return_inverse=True)
        totals = [np.bincount(place, np.concatenate([part[i] for part in sums]), len(different)) for i in (0, 1)]
        return different, totals[0].astype(np.int64), totals[1].astype(np.int64)

    def rows(self, codes: Index) -> list[Index]:
        """Rows of each of a few phrases, in the order of the table."""
        place = np.full(len(codes), -1, np.int64)
        order = np.argsort(codes)
        cores: list[list[Index]] = [[] for _ in codes]
        for first in range(0, len(self.corpus.cores), _BLOCK):
            block = np.arange(first, min(first + _BLOCK, len(self.corpus.cores)))
            found, owner = self.corpus.phrases(block)
            place = np.minimum(np.searchsorted(codes[order], found), len(codes) - 1)
            hit = codes[order][place] == found
            which, own = order[place[hit]], first + owner[hit]
            for number in np.unique(which).tolist():
                cores[number].append(own[which == number])
        return [self._rows_of(np.concatenate(own)) for own in cores]

    def _rows_of(self, cores: Index) -> Index:
        parts = [self.by_core[self.bounds[core] : self.bounds[core + 1]] for core in cores.tolist()]
        return np.sort(np.concatenate(parts))


def _voices(core: Index, person: Index, n_cores: int) -> Index:
    """People who make each statement, each counted up to `MOST_OF_ONE` times."""
    if not len(core):
        return np.zeros(n_cores, np.int64)
    width = int(person.max()) + 1
    pair, times = np.unique(core * width + person, return_counts=True)
    return np.bincount(pair // width, np.minimum(times, MOST_OF_ONE), n_cores).astype(np.int64)


def _scores(corpus: Corpus, codes: Index, now: Index, before: Index, n: int, n_before: int) -> Reals:
    if n_before:
        ratio = np.sign(now / n - before / n_before)
        return ratio * log_likelihood(now, n, before, n_before)
    expected = _by_chance(corpus, codes, now, n)
    return np.sign(now - expected) * log_likelihood(now, n, np.minimum(expected, n), n)


def _by_chance(corpus: Corpus, codes: Index, now: Index, n: int) -> Reals:
    """Messages that would have each phrase if its words were spread over all of them at random."""
    single = corpus.n_words(codes) == 1
    word_rate = np.zeros(len(corpus.words) + 1)
    word_rate[corpus.word_at(codes[single], 0)] = now[single] / max(n, 1)
    mean = float(now[single].mean()) if single.any() else 0.0
    # A word that may not stand alone was not counted; it is taken to be as frequent as the average one.
    word_rate[word_rate == 0.0] = mean / max(n, 1)
    expected = np.full(len(codes), mean)
    for size in (2, 3):
        own = corpus.n_words(codes) == size
        expected[own] = n * np.prod([word_rate[corpus.word_at(codes[own], i)] for i in range(size)], axis=0)
    return expected


def _chosen(said: _Said, codes: Index, score: Reals, options: KeywordOptions, sign: float) -> list[Keyword]:
    """The best phrases of which none is inside another; the longer one where it is most of the shorter one."""
    if not len(codes):
        return []
    phrases = [said.corpus.spell(int(code)) for code in codes.tolist()]
    rows = said.rows(codes)
    # What is said less is measured on the period before, where it was said.
    first = said.n_before if sign > 0 else 0
    seen = [int((own >= first).sum()) for own in rows]
    chosen: list[int] = []
    for i, phrase in enumerate(phrases):
        longer = (j for j, other in enumerate(phrases) if j != i and phrase in other)
        if any(seen[j] >= NESTED * seen[i] for j in longer):
            continue
        if any(phrase in phrases[j] or phrases[j] in phrase for j in chosen):
            continue
        if said.ledger.count_people(rows[i]) >= options.least_people:
            chosen.append(i)
        if len(chosen) == options.most:
            break
    return [_keyword(said, phrases[i], rows[i], float(score[i])) for i in chosen]


def _keyword(said: _Said, phrase: str, rows: Index, score: float) -> Keyword:
    now = rows[rows >= said.n_before]
    n = len(said.ledger) - said.n_before
    return Keyword(
        term=phrase,
        messages=len(now),
        people=said.ledger.count_people(now),
        score=round(score, 4),
        change=change(len(now), len(rows) - len(now), n, said.n_before),
        keys=said.ledger.keys(now, MOST_KEYS),
    )
