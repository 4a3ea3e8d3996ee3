"""Rows of units of which some are hidden: on the processor by numpy, or wholly on a GPU.

Both take the same rows in the same order and hide as many in the same way, but not the same ones: each has random
numbers of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nlp_service.inference.lookup import FIRST_UNIT, MASK, Lookup
from training.pretrain.plan import PretrainPlan

Ids = npt.NDArray[np.int64]

RUN = 1.88
"""Units that a hidden run of one to three takes on average, overlaps taken off."""


class Masked(NamedTuple):
    """A batch; int64, each (rows, row).

    Attributes:
        unit_ids: With some hidden.
        pair_ids: Of the hidden units, as `Lookup.pair_ids` says.
        targets: What stood where a unit is to be guessed, 0 elsewhere.
    """

    unit_ids: Tensor
    pair_ids: Tensor
    targets: Tensor


def on_processor(stream: npt.NDArray[np.uint16], plan: PretrainPlan, lookup: Lookup, skip: int) -> Iterator[Masked]:
    """Batches from the one with number `skip` on, for ever; each has a seed of its own."""
    for step in itertools.count(skip):
        ids = np.asarray(stream[_piece(len(stream), plan, step)], np.int64).reshape(plan.rows, plan.row)
        hidden, targets = hide(ids, plan.masked, np.random.default_rng((plan.seed, step, 1)))
        yield Masked(*map(torch.from_numpy, (hidden, lookup.pair_ids(hidden), targets)))


def on_device(stream: Tensor, plan: PretrainPlan, pairs: Tensor, skip: int) -> Iterator[Masked]:
    """The same rows with masks and pairs of the device that the stream (n,) and the pairs (as `pair_ids`) are on."""
    generator = torch.Generator(stream.device)
    for step in itertools.count(skip):
        seed = np.random.SeedSequence((plan.seed, step, 1)).generate_state(1, np.uint32)
        generator.manual_seed(int(seed[0]))
        ids = stream[_piece(len(stream), plan, step)].view(plan.rows, plan.row).long()
        hidden, targets = hide_on_device(ids, plan.masked, generator)
        yield Masked(hidden, pair_ids(hidden, pairs), targets)


def hide(ids: Ids, share: float, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Hide runs of one to three units, as words are; one hidden unit in ten keeps its place, one is another's.

    Returns:
        The ids with some hidden, and the targets: what stood there, 0 where nothing is to be guessed.
    """
    begins = rng.random(ids.shape) < share / RUN
    length = rng.integers(1, 4, ids.shape)
    chosen = begins.copy()
    chosen[:, 1:] |= begins[:, :-1] & (length[:, :-1] >= 2)
    chosen[:, 2:] |= begins[:, :-2] & (length[:, :-2] >= 3)
    chosen &= ids >= FIRST_UNIT
    targets = np.where(chosen, ids, 0)
    fate = rng.random(ids.shape)
    hidden = np.where(chosen & (fate < 0.8), MASK, ids)
    # Others' units are drawn from the batch itself, so that they come as often as in the language.
    other = rng.permutation(ids.ravel()).reshape(ids.shape)
    return np.where(chosen & (fate > 0.9) & (other >= FIRST_UNIT), other, hidden), targets


def hide_on_device(ids: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """As `hide`, without leaving the device."""
    device, shape = ids.device, ids.shape
    begins = torch.rand(shape, generator=generator, device=device) < share / RUN
    length = torch.randint(1, 4, shape, generator=generator, device=device)
    chosen = begins.clone()
    chosen[:, 1:] |= begins[:, :-1] & (length[:, :-1] >= 2)
    chosen[:, 2:] |= begins[:, :-2] & (length[:, :-2] >= 3)
    chosen &= ids >= FIRST_UNIT
    fate = torch.rand(shape, generator=generator, device=device)
    hidden = ids.masked_fill(chosen & (fate < 0.8), MASK)
    other = ids.flatten()[torch.randperm(ids.numel(), generator=generator, device=device)].view(shape)
    replaced = chosen & (fate > 0.9) & (other >= FIRST_UNIT)
    return torch.where(replaced, other, hidden), ids.masked_fill(~chosen, 0)


def pair_ids(ids: Tensor, pairs: Tensor) -> Tensor:
    """What `Lookup.pair_ids` gives for ids (rows, row), by bisection on their device.

    Args:
        ids: Unit ids; int64.
        pairs: `Lookup.pairs` as int64, ascending; may be empty.
    """
    if not len(pairs):
        return torch.zeros_like(ids)
    before, here = ids[:, :-1], ids[:, 1:]
    keys = torch.zeros_like(ids)  # no pair: its units would be reserved ids
    keys[:, 1:] = torch.where((before >= FIRST_UNIT) & (here >= FIRST_UNIT), before << 16 | here, 0)
    at = torch.searchsorted(pairs, keys).clamp(max=len(pairs) - 1)
    return torch.where(pairs[at] == keys, at + 1, 0)


def _piece(n_units: int, plan: PretrainPlan, step: int) -> slice:
    """Where the batch of a step lies in the stream: every piece once an epoch, in an order of the epoch's own."""
    n = n_units // plan.size
    epoch, index = divmod(step, n)
    start = int(np.random.default_rng((plan.seed, epoch)).permutation(n)[index]) * plan.size
    return slice(start, start + plan.size)
