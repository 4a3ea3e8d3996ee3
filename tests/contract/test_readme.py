"""What README.md shows is run as it stands, and must give what it shows.

Commands are those after ``$`` in ``console`` blocks; the lines below each are its output, in which ``…`` stands for
anything. Two things differ from a reader's shell: ``scripts/run`` starts the package in the environment of the tests,
so that nothing is installed, and the service listens on a free port.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from nlp_service.types import Analysis

START_S = 60
"""Loading takes a second or two; a busy machine is slow, not wrong."""

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are for bash")


class Step(NamedTuple):
    """A command with the output that is shown below it."""

    command: str
    output: str


class Shell(NamedTuple):
    """A folder to run commands in, and the variables to run them with."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, command: str) -> str:
        """What the command writes, both streams in one, as a terminal shows it."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=START_S,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()


def steps() -> list[Step]:
    """All commands of the README, in order."""
    found: list[Step] = []
    for language, block in BLOCKS:
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append(Step(command, output.strip()))
    return found


def is_as_shown(shown: str, output: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, shown.split("…"))), output, re.DOTALL) is not None


(SERVES,) = [step for step in steps() if step.command == "scripts/run"]
ASKS = [step for step in steps() if "127.0.0.1:8000" in step.command]
READS = [step for step in steps() if step not in (SERVES, *ASKS)]


@pytest.fixture(scope="module")
def shell(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder that looks like the repository to the commands of the README, and takes what they write."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(repository / "examples", folder / "examples")
    python = shlex.quote(sys.executable)
    # Not a link: through one, Python would not see the packages of its virtual environment.
    write_program(folder / "programs" / "python3", f'exec {python} "$@"')
    write_program(folder / "scripts" / "run", f'exec {python} -m nlp_service "${{@:-serve}}"')
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("NLP_")}
    own = {
        "PATH": f"{folder / 'programs'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(repository),
        "PYTHONUTF8": "1",
        "NLP_PORT": "0",
        "NLP_WORKERS": "1",
    }
    return Shell(folder, inherited | own)


def write_program(path: Path, body: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{body}\n", "utf-8")
    path.chmod(0o755)


class Service(NamedTuple):
    """Where the service listens that the README's command has started, and a shell that knows its key."""

    address: str
    shell: Shell


@pytest.fixture(scope="module")
def service(shell: Shell) -> Iterator[Service]:
    log, shown = shell.folder / "serve.log", shell.folder / "shown.txt"
    with log.open("wb") as stream, shown.open("wb") as output:
        process = subprocess.Popen(
            [SERVES.command], cwd=shell.folder, env=shell.environment, stderr=stream, stdout=output
        )
    try:
        address = f"127.0.0.1:{wait_for_port(process, log)}"
        line = shown.read_text("utf-8").strip()
        assert is_as_shown(SERVES.output, line)
        yield Service(address, shell._replace(environment={**shell.environment, "KEY": line.split()[-1]}))
    finally:
        process.terminate()
        process.wait(START_S)


def wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port in the log line ``listening``."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text("utf-8").splitlines():
            if line.endswith("}") and json.loads(line)["event"] == "listening":
                return int(json.loads(line)["port"])
        time.sleep(0.05)
    raise AssertionError(f"the service does not start: {log.read_text('utf-8')}")


def test_both_commands_are_shown_and_start_what_is_there(repository: Path) -> None:
    assert SERVES in steps()
    assert READS
    assert ASKS
    for script in ("scripts/run", "scripts/test"):
        assert f"`{script}`" in README
        assert os.access(repository / script, os.X_OK)


def test_commands_on_files_and_pipes_give_what_is_shown(shell: Shell) -> None:
    outputs = {step: shell.run(step.command) for step in READS}  # in order: later ones read what earlier ones wrote
    assert {step: output for step, output in outputs.items() if not is_as_shown(step.output, output)} == {}


@pytest.mark.skipif(shutil.which("curl") is None, reason="the requests that are shown are made with curl")
def test_requests_give_what_is_shown(service: Service) -> None:
    outputs = {step: service.shell.run(step.command.replace("127.0.0.1:8000", service.address)) for step in ASKS}
    assert {step: output for step, output in outputs.items() if not is_as_shown(step.output, output)} == {}


def test_the_python_program_prints_what_its_comment_says(service: Service) -> None:
    (program,) = [block for language, block in BLOCKS if language == "python"]
    (comment,) = re.findall(r"\)  # (.+)$", program, re.MULTILINE)
    (service.shell.folder / "program.py").write_text(program.replace("127.0.0.1:8000", service.address), "utf-8")
    assert service.shell.run("python3 program.py") == comment


def test_the_table_has_the_fields_of_an_analysis() -> None:
    section = README.partition("\n## What an analysis says\n")[2].partition("\n## ")[0]
    fields = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(fields) == sorted(Analysis.__struct_fields__)


def test_links_lead_to_files(repository: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (repository / target).exists()] == []


@pytest.mark.parametrize(
    ("shown", "output", "expected"),
    [
        ("60 messages in … s", "60 messages in 1.2 s", True),
        ('{"a":…}', '{"a":[\n1]}', True),  # anything may go over several lines
        ("60 messages in … s", "59 messages in 1.2 s", False),
        ("a.c", "abc", False),  # all else is meant as it stands
        ("", "a", False),
    ],
)
def test_shown_output_is_compared(shown: str, output: str, expected: bool) -> None:
    assert is_as_shown(shown, output) is expected
