"""A process that imports and publishes is killed again and again: the base is the old one or the new, never half."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nlp_service.errors import NotFound
from nlp_service.knowledge.importing import import_file
from nlp_service.knowledge.versions import read_entries
from nlp_service.store.database import open_database
from nlp_service.store.knowledge import KnowledgeStore

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 100
N_ENTRIES = 200

# A fork of a warm process is at work within a few milliseconds; a new Python would take a second for its imports.
DRIVER = """
import itertools, os, sys
from nlp_service.knowledge.importing import import_file
from nlp_service.store.database import open_database
from nlp_service.store.knowledge import KnowledgeStore
url, *files = sys.argv[1:]
contents = [open(name, "rb").read() for name in files]
import_file.__globals__["fold"](["x"])  # loads the tables of the normaliser
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print("pid", os.getpid(), flush=True)
        with open_database(url) as database:
            store = KnowledgeStore(database)
            for content in itertools.cycle(contents):
                print("imports", flush=True)
                import_file(store, "t", "kb", content)
                print("publishes", flush=True)
                if store.compare("t", "kb", store.get("t", "kb").published, None):
                    store.publish("t", "kb")
    print("ended", pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def write_file(path: Path, mark: str) -> Path:
    """Entries that all say the same, so that two of different imports are found at a glance."""
    lines = [json.dumps({"id": f"e{i}", "question": f"第{i}个问题", "answer": mark}) for i in range(N_ENTRIES)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def look(url: str) -> tuple[int, str, str]:
    """Number and mark of the published version, and mark of the draft; each must be whole."""
    with open_database(url) as database:
        store = KnowledgeStore(database)
        try:
            published = store.get("t", "kb").published
        except NotFound:
            return 0, "", ""
        assert [version.number for version in store.versions("t", "kb")] == list(range(1, published + 1))
        marks = []
        for version in (published, None):
            entries = read_entries(store, "t", "kb", version)
            assert len(entries) in (0, N_ENTRIES)
            found = {entry.answer for entry in entries}
            assert len(found) <= 1
            marks.append(found.pop() if found else "")
        return published, marks[0], marks[1]


def kill_at_random(driver: subprocess.Popen[str], rng: random.Random) -> None:
    """Let a process begin some steps, and kill it somewhere within the last of them."""
    assert driver.stdin
    assert driver.stdout
    driver.stdin.write("\n")
    driver.stdin.flush()
    pid = int(driver.stdout.readline().removeprefix("pid "))
    step_s = 0.0
    # Counted in steps and not in seconds, so that a busy machine is killed at the same points.
    for _ in range(rng.randint(1, 7)):
        begun = time.monotonic()
        assert driver.stdout.readline() in ("imports\n", "publishes\n")
        step_s = time.monotonic() - begun
    time.sleep(rng.uniform(0, min(step_s, 0.5)))
    os.kill(pid, signal.SIGKILL)
    while not (line := driver.stdout.readline()).startswith("ended"):
        assert line, "the driver itself has ended"
    assert line == f"ended {pid} {-signal.SIGKILL}\n", "the process ended before it could be killed"


@pytest.mark.timeout(600)  # seconds for 100 processes; 15 on a machine that has nothing else to do
def test_a_killed_import_or_publish_leaves_the_old_base_or_the_new_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kb.db'}"
    files = [write_file(tmp_path / f"{mark}.jsonl", mark) for mark in ("甲", "乙")]
    rng = random.Random(4)
    seen = []
    command = [sys.executable, "-c", DRIVER, url, *map(str, files)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=REPOSITORY, text=True, **pipes) as driver:
        for _ in range(KILLS):
            kill_at_random(driver, rng)
            seen.append(look(url))
    numbers = [number for number, _, _ in seen]
    assert numbers == sorted(numbers)
    assert numbers[-1] > KILLS / 2  # else the kills came before any work
    assert len({(published, draft) for _, published, draft in seen}) > 2
    with open_database(url) as database:
        store = KnowledgeStore(database)
        for path in files:
            report = import_file(store, "t", "kb", path)
            assert (report.rows, report.failed) == (N_ENTRIES, ())
        assert {entry.answer for entry in read_entries(store, "t", "kb")} == {"乙"}
