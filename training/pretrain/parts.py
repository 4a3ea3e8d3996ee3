"""Trained weights in files that are small enough to be brought back."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlp_service.inference.lookup import Lookup
from training.network import EncoderShape
from training.pretrain.plan import PretrainPlan
from training.pretrain.states import load, save
from training.pretrain.tokens import load_lookup

MANIFEST = "encoder.json"

MAX_PARTS, MAX_BYTES = 7, 15_000_000
"""Files beside the manifest, and the size of each at the most: eight files of 16 MiB can be brought back."""


def split(work: Path, out: Path, plan: PretrainPlan, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Write the weights of the last checkpoint to parts, in 32 bits if they fit and else in bfloat16.

    The head that guesses units and the vocabulary come along, so that a training can begin with the parts and the parts
    can be read by themselves. What the optimiser knows stays behind.

    Args:
        work: Folder with ``checkpoint.pt`` and the vocabulary.
        out: Folder to write to; made if it is not there.
        plan: What was trained by.
        max_bytes: Of a part.

    Returns:
        The manifest: step, type of the numbers, and size and sum of each part.

    Raises:
        ValueError: The weights do not fit in half the size either.
    """
    checkpoint, lookup = load(work / "checkpoint.pt"), load_lookup(work)
    for dtype in (torch.float32, torch.bfloat16):
        content = _content(checkpoint["model"], lookup, plan, dtype)
        if len(content) <= MAX_PARTS * max_bytes:
            break
    else:
        raise ValueError(f"weights of {len(content)} bytes do not fit {MAX_PARTS} parts of {max_bytes}")
    out.mkdir(parents=True, exist_ok=True)
    parts = []
    for i, start in enumerate(range(0, len(content), max_bytes)):
        piece, name = content[start : start + max_bytes], f"encoder.part-{i:02}"
        (out / name).write_bytes(piece)
        parts.append({"file": name, "bytes": len(piece), "sha256": hashlib.sha256(piece).hexdigest()})
    manifest = {"step": int(checkpoint["step"]), "type": str(dtype).removeprefix("torch."), "parts": parts}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return manifest


def read(folder: Path) -> dict[str, Any]:
    """The state of an ``encoder.pt``, with the keys `head`, `units` and `pairs` besides, from the parts in a folder.

    Weights are in 32 bits, whatever they travelled in.

    Raises:
        FileNotFoundError: There is no manifest, or a part is not there.
        ValueError: A part is damaged; the message names it.
    """
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    content = io.BytesIO()
    for entry in manifest["parts"]:
        piece = (folder / entry["file"]).read_bytes()
        if hashlib.sha256(piece).hexdigest() != entry["sha256"]:
            raise ValueError(f"{entry['file']}: damaged, {len(piece)} bytes of {entry['bytes']}")
        content.write(piece)
    content.seek(0)
    state: dict[str, Any] = torch.load(content, weights_only=True, map_location="cpu")
    for name in ("weights", "head"):
        state[name] = {key: value.float() for key, value in state[name].items()}
    return state


def join(folder: Path, work: Path) -> EncoderShape:
    """Make ``encoder.pt`` of the parts in a folder, and ``vocabulary.npz`` unless it is there.

    Args:
        folder: With the parts; only read.
        work: Folder to write to; made if it is not there.

    Returns:
        The sizes of the encoder.

    Raises:
        FileNotFoundError: There is no manifest, or a part is not there.
        ValueError: A part is damaged, or `work` has another vocabulary.
    """
    state = read(folder)
    units, pairs = state.pop("units").numpy(), state.pop("pairs").numpy().astype(np.uint32)
    work.mkdir(parents=True, exist_ok=True)
    path = work / "vocabulary.npz"
    if not path.exists():
        with path.with_suffix(".part").open("wb") as file:
            np.savez(file, units=units, pairs=pairs)
        os.replace(path.with_suffix(".part"), path)
    known = load_lookup(work)
    if not (np.array_equal(known.units, units) and np.array_equal(known.pairs, pairs)):
        raise ValueError(f"the weights are of {len(units)} units and {len(pairs)} pairs that are not those of {path}")
    save(state, work / "encoder.pt")
    return EncoderShape(**state["shape"])


def _content(weights: dict[str, Tensor], lookup: Lookup, plan: PretrainPlan, dtype: torch.dtype) -> bytes:
    small = {name: value.to(dtype) for name, value in weights.items()}
    prefix = "encoder."
    state = {
        "shape": asdict(plan.shape(lookup)),
        "weights": {name.removeprefix(prefix): value for name, value in small.items() if name.startswith(prefix)},
        "head": {name: value for name, value in small.items() if not name.startswith(prefix)},
        "plan": asdict(plan),
        "units": torch.from_numpy(lookup.units),
        "pairs": torch.from_numpy(lookup.pairs.astype(np.int64)),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()
