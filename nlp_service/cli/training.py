"""``train`` and ``evaluate``: what the training folder of a source tree does, as processes of their own.

Serving must not depend on training, so nothing is imported from there; the folder is only run.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import typer

from nlp_service.cli.exits import told
from nlp_service.errors import NotReady

SOURCE_TREE = Path(__file__).resolve().parents[2]

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Settings of a command that hands all its arguments to another program, ``--help`` among them."""


def train(context: typer.Context) -> None:
    """Train a model by a recipe, `adapt` one to corrections, `heads` for an encoder, or `search`.

    Arguments go to the training folder (try --help).
    """
    step, arguments = "run", context.args
    if arguments[:1] in (["adapt"], ["heads"], ["search"]):
        step, arguments = arguments[0], arguments[1:]
    with told():
        raise typer.Exit(run(step, arguments))


def evaluate(context: typer.Context) -> None:
    """Measure a model on annotated messages; arguments go to the training folder (try --help)."""
    with told():
        raise typer.Exit(run("evaluate", context.args))


def run(step: str, arguments: list[str], tree: Path = SOURCE_TREE) -> int:
    """Run a step of the training folder in the caller's folder, and give its exit code.

    Raises:
        NotReady: The folder, or a library that only training needs, is not there.
    """
    if not (tree / "training" / "__main__.py").is_file():
        raise NotReady("training is not part of an installed package: run it from a source tree")
    missing = [name for name in ("torch", "sklearn") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotReady(f"training needs {' and '.join(missing)}: install the package with its extra, .[train]")
    paths = [str(tree), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-m", "training", step, *arguments], env=environment, check=False)
    # A step that was ended by a signal has a negative code; a shell says 128 and the signal.
    return done.returncode if done.returncode >= 0 else 128 - done.returncode
