"""Agglomerative clustering with average link, for tens of thousands of vectors.

The average of all inner products between two clusters is the inner product of their means, so no matrix of pairs is
kept. Two clusters can only reach the bound on average if one pair of their members does, so only such pairs are
followed. All clusters that are each other's nearest merge at once, which gives what merging one pair at a time gives
(average link is reducible: Murtagh, 1983).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_BLOCK = 512  # rows at a time: 40 MB of products for 20,000 vectors
_MOST_EDGES = 32  # per vector, its nearest; they keep a crowd of near copies connected without all its pairs
_GATHER = 65_536  # edges at a time: 2 x 128 MB of means at 512 columns


class _Edges(NamedTuple):
    """Pairs of clusters that may merge: ``low < high``, each pair once, in order."""

    low: Ints
    high: Ints
    products: Floats


def link(vectors: Floats, bound: float) -> Ints:
    """Cluster vectors so that the average inner product between any two clusters is below `bound`.

    The order of the rows decides between equals, and the same rows in the same order give the same clusters.

    Args:
        vectors: (n, d).
        bound: Clusters merge at this average or more.

    Returns:
        For each row the first row of its cluster; (n,).
    """
    labels = np.arange(len(vectors))
    sums, sizes = vectors.copy(), np.ones(len(vectors), np.float32)
    edges = _find_edges(vectors, bound)
    while len(edges.low):
        kept, gone = _nearest_pairs(edges, len(vectors))
        sums[kept] += sums[gone]
        sizes[kept] += sizes[gone]
        target = np.arange(len(vectors))
        target[gone] = kept
        labels = target[labels]
        edges = _follow(edges, target, kept, sums, sizes, bound)
    return labels


def _find_edges(vectors: Floats, bound: float) -> _Edges:
    parts = list(_edges_by_block(vectors, bound))
    if not parts:
        return _Edges(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    return _Edges(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _edges_by_block(vectors: Floats, bound: float) -> Iterator[_Edges]:
    for begin in range(0, len(vectors), _BLOCK):
        products = vectors[begin : begin + _BLOCK] @ vectors[begin:].T
        n_rows, n_columns = products.shape
        is_near = products >= bound
        is_near &= np.arange(n_columns)[None, :] > np.arange(n_rows)[:, None]
        for row in np.flatnonzero(is_near.sum(1) > _MOST_EDGES):
            near = np.flatnonzero(is_near[row])
            far = near[np.argsort(-products[row, near], kind="stable")[_MOST_EDGES:]]
            is_near[row, far] = False
        rows, columns = np.nonzero(is_near)
        yield _Edges(rows + begin, columns + begin, products[rows, columns])


def _nearest_pairs(edges: _Edges, n: int) -> tuple[Ints, Ints]:
    """Clusters that are each other's nearest, the lower number of each pair first; of equals the lower is nearer."""
    source, target = np.concatenate([edges.low, edges.high]), np.concatenate([edges.high, edges.low])
    order = np.lexsort((target, -np.tile(edges.products, 2), source))
    clusters, first = np.unique(source[order], return_index=True)
    nearest = np.full(n, -1)
    nearest[clusters] = target[order][first]
    low = clusters[(nearest[nearest[clusters]] == clusters) & (clusters < nearest[clusters])]
    return low, nearest[low]


def _follow(edges: _Edges, target: Ints, changed: Ints, sums: Floats, sizes: Floats, bound: float) -> _Edges:
    """The edges after merging: between what their ends became, once each, without those that fell below the bound."""
    ends = np.sort(np.stack([target[edges.low], target[edges.high]]), axis=0)
    pairs, first = np.unique(ends[0] * len(sizes) + ends[1], return_index=True)
    low, high = pairs // len(sizes), pairs % len(sizes)
    products = edges.products[first]
    is_changed = np.zeros(len(sizes), np.bool_)
    is_changed[changed] = True
    stale = np.flatnonzero(is_changed[low] | is_changed[high])
    for begin in range(0, len(stale), _GATHER):
        some = stale[begin : begin + _GATHER]
        a, b = low[some], high[some]
        products[some] = np.einsum("ij,ij->i", sums[a], sums[b]) / (sizes[a] * sizes[b])
    kept = (low != high) & (products >= bound)
    return _Edges(low[kept], high[kept], products[kept])
