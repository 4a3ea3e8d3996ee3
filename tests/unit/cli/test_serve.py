from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

KEY = re.compile(r"nlp_[0-9A-Za-z]{8}_[0-9A-Za-z]{40}")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what the service keeps: its first start makes a key there."""
    monkeypatch.setenv("NLP_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def serve(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nlp_service", "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **variables})


def test_without_keys_an_address_that_is_not_loopback_is_bad_usage() -> None:
    done = serve("--host", "0.0.0.0", "--port", 0, NLP_AUTH="off")
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_a_port_in_use_is_exit_code_3() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = serve("--port", port)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == f"nlp-service: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_model_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    done = serve("--port", 0, "--workers", 1, "--model", tmp_path / "none")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("nlp-service: ")
    assert "Traceback" not in done.stderr


def test_the_first_start_that_asks_for_keys_shows_one_and_never_in_the_log(tmp_path: Path) -> None:
    options = ("--port", 0, "--workers", 1, "--model", tmp_path / "none")
    assert serve(*options, NLP_AUTH="off").stdout == ""
    first = serve(*options)
    (line,) = first.stdout.splitlines()
    assert KEY.fullmatch(line.split()[-1])
    assert not KEY.search(first.stderr)
    assert serve(*options).stdout == ""


def test_a_language_model_that_cannot_be_asked_stops_the_start() -> None:
    done = serve("--port", 0, NLP_LLM_URL="hunter2", NLP_LLM_MODEL="small", NLP_LLM_KEY="sk-hunter2")
    assert done.returncode == 2
    assert done.stderr.startswith("nlp-service: NLP_LLM_URL names no language model that can be asked: ")
    assert "hunter2" not in done.stderr
