from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlp_service.cli import app


def examine(*arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    done = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    report = json.loads(done.stdout)
    assert report["ok"] == (done.exit_code == 0)
    return done.exit_code, {check["name"]: check for check in report["checks"]}


def test_a_model_that_is_not_there_is_named_and_the_rest_is_still_examined(tmp_path: Path) -> None:
    code, checks = examine("--model", str(tmp_path / "none"))
    assert code == 3
    assert (checks["model"]["is_ok"], checks["inference"]["is_ok"]) == (False, False)
    for name in ("python", "onnxruntime", "normaliser", "cores", "folder"):
        assert checks[name]["is_ok"], name


def test_a_port_in_use_is_found() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        code, checks = examine("--port", str(listener.getsockname()[1]))
    assert code == 3
    assert checks["port"] == {"name": "port", "is_ok": False, "found": "Address already in use"}


def test_the_table_is_for_people(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--model", str(tmp_path / "none")])
    assert done.exit_code == 3
    assert "onnxruntime" in done.stdout


def test_a_setting_that_is_refused_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PROT", "8000")
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, "NLP_PORT" in done.stderr) == (2, True)
