from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact
from nlp_service.inference.analyser import Analyser
from nlp_service.inference.artifact import FILES, FORMAT
from nlp_service.text import normalise
from nlp_service.wiring import TIERS

GIVEN = {"name": "small", "version": "7", "thresholds": {"abuse": 0.5}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An artefact of a few bytes; the loader looks at checksums, not at what the files are."""
    (tmp_path / "encoder.onnx").write_bytes(b"a graph")
    for name in ("vocabulary", "linear", "heads"):
        np.savez(tmp_path / f"{name}.npz", numbers=np.arange(5), words=np.array([name]))
    artifact.write(tmp_path, GIVEN)
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    """Change entries of the manifest; None takes one away."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}), "utf-8")


def refusal(folder: Path) -> str:
    """What the loader says against the artefact."""
    with pytest.raises(ArtifactError) as caught:
        artifact.load(folder)
    return str(caught.value)


def test_what_was_written_is_what_is_loaded(folder: Path) -> None:
    loaded = artifact.load(folder)
    assert {key: loaded.manifest[key] for key in GIVEN} == GIVEN
    assert loaded.content("encoder.onnx") == b"a graph"
    arrays = loaded.arrays("heads.npz")
    assert arrays["numbers"].tolist() == [0, 1, 2, 3, 4]
    assert arrays["words"].tolist() == ["heads"]


def test_the_manifest_names_all_that_must_fit(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["format"] == FORMAT
    assert manifest["normaliser"] == normalise.VERSION
    assert manifest["labels"] == artifact.labels()
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES
    }


def test_the_version_names_the_weights(folder: Path) -> None:
    checksum = hashlib.sha256(b"a graph").hexdigest()
    assert artifact.load(folder).version == f"small-7+{checksum[:8]}"


def test_contents_are_given_out_once(folder: Path) -> None:
    loaded = artifact.load(folder)
    loaded.content("encoder.onnx")
    with pytest.raises(KeyError):
        loaded.content("encoder.onnx")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0, -1])
def test_a_damaged_byte_is_found_and_the_file_named(folder: Path, name: str, place: int) -> None:
    content = bytearray((folder / name).read_bytes())
    content[place] ^= 1
    (folder / name).write_bytes(content)
    said = refusal(folder)
    assert str(folder / name) in said
    assert "damaged" in said


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_cut_short_or_emptied_is_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for left in (content[:-1], b""):
        (folder / name).write_bytes(left)
        assert str(folder / name) in refusal(folder)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    said = refusal(folder)
    assert str(folder / name) in said
    assert "cannot be read" in said


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "nothing") in refusal(tmp_path / "nothing")


@pytest.mark.parametrize("kept", [0, 1, 200, -3])
def test_a_truncated_manifest_is_refused(folder: Path, kept: int) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:kept])
    assert f"{path}: not valid JSON" in refusal(folder)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"fast"', b"{}", b'{"files": ["encoder.onnx"]}'])
def test_json_that_is_no_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    assert "manifest.json: not a manifest" in refusal(folder)


def test_a_manifest_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\xff\xfe{\x00}\x00\x80")
    assert "manifest.json: not valid JSON" in refusal(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", FORMAT + 1),
        ("format", "x"),
        ("format", None),
        ("normaliser", normalise.VERSION + "0"),
        ("normaliser", None),
        ("labels", {**artifact.labels(), "abuse": ["insult"]}),
        ("labels", {**artifact.labels(), "intent": artifact.labels()["intent"][::-1]}),  # same names, other columns
        ("labels", {name: columns for name, columns in artifact.labels().items() if name != "unsafe"}),
        ("labels", None),
        ("targets", ["", "物流速度"]),
        ("targets", None),
    ],
)
def test_an_artefact_of_another_version_is_refused(folder: Path, key: str, value: object) -> None:
    edit(folder, **{key: value})
    said = refusal(folder)
    assert str(folder / "manifest.json") in said
    assert f"its {key} " in said


