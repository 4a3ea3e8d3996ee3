"""Groups of statements that rise together: one event, said in several ways.

Three things speak for two statements being of one event, and each alone misleads. Words: "上课卡成幻灯片" and
"直播又断了" share none, "积分过期" and "会员续费" are much alike. Times: five events of one week rise alike. Places:
most events have none. So the measure of a pair is the sum of all three, in units of log-odds, and groups are cut from
the tree of average linkage (UPGMA) where it falls below zero, or where two parts hold together clearly better than
they hold each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from nlp_service.insight.pains import likeness
from nlp_service.insight.pains.statements import Embed, Floats, Index, Reals, Rows, Statements
from nlp_service.insight.wording import Corpus

RISE_P = 0.02
"""A statement may begin an event if chance alone makes it rise like this in one of fifty."""

LEAST_VOICES = 4
"""In the period, for a statement to begin an event."""

MOST_STATEMENTS = 1500
"""That are compared pair by pair, the surest to rise first."""

SHARPNESS = 12.0
"""Log-odds of a likeness of one."""

LEAST_LIKE, DOUBT = 0.30, 0.8
"""Two statements of n and more voices are alike from ``LEAST_LIKE + DOUBT / sqrt(n)`` on: with few, chance alone may
have made them rise together, so the words must say more."""

SHARED_WORDS = 0.5
"""What the cosine of characters counts beside that of meaning."""

FOR, AGAINST = 1.0, 6.0
"""What times and places can say at the most, for all fields together and against for each."""

STRIKING, STRIKES = 5.0, 4.0
"""From what log Bayes factor on a field of `meta` is shared that others lack, not just shared by all; and what that may
count further. Two statements of one week that are both made almost only of one product need little more in words."""

GAP, LEAST_PART = 0.15, 3
"""Parts of so many statements are two groups if each is so much more alike in itself than they are to each other."""

ATTACH_LIKE = 0.45
"""Likeness to a group from which a statement that does not clearly rise by itself is of it, if its times and places
are the group's rather than everybody's."""

COPY_LIKE = 0.7
"""Cosine of characters from which a rare statement is another's misspelling, whenever it was made."""

TOLD = 3.0
"""Log-odds by times and places that it takes for that: of many statements, some are near by chance."""

_CUT = 0.0
_ATTACHED = 8_000  # statements that are held against the groups, those of most voices first


def find_events(
    table: pa.Table, rows: Rows, statements: Statements, corpus: Corpus, embed: Embed, parts: tuple[Index, int]
) -> Index:
    """Which event each core is of, numbered from 0; -1 for none.

    Args:
        table: FACTS of both periods, as `rows` and `corpus` are.
        rows: Its columns.
        statements: Counts of the cores.
        corpus: The cores.
        embed: Vectors of texts, of unit length.
        parts: Part of time of each row, and how many there are; part 0 is the period before.
    """
    events = np.full(len(corpus.cores), -1, np.int64)
    begin = _rising(statements, corpus, int(rows.now.sum()), len(rows.now))
    if not len(begin):
        return events
    item = np.full(len(corpus.cores), -1, np.int64)
    item[begin] = np.arange(len(begin))
    fields = likeness.fields_of(table, *parts)
    counted = [likeness.counts(field, item[rows.core], len(begin)) for field in fields]
    texts = [corpus.cores[core] for core in begin.tolist()]
    meaning = _alike(embed(texts), texts)
    found = _cut(_measure(meaning, statements.voices_now[begin], fields, counted), meaning)
    events[begin] = found
    _attach(events, found, begin, rows, statements, corpus, embed, fields)
    return events


def _rising(statements: Statements, corpus: Corpus, n_now: int, n: int) -> Index:
    """Cores that are made by more people than chance makes of what was said before, surest first."""
    from scipy.stats import binom

    if n_now == n:  # nothing is known of before
        chance = np.where(statements.voices_now >= LEAST_VOICES, 1.0 / (1.0 + statements.voices_now), 1.0)
        rises = statements.voices_now >= LEAST_VOICES
    else:
        enough = np.flatnonzero(statements.voices_now >= LEAST_VOICES)
        voices = statements.voices_now + statements.voices_before
        chance = np.ones(len(voices))
        chance[enough] = binom.sf(statements.voices_now[enough] - 1, voices[enough], n_now / n)
        rises = chance < RISE_P
    says = np.fromiter((len(core) > 1 for core in corpus.cores), np.bool_, len(corpus.cores))
    found = np.flatnonzero(rises & says)
    order = np.lexsort((found, -statements.voices_now[found], chance[found]))
    return np.asarray(np.sort(found[order][:MOST_STATEMENTS]))


def _alike(embedded: Floats, texts: Sequence[str]) -> Reals:
    """Likeness of statements: by meaning, and by characters they share that others lack; (n, n)."""
    characters = _characters(texts, texts)
    return (embedded @ embedded.T).astype(np.float64) + SHARED_WORDS * characters


