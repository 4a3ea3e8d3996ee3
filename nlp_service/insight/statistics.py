"""The arithmetic of comparing shares: tests, effects, and the correction for having looked often.

Everything takes and gives arrays, is exact where counts are small, and needs nothing beside numpy.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

SMALL = 10.0
"""Expected count of a cell below which the exact test is used; Cochran (1954) asks for 5, we have the time for more."""

_TABLE = 256
# As R's fisher.test: tables as probable as the one observed belong to its tail, and rounding must not drop them.
_TOLERANCE = 1.0 + 1e-7


def log_factorial(n: npt.ArrayLike) -> Values:
    """The logarithm of n! for whole numbers from 0, to a relative 1e-14.

    A table, then Stirling's series (Abramowitz and Stegun 6.1.41).
    """
    n = np.asarray(n, np.float64)
    large = np.maximum(n, _TABLE)
    series = (1 / 12 - (1 / 360 - 1 / (1260 * large**2)) / large**2) / large
    stirling = (large + 0.5) * np.log(large) - large + 0.5 * math.log(2 * math.pi) + series
    small = _log_factorials()[np.minimum(n, _TABLE - 1).astype(np.int64)]
    return np.asarray(np.where(n < _TABLE, small, stirling), np.float64)


@cache
def _log_factorials() -> Values:
    return np.array([math.lgamma(n + 1) for n in range(_TABLE)])


def fisher(a: int, n: int, b: int, m: int) -> float:
    """Two-sided p of Fisher's exact test that ``a`` of ``n`` and ``b`` of ``m`` have the same share.

    The sum of all tables with the same margins that are no more probable than the one observed. 1 where there is
    nothing to compare.
    """
    hits = a + b
    if not (n and m and hits and hits < n + m):
        return 1.0
    first = np.arange(max(0, hits - m), min(hits, n) + 1)
    second = hits - first
    log_p = -(log_factorial(first) + log_factorial(n - first) + log_factorial(second) + log_factorial(m - second))
    log_p -= log_p.max()  # the margins are the same for all: only the relation counts
    p = np.exp(log_p)
    return float(min(1.0, p[p <= p[a - first[0]] * _TOLERANCE].sum() / p.sum()))


def log_likelihood(a: npt.ArrayLike, n: npt.ArrayLike, b: npt.ArrayLike, m: npt.ArrayLike) -> Values:
    """G² of ``a`` of ``n`` against ``b`` of ``m``: Dunning (1993), all four cells; 0 where a margin is empty.

    ``2 sum O ln(O / E)`` over hits and misses of both; chi-square with one degree of freedom where shares are equal.
    """
    a, n, b, m = (np.asarray(each, np.float64) for each in (a, n, b, m))
    hits, total = a + b, n + m
    misses = total - hits
    g = np.zeros(np.broadcast_shapes(a.shape, n.shape, b.shape, m.shape))
    for observed, row, column in ((a, n, hits), (n - a, n, misses), (b, m, hits), (m - b, m, misses)):
        with np.errstate(divide="ignore", invalid="ignore"):
            part = observed * np.log(observed * total / (row * column))
        g += np.where(observed > 0, part, 0.0)
    return np.maximum(0.0, 2.0 * g)


def chi_square_p(statistic: npt.ArrayLike) -> Values:
    """P(chi-square with one degree of freedom >= statistic) = erfc(sqrt(statistic / 2))."""
    values = np.asarray(statistic, np.float64)
    return np.array([math.erfc(math.sqrt(x / 2.0)) for x in values.ravel()]).reshape(values.shape)


def share_p(a: npt.ArrayLike, n: npt.ArrayLike, b: npt.ArrayLike, m: npt.ArrayLike) -> Values:
    """Two-sided p that ``a`` of ``n`` and ``b`` of ``m`` have the same share.

    `fisher` where a cell would be expected to hold fewer than `SMALL`, else G² (`log_likelihood`): they agree there.
    1 where either has nothing, or all or none of both are hits.

    Raises:
        ValueError: A count is negative or larger than what it is of.
    """
    a, n, b, m = np.broadcast_arrays(*(np.asarray(each, np.int64) for each in (a, n, b, m)))
    if ((a < 0) | (b < 0) | (a > n) | (b > m)).any():
        raise ValueError("a part is negative or larger than its whole")
    p = chi_square_p(log_likelihood(a, n, b, m))
    total = np.maximum(n + m, 1).astype(np.float64)
    hits = (a + b).astype(np.float64)
    least = np.minimum(n, m) * np.minimum(hits, total - hits) / total
    for place in np.ndindex(p.shape):
        if least[place] < SMALL:
            p[place] = fisher(int(a[place]), int(n[place]), int(b[place]), int(m[place]))
    return p


def cohens_h(first: npt.ArrayLike, second: npt.ArrayLike) -> Values:
    """2 asin sqrt(first) - 2 asin sqrt(second) of shares: .2 is small, .5 medium, .8 large (Cohen 1988, ch. 6)."""
    return np.asarray(2.0 * (np.arcsin(np.sqrt(first)) - np.arcsin(np.sqrt(second))), np.float64)


def adjust(p: npt.ArrayLike) -> Values:
    """q-values of Benjamini and Hochberg (1995), in the order of ``p``: those of up to q are false in a part of q.

    ``q(i) = min over j >= i of p(j) N / j`` with p in rising order. The bound holds for independent tests, and for ones
    that depend on one another positively (Benjamini, Yekutieli 2001).
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q
