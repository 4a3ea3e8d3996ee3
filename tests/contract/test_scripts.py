from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

SCRIPTS = ("scripts/run", "scripts/test", "scripts/check", "scripts/bench", ".ci/run")
NAME = re.compile(r"[A-Za-z0-9_.-]+")

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are for bash")


def sh(command: str, *, cwd: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"PATH": path} if path is not None else {})
    bash = shutil.which("bash") or "bash"
    return subprocess.run([bash, "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


def write_program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{body}\n", "utf-8")
    path.chmod(0o755)


def canonical(requirement: str) -> str:
    found = NAME.match(requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """The scripts and what they read, without an environment, in a folder with a space in its name."""
    root = tmp_path / "a clone"
    shutil.copytree(repository / "scripts", root / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, root / name)
    return root


@pytest.fixture
def installed(clone: Path) -> Path:
    """A clone whose environment is up to date, with a program that says how it was started."""
    write_program(clone / ".venv" / "bin" / "nlp-service", 'printf "%s|" "$PWD" "$@"')
    write_program(clone / ".venv" / "bin" / "python", 'echo "pip must not run" >&2; exit 9')
    assert sh(". scripts/environment.sh && wanted_stamp >.venv/.installed-serve", cwd=clone).returncode == 0
    return clone


@pytest.mark.parametrize("script", [*SCRIPTS, "scripts/environment.sh"])
def test_bash_can_read_it(repository: Path, script: str) -> None:
    assert sh(f"bash -n {script}", cwd=repository).stderr == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_can_be_started_and_stops_at_the_first_error(repository: Path, script: str) -> None:
    assert os.access(repository / script, os.X_OK)
    assert "\nset -euo pipefail\n" in (repository / script).read_text("utf-8")


def test_ci_runs_the_checks_and_then_the_tests(tmp_path: Path, repository: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(repository / ".ci" / "run", tmp_path / ".ci" / "run")
    write_program(tmp_path / "scripts" / "check", "echo check")
    write_program(tmp_path / "scripts" / "test", "echo test")
    assert sh(f"'{tmp_path}/.ci/run'", cwd=repository).stdout == "check\ntest\n"


def test_ci_stops_when_a_check_fails(tmp_path: Path, repository: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(repository / ".ci" / "run", tmp_path / ".ci" / "run")
    write_program(tmp_path / "scripts" / "check", "exit 4")
    write_program(tmp_path / "scripts" / "test", "echo test")
    done = sh(f"'{tmp_path}/.ci/run'", cwd=repository)
    assert (done.returncode, done.stdout) == (4, "")


def test_run_keeps_the_folder_and_the_arguments_of_its_caller(installed: Path, tmp_path: Path) -> None:
    caller = tmp_path / "elsewhere"
    caller.mkdir()
    done = sh(f"'{installed}/scripts/run' analyze 'my messages.jsonl' -o out.jsonl", cwd=caller)
    assert (done.stdout, done.stderr) == (f"{caller.resolve()}|analyze|my messages.jsonl|-o|out.jsonl|", "")


def test_run_without_arguments_serves(installed: Path) -> None:
    assert sh("scripts/run", cwd=installed).stdout.endswith("|serve|")


def test_run_uses_the_environment_of_the_tests_too(installed: Path) -> None:
    (installed / ".venv" / ".installed-serve").rename(installed / ".venv" / ".installed-test")
    assert sh("scripts/run", cwd=installed).stdout.endswith("|serve|")


def test_bench_is_not_content_with_the_environment_of_the_service(installed: Path) -> None:
    done = sh("scripts/bench", cwd=installed, path=system_path(installed))
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_run_installs_again_when_what_it_depends_on_changes(installed: Path, changed: str) -> None:
    with (installed / changed).open("a") as file:
        file.write("\n")
    done = sh("scripts/run", cwd=installed, path=system_path(installed))
    assert (done.returncode, done.stdout) == (3, "")


def test_run_installs_again_after_a_move(installed: Path) -> None:
    moved = installed.rename(installed.with_name("moved"))
    assert sh("scripts/run", cwd=moved, path=system_path(moved)).returncode == 3


@pytest.mark.parametrize("version", ["none", "too old"])
def test_a_machine_without_a_usable_python_is_told_what_is_missing(clone: Path, version: str) -> None:
    path = system_path(clone)
    if version == "too old":
        write_program(clone / "system" / "python3", "exit 1")  # what the check says of 3.10
    done = sh("scripts/run", cwd=clone, path=path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Python 3.11 or newer" in done.stderr


def system_path(root: Path) -> str:
    """A PATH with the few programs that the scripts need, and no Python."""
    folder = root / "system"
    folder.mkdir()
    for name in ("bash", "cat", "cksum", "dirname", "env", "flock"):
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return str(folder)


def test_what_is_named_in_pyproject_is_pinned(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    pins = {canonical(line) for line in lines if not line.startswith("#")}
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["train"], *extras["hub"], *extras["dev"]]
    assert {canonical(requirement) for requirement in needed} - pins == set()


def test_every_pin_is_exact(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line)] == []


def test_serving_does_not_need_torch(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    heavy = {"torch", "transformers", "sentence-transformers", "ray"}
    assert heavy.isdisjoint(map(canonical, project["dependencies"]))


def test_the_test_script_and_the_constraints_name_one_torch(repository: Path) -> None:
    script = (repository / "scripts" / "environment.sh").read_text("utf-8")
    pins = (repository / "constraints.txt").read_text("utf-8").splitlines()
    assert re.findall(r"\btorch==[\w.]+", script) == [pin for pin in pins if pin.startswith("torch==")]


@pytest.mark.parametrize("name", [*SCRIPTS, "scripts/environment.sh", "pyproject.toml", "constraints.txt"])
def test_no_host_is_named(repository: Path, name: str) -> None:
    # Where packages come from is for the machine to say, not for the project.
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", (repository / name).read_text("utf-8")) == []
