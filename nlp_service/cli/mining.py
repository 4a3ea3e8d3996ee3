"""What mining is done with: what a worker reads with, vectors of words, an engine, a line of progress."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nlp_service.errors import BadInput
from nlp_service.wiring import ASPECTS, TIERS

if TYPE_CHECKING:
    from nlp_service.insight.engine.local import Run

RAY_ADDRESS = "RAY_ADDRESS"
"""Where Ray itself looks for its cluster; not a setting of this service."""


def reads_with(model: str, encoder: str, taxonomy: Path | None, *, is_stored: bool) -> dict[str, str]:
    """What changes when `build_tools` makes something else, by names that the user can read.

    Raises:
        BadInput: The taxonomy cannot be read.
    """
    found = {"opinions": _digest([ASPECTS / "manifest.json"])}
    try:
        found["taxonomy"] = hashlib.sha256(taxonomy.read_bytes()).hexdigest() if taxonomy else ""
    except OSError as error:
        raise BadInput(f"cannot read {taxonomy}: {error.strerror}", param="taxonomy") from error
    if not is_stored:
        found |= {"model": _digest([TIERS.get(model, Path(model)) / "manifest.json"]), "encoder": encoder}
    return found


def engine_named(name: str) -> Run:
    """The engine ``local`` or ``ray``.

    Raises:
        BadInput: There is none of this name.
    """
    if name == "local":
        from nlp_service.insight.engine.local import run_local

        return run_local
    if name == "ray":
        from nlp_service.insight.engine.ray import run_ray

        return partial(run_ray, address=os.environ.get(RAY_ADDRESS, ""))
    raise BadInput("there are the engines local and ray", param="engine")


def show(n_done: int, n_parts: int, n_read: int) -> None:
    """A line of progress on a terminal, written over as it changes."""
    if sys.stderr.isatty():
        ending = "\n" if n_done == n_parts else ""
        typer.echo(f"\r{n_done:,} of {n_parts:,} parts, {n_read:,} messages read{ending}", err=True, nl=False)


def beside(output: str, ending: str) -> Path:
    """A file in the folder of an output whose name goes on with `ending`."""
    path = Path(output)
    return path.with_name((path.name or "mining") + ending)


def _digest(files: Sequence[Path]) -> str:
    content = hashlib.sha256()
    for path in files:
        content.update(path.read_bytes() if path.is_file() else b"none")
    return content.hexdigest()
