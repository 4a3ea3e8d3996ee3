"""From texts to a vocabulary and one stream of ids."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlp_service.inference.lookup import PAD, Lookup
from nlp_service.text.normalise import Batch, normalise_batch
from training import corpora, vocabulary
from training.pretrain.plan import PretrainPlan


def read(data: Path, plan: PretrainPlan) -> tuple[Lookup, npt.NDArray[np.uint16]]:
    """The vocabulary of every text that may be read, and their ids in random order, a `PAD` behind each text."""
    texts = corpora.unlabelled(data)
    batches = [_cut(normalise_batch(chunk), plan.max_text) for chunk in _chunks(texts, 4096)]
    lookup = vocabulary.learn(batches, max_units=plan.max_units, max_pairs=plan.max_pairs)
    rng = np.random.default_rng(plan.seed)
    pieces: list[npt.NDArray[np.uint16]] = []
    for batch in batches:
        ids = lookup.unit_ids(batch)
        pieces += np.split(ids, batch.offsets[1:-1])
    order = rng.permutation(len(pieces))
    gap = np.array([PAD], np.uint16)
    return lookup, np.concatenate([part for i in order for part in (pieces[i], gap)])


def _cut(batch: Batch, longest: int) -> Batch:
    """The first `longest` units of each text, longer pieces left out."""
    position = np.arange(len(batch.units)) - np.repeat(batch.offsets[:-1], np.diff(batch.offsets))
    keep = position < longest
    lengths = np.minimum(np.diff(batch.offsets), longest)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return Batch(batch.units[keep], batch.starts[keep], batch.ends[keep], offsets)


def _chunks(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    while chunk := list(itertools.islice(texts, size)):
        yield chunk
