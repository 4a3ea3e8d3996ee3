"""The vocabulary and the stream of ids that pre-training reads, in a work folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nlp_service.inference.lookup import Lookup
from training.pretrain.plan import PretrainPlan


def prepare(data: Path, folder: Path, plan: PretrainPlan) -> None:
    """Write the vocabulary and the stream of ids (uint16, a `PAD` between texts) to `folder`, unless they are there."""
    if (folder / "tokens.npy").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if plan.grow_from:
        for name in ("vocabulary.npz", "tokens.npy"):
            os.link(folder.parent / plan.grow_from / name, folder / name)
        return
    from training.pretrain import reading  # not above: it needs the normaliser, which a lent machine lacks

    lookup, stream = reading.read(data, plan)
    np.savez(folder / "vocabulary.npz", units=lookup.units, pairs=lookup.pairs)
    np.save(folder / "tokens.part.npy", stream)
    os.replace(folder / "tokens.part.npy", folder / "tokens.npy")


def load_lookup(folder: Path) -> Lookup:
    """The vocabulary that `prepare` wrote."""
    with np.load(folder / "vocabulary.npz", allow_pickle=False) as arrays:
        return Lookup(arrays["units"], arrays["pairs"])