@pytest.mark.parametrize("key", ["name", "version", "thresholds"])
def test_a_manifest_without_what_is_needed_is_refused(folder: Path, key: str) -> None:
    edit(folder, **{key: None})
    assert f"manifest.json: no {key}" in refusal(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("entry", [None, "0f3a9c21", {}, {"size": 7}])
def test_a_file_without_a_checksum_in_the_manifest_is_refused(folder: Path, name: str, entry: object) -> None:
    files = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    edit(folder, files={**files, name: entry})
    assert f"{folder / name}: not named in the manifest" in refusal(folder)


def test_a_file_swapped_for_another_of_the_artefact_is_refused(folder: Path) -> None:
    (folder / "linear.npz").write_bytes((folder / "heads.npz").read_bytes())
    assert str(folder / "linear.npz") in refusal(folder)


def archive(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def stored(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def pickled() -> bytes:
    return archive(numbers=np.array([{"a": 1}], dtype=object))


def plain() -> bytes:
    return archive(numbers=np.arange(99))


def one_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(9))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pickled(), id="pickled objects"),
        pytest.param(plain()[:200], id="cut short before it was signed"),
        pytest.param(plain().replace(b"NUMPY", b"NUMPX"), id="a member that is no array"),
        pytest.param(one_array(), id="one array instead of several"),
        pytest.param(b"no archive at all", id="no archive"),
        pytest.param(b"", id="empty"),
    ],
)
def test_arrays_are_read_without_pickle_or_not_at_all(folder: Path, content: bytes) -> None:
    (folder / "heads.npz").write_bytes(content)
    artifact.write(folder, GIVEN)  # signed as it is, so that only reading it can tell
    loaded = artifact.load(folder)
    with pytest.raises(ArtifactError) as caught:
        loaded.arrays("heads.npz")
    assert str(folder / "heads.npz") in str(caught.value)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The shipped artefact, its files by name only, so that one of them can be replaced."""
    for path in TIERS["fast"].iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_no_model_comes_of_a_damaged_file(shipped: Path, name: str) -> None:
    content = bytearray((shipped / name).read_bytes())
    content[len(content) // 2] ^= 0x80
    (shipped / name).unlink()
    (shipped / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=name):
        Analyser.load(shipped)


def resign(folder: Path, name: str, content: bytes, **changes: Any) -> None:
    """Replace a file of the artefact and have the manifest agree with it."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8")) | changes
    for path in (folder / name, folder / "manifest.json"):
        path.unlink()
    (folder / name).write_bytes(content)
    artifact.write(folder, manifest)


@pytest.mark.parametrize("name", FILES)
def test_no_model_comes_of_a_file_of_something_else(shipped: Path, name: str) -> None:
    resign(shipped, name, plain())
    with pytest.raises(ArtifactError) as caught:
        Analyser.load(shipped)
    assert str(shipped) in str(caught.value)


@pytest.mark.parametrize(
    "thresholds",
    [
        {},
        {
            "intent": {},
            "risk": [0.5, 0.5, 0.5],
            "abuse": 0.5,
            "target": 0.5,
            "pain_prior": 0.5,
            "pain_least": 2.0,
            "pain_begin": 0.5,
        },
        {"abuse": 0.5, "unheard_of": 0.5},
        [0.5],
        None,
    ],
)
def test_no_model_comes_of_thresholds_that_do_not_fit(shipped: Path, thresholds: object) -> None:
    resign(shipped, "heads.npz", (shipped / "heads.npz").read_bytes(), thresholds=thresholds)
    with pytest.raises(ArtifactError, match="do not fit"):
        Analyser.load(shipped)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("heads.npz", "weight"),
        ("heads.npz", "target_weight"),
        ("heads.npz", "target_bias"),
        ("heads.npz", "bias"),
        ("linear.npz", "steps"),
    ],
)
def test_no_model_comes_of_parts_for_other_labels(shipped: Path, name: str, array: str) -> None:
    arrays = stored(shipped / name)
    arrays[array] = arrays[array][..., :-1]
    if array == "steps":  # what fits in itself can still not fit the heads
        arrays |= {"weights": arrays["weights"][:, :-1], "bias": arrays["bias"][:-1]}
    resign(shipped, name, archive(**arrays))
    with pytest.raises(ArtifactError, match="do not fit"):
        Analyser.load(shipped)


@pytest.mark.parametrize("cut", [["weight"], ["target_weight"], ["weight", "target_weight"]])
def test_no_model_comes_of_heads_for_another_width(shipped: Path, cut: list[str]) -> None:
    arrays = stored(shipped / "heads.npz")
    resign(shipped, "heads.npz", archive(**arrays | {name: arrays[name][:-1] for name in cut}))
    with pytest.raises(ArtifactError, match="do not fit"):
        Analyser.load(shipped)


@pytest.mark.parametrize("array", ["weight", "target_weight", "encoder"])
def test_no_model_comes_of_heads_without_one_of_their_arrays(shipped: Path, array: str) -> None:
    arrays = stored(shipped / "heads.npz")
    del arrays[array]
    resign(shipped, "heads.npz", archive(**arrays))
    with pytest.raises(ArtifactError, match="do not fit"):
        Analyser.load(shipped)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(np.transpose, id="turned"),
        pytest.param(np.ravel, id="one row"),
        pytest.param(lambda weight: weight[:0], id="no rows"),
        pytest.param(lambda weight: weight[0, 0], id="one number"),
        pytest.param(lambda weight: weight[None], id="several matrices"),
    ],
)
def test_no_model_comes_of_a_weight_that_is_not_the_matrix_it_should_be(
    shipped: Path, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    arrays = stored(shipped / "heads.npz")
    resign(shipped, "heads.npz", archive(**arrays | {"weight": change(arrays["weight"])}))
    with pytest.raises(ArtifactError, match="do not fit"):
        Analyser.load(shipped)
