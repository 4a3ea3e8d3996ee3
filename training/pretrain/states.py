"""Files of weights that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save(state: dict[str, Any], path: Path) -> None:
    """Write a state whole or not at all: a file that is there can be trusted."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any]:
    """A state that `save` wrote, on the processor whatever device it was saved on."""
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    return state
