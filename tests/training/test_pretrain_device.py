"""What a GPU computes while pre-training, here on the processor: the same functions on other tensors."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from torch import Tensor

from nlp_service.inference.lookup import EMPTY, FIRST_UNIT, MASK, PAD, UNKNOWN, Lookup
from training.network import ConvEncoder
from training.pretrain import MaskedUnits, PretrainPlan
from training.pretrain.masking import Masked, hide_on_device, on_device, on_processor, pair_ids
from training.pretrain.model import loss_of_all, loss_of_most
from training.pretrain.steps import Engine, Loss, Trainer, begin_as

RNG = np.random.default_rng(3)
UNITS = np.arange(0x4E00, 0x4E00 + 60, dtype=np.int32)
KEYS = RNG.choice(60 * 60, 400, replace=False)
PAIRS = np.sort((KEYS // 60 + FIRST_UNIT) << 16 | (KEYS % 60 + FIRST_UNIT)).astype(np.uint32)
LOOKUP = Lookup(UNITS, PAIRS)
STREAM = RNG.integers(0, LOOKUP.n_ids, 4000).astype(np.uint16)
PLAN = PretrainPlan(row=32, rows=8, width=48, pair_width=16, n_attention=4)
PROCESSOR = torch.device("cpu")


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ids(rows: int = 200, row: int = 100) -> Tensor:
    """Units of which one in ten is some reserved id."""
    found = torch.randint(FIRST_UNIT, 1000, (rows, row), generator=generator(10))
    reserved = torch.rand(found.shape, generator=generator(11)) < 0.1
    others = torch.tensor([PAD, UNKNOWN, EMPTY])[torch.randint(0, 3, found.shape, generator=generator(12))]
    return torch.where(reserved, others, found)


@pytest.mark.parametrize("n_pairs", [400, 1, 0])
def test_pair_ids_are_those_of_serving(n_pairs: int) -> None:
    lookup = Lookup(UNITS, PAIRS[:n_pairs])
    rows = STREAM[:3000].astype(np.int64).reshape(30, 100)
    found = pair_ids(torch.from_numpy(rows), torch.from_numpy(lookup.pairs.astype(np.int64)))
    np.testing.assert_array_equal(found.numpy(), lookup.pair_ids(rows))


def test_the_last_pair_and_units_of_all_16_bits_are_found() -> None:
    units = np.arange(1, 65532, dtype=np.int32)
    lookup = Lookup(units, np.array([(4 << 16) | 5, (65534 << 16) | 65534], np.uint32))
    rows = np.array([[65534, 65534, 4, 5, 65534]])
    found = pair_ids(torch.from_numpy(rows), torch.from_numpy(lookup.pairs.astype(np.int64)))
    assert found.tolist() == lookup.pair_ids(rows).tolist() == [[0, 2, 0, 1, 0]]


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_about_the_wanted_share_of_units_is_to_be_guessed(share: float) -> None:
    before = ids()
    _, targets = hide_on_device(before, share, generator(1))
    assert (targets[before >= FIRST_UNIT] > 0).float().mean().item() == pytest.approx(share, rel=0.15)


def test_only_what_is_to_be_guessed_is_changed_and_never_a_reserved_id() -> None:
    before = ids()
    hidden, targets = hide_on_device(before, 0.2, generator(1))
    chosen = targets > 0
    assert torch.equal(targets[chosen], before[chosen])
    assert torch.equal(hidden[~chosen], before[~chosen])
    assert not chosen[before < FIRST_UNIT].any()


def test_most_are_masked_some_stay_and_some_become_another_unit() -> None:
    before = ids()
    hidden, targets = hide_on_device(before, 0.2, generator(1))
    chosen = targets > 0
    masked, kept = hidden[chosen] == MASK, hidden[chosen] == before[chosen]
    other = ~masked & ~kept
    shares = [part.float().mean().item() for part in (masked, kept, other)]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
    assert (hidden[chosen][other] >= FIRST_UNIT).all()


def test_neighbours_are_hidden_together() -> None:
    _, targets = hide_on_device(torch.full((100, 200), FIRST_UNIT), 0.1, generator(1))
    chosen = (targets > 0).float()
    after_one = chosen[:, 1:][chosen[:, :-1] > 0].mean()
    assert after_one > 3 * chosen.mean()  # by chance alone it would be the same


def batches(skip: int = 0, seed: int = 1) -> list[Masked]:
    plan = PretrainPlan(row=32, rows=8, seed=seed)
    stream = torch.from_numpy(STREAM.astype(np.int32))
    pairs = torch.from_numpy(LOOKUP.pairs.astype(np.int64))
    return list(itertools.islice(on_device(stream, plan, pairs, skip), 20 - skip))


def test_batches_follow_the_seed_and_go_on_where_they_stopped() -> None:
    whole, rest, other = batches(), batches(skip=12), batches(seed=2)
    for one, again in zip(whole[12:], rest, strict=True):
        assert all(map(torch.equal, one, again))
    assert not torch.equal(whole[0].targets, other[0].targets)


def stood_there(batch: Masked, original: Tensor) -> bool:
    """Whether a batch was made of these rows."""
    chosen = batch.targets > 0
    return torch.equal(torch.where(chosen, batch.targets, batch.unit_ids), original)


def test_both_ways_read_the_same_rows_in_the_same_order() -> None:
    # 4,000 units are 15 batches, so the last five are of a second epoch with an order of its own.
    here = itertools.islice(on_processor(STREAM, PLAN, LOOKUP, 0), 20)
    for one, other in zip(here, batches(), strict=True):
        assert stood_there(other, torch.where(one.targets > 0, one.targets, one.unit_ids))


def model() -> MaskedUnits:
    torch.manual_seed(0)
    return MaskedUnits(ConvEncoder(PLAN.shape(LOOKUP)))


@torch.no_grad()
def test_the_loss_of_fixed_size_is_the_loss() -> None:
    guesser, batch = model(), batches()[0]
    n_hidden = int((batch.targets > 0).sum())
    assert n_hidden > 10
    for n_places in (n_hidden, n_hidden + 40):
        torch.testing.assert_close(loss_of_most(guesser, batch, n_places), loss_of_all(guesser, batch))
    assert loss_of_most(guesser, batch, n_hidden - 5) < loss_of_all(guesser, batch)


def gradients(plan: PretrainPlan, engine: Engine) -> Tensor:
    trainer = Trainer(model(), plan, engine)
    trainer.step(batches()[0], 0.0)
    return torch.cat([part.grad.flatten() for part in trainer.model.parameters() if part.grad is not None])


def test_a_batch_in_pieces_gives_the_gradients_of_the_whole() -> None:
    whole = gradients(PLAN, Engine(PROCESSOR))
    pieces = gradients(
        PretrainPlan(row=32, rows=8, width=48, pair_width=16, n_attention=4, accumulate=4), Engine(PROCESSOR)
    )
    torch.testing.assert_close(pieces, whole, rtol=1e-4, atol=1e-6)


def test_rows_that_do_not_fall_into_pieces_are_refused() -> None:
    with pytest.raises(ValueError, match="8 and 3"):
        PretrainPlan(rows=8, accumulate=3)


def test_products_of_16_bits_point_where_those_of_32_do_and_leave_weights_of_32() -> None:
    short, exact = gradients(PLAN, Engine(PROCESSOR, resident=True)), gradients(PLAN, Engine(PROCESSOR))
    assert not torch.equal(short, exact)
    assert torch.nn.functional.cosine_similarity(short, exact, 0) > 0.99
    assert short.dtype == torch.float32


def test_without_a_rate_nothing_changes() -> None:
    trainer = Trainer(model(), PLAN, Engine(PROCESSOR))
    trainer.step(batches()[0], 0.0)
    assert all(map(torch.equal, trainer.model.parameters(), model().parameters()))


def broken(_: Loss) -> Loss:
    def loss(_: Masked) -> Tensor:
        raise NotImplementedError("no such device")

    return loss


def test_a_compiler_that_fails_is_named_once_and_done_without(capsys: pytest.CaptureFixture[str]) -> None:
    plain, compiled = (
        Trainer(model(), PLAN, Engine(PROCESSOR)),
        Trainer(model(), PLAN, Engine(PROCESSOR, False, broken)),
    )
    for batch in batches()[:2]:
        assert torch.equal(plain.step(batch, 1.0), compiled.step(batch, 1.0))
    (told,) = capsys.readouterr().out.splitlines()
    assert json.loads(told) == {"compile": "failed, going on without", "error": "NotImplementedError"}


def test_what_a_compiler_makes_is_used() -> None:
    def doubled(loss_of: Loss) -> Loss:
        return lambda batch: 2 * loss_of(batch)

    batch = batches()[0]
    plain, compiled = (
        Trainer(model(), PLAN, Engine(PROCESSOR)),
        Trainer(model(), PLAN, Engine(PROCESSOR, False, doubled)),
    )
    assert compiled.step(batch, 0.0) == 2 * plain.step(batch, 0.0)


def state_of(trained: MaskedUnits) -> dict[str, object]:
    head = {name: value for name, value in trained.state_dict().items() if not name.startswith("encoder.")}
    shape = {name: getattr(trained.encoder.shape, name) for name in trained.encoder.shape.__slots__}
    return {"shape": shape, "weights": trained.encoder.state_dict(), "head": head}


def test_a_model_begins_as_the_weights_that_it_is_given() -> None:
    trained = model()
    with torch.no_grad():
        for part in trained.parameters():
            part.add_(1.0)
    fresh = model()
    begin_as(fresh, LOOKUP, state_of(trained))
    assert all(map(torch.equal, fresh.parameters(), trained.parameters()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": {"width": 24}}, "width"),
        ({"units": torch.from_numpy(UNITS[::-1].copy())}, "other units"),
        ({"pairs": torch.from_numpy(PAIRS[:-1].astype(np.int64))}, "other pairs"),
    ],
)
def test_weights_of_another_model_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        begin_as(model(), LOOKUP, state_of(model()) | change)
