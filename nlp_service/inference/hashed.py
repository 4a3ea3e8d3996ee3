"""Finding many 32-bit keys in a fixed set of them, a few times faster than by bisection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint32]
Index = npt.NDArray[np.intp]

_FACTOR = np.uint32(0x9E3779B1)  # 2**32 over the golden ratio: neighbouring keys fall far apart (Knuth, TAOCP 3, 6.4)


class HashedKeys:
    """Position of a key in an array of distinct keys.

    Args:
        keys: At least one; shape (n,).
    """

    def __init__(self, keys: Keys) -> None:
        bits = max(4, int(len(keys) * 4).bit_length())
        self._shift = np.uint32(32 - min(bits, 24))
        mixed = keys * _FACTOR
        order = np.argsort(mixed, kind="stable")
        self._positions = order.astype(np.int32)
        self._keys = keys[order]
        buckets = mixed[order] >> self._shift
        n_buckets = 1 << (32 - int(self._shift))
        self._begins = np.searchsorted(buckets, np.arange(n_buckets + 1)).astype(np.int32)
        self._fullest = int(np.diff(self._begins).max())

    def find(self, wanted: Keys) -> tuple[Index, Index]:
        """Which of the wanted keys are there, ascending, and where each stands in the array; (n_found,) both."""
        bucket = ((wanted * _FACTOR) >> self._shift).astype(np.intp)
        begin, end = self._begins[bucket], self._begins[bucket + 1]
        places = np.full(len(wanted), -1, np.int32)
        left = np.flatnonzero(begin < end)
        for step in range(self._fullest):
            at = begin[left] + step
            hit = self._keys[at] == wanted[left]
            places[left[hit]] = at[hit]
            left = left[~hit & (at + 1 < end[left])]
            if not len(left):
                break
        found = np.flatnonzero(places >= 0)
        return found, self._positions[places[found]].astype(np.intp)
