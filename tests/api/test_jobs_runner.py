"""Jobs are done in real processes, which are cancelled, die and are begun again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nlp_service.api.jobs.runner import Runner
from nlp_service.store.database import Database, open_database
from nlp_service.store.job_records import ACTIVE, Job
from nlp_service.store.jobs import JobStore
from tests.api.job_works import WORKS

WITHIN_S = 60.0  # a busy machine takes seconds to start a process


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "jobs.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)


@pytest.fixture
def runner(database: Database) -> Iterator[Runner]:
    made = Runner(database, WORKS, poll_s=0.05)
    made.start()
    yield made
    made.stop()


def start(store: JobStore, kind: str, **parameters: Any) -> str:
    return store.start("t", kind, parameters, actor="key:a")[0].id


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def ended(store: JobStore, job_id: str) -> Job:
    until(lambda: store.get("t", job_id).state not in ACTIVE)
    return store.get("t", job_id)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_is_done_with_low_priority_and_says_how_far_it_is(store: JobStore, runner: Runner) -> None:
    before = os.nice(0)
    job_id = start(store, "count_up", to=3)
    seen = set()

    def is_done() -> bool:
        job = store.get("t", job_id)
        seen.add((job.state, job.what))
        return job.state not in ACTIVE

    until(is_done)
    job = store.get("t", job_id)
    assert (job.state, job.progress) == ("done", 1.0)
    assert job.result == {"counted": 3, "niceness": min(before + 10, 19), "tenant": "t"}
    assert {what for state, what in seen if state == "running"} & {"step0", "step1", "step2"}


def test_jobs_fail_with_what_may_be_told(store: JobStore, runner: Runner) -> None:
    refused, stumbled = start(store, "refuse"), start(store, "stumble")
    job = ended(store, refused)
    assert (job.state, job.error_code, job.error_message) == (
        "failed",
        "invalid_input",
        "there are no messages in the period",
    )
    job = ended(store, stumbled)
    # The text of a foreign error may be that of a user.
    assert (job.state, job.error_code, job.error_message) == ("failed", "internal", "the work failed (KeyError)")


def test_a_cancelled_job_ends_within_seconds(store: JobStore, runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    job_id = start(store, "hang", file=str(file))
    until(lambda: file.exists() and file.read_text() != "")
    pid = int(file.read_text())
    store.cancel("t", job_id, actor="key:a")
    until(lambda: not is_alive(pid))
    assert store.get("t", job_id).state == "cancelled"
    assert ended(store, start(store, "count_up", to=1)).state == "done"  # the next one has its turn


def test_a_job_whose_process_dies_is_begun_again(store: JobStore, runner: Runner, tmp_path: Path) -> None:
    job = ended(store, start(store, "die_once", file=str(tmp_path / "seen")))
    assert (job.state, job.result, job.attempts) == ("done", {"attempt": 2}, 2)


def test_a_job_that_always_kills_its_process_is_given_up(store: JobStore, runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "tries"
    job = ended(store, start(store, "die", file=str(file)))
    assert (job.state, job.error_code) == ("failed", "worker_lost")
    assert file.read_text() == "xxx"


def test_a_job_that_hangs_is_given_up(database: Database, store: JobStore, tmp_path: Path) -> None:
    runner = Runner(database, WORKS, poll_s=0.05, longest_s=0.5)
    runner.start()
    try:
        job = ended(store, start(store, "hang", file=str(tmp_path / "pid")))
    finally:
        runner.stop()
    assert (job.state, job.error_code) == ("failed", "deadline_exceeded")


def test_a_service_that_stops_leaves_its_job_to_the_next(database: Database, store: JobStore, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    first = Runner(database, WORKS, poll_s=0.05)
    first.start()
    job_id = start(store, "hang", file=str(file))
    until(lambda: file.exists() and file.read_text() != "")
    pid = int(file.read_text())
    first.stop()
    assert not is_alive(pid)
    assert store.get("t", job_id).state == "queued"
    second = Runner(database, WORKS | {"hang": WORKS["count_up"]}, poll_s=0.05)
    second.start()
    try:
        # It has no parameter `to`, which is how the other work is known to have begun it.
        assert ended(store, job_id).error_message == "the work failed (KeyError)"
    finally:
        second.stop()
