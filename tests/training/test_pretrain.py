from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nlp_service.inference.lookup import EMPTY, FIRST_UNIT, MASK, PAD, UNKNOWN
from nlp_service.text.normalise import normalise_batch
from tests.training.made_up import KINDS, row, write_data
from training.network import ConvEncoder, EncoderShape
from training.pretrain import PretrainPlan, load_lookup, prepare, pretrain
from training.pretrain.masking import hide
from training.pretrain.plan import rate

TINY = PretrainPlan(max_units=200, max_pairs=300, row=32, rows=4, tokens=70 * 128, max_text=24)
TEXTS = [row(kind, n)["text"] for n in range(150) for kind in KINDS]
SECRET = "鳄" * 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dev = [row("chat", 1) | {"text": SECRET} for _ in range(50)]
    train = [row("chat", n) for n in range(30)]
    # The last text is longer than is read: 20 units, then another 20 that no other text has.
    corpus = {"forum": [*TEXTS, "", *(["长" * 1 + "文" + "水壶" * 11 + "尾巴" * 10] * 20)]}
    return write_data(tmp_path_factory.mktemp("data"), train=train, dev=dev, corpus=corpus)


@pytest.fixture(scope="module")
def prepared(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work") / "not" / "there"
    prepare(data, folder, TINY)
    return folder


def pieces(folder: Path) -> list[list[int]]:
    """Ids between the padding."""
    stream = np.load(folder / "tokens.npy")
    assert stream.dtype == np.uint16
    cuts = np.split(stream, np.flatnonzero(stream == PAD))
    return [found for cut in cuts if (found := cut[cut != PAD].tolist())]


def test_the_stream_holds_every_text_once_with_padding_between(prepared: Path) -> None:
    lookup = load_lookup(prepared)
    train = [row("chat", n)["text"] for n in range(30)]
    long = ["长文" + "水壶" * 11] * 20
    expected = [lookup.unit_ids(normalise_batch([text])).tolist() for text in (*TEXTS, *train, *long)]
    assert sorted(pieces(prepared)) == sorted(expected)


def test_the_texts_are_shuffled(prepared: Path) -> None:
    lookup = load_lookup(prepared)
    expected = [lookup.unit_ids(normalise_batch([text])).tolist() for text in TEXTS]
    assert pieces(prepared)[: len(expected)] != expected


def test_what_is_kept_for_measuring_is_not_read(prepared: Path) -> None:
    assert ord(SECRET[0]) not in load_lookup(prepared).units


def test_the_rest_of_a_long_text_is_left_out(prepared: Path) -> None:
    assert ord("巴") not in load_lookup(prepared).units
    assert max(map(len, pieces(prepared))) == TINY.max_text


def test_the_vocabulary_is_of_the_size_that_was_asked_for(data: Path, tmp_path: Path) -> None:
    prepare(data, tmp_path, PretrainPlan(max_units=10, max_pairs=5))
    lookup = load_lookup(tmp_path)
    assert (len(lookup.units), len(lookup.pairs)) == (10, 5)
    assert UNKNOWN in np.load(tmp_path / "tokens.npy")


def test_what_was_prepared_is_used_again(data: Path, prepared: Path, tmp_path: Path) -> None:
    before = (prepared / "tokens.npy").stat().st_mtime_ns
    prepare(tmp_path / "no data here", prepared, TINY)
    assert (prepared / "tokens.npy").stat().st_mtime_ns == before


def test_a_preparation_that_was_cut_short_is_done_again(data: Path, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "tokens.part.npy").write_bytes(b"half")
    prepare(data, tmp_path, TINY)
    np.testing.assert_array_equal(np.load(tmp_path / "tokens.npy"), np.load(prepared / "tokens.npy"))


def ids(rows: int = 200, row_length: int = 100) -> np.ndarray:
    """Units of which one in ten is some reserved id."""
    rng = np.random.default_rng(0)
    found = rng.integers(FIRST_UNIT, 1000, (rows, row_length))
    reserved = rng.random(found.shape) < 0.1
    return np.where(reserved, rng.choice([PAD, UNKNOWN, EMPTY], found.shape), found)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_about_the_wanted_share_of_units_is_to_be_guessed(share: float) -> None:
    before = ids()
    _, targets = hide(before, share, np.random.default_rng(1))
    assert (targets[before >= FIRST_UNIT] > 0).mean() == pytest.approx(share, rel=0.15)


def test_what_is_to_be_guessed_is_what_stood_there() -> None:
    before = ids()
    _, targets = hide(before, 0.2, np.random.default_rng(1))
    np.testing.assert_array_equal(targets[targets > 0], before[targets > 0])


def test_padding_and_other_reserved_ids_are_never_hidden() -> None:
    before = ids()
    hidden, targets = hide(before, 0.2, np.random.default_rng(1))
    reserved = before < FIRST_UNIT
    assert not targets[reserved].any()
    np.testing.assert_array_equal(hidden[reserved], before[reserved])


def test_what_is_not_to_be_guessed_stands_as_it_was() -> None:
    before = ids()
    hidden, targets = hide(before, 0.2, np.random.default_rng(1))
    np.testing.assert_array_equal(hidden[targets == 0], before[targets == 0])


def test_most_are_masked_some_stay_and_some_become_another_unit() -> None:
    before = ids()
    hidden, targets = hide(before, 0.2, np.random.default_rng(1))
    chosen = targets > 0
    masked, kept = hidden[chosen] == MASK, hidden[chosen] == before[chosen]
    other = ~masked & ~kept
    assert masked.mean() == pytest.approx(0.8, abs=0.03)
    assert kept.mean() == pytest.approx(0.1, abs=0.03)
    assert other.mean() == pytest.approx(0.1, abs=0.03)
    assert (hidden[chosen][other] >= FIRST_UNIT).all()


def test_neighbours_are_hidden_together() -> None:
    before = np.full((100, 200), FIRST_UNIT)
    _, targets = hide(before, 0.1, np.random.default_rng(1))
    chosen = targets > 0
    after_one = chosen[:, 1:][chosen[:, :-1]].mean()
    assert after_one > 3 * chosen.mean()  # by chance alone it would be the same


def test_masks_follow_the_seed() -> None:
    one, again, other = (hide(ids(), 0.2, np.random.default_rng(seed))[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("hold", [0.0, 0.5])
def test_the_rate_rises_holds_and_falls_to_a_twentieth(hold: float) -> None:
    rates = np.array([rate(step, 1000, hold) for step in range(1000)])
    warm, held = 25, int(1000 * hold)  # a fortieth of the steps
    assert (np.diff(rates[:warm]) > 0).all()
    assert (rates[warm : held + 1] == 1.0).all()
    assert (np.diff(rates[max(warm, held) :]) < 0).all()
    assert rates[-1] == pytest.approx(0.05, abs=0.001)


def test_as_long_as_a_run_holds_its_length_may_still_be_changed() -> None:
    steps = range(50, 400)
    assert [rate(step, 1000, 0.5) for step in steps] == [rate(step, 2000, 0.5) for step in steps]


def weights(encoder: ConvEncoder) -> list[Tensor]:
    return [parameter.detach().cpu() for parameter in encoder.parameters()]


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end."""
    folder = tmp_path_factory.mktemp("finished")
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):
        pretrain(data, folder, TINY)
    return folder


def load(folder: Path) -> ConvEncoder:
    state = torch.load(folder / "encoder.pt", weights_only=True)
    encoder = ConvEncoder(EncoderShape(**state["shape"]))
    encoder.load_state_dict(state["weights"])
    return encoder


def test_training_leaves_an_encoder_of_the_vocabulary(finished: Path) -> None:
    encoder, lookup = load(finished), load_lookup(finished)
    assert (encoder.shape.n_units, encoder.shape.n_pairs) == (lookup.n_ids, lookup.n_pairs)
    assert all(torch.isfinite(part).all() for part in weights(encoder))


def test_training_lowers_the_loss(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pretrain(data, tmp_path, PretrainPlan(**{**_fields(TINY), "tokens": 150 * 128}))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in told] == [50, 100, 150]
    assert {line["of"] for line in told} == {150}
    losses = [line["loss"] for line in told]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.6 * np.log(load_lookup(tmp_path).n_ids)  # that of guessing blindly


def _fields(plan: PretrainPlan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in PretrainPlan.__slots__}


class ClosedPipe(io.StringIO):
    """Where nobody reads any more: the first line told ends the run."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_run_that_was_stopped_ends_as_one_that_was_not(data: Path, finished: Path, tmp_path: Path) -> None:
    with contextlib.redirect_stdout(ClosedPipe()), pytest.raises(BrokenPipeError):
        pretrain(data, tmp_path, TINY, save_every_s=-1.0)
    # The 50th step is told before it is saved, so it has to be taken again.
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 49
    assert not (tmp_path / "encoder.pt").exists()
    (tmp_path / "checkpoint.part.pt").write_bytes(b"half")
    with contextlib.redirect_stdout(io.StringIO()):
        resumed = pretrain(data, tmp_path, TINY)
    assert all(map(torch.equal, weights(resumed), weights(load(finished))))


def test_a_finished_run_is_not_done_again(data: Path, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = weights(load(finished))
    again = pretrain(data, finished, TINY)
    assert capsys.readouterr().out == ""
    assert all(map(torch.equal, weights(again), before))


def test_another_seed_gives_another_encoder(data: Path, finished: Path, tmp_path: Path) -> None:
    short = {"tokens": 2 * 128}
    one = pretrain(data, tmp_path / "one", PretrainPlan(**{**_fields(TINY), **short}))
    again = pretrain(data, tmp_path / "again", PretrainPlan(**{**_fields(TINY), **short}))
    other = pretrain(data, tmp_path / "other", PretrainPlan(**{**_fields(TINY), **short, "seed": 2}))
    assert all(map(torch.equal, weights(one), weights(again)))
    assert not all(map(torch.equal, weights(one), weights(other)))


def larger(**plan: object) -> PretrainPlan:
    sizes = {"width": 240, "pair_width": 80, "dilations": [1, 2, 4, 1], "grow_from": "small"}
    return PretrainPlan(**{**_fields(TINY), **sizes, "tokens": 3 * 128, **plan})


@pytest.fixture
def beside(finished: Path, tmp_path: Path) -> Path:
    """Where a larger model can be trained: the finished run lies beside it under the name that its plan gives."""
    (tmp_path / "small").symlink_to(finished)
    return tmp_path / "large"


def test_a_larger_encoder_begins_as_the_smaller_one_with_its_vocabulary(
    data: Path, finished: Path, beside: Path
) -> None:
    grown = pretrain(data, beside, larger(learning_rate=0.0))
    assert (grown.shape.width, grown.shape.pair_width, grown.shape.dilations) == (240, 80, (1, 2, 4, 1))
    assert torch.equal(grown.units.weight[:, :128], load(finished).units.weight)
    for name in ("vocabulary.npz", "tokens.npy"):
        assert (beside / name).read_bytes() == (finished / name).read_bytes()
    assert all(map(torch.equal, weights(load(beside)), weights(grown)))


def test_a_larger_encoder_that_was_stopped_goes_on_and_does_not_begin_as_the_smaller_one(
    data: Path, beside: Path
) -> None:
    pretrain(data, beside, larger(tokens=2 * 128))
    (beside / "encoder.pt").unlink()
    state = torch.load(beside / "checkpoint.pt", weights_only=True)
    state["model"]["encoder.norm.bias"][0] = 7.0  # a mark that the smaller one does not have
    torch.save(state, beside / "checkpoint.pt")
    assert pretrain(data, beside, larger(tokens=2 * 128)).norm.bias[0] == 7.0
