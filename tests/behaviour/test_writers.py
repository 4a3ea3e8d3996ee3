"""Two processes of eight threads each write the same messages at once, in other orders: every one is there once."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_service.store.database import open_database
from tests.behaviour.crowd import check
from tests.unit.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]

REPOSITORY = Path(__file__).resolve().parents[2]
N_MESSAGES, SIZE, THREADS = 240, 40, 8

WRITER = """
import random, sys
from concurrent.futures import ThreadPoolExecutor
from nlp_service.store.database import open_database
from nlp_service.store.messages import MessageStore
from tests.behaviour.crowd import deliver
url, seed, among, size, threads = sys.argv[1], *map(int, sys.argv[2:])
def write(seed):
    numbers = list(range(among))
    random.Random(seed).shuffle(numbers)
    for begin in range(0, among, size):
        deliver(store, numbers[begin : begin + size], with_edits=True)
with open_database(url) as database:
    store = MessageStore(database)
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(seed, seed + threads)))
"""


@pytest.mark.timeout(300)  # seconds; 5 on a machine that has nothing else to do
def test_sixteen_writers_of_the_same_messages(url: str) -> None:
    open_database(url).close()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    sizes = [str(size) for size in (N_MESSAGES, SIZE, THREADS)]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(seed), *sizes], cwd=REPOSITORY, text=True, **pipes)
        for seed in (random.Random(1).randrange(10**6), random.Random(2).randrange(10**6))
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=250)
        assert writer.returncode == 0, errors
    with open_database(url) as database:
        check(database, range(N_MESSAGES), with_edits=True)
