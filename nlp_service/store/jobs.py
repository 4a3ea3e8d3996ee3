"""The repository of long work, as those see it who start it and look after it; `job_leases` is for those who do it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, Conflict, NotFound, Overloaded
from nlp_service.store import races
from nlp_service.store.audit import note
from nlp_service.store.database import Database
from nlp_service.store.job_records import ACTIVE, STATES, Callback, Job, key_of, read_job
from nlp_service.store.schema import jobs

MOST_ACTIVE = 20
"""Jobs of one tenant that wait or run at once: as many as a person starts, and not as many as a loop does."""

_MOST_NUMBER = 2**63 - 1


class JobPage(NamedTuple):
    """Some jobs, and the cursor of the page after them; None on the last."""

    jobs: list[Job]
    next_cursor: str | None


class JobStore:
    """Jobs in a database; each method is one transaction, and takes the tenant first.

    Args:
        database: Where they are.
        now: Says what time it is, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def start(
        self,
        tenant: str,
        kind: str,
        parameters: Mapping[str, Any],
        *,
        actor: str,
        callback: Callback | None = None,
    ) -> tuple[Job, bool]:
        """Put a job into the queue; gives it, and whether it is new.

        The same work that waits or runs already is not begun twice: then it is that job which is given, and a callback
        takes the place of one that it has from before.

        Args:
            tenant: Whose job.
            kind: What is to be done.
            parameters: To what: what JSON can hold, and no text of a user.
            actor: Who starts it.
            callback: Whom to tell when it ends.

        Raises:
            Overloaded: Too many of the tenant's wait already.
        """

        def work(connection: Connection) -> tuple[Job, bool]:
            key, c = key_of(kind, parameters), jobs.c
            active = (c.tenant == tenant) & c.state.in_(ACTIVE)
            found = connection.execute(sa.select(jobs).where(active, c.key == key).with_for_update()).mappings().first()
            if found is not None:
                if callback is not None:
                    told = {"callback_url": callback.url, "callback_secret": callback.secret}
                    told |= {"callback_state": "waiting"}
                    connection.execute(sa.update(jobs).where(c.number == found["number"]).values(**told))
                return read_job({**found, "callback_state": "waiting"} if callback else found), False  # type: ignore[arg-type]
            n_active = connection.scalar(sa.select(sa.func.count()).where(active)) or 0
            if n_active >= MOST_ACTIVE:
                raise Overloaded(f"{n_active} jobs are queued or running", retry_after_s=10.0)
            return self._insert(connection, tenant, kind, key, parameters, actor, callback), True

        return races.write(self._database, work)

    def get(self, tenant: str, job_id: str) -> Job:
        """One job.

        Raises:
            NotFound: The tenant has no such job.
        """
        with self._database.read() as connection:
            return _find(connection, tenant, job_id)

    def latest(self, tenant: str, kind: str, parameters: Mapping[str, Any]) -> Job | None:
        """The last job that was to do this, whatever became of it."""
        c = jobs.c
        query = sa.select(jobs).where(c.tenant == tenant, c.key == key_of(kind, parameters))
        with self._database.read() as connection:
            row = connection.execute(query.order_by(c.number.desc()).limit(1)).mappings().first()
        return None if row is None else read_job(row)

    def browse(
        self,
        tenant: str,
        *,
        state: str | None = None,
        kind: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> JobPage:
        """A page of jobs, the newest first.

        Args:
            tenant: Whose jobs.
            state: Only in this one of `STATES`.
            kind: Only of this kind.
            cursor: `JobPage.next_cursor` of the page before.
            limit: Jobs of a page.

        Raises:
            BadInput: There is no such state, or the cursor is none of such pages.
        """
        c = jobs.c
        query = sa.select(jobs).where(c.tenant == tenant)
        if state is not None:
            if state not in STATES:
                raise BadInput(f"state must be one of {', '.join(STATES)}", param="state")
            query = query.where(c.state == state)
        if kind is not None:
            query = query.where(c.kind == kind)
        if cursor is not None:
            query = query.where(c.number < _read_cursor(cursor))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.number.desc()).limit(limit + 1)).mappings().all()
        following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
        return JobPage([read_job(row) for row in rows[:limit]], following)

    def cancel(self, tenant: str, job_id: str, *, actor: str) -> Job:
        """End a job; one that runs is stopped by its worker within seconds. One that was cancelled stays so.

        Raises:
            NotFound: The tenant has no such job.
            Conflict: It is done, or has failed.
        """

        def work(connection: Connection) -> Job:
            job = _find(connection, tenant, job_id, is_locked=True)
            if job.state == "cancelled":
                return job
            if job.state not in ACTIVE:
                raise Conflict(f"the job is {job.state} already", param="job_id")
            end(connection, job, "cancelled", self._now(), actor)
            return _find(connection, tenant, job_id)

        return races.write(self._database, work)

    def forget(self, tenant: str, older_than: datetime) -> int:
        """Remove jobs that ended before a time; gives how many."""
        c = jobs.c
        old = (c.tenant == tenant) & c.state.not_in(ACTIVE) & (c.finished_at < older_than)
        with self._database.write() as connection:
            removed = connection.execute(sa.delete(jobs).where(old)).rowcount
            if removed:
                note(connection, tenant, "system", "jobs.expire", f"tenant:{tenant}", jobs=removed)
            return removed

    def _insert(
        self,
        connection: Connection,
        tenant: str,
        kind: str,
        key: str,
        parameters: Mapping[str, Any],
        actor: str,
        callback: Callback | None,
    ) -> Job:
        job_id = secrets.token_urlsafe(16)
        connection.execute(
            sa.insert(jobs).values(
                id=job_id,
                tenant=tenant,
                kind=kind,
                key=key,
                parameters=dict(parameters),
                state="queued",
                progress=0.0,
                what="",
                actor=actor,
                created_at=self._now(),
                attempts=0,
                callback_url=callback and callback.url,
                callback_secret=callback and callback.secret,
                callback_state="waiting" if callback else None,
                callback_tries=0,
            )
        )
        note(connection, tenant, actor, "job.start", f"job:{job_id}", kind=kind, has_callback=callback is not None)
        return _find(connection, tenant, job_id)


def end(connection: Connection, job: Job, state: str, at: datetime, actor: str, **values: Any) -> None:
    """Write down how a job that was queued or running ended, and have its callback told."""
    told = {"callback_at": at} if job.callback_state == "waiting" else {}
    final = {"state": state, "finished_at": at, "worker": None, "lease_until": None, **told, **values}
    connection.execute(sa.update(jobs).where(jobs.c.number == job.number).values(**final))
    detail = {"kind": job.kind, "error": values.get("error_code")}
    note(connection, job.tenant, actor, f"job.{state}", f"job:{job.id}", **detail)


def _find(connection: Connection, tenant: str, job_id: str, *, is_locked: bool = False) -> Job:
    query = sa.select(jobs).where(jobs.c.tenant == tenant, jobs.c.id == job_id)
    row = connection.execute(query.with_for_update() if is_locked else query).mappings().first()
    if row is None:
        raise NotFound("there is no such job", param="job_id")
    return read_job(row)


def _read_cursor(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > 19 or int(cursor) > _MOST_NUMBER:
        raise BadInput("the cursor is none of these pages", param="cursor")
    return int(cursor)
