from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from training.pretrain import load_lookup
from training.pretrain.shards import MANIFEST, unpack, write

N_UNITS = 30_000


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    np.savez(folder / "vocabulary.npz", units=np.arange(65, 95, dtype=np.int32), pairs=np.zeros(0, np.uint32))
    # Some ids are of more than a byte, and half of the stream does not compress.
    stream = np.concatenate(
        (np.arange(N_UNITS // 2) % 7000, np.random.default_rng(0).integers(0, 1 << 16, N_UNITS // 2))
    )
    np.save(folder / "tokens.npy", stream.astype(np.uint16))
    return folder


@pytest.mark.parametrize("max_mb", [0.01, 0.025, 45.0])
def test_the_stream_comes_back_whole_from_files_of_the_size_asked_for(
    work: Path, tmp_path: Path, max_mb: float
) -> None:
    manifest = write(work, tmp_path / "out", max_mb=max_mb)
    packed = [tmp_path / "out" / entry["file"] for entry in manifest["shards"]]
    assert (len(packed) == 1) == (max_mb == 45.0)
    assert all(path.stat().st_size <= max_mb * 1e6 for path in packed)
    assert unpack(tmp_path / "out", tmp_path / "there") == manifest["units"] == manifest["units_of_all"] == N_UNITS
    stream = np.load(tmp_path / "there" / "tokens.npy")
    assert stream.dtype == np.uint16
    np.testing.assert_array_equal(stream, np.load(work / "tokens.npy"))
    np.testing.assert_array_equal(load_lookup(tmp_path / "there").units, load_lookup(work).units)


def test_a_limit_for_all_takes_the_beginning_of_the_stream_and_uses_the_room(work: Path, tmp_path: Path) -> None:
    manifest = write(work, tmp_path / "out", max_mb=0.02, total_mb=0.05)
    size = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert 0.04e6 < size <= 0.05e6 + 1000
    assert 0 < manifest["units"] < manifest["units_of_all"] == N_UNITS
    n_units = unpack(tmp_path / "out", tmp_path / "there")
    np.testing.assert_array_equal(np.load(tmp_path / "there" / "tokens.npy"), np.load(work / "tokens.npy")[:n_units])


def test_a_limit_below_the_vocabulary_is_refused(work: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        write(work, tmp_path / "out", total_mb=0.001)


@pytest.mark.parametrize("name", ["tokens-01.xz", "vocabulary.npz"])
def test_a_damaged_file_is_named_and_nothing_is_left(work: Path, tmp_path: Path, name: str) -> None:
    write(work, tmp_path / "out", max_mb=0.025)
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{name}: damaged"):
        unpack(tmp_path / "out", tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_missing_file_is_named(work: Path, tmp_path: Path) -> None:
    write(work, tmp_path / "out", max_mb=0.025)
    (tmp_path / "out" / "tokens-00.xz").unlink()
    with pytest.raises(FileNotFoundError, match=r"tokens-00\.xz"):
        unpack(tmp_path / "out", tmp_path / "there")


def test_a_shard_with_other_units_than_the_manifest_says_is_named(work: Path, tmp_path: Path) -> None:
    write(work, tmp_path / "out")
    path = tmp_path / "out" / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    manifest["shards"][0]["units"] += 1
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ValueError, match=r"tokens-00\.xz: 30000 units instead of 30001"):
        unpack(tmp_path / "out", tmp_path / "there")


def test_what_was_unpacked_is_not_unpacked_again(work: Path, tmp_path: Path) -> None:
    assert unpack(tmp_path / "no shards here", work) == N_UNITS


def test_shards_are_what_any_xz_reads(work: Path, tmp_path: Path) -> None:
    write(work, tmp_path / "out")
    raw = lzma.decompress((tmp_path / "out" / "tokens-00.xz").read_bytes())
    np.testing.assert_array_equal(np.frombuffer(raw, "<u2"), np.load(work / "tokens.npy"))
