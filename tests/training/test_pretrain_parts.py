from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nlp_service.inference.lookup import FIRST_UNIT
from training.network import ConvEncoder, EncoderShape
from training.pretrain import PretrainPlan, begin, load, load_lookup
from training.pretrain.parts import MANIFEST, MAX_PARTS, join, read, split
from training.pretrain.steps import Engine

PLAN = PretrainPlan(row=16, rows=4, tokens=3 * 64, width=24, pair_width=8, n_attention=4)
RESIDENT = Engine(torch.device("cpu"), resident=True)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Folder of a run that is over."""
    folder = tmp_path / "work"
    folder.mkdir()
    pairs = np.array([(FIRST_UNIT << 16) | FIRST_UNIT + 1, (FIRST_UNIT << 16) | FIRST_UNIT + 3], np.uint32)
    np.savez(folder / "vocabulary.npz", units=np.arange(65, 95, dtype=np.int32), pairs=pairs)
    np.save(folder / "tokens.npy", np.random.default_rng(0).integers(0, 34, 500).astype(np.uint16))
    begin(folder, PLAN, engine=RESIDENT)
    return folder


def test_joined_parts_are_the_encoder_that_was_trained(work: Path, tmp_path: Path) -> None:
    manifest = split(work, tmp_path / "parts", PLAN, max_bytes=20_000)
    assert (manifest["type"], manifest["step"]) == ("float32", 3)
    assert 1 < len(manifest["parts"]) <= MAX_PARTS
    shape = join(tmp_path / "parts", tmp_path / "home")
    joined, trained = load(tmp_path / "home" / "encoder.pt"), load(work / "encoder.pt")
    assert shape == EncoderShape(**trained["shape"]) == EncoderShape(**joined["shape"])
    assert joined["weights"].keys() == trained["weights"].keys()
    assert all(torch.equal(joined["weights"][name], value) for name, value in trained["weights"].items())
    ConvEncoder(shape).load_state_dict(joined["weights"])


def test_the_vocabulary_comes_along(work: Path, tmp_path: Path) -> None:
    split(work, tmp_path / "parts", PLAN)
    join(tmp_path / "parts", tmp_path / "home")
    home, before = load_lookup(tmp_path / "home"), load_lookup(work)
    np.testing.assert_array_equal(home.units, before.units)
    np.testing.assert_array_equal(home.pairs, before.pairs)
    assert home.pairs.dtype == np.uint32


def test_no_file_is_larger_than_asked_for_and_all_travel_together(work: Path, tmp_path: Path) -> None:
    split(work, tmp_path / "parts", PLAN, max_bytes=20_000)
    files = sorted((tmp_path / "parts").iterdir())
    assert len(files) <= MAX_PARTS + 1
    assert all(path.stat().st_size <= 20_000 for path in files)


def size(work: Path, tmp_path: Path) -> int:
    return sum(entry["bytes"] for entry in split(work, tmp_path / "whole", PLAN)["parts"])


def test_what_does_not_fit_in_32_bits_travels_in_16(work: Path, tmp_path: Path) -> None:
    too_small = (size(work, tmp_path) - 1) // MAX_PARTS
    assert split(work, tmp_path / "parts", PLAN, max_bytes=too_small)["type"] == "bfloat16"
    weights = read(tmp_path / "parts")["weights"]
    for name, value in load(work / "encoder.pt")["weights"].items():
        assert weights[name].dtype == torch.float32
        torch.testing.assert_close(weights[name], value, rtol=2**-8, atol=0.0)


def test_what_does_not_fit_in_16_bits_either_is_refused(work: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not fit 7 parts of 1000"):
        split(work, tmp_path / "parts", PLAN, max_bytes=1000)
    assert not (tmp_path / "parts").exists()


def test_a_damaged_part_is_named(work: Path, tmp_path: Path) -> None:
    split(work, tmp_path / "parts", PLAN, max_bytes=20_000)
    path = tmp_path / "parts" / "encoder.part-01"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"encoder\.part-01: damaged"):
        join(tmp_path / "parts", tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_missing_part_is_named(work: Path, tmp_path: Path) -> None:
    split(work, tmp_path / "parts", PLAN, max_bytes=20_000)
    (tmp_path / "parts" / "encoder.part-00").unlink()
    with pytest.raises(FileNotFoundError, match=r"encoder\.part-00"):
        read(tmp_path / "parts")


def test_parts_are_not_joined_with_another_vocabulary(work: Path, tmp_path: Path) -> None:
    split(work, tmp_path / "parts", PLAN)
    home = tmp_path / "home"
    home.mkdir()
    np.savez(home / "vocabulary.npz", units=np.arange(64, 94, dtype=np.int32), pairs=load_lookup(work).pairs)
    with pytest.raises(ValueError, match="30 units and 2 pairs"):
        join(tmp_path / "parts", home)
    assert not (home / "encoder.pt").exists()


def test_a_training_begins_as_parts(work: Path, tmp_path: Path) -> None:
    split(work, tmp_path / "parts", PLAN)
    trained = load(work / "checkpoint.pt")["model"]
    (work / "checkpoint.pt").unlink()
    still = PretrainPlan(row=16, rows=4, tokens=64, width=24, pair_width=8, n_attention=4, learning_rate=0.0)
    begin(work, still, begin_with=read(tmp_path / "parts"), engine=RESIDENT)
    after = load(work / "checkpoint.pt")["model"]
    assert all(torch.equal(after[name], value) for name, value in trained.items())


def test_the_manifest_names_every_part(work: Path, tmp_path: Path) -> None:
    manifest = split(work, tmp_path / "parts", PLAN, max_bytes=20_000)
    assert json.loads((tmp_path / "parts" / MANIFEST).read_text("utf-8")) == manifest
    names = {path.name for path in (tmp_path / "parts").iterdir()}
    assert names == {MANIFEST} | {entry["file"] for entry in manifest["parts"]}
