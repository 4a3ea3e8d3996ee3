"""What does jobs: one at a time, in a process of low priority, as long as the service runs.

take ─► process ─► report every second, which keeps the job ─► finish | fail
          │            └── no longer wanted: the process is killed
          └── gone without a word: another try, or ``worker_lost``
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from nlp_service.api.jobs.child import Task, Word, Work, decode_word, run
from nlp_service.errors import ServiceError
from nlp_service.store.database import Database
from nlp_service.store.job_leases import JobLeases
from nlp_service.store.job_records import Job
from nlp_service.store.jobs import JobStore
from nlp_service.store.tenants import TenantStore

POLL_S = 1.0
"""Time between two looks into the queue; what is started in this process is taken at once."""

LEASE_S = 30.0
"""How long a job is left alone whose worker says nothing: some reports that did not come through, and a pause."""

REPORT_S = 1.0
"""Time between two reports, within which a cancelled job ends."""

LONGEST_S = 6 * 3600.0
"""A job that takes longer hangs."""

KEPT = timedelta(days=30)
"""How long ended jobs can be looked at."""

_TIDY_EVERY_S = 3_600.0
_END_WITHIN_S = 2.0
_LOST = "worker_lost"

log = logging.getLogger(__name__)


class Runner:
    """Does the jobs of all tenants, in a thread that looks after one process. Several replicas may each have one.

    Args:
        database: Where jobs are; whoever opened it closes it.
        works: What is done, by kind of job.
        poll_s: Time between two looks into the queue, in seconds.
        lease_s: How long a job whose worker says nothing is left alone, in seconds.
        longest_s: After which time a job is given up, in seconds.
    """

    def __init__(
        self,
        database: Database,
        works: Mapping[str, Work],
        *,
        poll_s: float = POLL_S,
        lease_s: float = LEASE_S,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._leases = JobLeases(database)
        self._jobs, self._tenants = JobStore(database), TenantStore(database)
        self._works = dict(works)
        self._poll_s, self._lease_s, self._longest_s = poll_s, lease_s, longest_s
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._wake = threading.Event()
        self._is_stopping = False
        self._tidy_at = 0.0
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to look for jobs."""
        self._thread.start()

    def wake(self) -> None:
        """Look into the queue now, because there is something new in it."""
        self._wake.set()

    def stop(self) -> None:
        """End; a job that runs is killed and goes back into the queue."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            try:
                self._tidy()
                job = self._leases.take(self._name, self._works, self._lease_s)
                if job is not None:
                    self._do(job)
                    continue
            except Exception as error:
                # The thread must outlive whatever happens to the database; foreign errors may quote texts.
                log.warning("jobs cannot be looked at: %s", error if isinstance(error, ServiceError) else type(error))
            self._wake.wait(self._poll_s)

    def _do(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        line, theirs = context.Pipe(duplex=False)
        task = Task(job.id, job.tenant, job.actor, job.parameters)
        process = context.Process(target=run, args=(theirs, self._works[job.kind], task), name="nlp-job", daemon=True)
        begun = time.monotonic()
        with line:
            with theirs:
                process.start()
            outcome = "stopped"
            try:
                word = self._follow(job, line)
                if word is not None:
                    outcome = self._conclude(job, word)
            finally:
                _end(process, 0.0 if outcome == "stopped" else _END_WITHIN_S)
        fields = {"job": job.id, "kind": job.kind, "tenant": job.tenant, "seconds": round(time.monotonic() - begun, 1)}
        log.info("job", extra={"fields": fields | {"outcome": outcome}})

    def _follow(self, job: Job, line: Connection) -> Word | None:
        """Listen to the process and pass on what it says; gives its last word, None where nobody wants it any more."""
        until = time.monotonic() + self._longest_s
        known = Word()
        while True:
            known = _newest_word(line, REPORT_S) or known
            if known.is_last:
                return known
            if self._is_stopping:
                self._leases.release(job, self._name)
                return None
            if time.monotonic() > until:
                return Word(code="deadline_exceeded", message=f"given up after {self._longest_s:.0f} s")
            try:
                if not self._leases.report(job, self._name, known.progress, known.what, self._lease_s):
                    return None
            except ServiceError as error:
                log.warning("a job could not be kept: %s", error)  # the next report tells whether it is still ours

    def _conclude(self, job: Job, word: Word) -> str:
        """Write down how a job ended; gives that in one word."""
        if word.result is not None:
            self._leases.finish(job, self._name, word.result)
            return "done"
        if word.code == _LOST:
            self._leases.report(job, self._name, 0.0, "", -1.0)  # its lease is over: it is for whoever comes next
        else:
            self._leases.fail(job, self._name, word.code, word.message)
        return word.code

    def _tidy(self) -> None:
        """Forget jobs that ended long ago."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + _TIDY_EVERY_S
        for tenant in self._tenants.list():
            self._jobs.forget(tenant.name, datetime.now(UTC) - KEPT)


def _newest_word(line: Connection, within_s: float) -> Word | None:
    """The newest of what the process said within some seconds, or its last word; None where it said nothing."""
    word = None
    try:
        while line.poll(0.0 if word is not None else within_s):
            word = decode_word(line.recv_bytes())
            if word.is_last:
                break
    except EOFError:
        return Word(code=_LOST)
    return word


def _end(process: BaseProcess, within_s: float) -> None:
    """Wait for a process to end, then make it."""
    process.join(within_s)
    if process.is_alive():
        process.terminate()
        process.join(_END_WITHIN_S)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()
