"""Folders of the Hugging Face and sentence-transformers formats: where one lies, what it says, what it is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference.hub.pooling import ACTIVATIONS, Dense, Normalise, modes

Weights = Callable[[Path], Mapping[str, npt.NDArray[Any]]]
"""Reads a file of weights."""

_PARTS = (
    "config.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
# What is fetched from the hub: the same weights often lie there for other libraries too.
_FETCHED = ["*.json", "*.txt", "*.model", "*.safetensors", "*/pytorch_model*.bin"]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What a folder says of its checkpoint.

    Attributes:
        transformer: Folder of the transformer and its tokenizer.
        ways: Ways of pooling, of `pooling.MODES`; the mean where the folder says nothing.
        layers: What the pooled vector goes through.
        longest: Tokens of a text at the most, the marks around it included; None where the folder does not say.
        sha256: Of everything that decides what a text's vector is.
    """

    transformer: Path
    ways: tuple[str, ...]
    layers: tuple[Dense | Normalise, ...]
    longest: int | None
    sha256: str


def find(name: str, *, revision: str | None = None, fetch: bool = False) -> Path:
    """Folder of a checkpoint.

    Args:
        name: A folder, or the id of a checkpoint of the hub.
        revision: Its commit, where it is of the hub; its main one unless given.
        fetch: Whether to download what the local cache lacks. HF_HUB_OFFLINE forbids it all the same.

    Raises:
        ArtifactError: It is not there; the message says where it was looked for.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or folder.exists():
        raise ArtifactError(f"{name}: no such folder; a checkpoint is named by its folder or by its id on the hub")
    attempts: list[dict[str, Any]] = [{"local_files_only": True}]
    if fetch:
        attempts += [{"allow_patterns": _FETCHED}, {"allow_patterns": [*_FETCHED, "pytorch_model*.bin"]}]
    reason: Exception | None = None
    for options in attempts:
        try:
            folder = _from_hub(name, revision, options)
        except Exception as error:  # no such id, no network, no permission: each library below has errors of its own
            reason = error
            continue
        if any(folder.rglob("*.safetensors")) or any(folder.rglob("pytorch_model*.bin")):
            return folder
    raise ArtifactError(
        f"{name}: no such folder, and no such checkpoint in the local cache of the hub; where there is a network, "
        f"`hf download {name}` fetches it, or its folder is named"
    ) from reason


def _from_hub(name: str, revision: str | None, options: dict[str, Any]) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, revision=revision, etag_timeout=5, **options))


def read(folder: Path, weights: Weights) -> Layout:
    """Read what a folder says.

    Args:
        folder: Of the checkpoint.
        weights: Reads the weights of a layer behind the pooling.

    Raises:
        ArtifactError: A file is missing, or of a kind that is not read; the message names it.
    """
    modules = _modules(folder)
    transformer = folder / modules[0][1]
    ways: tuple[str, ...] = ("mean",)
    layers: list[Dense | Normalise] = []
    for kind, path in modules[1:]:
        place = folder / path
        if kind == "Pooling":
            ways = _checked(place / "config.json", modes)
        elif kind == "Dense":
            layers.append(_dense(place, weights))
        elif kind == "Normalize":
            layers.append(Normalise())
        elif kind != "Dropout":  # which does nothing but in training
            raise ArtifactError(f"{folder / 'modules.json'}: layers of the kind {kind} are not read")
    limit = transformer / "sentence_bert_config.json"
    longest = _json(limit).get("max_seq_length") if limit.is_file() else None
    _json(transformer / "config.json")
    if not _weights(transformer):
        raise ArtifactError(f"{transformer}: no weights, neither *.safetensors nor pytorch_model*.bin")
    return Layout(transformer, ways, tuple(layers), longest, _digest(folder, [path for _, path in modules]))


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Kind and folder of each part; a folder without a list is a transformer alone."""
    path = folder / "modules.json"
    if not path.is_file():
        return [("Transformer", "")]
    try:
        found = [(str(entry["type"]).rsplit(".", 1)[-1], str(entry["path"])) for entry in _json(path, list)]
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: not a list of modules") from error
    if not found or found[0][0] != "Transformer":
        raise ArtifactError(f"{path}: it does not begin with a transformer")
    return found


def _dense(folder: Path, weights: Weights) -> Dense:
    config = _json(folder / "config.json")
    activation = str(config.get("activation_function", "Tanh")).rsplit(".", 1)[-1]
    if activation not in ACTIVATIONS or config.get("use_residual"):
        raise ArtifactError(f"{folder / 'config.json'}: a layer that ends with {activation} is not read")
    if not _weights(folder):
        raise ArtifactError(f"{folder}: no weights, neither *.safetensors nor pytorch_model*.bin")
    arrays = weights(_weights(folder)[0])
    if "linear.weight" not in arrays:
        raise ArtifactError(f"{_weights(folder)[0]}: no linear.weight")
    weight = arrays["linear.weight"].astype(np.float32)
    bias = arrays.get("linear.bias", np.zeros(len(weight))).astype(np.float32)
    return Dense(weight, bias, activation)


def _checked(path: Path, meaning: Callable[[dict[str, Any]], tuple[str, ...]]) -> tuple[str, ...]:
    try:
        return meaning(_json(path))
    except ValueError as error:
        raise ArtifactError(f"{path}: {error}") from error


def _json(path: Path, kind: type = dict) -> Any:
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: not valid JSON") from error
    if not isinstance(content, kind):
        raise ArtifactError(f"{path}: not what is expected there")
    return content


def digest(folder: Path) -> str:
    """sha256 of everything in a folder of a transformer alone."""
    return _digest(folder, [""])


def _weights(folder: Path) -> list[Path]:
    """Files of weights: safetensors where there are any, as transformers chooses too."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def _digest(folder: Path, parts: list[str]) -> str:
    """Of the names and contents of all files that are read, in order."""
    total = hashlib.sha256()
    for path in _files(folder, parts):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()


def _files(folder: Path, parts: list[str]) -> Iterator[Path]:
    if (folder / "modules.json").is_file():
        yield folder / "modules.json"
    for part in dict.fromkeys(parts):
        place = folder / part
        yield from (path for name in _PARTS if (path := place / name).is_file())
        yield from sorted(place.glob("*.model"))
        yield from _weights(place)
