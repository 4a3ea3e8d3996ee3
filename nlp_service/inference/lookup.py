"""From units to the ids that an encoder reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nlp_service.inference.hashed import HashedKeys
from nlp_service.text.emoticons import EMOTICON_BASE, EMOTICONS

if TYPE_CHECKING:  # ids are read on machines, too, that cannot normalise: pre-training on a lent one
    from nlp_service.text.normalise import Batch

PAD, MASK, UNKNOWN, EMPTY = 0, 1, 2, 3
FIRST_UNIT = 4
"""Ids below are reserved: padding, the mask of pre-training, a unit out of vocabulary, a text without units."""

N_CODES = EMOTICON_BASE + len(EMOTICONS)
"""Units are below this number."""

Ids = npt.NDArray[np.int64]


class Lookup:
    """Vocabulary of units and of pairs of neighbours.

    Args:
        units: Known units; the one at ``i`` has the id ``FIRST_UNIT + i``; int32.
        pairs: Known pairs as ``first id << 16 | second id``, ascending; the one at ``i`` has the id ``i + 1``; uint32.

    Raises:
        ValueError: A unit stands twice or is none, there are more than ids of 16 bits, or the pairs are not
            ascending or not of known units.
    """

    def __init__(self, units: npt.NDArray[np.int32], pairs: npt.NDArray[np.uint32]) -> None:
        n_ids = FIRST_UNIT + len(units)
        if n_ids > 1 << 16 or len(np.unique(units)) < len(units) or ((units < 0) | (units >= N_CODES)).any():
            raise ValueError("the unit vocabulary does not fit")
        if (pairs[1:] <= pairs[:-1]).any():
            raise ValueError("the pairs are not in ascending order")
        ends = np.concatenate((pairs >> 16, pairs & 0xFFFF))
        if ((ends < FIRST_UNIT) | (ends >= n_ids)).any():
            raise ValueError("a pair is not of known units")
        self.units = units
        self.pairs = pairs
        self._index = HashedKeys(pairs) if len(pairs) else None
        self._ids = np.full(N_CODES, UNKNOWN, np.uint16)
        self._ids[units] = np.arange(FIRST_UNIT, FIRST_UNIT + len(units))

    @property
    def n_ids(self) -> int:
        """Rows that a unit table needs."""
        return FIRST_UNIT + len(self.units)

    @property
    def n_pairs(self) -> int:
        """Rows that a pair table needs; row 0 is every unknown pair."""
        return 1 + len(self.pairs)

    def unit_ids(self, batch: Batch) -> npt.NDArray[np.uint16]:
        """Id of each unit of the batch, one after the other; shape (n_units,)."""
        return self._ids[batch.units]

    def pair_ids(self, ids: npt.NDArray[np.integer]) -> Ids:
        """Id of the pair that ends at each position; shape as `ids`, whose last axis is the text.

        A pair with a reserved id, or at the start of a row, is unknown: 0.
        """
        keys = np.zeros(ids.shape, np.uint32)
        wide = ids.astype(np.uint32)
        known = wide >= FIRST_UNIT
        keys[..., 1:] = np.where(known[..., 1:] & known[..., :-1], wide[..., :-1] << 16 | wide[..., 1:], 0)
        result = np.zeros(ids.size, np.int64)
        if self._index is not None:
            found, at = self._index.find(keys.ravel())
            result[found] = at + 1
        return result.reshape(ids.shape)
