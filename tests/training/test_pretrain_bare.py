"""Pre-training as a lent machine runs it: without our libraries, by the script, over two calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.pretrain import load
from training.pretrain.parts import join
from training.pretrain.shards import write

MISSING = "fasttext jieba msgspec onnx onnxruntime opencc pydantic scipy sklearn tokenizers transformers typer"

RECIPE = """
name = "tiny"
[pretrain]
row = 16
rows = 4
width = 24
pair_width = 8
n_attention = 4
tokens = 640
[finetune]
this_is_not_read = true
"""


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python has none of the libraries that such a machine lacks."""
    folder = tmp_path / "blocked"
    folder.mkdir()
    lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in MISSING.split())]
    (folder / "sitecustomize.py").write_text("\n".join(lines), "utf-8")
    return os.environ | {"PYTHONPATH": str(folder), "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": "1"}


def test_everything_but_the_preparation_imports_there(repository: Path, bare: dict[str, str]) -> None:
    rooms = sorted(path.stem for path in (repository / "training" / "pretrain").glob("*.py"))
    names = [name for name in rooms if name not in ("__init__", "__main__", "reading")]
    assert len(names) > 5
    script = "".join(f"import training.pretrain.{name}\n" for name in names)
    script += "import training.network\ntry:\n    import opencc\nexcept ImportError:\n    print('blocked')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repository, env=bare, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "blocked"), done.stderr


def shards(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    np.savez(home / "vocabulary.npz", units=np.arange(65, 95, dtype=np.int32), pairs=np.zeros(0, np.uint32))
    np.save(home / "tokens.npy", np.random.default_rng(0).integers(0, 34, 500).astype(np.uint16))
    write(home, tmp_path / "shards")
    return tmp_path / "shards"


def test_the_command_trains_and_leaves_parts_and_a_dry_run_leaves_none(
    repository: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE, "utf-8")
    command = [sys.executable, "-m", "training.pretrain", str(tmp_path / "tiny.toml"), str(tmp_path / "parts")]
    command += ["--shards", str(shards(tmp_path)), "--work", str(tmp_path / "work"), "--minutes", "0.55"]
    command += ["--measure-seconds", "0.1"]

    def told(*more: str) -> list[dict[str, object]]:
        done = subprocess.run(
            [*command, *more], cwd=repository, env=bare, capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    dry = told("--dry-run")
    assert dry[0] == {"units": 500, "recipe": "tiny"}
    assert "tokens_per_s" in dry[1]
    assert not (tmp_path / "parts").exists()
    assert told()[-1]["type"] == "float32"
    join(tmp_path / "parts", tmp_path / "joined")
    assert load(tmp_path / "joined" / "encoder.pt")["shape"]["width"] == 24
