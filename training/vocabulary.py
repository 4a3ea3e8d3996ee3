"""Which units and pairs of units the fast encoder knows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from nlp_service.inference.lookup import FIRST_UNIT, N_CODES, Lookup
from nlp_service.text.normalise import Batch


def learn(batches: Iterable[Batch], *, max_units: int, max_pairs: int, min_count: int = 20) -> Lookup:
    """Keep the most frequent units and pairs of neighbours.

    Args:
        batches: Normalised texts; iterated once.
        max_units: Units to keep at the most, besides the reserved ids.
        max_pairs: Pairs to keep at the most.
        min_count: Fewer occurrences than this are too few to learn a row from.
    """
    counts = np.zeros(N_CODES, np.int64)
    chunks: list[npt.NDArray[np.int32]] = []
    for batch in batches:
        counts += np.bincount(batch.units, minlength=N_CODES)
        inner = np.ones(len(batch.units), bool)
        inner[batch.offsets[:-1][np.diff(batch.offsets) > 0]] = False
        chunks.append(np.where(inner, batch.units, -batch.units))  # a sign marks where a text begins
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= min_count][:max_units].astype(np.int32)
    ids = np.zeros(N_CODES, np.int32)
    ids[kept] = np.arange(FIRST_UNIT, FIRST_UNIT + len(kept))
    keys = [_pair_keys(ids, chunk) for chunk in chunks]
    found, n = np.unique(np.concatenate(keys), return_counts=True)
    order = np.argsort(-n, kind="stable")
    order = order[n[order] >= min_count][:max_pairs]
    return Lookup(kept, np.sort(found[order]).astype(np.uint32))


def _pair_keys(ids: npt.NDArray[np.int32], signed: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    known = ids[np.abs(signed)].astype(np.int64)
    both = (known[1:] > 0) & (known[:-1] > 0) & (signed[1:] > 0)
    return known[:-1][both] << 16 | known[1:][both]
