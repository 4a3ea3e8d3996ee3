"""A process that claims and decides is killed again and again: a review is decided with all that follows, or not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from nlp_service.store.database import open_database
from nlp_service.store.schema import audit_log, messages, review_decisions, reviews, strikes
from tests.unit.store.reviewing import Desk

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 50
COPIES = 3

# A fork of a warm process is at work within a few milliseconds; a new Python would take a second for its imports.
DRIVER = """
import contextlib, os, sys
from datetime import UTC, datetime
from nlp_service.errors import Conflict
from nlp_service.store.database import open_database
from nlp_service.store.labels import LabelsIn
from nlp_service.store.review_records import Attempt, Ruling
from tests.unit.store.reviewing import Desk
RULING = Ruling("remove", LabelsIn(intent=["ad"]))
def work(url):
    with open_database(url) as database:
        desk = Desk(database)
        while True:
            attempt = Attempt("decide", "r", 2, datetime.now(UTC))
            print("claims", flush=True)
            for review in desk.queue.claim("default", attempt, number=2, lease_s=60, line=2):
                if review.message.channel == "groups":
                    print("decides alike", flush=True)
                    with contextlib.suppress(Conflict):  # the one before was of the same group
                        desk.rulings.decide_alike("default", review.id, attempt, RULING, is_exact=False, actor="a")
                else:
                    print("decides", flush=True)
                    desk.rulings.decide("default", review.id, attempt, RULING, actor="a")
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print("pid", os.getpid(), flush=True)
        work(sys.argv[1])
    print("ended", pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def fill(desk: Desk, rng: random.Random, number: int) -> None:
    """Messages that wait: some alone, some in groups of near-copies whose names say which."""
    for _ in range(number):
        text = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(40))
        desk.receive(text, author=text[:3], channel="lone", priority=rng.random())
        for copy in range(COPIES):
            name = f"{text[:8]}-{copy}"
            desk.receive(f"{text}，{copy}", name=name, author=f"{text[:3]}{copy}", channel="groups", priority=0.5)


def look(url: str) -> tuple[int, int]:
    """How many reviews are decided and how many wait; what is decided must be so with all that follows from it."""
    with open_database(url) as database, database.read() as connection:
        rows = connection.execute(
            sa.select(reviews.c.id, reviews.c.state, messages.c.id, messages.c.action, messages.c.external_id)
            .add_columns(messages.c.channel)
            .join(messages, messages.c.id == reviews.c.message_id)
        ).all()
        taken = connection.execute(sa.select(review_decisions.c.review_id, review_decisions.c.action)).all()
        struck = list(connection.scalars(sa.select(strikes.c.message_id)))
        noted = list(connection.scalars(sa.select(audit_log.c.object).where(audit_log.c.action == "review.decide")))
    decided = [row for row in rows if row.state == "decided"]
    assert sorted(taken) == sorted((row[0], "remove") for row in decided)  # each once
    assert {row[2] for row in rows if row.action == "remove"} == {row[2] for row in decided}
    assert sorted(struck) == sorted(row[2] for row in decided)
    assert sorted(noted) == sorted(f"review:{row[0]}" for row in decided)
    groups: dict[str, set[str]] = {}
    for row in rows:
        if row.channel == "groups":
            groups.setdefault(row.external_id[:8], set()).add(row.state)
    assert all(len(states) == 1 for states in groups.values())
    return len(decided), len(rows) - len(decided)


def kill_at_random(driver: subprocess.Popen[str], rng: random.Random) -> None:
    """Let a process begin some steps, and kill it somewhere within the last of them."""
    assert driver.stdin
    assert driver.stdout
    driver.stdin.write("\n")
    driver.stdin.flush()
    pid = int(driver.stdout.readline().removeprefix("pid "))
    step_s = 0.0
    # Counted in steps and not in seconds, so that a busy machine is killed at the same points.
    for _ in range(rng.randint(1, 9)):
        begun = time.monotonic()
        assert driver.stdout.readline() in ("claims\n", "decides\n", "decides alike\n")
        step_s = time.monotonic() - begun
    time.sleep(rng.uniform(0, min(2 * step_s, 0.2)))
    os.kill(pid, signal.SIGKILL)
    while not (line := driver.stdout.readline()).startswith("ended"):
        assert line, "the driver itself has ended"
    assert line == f"ended {pid} {-signal.SIGKILL}\n", "the process ended before it could be killed"


@pytest.mark.timeout(300)  # seconds for 50 processes; 10 on a machine that has nothing else to do
def test_a_killed_decision_is_whole_or_not_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'reviews.db'}"
    rng = random.Random(7)
    with open_database(url) as database:
        fill(Desk(database), rng, 60)
    seen = [look(url)]
    command = [sys.executable, "-c", DRIVER, url]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, text=True, **pipes) as driver:
        for _ in range(KILLS):
            if seen[-1][1] < 60:
                with open_database(url) as database:
                    fill(Desk(database), rng, 20)
            kill_at_random(driver, rng)
            seen.append(look(url))
    numbers = [decided for decided, _ in seen]
    assert numbers == sorted(numbers)  # nothing that was acknowledged is lost
    assert numbers[-1] > KILLS  # else the kills came before any work
