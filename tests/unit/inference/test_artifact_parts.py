from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_service.errors import ArtifactError
from nlp_service.inference import artifact

NAMES = ("first.npz", "second.bin")
GIVEN: dict[str, Any] = {"name": "parts", "version": "2", "format": 7, "columns": ["甲", "乙"]}
EXPECTED: dict[str, Any] = {"format": 7, "columns": ["甲", "乙"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "first.npz", numbers=np.arange(3))
    (tmp_path / "second.bin").write_bytes(b"bytes")
    artifact.write_parts(tmp_path, NAMES, GIVEN)
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    """Change entries of the manifest; None takes one away."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}), "utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        artifact.load_parts(folder, NAMES, EXPECTED)
    return str(caught.value)


def test_what_was_written_is_what_is_loaded(folder: Path) -> None:
    loaded = artifact.load_parts(folder, NAMES, EXPECTED)
    assert loaded.arrays("first.npz")["numbers"].tolist() == [0, 1, 2]
    assert loaded.content("second.bin") == b"bytes"
    assert loaded.manifest["columns"] == ["甲", "乙"]


def test_the_version_follows_the_first_file_alone(folder: Path) -> None:
    version = artifact.load_parts(folder, NAMES, EXPECTED).version
    assert version.startswith("parts-2+")
    (folder / "second.bin").write_bytes(b"others")
    artifact.write_parts(folder, NAMES, GIVEN)
    assert artifact.load_parts(folder, NAMES, EXPECTED).version == version
    np.savez(folder / "first.npz", numbers=np.arange(4))
    artifact.write_parts(folder, NAMES, GIVEN)
    assert artifact.load_parts(folder, NAMES, EXPECTED).version != version


@pytest.mark.parametrize("key", ["format", "columns"])
@pytest.mark.parametrize("value", [8, ["乙", "甲"], None])
def test_another_kind_is_refused_by_the_name_of_what_differs(folder: Path, key: str, value: object) -> None:
    edit(folder, **{key: value})
    assert f"its {key} is not the one" in refusal(folder)


@pytest.mark.parametrize("key", ["name", "version"])
def test_a_manifest_needs_a_name_and_a_version(folder: Path, key: str) -> None:
    edit(folder, **{key: None})
    assert refusal(folder).endswith(f"no {key}")


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_or_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"damaged")
    assert f"{name}: damaged" in refusal(folder)
    (folder / name).unlink()
    assert f"{name}: cannot be read" in refusal(folder)


def test_a_file_that_the_manifest_does_not_name_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    edit(folder, files={"first.npz": manifest["files"]["first.npz"]})
    assert "second.bin: not named in the manifest" in refusal(folder)


@pytest.mark.parametrize("content", ["{", "[]", '{"files": []}'])
def test_what_is_no_manifest_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content, "utf-8")
    assert "manifest" in refusal(folder)


def test_without_a_manifest_nothing_is_loaded(tmp_path: Path) -> None:
    assert "manifest.json: cannot be read" in refusal(tmp_path)


def test_a_file_must_be_there_to_be_written_about(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        artifact.write_parts(tmp_path, NAMES, GIVEN)
