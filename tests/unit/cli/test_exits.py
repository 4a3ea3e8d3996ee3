from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from nlp_service.cli.exits import told
from nlp_service.errors import ArtifactError, BadInput, NotReady, ServiceError, TooLarge


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("what"), 2),
        (TooLarge("what"), 2),
        (ServiceError("what"), 3),
        (ArtifactError("what"), 3),
        (NotReady("what"), 3),
    ],
)
def test_an_error_of_the_service_is_one_line_and_its_exit_code(
    capsys: pytest.CaptureFixture[str], error: ServiceError, code: int
) -> None:
    with pytest.raises(typer.Exit) as end, told():
        raise error
    assert end.value.exit_code == code
    assert capsys.readouterr().err == "nlp-service: what\n"


def test_a_foreign_error_shows_its_kind_and_place_but_not_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(("SEC", "RET"))  # not whole in this file, whose lines the traceback shows
    with pytest.raises(typer.Exit) as end, told():
        raise ValueError(text)
    assert end.value.exit_code == 3
    shown = capsys.readouterr().err
    assert "unexpected ValueError" in shown
    assert "test_exits.py" in shown
    assert text not in shown


def test_the_commands_are_listed() -> None:
    command = [sys.executable, "-m", "nlp_service", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in ("serve", "analyze", "train", "evaluate", "bench", "doctor"):
        assert f" {name} " in done.stdout