def _characters(texts: Sequence[str], others: Sequence[str]) -> Reals:
    """Cosines of TF-IDF over characters and pairs of them, learnt on `others`; (n_texts, n_others)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    reader = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    known = reader.fit_transform(others)
    return np.asarray((reader.transform(texts) @ known.T).todense(), np.float64)


def _measure(
    alike: Reals, voices: Index, fields: Sequence[likeness.Field], counted: Sequence[tuple[Reals, Reals]]
) -> Reals:
    """Log-odds of each pair being of one event; (n, n)."""
    fewer = np.minimum(voices[:, None], voices[None, :])
    total = SHARPNESS * (alike - LEAST_LIKE - DOUBT / np.sqrt(fewer))
    speaking, striking = np.zeros_like(alike), np.zeros_like(alike)
    for field, (table, everywhere) in zip(fields, counted, strict=True):
        factor = likeness.factors(table, everywhere)
        total += np.clip(factor, -AGAINST, 0.0)
        speaking += np.clip(factor, 0.0, FOR)
        if field.name.startswith("meta."):
            striking += np.clip(factor - STRIKING, 0.0, STRIKES)
    return np.asarray(total + np.minimum(speaking, FOR) + np.minimum(striking, STRIKES))


def _cut(measure: Reals, alike: Reals) -> Index:
    """Groups of items; numbered by their first member."""
    from scipy.cluster.hierarchy import linkage, to_tree
    from scipy.spatial.distance import squareform

    n = len(measure)
    if n < 2:
        return np.zeros(n, np.int64)
    top = float(measure.max()) + 1.0
    distance = np.maximum(top - (measure + measure.T) / 2.0, 0.0)
    np.fill_diagonal(distance, 0.0)
    label = np.zeros(n, np.int64)
    waiting, parts = [to_tree(linkage(squareform(distance, checks=False), "average"))], []
    while waiting:
        node = waiting.pop()
        members = np.array(node.pre_order())
        if node.is_leaf() or not (node.dist > top - _CUT or _is_two(node, alike)):
            parts.append(members)
        else:
            waiting += [node.left, node.right]
    for number, members in enumerate(sorted(parts, key=lambda part: int(part.min()))):
        label[members] = number
    return label


def _is_two(node, alike: Reals) -> bool:  # type: ignore[no-untyped-def]  # scipy's ClusterNode has no types
    left, right = np.array(node.left.pre_order()), np.array(node.right.pre_order())
    if min(len(left), len(right)) < LEAST_PART:
        return False
    return bool(alike[np.ix_(left, right)].mean() < min(_within(alike, left), _within(alike, right)) - GAP)


def _within(alike: Reals, members: Index) -> float:
    block = alike[np.ix_(members, members)]
    return float((block.sum() - np.trace(block)) / (len(members) * (len(members) - 1)))


def _attach(
    events: Index,
    found: Index,
    begin: Index,
    rows: Rows,
    statements: Statements,
    corpus: Corpus,
    embed: Embed,
    fields: Sequence[likeness.Field],
) -> None:
    """Give events the statements that are theirs but do not rise so clearly by themselves, in place."""
    voices = statements.voices_now + statements.voices_before
    says = np.fromiter((len(core) > 1 for core in corpus.cores), np.bool_, len(corpus.cores))
    rest = np.flatnonzero((events < 0) & (voices > 0) & says)
    rest = rest[np.lexsort((rest, -voices[rest]))][:_ATTACHED]
    if not len(rest):
        return
    own = [corpus.cores[core] for core in begin.tolist()]
    texts = [corpus.cores[core] for core in rest.tolist()]
    meaning, characters = embed(texts) @ embed(own).T, _characters(texts, own)
    n_events = int(found.max()) + 1
    member = np.zeros((len(begin), n_events))
    member[np.arange(len(begin)), found] = 1.0
    alike = ((meaning + SHARED_WORDS * characters) @ member) / member.sum(0)
    event = alike.argmax(1)
    words = SHARPNESS * (alike.max(1) - LEAST_LIKE - DOUBT / np.sqrt(np.maximum(voices[rest], 1)))
    theirs = (words > 0.0) & (alike.max(1) >= ATTACH_LIKE) & (voices[rest] >= LEAST_VOICES)
    told = _told(rest[theirs], event[theirs], events, n_events, rows, fields)
    theirs[theirs] = told >= TOLD
    copies = (characters.max(1) >= COPY_LIKE) & (voices[rest] < LEAST_VOICES)
    events[rest[theirs]] = event[theirs]
    events[rest[copies]] = found[characters[copies].argmax(1)]


def _told(
    cores: Index, event: Index, events: Index, n_events: int, rows: Rows, fields: Sequence[likeness.Field]
) -> Reals:
    """Log-odds that each core was made when and where its event was, not when and where everything was."""
    item = np.full(len(events), -1, np.int64)
    item[cores] = np.arange(len(cores))
    total = np.zeros(len(cores))
    for field in fields:
        table, everywhere = likeness.counts(field, item[rows.core], len(cores))
        of_events, _ = likeness.counts(field, events[rows.core], n_events)
        base = (everywhere + 0.5) / (everywhere + 0.5).sum()
        shares = of_events + likeness.PRIOR * base
        shares /= shares.sum(1, keepdims=True)
        total += (table * np.log(shares[event] / base)).sum(1)
    return total
