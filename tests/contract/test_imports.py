"""Who may import whom. The rule is drawn in docs/architecture.md; a module imports only from lines below its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Lowest line first. Rooms on one line do not import each other.
LINES: tuple[tuple[str, ...], ...] = (
    ("types", "errors"),
    ("text", "client"),
    ("inference", "store"),
    ("moderation", "knowledge", "insight", "crisis", "notify"),
    ("intake", "duty"),
    ("wiring", "settings", "telemetry"),
    ("api", "console", "stream"),
    ("cli",),
)
LEVELS = {room: level for level, rooms in enumerate(LINES) for room in rooms}

# What training may use of the package: the same normaliser, encoding and features of a search as serving.
_OF_KNOWLEDGE = "calibrate entries rerank search thresholds".split()
# Figures are those of the very functions that the service runs, so the pure rooms that are measured are open too.
OPEN_TO_TRAINING = (
    "text",
    "inference",
    "types",
    "errors",
    "insight",
    "crisis",
    *(f"knowledge.{name}" for name in _OF_KNOWLEDGE),
)

# One library, one home.
HOMES: dict[str, tuple[str, ...]] = {
    "apprise": ("nlp_service.notify.apprised",),
    "cryptography": ("nlp_service.notify.sealing",),
    "docx": ("nlp_service.insight.report",),
    "ray": ("nlp_service.insight.engine.ray",),
    "sklearn": ("nlp_service.insight", "training"),
    "ahocorasick_rs": ("nlp_service.moderation",),
    "bm25s": ("training.contrast",),
    "faiss": ("nlp_service.knowledge.search.nearest", "nlp_service.insight.clusters"),
    "fastapi": ("nlp_service.api", "nlp_service.cli.measuring.bare"),
    "fasttext": ("training.words", "training.rivals"),
    "huggingface_hub": ("nlp_service.inference.hub", "training"),
    "jieba": ("nlp_service.text.segment",),
    "onnxruntime": ("nlp_service.inference", "nlp_service.cli.measuring.encoder", "training"),
    "opencc": ("nlp_service.text.normalise", "training.obfuscate"),
    "redis": ("nlp_service.stream",),
    "pypinyin": ("training.obfuscate", "training.ranker"),
    "rjieba": ("nlp_service.text.segment",),
    "safetensors": ("nlp_service.inference.hub", "training"),
    "sentence_transformers": ("nlp_service.inference.hub", "training"),
    "sqlalchemy": ("nlp_service.store",),
    "starlette": ("nlp_service.api",),
    "tokenizers": ("nlp_service.inference.hub", "training"),
    "torch": ("nlp_service.inference.hub", "training"),
    "transformers": ("nlp_service.inference.hub", "training"),
}


def find_violations(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """One line for each import of `source` that the rules refuse, wherever in the module it stands."""
    refusals = (_refuse(module, name) for name in _imported(module, ast.parse(source), is_package))
    return [f"{module}: {refusal}" for refusal in refusals if refusal]


def _refuse(module: str, name: str) -> str | None:
    own, target = module.split(".")[0], name.split(".")[0]
    if target in ("scripts", "tests") or (target == "training" and own != "training"):
        return f"nothing imports {target}"
    if target == "nlp_service":
        if own == "training":
            return _refuse_training(name.removeprefix("nlp_service").lstrip("."))
        return _refuse_room(module, _room(name))
    homes = HOMES.get(target)
    if homes and not any(_is_within(module, home) for home in homes):
        return f"{target} is for {' and '.join(homes)}"
    return None


def _refuse_room(module: str, target: str | None) -> str | None:
    if target is None:
        return None
    if target not in LEVELS:
        return f"{target} has no line"
    own = _room(module)
    if own is None:
        return f"the package itself imports {target}"
    if own not in LEVELS:
        return f"{own} has no line"
    if own == target or LEVELS[target] < LEVELS[own]:
        return None
    return f"{own} is not above {target}"


def _refuse_training(name: str) -> str | None:
    """`name` is within the package, and may be that of something in a module."""
    room = _room(f"nlp_service.{name}")
    if room is None:
        return None
    if room not in LEVELS:
        return f"{room} has no line"
    if any(_is_within(name, place) for place in OPEN_TO_TRAINING):
        return None
    # As narrow as the rule: of a room of which a part is open, the module.
    is_partly_open = any(place.startswith(f"{room}.") for place in OPEN_TO_TRAINING)
    return f"training does not import {'.'.join(name.split('.')[:2]) if is_partly_open else room}"


def _room(name: str) -> str | None:
    """``api`` of ``nlp_service.api.app``; None for the package itself and names such as ``__version__`` in it."""
    room = name.split(".")[1] if "." in name else ""
    if room == "__main__":
        return "cli"
    return None if not room or room.startswith("__") else room


def _is_within(module: str, home: str) -> bool:
    return module == home or module.startswith(home + ".")


def _imported(module: str, tree: ast.Module, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            # One dot is the package that the module is in; a package is in itself.
            kept = parts[: len(parts) - node.level + is_package] if node.level else []
            origin = ".".join([*kept, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _modules(root: Path, package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@pytest.mark.parametrize("package", ["nlp_service", "training"])
def test_the_tree_keeps_the_rules(repository: Path, package: str) -> None:
    modules = list(_modules(repository, package))
    assert package in dict(modules)  # else an empty folder would pass
    violations = [
        violation
        for module, path in modules
        for violation in find_violations(module, path.read_text("utf-8"), is_package=path.name == "__init__.py")
    ]
    assert violations == []


def test_every_room_has_a_line(repository: Path) -> None:
    rooms = {_room(module) for module, _ in _modules(repository, "nlp_service")} - {None}
    assert rooms <= LEVELS.keys()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nlp_service.intake", "from nlp_service.moderation.policy import decide"),
        ("nlp_service.cli.serve", "from nlp_service.api.app import build_app"),
        ("nlp_service.__main__", "from nlp_service.cli import main"),
        ("nlp_service.text.normalise", "from nlp_service.text.emoticons import EMOTICONS"),
        ("nlp_service.text.normalise", "import opencc"),
        ("nlp_service.inference.session", "import onnxruntime as ort"),
        ("nlp_service.api.app", "from fastapi import FastAPI"),
        ("nlp_service.wiring", "from nlp_service import __version__"),
        ("nlp_service.types", "import numpy as np"),
        ("training.export", "import torch, training.network\nfrom nlp_service.inference.lookup import Lookup"),
        ("training.ranker", "from nlp_service.knowledge.search import features\nimport nlp_service.knowledge.entries"),
        ("training.words", "import fasttext"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert find_violations(module, source) == []


@pytest.mark.parametrize(
    ("module", "source", "violation"),
    [
        ("nlp_service.text.pii", "import nlp_service.inference.analyser", "text is not above inference"),
        ("nlp_service.text.pii", "from nlp_service import intake", "text is not above intake"),
        ("nlp_service.text.pii", "from ..api import app", "text is not above api"),
        ("nlp_service.text.pii", "def f():\n    from nlp_service.api import app", "text is not above api"),
        ("nlp_service.crisis.risk", "from nlp_service.moderation import policy", "crisis is not above moderation"),
        ("nlp_service.types", "from nlp_service.errors import BadInput", "types is not above errors"),
        ("nlp_service.settings", "import nlp_service.wiring", "settings is not above wiring"),
        ("nlp_service.api.app", "import nlp_service.cli", "api is not above cli"),
        ("nlp_service.api.app", "from nlp_service.helpers import f", "helpers has no line"),
        ("nlp_service.helpers", "from nlp_service.types import Span", "helpers has no line"),
        ("nlp_service", "from nlp_service.intake import Reader", "the package itself imports intake"),
        ("nlp_service.inference.heads", "import training.network", "nothing imports training"),
        ("training.export", "from tests.conftest import REPOSITORY", "nothing imports tests"),
        ("training.export", "from nlp_service.intake import Reader", "training does not import intake"),
        ("training.export", "import nlp_service.settings", "training does not import settings"),
        (
            "training.ranker",
            "from nlp_service.knowledge import reply",
            "training does not import knowledge.reply",
        ),
        (
            "training.ranker",
            "from nlp_service.knowledge.searches import f",  # a longer name is another module
            "training does not import knowledge.searches",
        ),
        ("training.export", "from nlp_service.helpers import f", "helpers has no line"),
        ("nlp_service.cli.main", "import jieba.posseg", "jieba is for nlp_service.text.segment"),
        (
            "nlp_service.inference.heads",
            "from torch import nn",
            "torch is for nlp_service.inference.hub and training",
        ),
        (
            "nlp_service.cli.serve",
            "import fastapi",
            "fastapi is for nlp_service.api and nlp_service.cli.measuring.bare",
        ),
        (
            "nlp_service.text.segment",
            "import opencc",
            "opencc is for nlp_service.text.normalise and training.obfuscate",
        ),
        (
            "nlp_service.wiring",
            "import onnxruntime",
            "onnxruntime is for nlp_service.inference and nlp_service.cli.measuring.encoder and training",
        ),
        # A longer name is another module, not one inside the home.
        (
            "nlp_service.apiary.app",
            "import fastapi",
            "fastapi is for nlp_service.api and nlp_service.cli.measuring.bare",
        ),
    ],
)
def test_what_is_not_allowed_is_named(module: str, source: str, violation: str) -> None:
    assert find_violations(module, source) == [f"{module}: {violation}"]


def test_the_service_reads_without_the_libraries_of_training(repository: Path) -> None:
    script = """
import sys
import nlp_service.api.server, nlp_service.cli, nlp_service.inference.hub.encoder
from nlp_service.wiring import build_reader
build_reader()
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "onnxruntime" in loaded  # else it has not loaded a model at all
    assert not loaded & {"huggingface_hub", "onnx", "safetensors", "scipy", "sentence_transformers", "sklearn"}
    assert not loaded & {"tokenizers", "torch", "training", "transformers"}


def test_a_package_resolves_its_dots_from_itself() -> None:
    source = "from .normalise import normalise\nfrom .. import api"
    assert find_violations("nlp_service.text", source, is_package=True) == [
        "nlp_service.text: text is not above api",
    ]
