"""The repository of what mining found: runs with their documents, and the messages behind each of their items.

A run of a million messages has millions of rows. They are written some at a time, so that on SQLite others come to
write in between, and the run is shown to nobody before the last of them is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import BadInput, NotFound
from nlp_service.store import insight_removal
from nlp_service.store.audit import note
from nlp_service.store.bulk import Lookup, append, as_parameter, given
from nlp_service.store.database import Database
from nlp_service.store.insight_records import Document, Members, NewRun, Run, pack, read_run, unpack
from nlp_service.store.job_records import key_of
from nlp_service.store.schema import insight_members, insight_runs, messages

PORTION = 5_000
"""Rows of one transaction: 50 ms of work on SQLite, where nobody else writes meanwhile."""

KEPT = 3
"""Runs over the same period with the same parameters that are kept; who is turning pages in one can go on."""

_LOST_AFTER = timedelta(days=1)  # nobody has been writing a run for so long

_Row = tuple[int, str, str, int]


class RunPage(NamedTuple):
    """Some runs, and the cursor of the page after them; None on the last."""

    runs: list[Run]
    next_cursor: int | None


class InsightStore:
    """Runs in a database. Every method takes the tenant first, and what is another tenant's is not there.

    Args:
        database: Where they are.
        now: Says what time it is, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def store(self, tenant: str, run: NewRun, members: Iterable[Members], *, actor: str) -> int:
        """Write a run down, in several transactions of which only the last makes it visible; gives its id.

        Messages that are gone meanwhile, or are not the tenant's, are left out.

        Args:
            tenant: Whose run.
            run: What was found.
            members: The messages behind its items; an item may come in several parts.
            actor: Who found it.
        """
        with self._database.write() as connection:
            run_id = self._insert(connection, tenant, run)
        for portion in _portions(run_id, members):
            begun = time.monotonic()
            with self._database.write() as connection:
                there = _there(connection, tenant, sorted({row[3] for row in portion}))
                rows = sorted({row for row in portion if row[3] in there})
                append(connection, insight_members, ("run_id", "kind", "item", "message_id"), rows)
            time.sleep(min(time.monotonic() - begun, 0.1))
        with self._database.write() as connection:
            self._complete(connection, tenant, run_id, actor)
        insight_removal.sweep(self._database, tenant, self._now() - _LOST_AFTER)
        return run_id

    def get(self, tenant: str, run_id: int) -> Run:
        """One run.

        Raises:
            NotFound: The tenant has no such run.
        """
        c = insight_runs.c
        found = self._first(_visible(tenant).where(c.id == run_id))
        if found is None:
            raise NotFound("there is no such run", param="run")
        return found

    def newest(
        self, tenant: str, parameters: Mapping[str, Any], start: datetime | None = None, end: datetime | None = None
    ) -> Run | None:
        """The newest run with these parameters, over this very period if one is given."""
        c = insight_runs.c
        query = _visible(tenant).where(c.key == run_key(parameters))
        if start is not None and end is not None:
            query = query.where(c.period_start == start, c.period_end == end)
        return self._first(query.order_by(c.id.desc()))

    def holding(self, tenant: str, kind: str, item: str) -> Run | None:
        """The newest run that has messages behind an item."""
        c, m = insight_runs.c, insight_members.c
        has = sa.exists().where(m.run_id == c.id, m.kind == kind, m.item == item)
        return self._first(_visible(tenant).where(has).order_by(c.id.desc()))

    def browse(self, tenant: str, *, before: int | None = None, limit: int = 50) -> RunPage:
        """A page of runs, the newest first; `before` is the id of the last one of the page before."""
        c = insight_runs.c
        query = _visible(tenant).order_by(c.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(c.id < before)
        with self._database.read() as connection:
            found = [read_run(row) for row in connection.execute(query).mappings()]
        return RunPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def document(self, tenant: str, run_id: int) -> Document:
        """The document of a run.

        Raises:
            NotFound: The tenant has no such run.
        """
        c = insight_runs.c
        query = sa.select(c.document).where(c.tenant == tenant, c.id == run_id, c.completed_at.is_not(None))
        with self._database.read() as connection:
            packed = connection.scalar(query)
        if packed is None:
            raise NotFound("there is no such run", param="run")
        return unpack(packed)

    def _insert(self, connection: Connection, tenant: str, run: NewRun) -> int:
        names = [name for name in NewRun.__struct_fields__ if name not in ("head", "items")]
        values = {name: getattr(run, name) for name in names}
        values |= {"key": run_key(run.parameters), "tenant": tenant, "created_at": self._now()}
        values["document"] = pack({"head": run.head, "items": run.items})
        inserted = connection.execute(sa.insert(insight_runs).values(**values))
        key = inserted.inserted_primary_key
        assert key is not None
        return int(key[0])

    def _complete(self, connection: Connection, tenant: str, run_id: int, actor: str) -> None:
        c = insight_runs.c
        if connection.dialect.name == "postgresql":
            insight_removal.remove_orphans(connection, run_id)
        connection.execute(sa.update(insight_runs).where(c.id == run_id).values(completed_at=self._now()))
        row = connection.execute(_visible(tenant).where(c.id == run_id)).mappings().one()
        same = _visible(tenant).with_only_columns(c.id)
        for name in ("key", "period_start", "period_end"):
            same = same.where(c[name] == sa.select(c[name]).where(c.id == run_id).scalar_subquery())
        old = connection.scalars(same.order_by(c.id.desc()).offset(KEPT)).all()
        insight_removal.hide(connection, old)
        detail = {"messages": row["messages"], "removed": len(old), "job": row["job_id"]}
        note(connection, tenant, actor, "insight.store", f"run:{run_id}", **detail)

    def _first(self, query: sa.Select[Any]) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else read_run(row)


def run_key(parameters: Mapping[str, Any]) -> str:
    """What is the same for runs that are asked for with the same parameters."""
    return key_of("run", parameters)


def read_run_id(text: str) -> int:
    """An id of a run in a request.

    Raises:
        BadInput: It is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadInput("a run is named by its number", param="run")
    return int(text)


_COLUMNS = [insight_runs.c[name] for name in Run.__struct_fields__]


def _visible(tenant: str) -> sa.Select[Any]:
    """Runs that are whole."""
    return sa.select(*_COLUMNS).where(insight_runs.c.tenant == tenant, insight_runs.c.completed_at.is_not(None))


def _portions(run_id: int, members: Iterable[Members]) -> Iterator[list[_Row]]:
    portion: list[_Row] = []
    for kind, item, message_ids in members:
        for begin in range(0, len(message_ids), PORTION):
            portion += [(run_id, kind, item, message_id) for message_id in message_ids[begin : begin + PORTION]]
            if len(portion) >= PORTION:
                yield portion
                portion = []
    if portion:
        yield portion


def _there(connection: Connection, tenant: str, ids: Sequence[int]) -> set[int]:
    """Those of some messages that the tenant has."""
    asked = given(connection.dialect.name, {"id": sa.BigInteger()})
    named = (messages.c.id == asked.c.id) & (messages.c.tenant == tenant)
    query = sa.select(messages.c.id).select_from(Lookup(asked, messages, named))
    return set(connection.scalars(query, {"given": as_parameter([{"id": each} for each in ids])}))
