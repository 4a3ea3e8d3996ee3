from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from nlp_service.cli import app

REPOSITORY = Path(__file__).resolve().parents[3]
DRIVER = [sys.executable, "-m", "tests.unit.cli.driver"]


def run(*arguments: object, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*DRIVER, *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, preexec_fn=before)


def write_messages(path: Path, n: int) -> Path:
    path.write_text("".join(f'{{"id": "{i}", "text": "消息 {i}"}}\n' for i in range(n)), encoding="utf-8")
    return path


def start(*arguments: object, stdin: int | None = None) -> subprocess.Popen[bytes]:
    command = [*DRIVER, *map(str, arguments)]
    # A shell starts what runs in the background with Ctrl-C ignored, and children inherit that.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command, cwd=REPOSITORY, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, handler)


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size) and time.monotonic() < until:
        time.sleep(0.01)
    assert path.exists()


def test_a_file_gives_one_analysis_a_line_and_a_summary(tmp_path: Path) -> None:
    source, output = write_messages(tmp_path / "in.jsonl", 3_000), tmp_path / "out.jsonl"
    done = run(source, output)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [str(i) for i in range(3_000)]
    summary = json.loads(done.stdout)
    assert (summary["messages"], summary["failed"], summary["errors"]) == (3_000, 0, None)
    assert (summary["model_version"], summary["policy_version"]) == ("fake-1", "policy-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_the_same_command_twice_gives_the_same_output(tmp_path: Path) -> None:
    source, output = write_messages(tmp_path / "in.jsonl", 10), tmp_path / "out.jsonl"
    assert run(source, output).returncode == 0
    first = output.read_bytes()
    assert run(source, output).returncode == 0
    assert output.read_bytes() == first


def test_bad_lines_are_named_and_make_the_exit_code_1(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.csv"
    source.write_text('{"id": "a", "text": "x"}\n{"id": "b"}\n\n{"id": "c", "text": "y"}\n')
    done = run(source, output)
    assert done.returncode == 1
    (error,) = map(json.loads, (tmp_path / "out.csv.errors.jsonl").read_text().splitlines())
    assert (error["line"], error["id"], error["error"]["param"]) == (2, "b", "text")
    assert [line.split(",")[0] for line in output.read_text().splitlines()] == ["id", "a", "c"]


def test_parquet_in_and_out_by_way_of_csv(tmp_path: Path) -> None:
    source = write_messages(tmp_path / "in.jsonl", 700)
    first, second, third = tmp_path / "a.parquet", tmp_path / "b.csv", tmp_path / "c.parquet"
    assert run(source, first).returncode == 0
    # An output has an id, but no text.
    done = run(first, second)
    assert (done.returncode, "no column text" in done.stderr) == (2, True)
    table = pq.read_table(first)
    pq.write_table(table.rename_columns(["id", *table.column_names[1:-1], "text"]), tmp_path / "d.parquet")
    assert run(tmp_path / "d.parquet", third).returncode == 0
    assert pq.read_table(third)["id"].to_pylist() == [str(i) for i in range(700)]
    assert not list(tmp_path.glob("*.rows.csv"))


def test_a_pipe_is_answered_while_it_is_still_open() -> None:
    process = start("-", "-", stdin=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    try:
        for id_ in ("a", "b"):
            process.stdin.write(b'{"id": "%s", "text": "x"}\n' % id_.encode())
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0]
            assert json.loads(process.stdout.readline())["id"] == id_
        process.stdin.write(b"{broken")
        rest, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (rest, process.returncode) == (b"", 1)
    failure, summary = map(json.loads, errors.splitlines())
    assert (failure["line"], failure["error"]["code"], summary["messages"]) == (3, "invalid_json", 2)


def test_a_reader_that_has_seen_enough_ends_the_run_quietly(tmp_path: Path) -> None:
    process = start(write_messages(tmp_path / "in.jsonl", 20_000), "-")
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["id"] == "0"
    process.stdout.close()
    assert (process.wait(timeout=30), process.stderr.read()) == (0, b"")
    process.stderr.close()


def test_ctrl_c_leaves_a_run_that_can_be_continued(tmp_path: Path) -> None:
    source, output = write_messages(tmp_path / "in.jsonl", 6_000), tmp_path / "out.jsonl"
    process = start(source, output, "--sleep-s", "0.002", "--checkpoint-s", "0.05")
    wait_for(output)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to every process of the run
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"nlp-service: stopped\n")
    done = run(source, output)
    assert done.returncode == 0, done.stderr
    assert 0 < json.loads(done.stdout)["resumed_at"] < 6_000
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [str(i) for i in range(6_000)]


def test_a_full_disk_is_named_and_the_run_goes_on_once_there_is_room(tmp_path: Path) -> None:
    source, output = write_messages(tmp_path / "in.jsonl", 6_000), tmp_path / "out.jsonl"
    full = run(
        source,
        output,
        "--checkpoint-s",
        "0",
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
    )
    assert full.returncode == 3
    assert full.stderr == f"nlp-service: cannot write {output}: File too large\n"
    done = run(source, output)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["resumed_at"] > 0
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [str(i) for i in range(6_000)]


def test_a_killed_run_leaves_no_workers_behind(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    source = write_messages(tmp_path / "in.jsonl", 6_000)
    process = start(source, output, "--sleep-s", "0.0005", "--checkpoint-s", "0.05")
    wait_for(output)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_the_parent_holds_none_of_the_libraries_of_the_model() -> None:
    code = "import sys, nlp_service.cli, nlp_service.cli.batch.run; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for library in ("onnxruntime", "numpy", "pyarrow", "fastapi"):
        assert f"'{library}'" not in loaded.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl"], "cannot read missing.jsonl"),
        (["in.txt"], "--format"),
        (["in.jsonl", "-o", "in.jsonl"], "is the input"),
        (["in.jsonl", "--workers", "0"], "workers"),
        (["in.jsonl", "--workers", "65"], "NLP_WORKERS"),
        (["in.jsonl", "--format", "xml"], "unknown format xml"),
        ([], "IN"),
    ],
)
def test_bad_usage_is_one_clear_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_messages(tmp_path / "in.jsonl", 1)
    write_messages(tmp_path / "in.txt", 1)
    done = CliRunner().invoke(app, ["analyze", *arguments])
    assert (done.exit_code, message in done.stderr, done.stdout) == (2, True, "")
    assert "Traceback" not in done.stderr


def test_a_model_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    source = write_messages(tmp_path / "in.jsonl", 1)
    command = [sys.executable, "-m", "nlp_service", "analyze", source, "--model", tmp_path / "none"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stderr.startswith("nlp-service: ")
    assert "Traceback" not in done.stderr
