"""A run that is killed, again and again, ends with the output of one that was not."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
N_MESSAGES = 4_000
KILLS = 5


def start(source: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.unit.cli.driver", str(source), str(output), *options]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(source: Path, output: Path) -> None:
    process = start(source, output)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors  # some lines of the input are broken


def kill_at_random(source: Path, output: Path, rng: random.Random) -> int:
    """Kill a slow run at some moment after it has begun to write; give how far it had recorded to be."""
    record = output.with_name(output.name + ".progress.json")
    before = record.read_bytes() if record.exists() else b""
    process = start(source, output, "--sleep-s", "0.0004", "--checkpoint-s", "0.02")
    while process.poll() is None and (not record.exists() or record.read_bytes() == before):
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.2))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    return output.stat().st_size if output.exists() else 0


def write_source(path: Path) -> None:
    """About a dozen chunks, with broken lines among the good ones."""
    if path.suffix == ".jsonl":
        lines = [f'{{"id": "{i}", "text": "{"慢" * (i % 100)}"}}' for i in range(N_MESSAGES)]
        lines[17::500] = ["{broken"] * len(lines[17::500])
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        rows = [f'{i},"慢\n{i}"' for i in range(N_MESSAGES)]
        rows[17::500] = ["no text"] * len(rows[17::500])
        path.write_text("id,text\n" + "\n".join(rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("source_name", "output_name"), [("in.jsonl", "out.jsonl"), ("in.csv", "out.csv"), ("in.jsonl", "out.parquet")]
)
def test_killing_a_run_loses_and_repeats_nothing(tmp_path: Path, source_name: str, output_name: str) -> None:
    source, expected, output = tmp_path / source_name, tmp_path / f"whole_{output_name}", tmp_path / output_name
    write_source(source)
    finish(source, expected)
    rng = random.Random(output_name)
    for _ in range(KILLS if output.suffix == ".jsonl" else 2):
        kill_at_random(source, output, rng)
    finish(source, output)
    if output.suffix == ".parquet":
        assert pq.read_table(output).equals(pq.read_table(expected))
    else:
        assert output.read_bytes() == expected.read_bytes()
    errors = output.with_name(output.name + ".errors.jsonl")
    assert errors.read_bytes() == expected.with_name(expected.name + ".errors.jsonl").read_bytes()
    names = {source.name, expected.name, output.name}
    assert {path.name for path in tmp_path.iterdir()} == names | {
        f"{name}.errors.jsonl" for name in (expected.name, output.name)
    }


def test_a_run_is_continued_and_not_begun_again(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_source(source)
    kill_at_random(source, output, random.Random(0))
    kill_at_random(source, output, random.Random(1))
    head = output.read_bytes()[:1000]
    output.write_bytes(b"#" * 1000 + output.read_bytes()[1000:])
    finish(source, output)
    # Marks in what was written before are still there: it was kept, not made a second time.
    assert output.read_bytes()[:1000] == b"#" * 1000 != head


@pytest.mark.parametrize(("options", "code"), [((), 2), (("--fresh",), 1)])
def test_a_changed_input_needs_a_fresh_run(tmp_path: Path, options: tuple[str, ...], code: int) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_source(source)
    kill_at_random(source, output, random.Random(2))
    with source.open("a") as file:
        file.write("\n{}")
    process = start(source, output, *options)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert (b"another input: use --fresh" in errors) is (code == 2)
