from __future__ import annotations

from pathlib import Path

import pytest

from nlp_service.cli import training
from nlp_service.errors import NotReady

ECHO = """
import os, sys
with open(sys.argv[2], "w") as file:
    print(os.getcwd(), *sys.argv[1:], sep="|", end="", file=file)
sys.exit(int(sys.argv[3]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / "training"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__main__.py").write_text(ECHO)
    return folder.parent


@pytest.mark.parametrize("code", [0, 1, 5])
def test_arguments_and_exit_code_pass_through_from_the_folder_of_the_caller(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    assert training.run("evaluate", ["out", str(code), "--json"], tree) == code
    assert (tmp_path / "out").read_text() == f"{tmp_path}|evaluate|out|{code}|--json"


def test_an_installation_without_the_training_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="source tree"):
        training.run("run", [], tmp_path)
