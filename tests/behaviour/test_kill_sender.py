"""A process that delivers the outbox is killed again and again: every notice arrives, in order, and once by its key."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet

from nlp_service.notify.notices import Notice, encode
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import open_database
from nlp_service.store.notifying import NotifyStore
from nlp_service.store.outbox import Outbox
from nlp_service.store.posting import Posting, post
from tests.unit.notify.receiver import SECRET, Receiver

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 100
N_NOTICES = 400

# A fork of a warm process is at work within a few milliseconds; a new Python would take a second for its imports. The
# lease is as short as a try takes here, so that the next one need not wait half a minute for the one that died.
DRIVER = """
import asyncio, os, sys
from nlp_service.notify import sender
from nlp_service.notify.sealing import Vault
from nlp_service.store.database import open_database
from nlp_service.store.outbox import Outbox
sender.LEASE_S = 0.15
url, key = sys.argv[1:]
async def work():
    with open_database(url) as database:
        one = sender.Sender(Outbox(database), Vault([key]), allow_private=True, poll_s=0.02)
        await one.start()
        await asyncio.sleep(60)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print(os.getpid(), flush=True)
        asyncio.run(work())
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


def kill_at_random(driver: subprocess.Popen[str], receiver: Receiver, rng: random.Random) -> None:
    """Let a process deliver a few notices, and kill it somewhere within the next one."""
    assert driver.stdin
    assert driver.stdout
    driver.stdin.write("\n")
    driver.stdin.flush()
    pid = int(driver.stdout.readline())
    wanted = len(receiver.keys) + rng.randint(0, 3)
    ends = time.monotonic() + 20
    while len(receiver.keys) < wanted and time.monotonic() < ends:
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.02))
    os.kill(pid, signal.SIGKILL)
    assert driver.stdout.readline() == "ended\n"


def test_every_notice_arrives_once_by_its_key(tmp_path: Path) -> None:
    url, key, rng = f"sqlite:///{tmp_path / 'store.db'}", Fernet.generate_key().decode(), random.Random(7)
    with Receiver() as receiver, open_database(url) as database:
        sealed = Vault([key]).seal({"url": f"{receiver.url}/webhook", "secret": SECRET})
        NotifyStore(database).put("default", "hook", "webhook", {}, sealed, actor="test")
        now = datetime.now(UTC)
        with database.write() as connection:
            for n in range(N_NOTICES):
                told = Notice(kind="k", subject="s:1", title=str(n), severity=1, category="other", at=now)
                postings = [Posting("hook", now, 0.0)]
                post(connection, "default", postings, encode(told), subject="s:1", kind="k", what=str(n), now=now)
        command = [sys.executable, "-c", DRIVER, url, key]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        ) as driver:
            for _ in range(KILLS):
                kill_at_random(driver, receiver, rng)
            assert driver.stdin
            n_before_the_last = len(receiver.keys)
            driver.stdin.write("\n")
            driver.stdin.flush()
            assert driver.stdout
            pid = int(driver.stdout.readline())
            outbox, ends = Outbox(database), time.monotonic() + 60
            while outbox.counts("default")["pending"] and time.monotonic() < ends:
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            assert driver.stdout.readline() == "ended\n"
        counts = outbox.counts("default")
    assert counts == {"pending": 0, "sent": N_NOTICES, "dead": 0, "cancelled": 0}
    assert n_before_the_last > KILLS / 2, "the killed ones delivered next to nothing: the test would show little"
    once = list(dict.fromkeys(receiver.keys))
    titles = {key: value["notice"]["title"] for key, (_, value) in zip(receiver.keys, receiver.taken, strict=True)}
    assert [titles[key] for key in once] == [str(n) for n in range(N_NOTICES)]
    assert receiver.refused == []
