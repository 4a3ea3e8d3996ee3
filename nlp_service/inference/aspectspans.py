"""From what a tagger gives of every unit to spans of aspects and opinions, and which of them belong together.

Two chains of tags run over the same units, since "上好的食材" is an opinion that holds its aspect. Messages lie one
behind the other in flat arrays, N units in all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.inference.ragged import positions

OUTSIDE, BEGIN, INSIDE = 0, 1, 2
"""Tags of either chain."""

REACH = 48
"""Units between an aspect and an opinion beyond which they are not looked at as a pair."""

NEVER = -1e4
"""Added to what must not follow: inside after outside."""

GAPS = (0, 1, 2, 4, 7, 12, 20)
"""Bounds of the distance between the two, in units, that each are a feature."""

N_FEATURES = 3 + len(GAPS) + 1 + 4 + 2 + 3 + 3

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


class Spans(NamedTuple):
    """Units ``start:end``, counted over all messages, and the message of each; in order, (n,)."""

    message: Index
    start: Index
    end: Index


def best_tags(emissions: Floats, offsets: npt.NDArray[np.integer], transitions: Floats) -> npt.NDArray[np.int8]:
    """The best sequence of tags of each message in each chain (Viterbi 1967), all messages in step.

    Args:
        emissions: (N, chains, 3).
        offsets: Where each message begins, with N at the end; no message is empty.
        transitions: From a tag (second axis) to the next (third); (chains, 3, 3).

    Returns:
        (N, chains).
    """
    sizes = np.diff(offsets)
    order = np.argsort(-sizes, kind="stable")
    begins, lengths = offsets[:-1][order].astype(np.intp), sizes[order]
    longest = int(lengths[0]) if len(lengths) else 0
    active = len(lengths) - np.searchsorted(lengths[::-1], np.arange(longest), "right")
    score = emissions[begins].copy()
    score[:, :, INSIDE] += NEVER
    back = np.zeros(emissions.shape, np.int8)
    for t in range(1, longest):
        k = active[t]
        at = begins[:k] + t
        reached = score[:k, :, :, None] + transitions
        back[at] = reached.argmax(2)
        score[:k] = reached.max(2) + emissions[at]
    current = score.argmax(2)
    tags = np.zeros(emissions.shape[:2], np.int8)
    for t in range(longest - 1, -1, -1):
        k = active[t]
        at = begins[:k] + t
        tags[at] = current[:k]
        current[:k] = np.take_along_axis(back[at], current[:k, :, None], 2)[:, :, 0]
    return tags


def spans_of(tags: npt.NDArray[np.int8], offsets: npt.NDArray[np.integer]) -> Spans:
    """Spans of one chain, (N,), in which no message begins inside."""
    start = np.flatnonzero(tags == BEGIN)
    stops = np.append(np.flatnonzero(tags != INSIDE), len(tags))
    end = stops[np.searchsorted(stops, start, "right")]
    return Spans(np.searchsorted(offsets, start, "right") - 1, start, end)


def means(values: Floats, spans: Spans) -> Floats:
    """Mean of the rows (N, columns) of each span, which share none; (n, columns)."""
    if not len(spans.start):
        return np.zeros((0, values.shape[1]), np.float32)
    padded = np.concatenate((values, np.zeros((1, values.shape[1]), np.float32)))
    edges = np.stack((spans.start, spans.end), 1).ravel()
    sums = np.add.reduceat(padded, edges, axis=0)[::2]
    return np.asarray(sums / (spans.end - spans.start)[:, None], np.float32)


def candidates(aspects: Spans, opinions: Spans) -> tuple[Index, Index]:
    """Indices of the aspects and opinions that may belong together, by opinion: of one message, not too far apart."""
    first = np.searchsorted(aspects.message, opinions.message, "left")
    last = np.searchsorted(aspects.message, opinions.message, "right")
    opinion, aspect = positions(first, last - first)
    near = _gap(aspects, opinions, aspect, opinion)[2] <= REACH
    return aspect[near], opinion[near]


def pair_features(
    aspects: Spans, opinions: Spans, aspect: Index, opinion: Index, marks: npt.NDArray[np.int8]
) -> Floats:
    """What tells of two spans whether they belong together, beside their words.

    Args:
        aspects: All of the messages.
        opinions: Likewise.
        aspect: Of each pair, (n,).
        opinion: Likewise.
        marks: Of each unit: 2 for the end of a sentence, 1 for another mark or a space, else 0; (N,).

    Returns:
        (n, N_FEATURES), 0 or 1 but for the logarithm of the distance.
    """
    low, high, gap = _gap(aspects, opinions, aspect, opinion)
    apart = gap > 0
    before = aspects.end[aspect] <= opinions.start[opinion]
    after = opinions.end[opinion] <= aspects.start[aspect]
    n = len(marks)
    any_mark, strong = _running(np.flatnonzero(marks > 0), n), _running(np.flatnonzero(marks == 2), n)
    between_aspects, between_opinions = _running(aspects.start, n), _running(opinions.start, n)
    columns = [before, after, ~before & ~after, *(gap <= bound for bound in GAPS), np.log1p(gap) / 4]
    for counts, most in ((any_mark, 4), (strong, 2), (between_aspects, 3), (between_opinions, 3)):
        seen = np.where(apart, counts[high] - counts[low], 0)
        columns += [np.minimum(seen, most - 1) == step for step in range(most)]
    return np.stack(columns, 1).astype(np.float32)


def _gap(aspects: Spans, opinions: Spans, aspect: Index, opinion: Index) -> tuple[Index, Index, Index]:
    """Where the stretch between two spans begins and ends, and how long it is; 0 where they touch or overlap."""
    low = np.minimum(aspects.end[aspect], opinions.end[opinion])
    high = np.maximum(aspects.start[aspect], opinions.start[opinion])
    return low, high, np.maximum(high - low, 0)


def _running(places: Index, n: int) -> Index:
    """How many of the places lie before each position from 0 to n."""
    counts = np.zeros(n + 2, np.intp)
    counts[1:-1] = np.bincount(places, minlength=n)[:n]
    return np.cumsum(counts)[:-1]
