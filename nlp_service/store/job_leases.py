"""Jobs as those see them who do them: taken for some time, reported on, ended; and callbacks, until they are heard.

A worker that dies says nothing any more. Its lease runs out, and the job is taken again, up to `MOST_ATTEMPTS` times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from nlp_service.store import races
from nlp_service.store.database import Database
from nlp_service.store.job_records import Callback, Due, Job, read_job
from nlp_service.store.jobs import end
from nlp_service.store.schema import jobs

MOST_ATTEMPTS = 3
"""A job that took its worker with it so often would do so again."""

_WORKER = "worker"  # who ends what nobody asked to end


class JobLeases:
    """Jobs of all tenants in a database; each method is one transaction.

    Args:
        database: Where they are.
        now: Says what time it is, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def take(self, worker: str, kinds: Collection[str], lease_s: float) -> Job | None:
        """Take the next job that nobody has; None if there is none. Tenants get their turns.

        Args:
            worker: Who takes it, by a name of its own.
            kinds: What it can do.
            lease_s: For how long nobody else gets it, in seconds.
        """
        at = self._now()
        # Looked at without the lock of writers, which is what happens nearly every time.
        with self._database.read() as connection:
            if connection.execute(_free(kinds, at).limit(1)).first() is None:
                return None

        def work(connection: Connection) -> Job | None:
            query = _free(kinds, at).order_by(_last_start().nulls_first(), jobs.c.number)
            query = query.with_for_update(of=jobs, skip_locked=True).limit(1)
            while (row := connection.execute(query).mappings().first()) is not None:
                job = read_job(row)
                if job.attempts < MOST_ATTEMPTS:
                    return _give(connection, job, worker, at, lease_s)
                message = f"{job.attempts} workers were lost while they were at it"
                end(connection, job, "failed", at, _WORKER, error_code="worker_lost", error_message=message)
            return None

        return races.write(self._database, work)

    def report(self, job: Job, worker: str, progress: float, what: str, lease_s: float) -> bool:
        """Say how far a job is, and keep it for longer; gives whether it is still wanted and this worker's.

        Args:
            job: The job.
            worker: Who does it.
            progress: 0 to 1.
            what: The step, as a code.
            lease_s: For how long from now, in seconds.
        """
        until = self._now() + timedelta(seconds=lease_s)
        values = {"progress": min(max(progress, 0.0), 1.0), "what": what, "lease_until": until}
        return self._change(job, worker, values)

    def release(self, job: Job, worker: str) -> bool:
        """Put a job back into the queue because this worker stops; it does not count as an attempt."""
        attempts = max(job.attempts - 1, 0)
        values = {"state": "queued", "worker": None, "lease_until": None, "attempts": attempts, "progress": 0.0}
        return self._change(job, worker, values)

    def finish(self, job: Job, worker: str, result: dict[str, Any]) -> bool:
        """Say that a job is done; gives whether that still counts."""
        return self._end(job, worker, "done", progress=1.0, result=result)

    def fail(self, job: Job, worker: str, code: str, message: str) -> bool:
        """Say that a job failed, in words without a text of users; gives whether that still counts."""
        return self._end(job, worker, "failed", error_code=code, error_message=message[:500])

    def due(self, hold_s: float) -> Due | None:
        """The next callback that is to be told; nobody else gets it for `hold_s` seconds."""
        at, c = self._now(), jobs.c
        waiting = sa.select(jobs).where(c.callback_at <= at).order_by(c.callback_at, c.number).limit(1)
        with self._database.read() as connection:
            if connection.execute(waiting).first() is None:
                return None

        def work(connection: Connection) -> Due | None:
            row = connection.execute(waiting.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            tries = row["callback_tries"] + 1
            held = {"callback_at": at + timedelta(seconds=hold_s), "callback_tries": tries}
            connection.execute(sa.update(jobs).where(c.number == row["number"]).values(**held))
            return Due(read_job(row), Callback(row["callback_url"], row["callback_secret"]), tries)

        return races.write(self._database, work)

    def told(self, job: Job, state: str, again_at: datetime | None = None) -> None:
        """Write down how it went to tell a callback.

        Args:
            job: Whose callback.
            state: ``delivered``, ``failed``, or ``waiting`` for another try.
            again_at: When to try again. Without, its secret is forgotten.
        """
        values: dict[str, Any] = {"callback_state": state, "callback_at": again_at}
        if again_at is None:
            values["callback_secret"] = None
        with self._database.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.number == job.number).values(**values))

    def _change(self, job: Job, worker: str, values: dict[str, Any]) -> bool:
        mine = sa.update(jobs).where(jobs.c.number == job.number, jobs.c.state == "running", jobs.c.worker == worker)
        with self._database.write() as connection:
            return connection.execute(mine.values(**values)).rowcount == 1

    def _end(self, job: Job, worker: str, state: str, **values: Any) -> bool:
        def work(connection: Connection) -> bool:
            c = jobs.c
            mine = sa.select(jobs).where(c.number == job.number, c.state == "running", c.worker == worker)
            row: RowMapping | None = connection.execute(mine.with_for_update()).mappings().first()
            if row is not None:
                end(connection, read_job(row), state, self._now(), _WORKER, **values)
            return row is not None

        return races.write(self._database, work)


def _free(kinds: Collection[str], at: datetime) -> sa.Select[Any]:
    """Jobs that wait, and those whose worker was lost."""
    c = jobs.c
    is_lost = (c.state == "running") & (c.lease_until < at)
    return sa.select(jobs).where(c.kind.in_(sorted(kinds)), sa.or_(c.state == "queued", is_lost))


def _last_start() -> sa.ScalarSelect[Any]:
    """When a job of the same tenant was last taken: whoever had none for longest is next."""
    other = jobs.alias("other")
    return sa.select(sa.func.max(other.c.started_at)).where(other.c.tenant == jobs.c.tenant).scalar_subquery()


def _give(connection: Connection, job: Job, worker: str, at: datetime, lease_s: float) -> Job:
    values = {
        "state": "running",
        "worker": worker,
        "lease_until": at + timedelta(seconds=lease_s),
        "started_at": at,
        "attempts": job.attempts + 1,
        "progress": 0.0,
        "what": "",
    }
    connection.execute(sa.update(jobs).where(jobs.c.number == job.number).values(**values))
    row = connection.execute(sa.select(jobs).where(jobs.c.number == job.number)).mappings().one()
    return read_job(row)
