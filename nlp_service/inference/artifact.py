"""A trained model as files: a manifest that names everything, and a loader that takes all of it or refuses."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference.heads import GROUPS
from nlp_service.inference.targets import TARGETS
from nlp_service.text import normalise

FORMAT = 2
"""Layout of an artefact. A reader takes only its own."""

FILES = ("encoder.onnx", "vocabulary.npz", "linear.npz", "heads.npz")
"""Files of a model with an encoder of its own. The first one's checksum is in its version."""

FITTED = ("heads.npz", "linear.npz")
"""Files of heads that were fitted on an encoder that lies elsewhere; the manifest then says which, as ``encoder``."""

# What numpy raises for what is no archive of plain arrays. TypeError: a lone array is not one.
_NO_ARRAYS = (ValueError, TypeError, OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class Artifact:
    """An artefact whose every file was found to be what the manifest says.

    Attributes:
        manifest: What ``manifest.json`` says.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
        self.folder = folder
        self.manifest = manifest
        self._contents = contents
        self._first = next(iter(contents))

    @property
    def version(self) -> str:
        """Name and version, with the beginning of the checksum of the encoder or fitted heads: ``fast-1+0f3a9c21``."""
        checksum = self.manifest["files"][self._first]["sha256"][:8]
        return f"{self.manifest['name']}-{self.manifest['version']}+{checksum}"

    def content(self, name: str) -> bytes:
        """Bytes of a file, given out once: what reads them keeps what it needs."""
        return self._contents.pop(name)

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Arrays of an ``.npz`` file.

        Raises:
            ArtifactError: The file holds no plain arrays; the message names it.
        """
        try:
            with np.load(io.BytesIO(self.content(name)), allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except _NO_ARRAYS as error:
            raise ArtifactError(f"{self.folder / name}: not readable as arrays") from error


def load(folder: Path) -> Artifact:
    """Read an artefact and check it against its manifest.

    Raises:
        ArtifactError: A file is missing or damaged, or it was made for another format, normaliser or set of labels;
            the message names the file and what is wrong with it.
    """
    manifest = _manifest(folder / "manifest.json")
    return _with_files(folder, manifest, _files(manifest))


def load_parts(folder: Path, names: Sequence[str], expected: dict[str, Any]) -> Artifact:
    """Read a folder of another kind than a model of labels, checked in the same way.

    Args:
        folder: With a manifest.
        names: Its files; the first one's checksum is in its version.
        expected: What the manifest must say beside its name and version.

    Raises:
        ArtifactError: As for `load`.
    """
    manifest = _expecting(folder / "manifest.json", expected, ("name", "version"))
    return _with_files(folder, manifest, names)


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Complete a manifest with the checksums of the files in `folder` and write it beside them."""
    whole = {"format": FORMAT, "normaliser": normalise.VERSION, "labels": labels(), "targets": _targets()} | manifest
    write_parts(folder, _files(manifest), whole)


def write_parts(folder: Path, names: Sequence[str], manifest: dict[str, Any]) -> None:
    """Write a manifest with the checksums of the named files in `folder` beside them."""
    files = {name: {"sha256": _digest((folder / name).read_bytes())} for name in names}
    text = json.dumps(manifest | {"files": files}, ensure_ascii=False, indent=1)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def labels() -> dict[str, list[str]]:
    """Columns of every head, as this version of the code reads them."""
    return {group.name: list(group.columns) for group in GROUPS}


def _files(manifest: dict[str, Any]) -> tuple[str, ...]:
    return FITTED if "encoder" in manifest else FILES


def _targets() -> list[str]:
    return [target.name for target in TARGETS]


def _with_files(folder: Path, manifest: dict[str, Any], names: Sequence[str]) -> Artifact:
    contents = {name: _checked(folder / name, manifest["files"].get(name)) for name in names}
    return Artifact(folder, manifest, contents)


def _expecting(path: Path, expected: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """A manifest that says what is expected and has the keys."""
    try:
        manifest = json.loads(_read(path))
    except ValueError as error:
        raise ArtifactError(f"{path}: not valid JSON") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise ArtifactError(f"{path}: not a manifest")
    for key, value in expected.items():
        if manifest.get(key) != value:
            raise ArtifactError(f"{path}: its {key} is not the one of this version of the service")
    for key in keys:
        if key not in manifest:
            raise ArtifactError(f"{path}: no {key}")
    return manifest


def _manifest(path: Path) -> dict[str, Any]:
    expected = {"format": FORMAT, "normaliser": normalise.VERSION, "labels": labels(), "targets": _targets()}
    manifest = _expecting(path, expected, ("name", "version", "thresholds"))
    encoder = manifest.get("encoder", {"name": "", "width": 0, "sha256": ""})
    if not isinstance(encoder, dict) or not {"name", "width", "sha256"} <= encoder.keys():
        raise ArtifactError(f"{path}: its encoder needs a name, a width and a sha256")
    return manifest


def _checked(path: Path, entry: object) -> bytes:
    if not isinstance(entry, dict) or "sha256" not in entry:
        raise ArtifactError(f"{path}: not named in the manifest")
    content = _read(path)
    if _digest(content) != entry["sha256"]:
        raise ArtifactError(f"{path}: damaged, its checksum is not the one in the manifest")
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
