"""The stream of ids and its vocabulary in compressed files that are small enough to travel."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.pretrain.steps import load_stream

Stream = npt.NDArray[np.uint16]

MANIFEST = "shards.json"

# Two bytes a unit, so no byte is told from the one before it alone (lp, pb). The whole of a shard is in the window, so
# that a text which stands in it twice costs nothing. Other presets and lc gave the same within a thousandth.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 1, "pb": 1, "dict_size": 1 << 26}]


def write(work: Path, out: Path, *, max_mb: float = 45.0, total_mb: float = 0.0) -> dict[str, Any]:
    """Compress ``tokens.npy`` of a work folder into shards, with ``vocabulary.npz`` and a manifest beside them.

    Args:
        work: Folder that `prepare` filled.
        out: Folder to write to; made if it is not there.
        max_mb: Megabytes (10**6 bytes) that no shard is larger than.
        total_mb: Megabytes of all files together; 0 for no limit. Texts are in random order, so what is left out
            behind it leaves a random draw of them.

    Returns:
        The manifest: how many units there are, how many of them travel, and size and sum of each file.

    Raises:
        ValueError: Not even the vocabulary fits.
    """
    out.mkdir(parents=True, exist_ok=True)
    stream = load_stream(work)
    vocabulary = (work / "vocabulary.npz").read_bytes()
    left = int(total_mb * 1e6) - len(vocabulary) - 10_000 if total_mb else None  # the manifest is smaller than that
    if left is not None and left <= 0:
        raise ValueError(f"total_mb of {total_mb:g} is less than the vocabulary takes")
    shards: list[dict[str, Any]] = []
    at = 0
    # What does not compress at all grows by less than a hundredth, so a shard of so many units always fits.
    longest = int(max_mb * 1e6 * 0.99) // 2
    while at < len(stream) and (left is None or left > 0):
        n_units, packed = _pack(stream[at : at + longest], left)
        if not n_units:
            break
        shards.append(_put(out / f"tokens-{len(shards):02}.xz", packed) | {"units": n_units})
        at += n_units
        if left is not None:
            left -= len(packed)
            if n_units < longest:
                break
    files = {"vocabulary": _put(out / "vocabulary.npz", vocabulary), "shards": shards}
    manifest = {"units": at, "units_of_all": len(stream)} | files
    part = out / "shards.part"
    part.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    os.replace(part, out / MANIFEST)
    return manifest


def unpack(shards: Path, work: Path) -> int:
    """Write ``vocabulary.npz`` and ``tokens.npy`` to a work folder as `prepare` does, unless they are there.

    Returns:
        Units of the stream.

    Raises:
        FileNotFoundError: There is no manifest, or a file that it names is not there.
        ValueError: A file is damaged; the message names it.
    """
    if not (work / "tokens.npy").exists():
        manifest = json.loads((shards / MANIFEST).read_text("utf-8"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decompression leaves the interpreter free
            pieces = list(pool.map(lambda entry: _open(shards, entry), manifest["shards"]))
        vocabulary = _get(shards, manifest["vocabulary"])
        work.mkdir(parents=True, exist_ok=True)
        (work / "vocabulary.npz").write_bytes(vocabulary)
        np.save(work / "tokens.part.npy", np.concatenate(pieces))
        os.replace(work / "tokens.part.npy", work / "tokens.npy")
    return len(load_stream(work))


def _pack(units: Stream, limit: int | None) -> tuple[int, bytes]:
    """As many of the first units as fit into `limit` bytes, compressed, or all of them without a limit."""
    packed = lzma.compress(_bytes(units), format=lzma.FORMAT_XZ, filters=_FILTERS)
    while limit is not None and len(packed) > limit and len(units):
        units = units[: int(len(units) * 0.995 * limit / len(packed))]
        packed = lzma.compress(_bytes(units), format=lzma.FORMAT_XZ, filters=_FILTERS)
    return len(units), packed


def _bytes(units: Stream) -> bytes:
    return np.asarray(units, "<u2").tobytes()


def _open(folder: Path, entry: dict[str, Any]) -> Stream:
    raw = lzma.decompress(_get(folder, entry))
    if len(raw) != 2 * entry["units"]:
        raise ValueError(f"{entry['file']}: {len(raw) // 2} units instead of {entry['units']}")
    return np.frombuffer(raw, "<u2").astype(np.uint16)


def _put(path: Path, content: bytes) -> dict[str, Any]:
    path.write_bytes(content)
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _get(folder: Path, entry: dict[str, Any]) -> bytes:
    content = (folder / entry["file"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ValueError(f"{entry['file']}: damaged, {len(content)} bytes of {entry['bytes']}")
    return content
