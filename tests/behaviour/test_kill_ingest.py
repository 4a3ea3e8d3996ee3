"""Processes that write messages are killed again and again: what one acknowledged is there, and nothing is twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nlp_service.store.database import open_database
from nlp_service.store.messages import MessageStore
from tests.behaviour.crowd import check, deliver
from tests.unit.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]

REPOSITORY = Path(__file__).resolve().parents[2]
WRITERS, KILLS = 4, 25
"""Kills of each writer on each database: 200 in all."""

N_MESSAGES, SIZE = 1_000, 8

# A fork of a warm process is at work within a few milliseconds; a new Python would take a second for its imports.
DRIVER = """
import os, random, sys
from nlp_service.store.database import open_database
from nlp_service.store.messages import MessageStore
from tests.behaviour.crowd import deliver, some
url, file, among, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open_database(url) as database:
    deliver(MessageStore(database), [0])  # makes the statements, which takes longer than to run them
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print("pid", os.getpid(), flush=True)
        rng = random.Random(int(line))
        acknowledged = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with open_database(url) as database:
            store = MessageStore(database)
            while True:
                numbers = some(rng, among, size)
                print("records", flush=True)
                deliver(store, numbers)
                os.write(acknowledged, (" ".join(map(str, numbers)) + "\\n").encode())
    print("ended", pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def kill_at_random(driver: subprocess.Popen[str], rng: random.Random) -> None:
    """Let a process write some deliveries, and kill it somewhere within the last of them."""
    assert driver.stdin
    assert driver.stdout
    driver.stdin.write(f"{rng.randrange(2**32)}\n")
    driver.stdin.flush()
    pid = int(driver.stdout.readline().removeprefix("pid "))
    step_s = 0.05
    # Counted in deliveries and not in seconds, so that a busy machine is killed at the same points.
    for number in range(rng.randint(1, 4)):
        begun = time.monotonic()
        assert driver.stdout.readline() == "records\n"
        if number:
            step_s = time.monotonic() - begun
    time.sleep(rng.uniform(0, min(step_s, 0.3)))
    os.kill(pid, signal.SIGKILL)
    while not (line := driver.stdout.readline()).startswith("ended"):
        assert line, "the driver itself has ended"
    assert line == f"ended {pid} {-signal.SIGKILL}\n", "the process ended before it could be killed"


def write_and_be_killed(url: str, file: Path, seed: int) -> None:
    command = [sys.executable, "-c", DRIVER, url, str(file), str(N_MESSAGES), str(SIZE)]
    rng = random.Random(seed)
    with subprocess.Popen(command, cwd=REPOSITORY, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as driver:
        for _ in range(KILLS):
            kill_at_random(driver, rng)


@pytest.mark.timeout(600)  # seconds for 100 kills; 15 on a machine that has nothing else to do
def test_a_killed_writer_loses_nothing_and_does_nothing_twice(url: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{writer}.txt" for writer in range(WRITERS)]
    open_database(url).close()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write_and_be_killed, [url] * WRITERS, files, range(WRITERS)))
    acknowledged = {int(number) for file in files for line in file.read_text().splitlines() for number in line.split()}
    assert len(acknowledged) > N_MESSAGES / 4  # else the kills came before any work
    with open_database(url) as database:
        store = MessageStore(database)
        there = {int(found.external_id[1:]) for part in store.stream("t") for found in part}
        assert acknowledged <= there
        check(database, sorted(there))
        for begin in range(0, N_MESSAGES, 500):
            states = {one.state for one in deliver(store, range(begin, begin + 500))}
            assert states <= {"stored", "duplicate"}
        check(database, range(N_MESSAGES))
