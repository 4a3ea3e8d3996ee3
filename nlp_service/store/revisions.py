"""Rows of `entry_revisions`: which belong to a version, and how an edit of the draft changes them.

An edit only touches rows that begin with the draft (``since`` is its number) or closes open ones there (``until``
becomes its number), so that rows of published versions stay what they were. An edit that is taken back restores them.
All functions take an open transaction; those that change something expect the base to be locked in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.store.records import Base, Difference, Record, Written
from nlp_service.store.schema import entry_revisions

# SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535.
_CHUNK = 5_000

_rows = entry_revisions
_key = entry_revisions.c


class _Edits(NamedTuple):
    """Rows to change, as parameters of one statement each."""

    closed: list[dict[str, Any]]
    opened_again: list[dict[str, Any]]
    dropped: list[dict[str, Any]]
    rewritten: list[dict[str, Any]]
    added: list[dict[str, Any]]


def is_in(version: int) -> sa.ColumnElement[bool]:
    """The condition that a row belongs to a version; the number of the draft gives the draft."""
    return (_key.since <= version) & (_key.until.is_(None) | (_key.until > version))


def read(
    connection: Connection, kb_id: int, version: int, *, after: str | None = None, limit: int | None = None
) -> list[Record]:
    """Read the entries of a version by id, those behind `after`, at most `limit`."""
    query = sa.select(_key.entry_id, _key.content).where(_key.kb_id == kb_id, is_in(version))
    if after is not None:
        query = query.where(_key.entry_id > after)
    return [Record(*row) for row in connection.execute(query.order_by(_key.entry_id).limit(limit))]


def read_one(connection: Connection, kb_id: int, version: int, entry_id: str) -> Record | None:
    """Read one entry of a version; None if it is not in it."""
    query = sa.select(_key.entry_id, _key.content).where(_key.kb_id == kb_id, _key.entry_id == entry_id, is_in(version))
    row = connection.execute(query).first()
    return Record(*row) if row else None


def count(connection: Connection, kb_id: int, version: int) -> int:
    """Count the entries of a version."""
    query = sa.select(sa.func.count()).select_from(_rows).where(_key.kb_id == kb_id, is_in(version))
    return connection.scalar(query) or 0


def compare(connection: Connection, kb_id: int, old: int, new: int) -> list[Difference]:
    """Find the entries that differ between two versions, by id."""
    digests = [_digests(connection, kb_id, version) for version in (old, new)]
    differing = sorted(
        entry_id
        for entry_id in digests[0].keys() | digests[1].keys()
        if digests[0].get(entry_id) != digests[1].get(entry_id)
    )
    contents = [_contents(connection, kb_id, version, differing) for version in (old, new)]
    return [Difference(entry_id, contents[0].get(entry_id), contents[1].get(entry_id)) for entry_id in differing]


def is_edited(connection: Connection, base: Base) -> bool:
    """Whether the draft differs from what is published."""
    edits = (_key.since == base.draft) | (_key.until == base.draft)
    return connection.scalar(sa.select(_key.since).where(_key.kb_id == base.id, edits).limit(1)) is not None


def put(connection: Connection, base: Base, records: Sequence[Record]) -> Written:
    """Write entries into the draft. One that is there already, with the same content, changes nothing."""
    edits = _Edits([], [], [], [], [])
    created = unchanged = 0
    latest = {record.entry_id: record for record in records}
    for some in _in_chunks(latest):
        opened, published = _around_draft(connection, base, some)
        for entry_id in some:
            now, before = opened.get(entry_id), published.get(entry_id)
            digest = latest[entry_id].digest
            if now and now[1] == digest:
                unchanged += 1
                continue
            created += now is None
            _plan(edits, latest[entry_id], digest, base.draft, now, before)
    _apply(connection, base, edits)
    return Written(created, len(latest) - created - unchanged, unchanged)


def remove(connection: Connection, base: Base, entry_ids: Iterable[str]) -> int:
    """Take entries out of the draft; those that are not in it count for nothing."""
    edits = _Edits([], [], [], [], [])
    for some in _in_chunks(dict.fromkeys(entry_ids)):
        opened, _ = _around_draft(connection, base, some)
        for entry_id, (since, _) in opened.items():
            (edits.dropped if since == base.draft else edits.closed).append({"row_id": entry_id})
    _apply(connection, base, edits)
    return len(edits.dropped) + len(edits.closed)


def discard(connection: Connection, base: Base) -> None:
    """Make the draft equal to what is published."""
    connection.execute(sa.delete(_rows).where(_key.kb_id == base.id, _key.since == base.draft))
    connection.execute(sa.update(_rows).where(_key.kb_id == base.id, _key.until == base.draft).values(until=None))


def restore(connection: Connection, base: Base, version: int) -> None:
    """Make a draft without edits equal to a version."""
    then = _rows.alias()
    belongs = (then.c.since <= version) & (then.c.until.is_(None) | (then.c.until > version))
    same = sa.exists().where(
        then.c.kb_id == base.id, then.c.entry_id == _key.entry_id, then.c.digest == _key.digest, belongs
    )
    is_open = (_key.kb_id == base.id) & _key.until.is_(None)
    connection.execute(sa.update(_rows).where(is_open, ~same).values(until=base.draft))
    kept = sa.exists().where(is_open, _key.entry_id == then.c.entry_id)
    columns = [then.c.kb_id, then.c.entry_id, then.c.content, then.c.digest, sa.literal(base.draft)]
    missing = sa.select(*columns).where(then.c.kb_id == base.id, belongs, ~kept)
    names = ["kb_id", "entry_id", "content", "digest", "since"]
    connection.execute(sa.insert(_rows).from_select(names, missing))


def _digests(connection: Connection, kb_id: int, version: int) -> dict[str, str]:
    query = sa.select(_key.entry_id, _key.digest).where(_key.kb_id == kb_id, is_in(version))
    return {row.entry_id: row.digest for row in connection.execute(query)}


def _contents(connection: Connection, kb_id: int, version: int, entry_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in _in_chunks(entry_ids):
        query = sa.select(_key.entry_id, _key.content).where(
            _key.kb_id == kb_id, is_in(version), _key.entry_id.in_(some)
        )
        found.update((entry_id, content) for entry_id, content in connection.execute(query))
    return found


_Row = tuple[int, str]


def _around_draft(
    connection: Connection, base: Base, entry_ids: Sequence[str]
) -> tuple[dict[str, _Row], dict[str, _Row]]:
    """First version and digest of the rows that are in the draft, and of those that are published, by entry."""
    touched = _key.until.is_(None) | (_key.until == base.draft)
    query = sa.select(_key.entry_id, _key.since, _key.until, _key.digest).where(
        _key.kb_id == base.id, touched, _key.entry_id.in_(entry_ids)
    )
    opened: dict[str, _Row] = {}
    published: dict[str, _Row] = {}
    for entry_id, since, until, digest in connection.execute(query):
        if until is None:
            opened[entry_id] = since, digest
        if since < base.draft:
            published[entry_id] = since, digest
    return opened, published


def _plan(edits: _Edits, record: Record, digest: str, draft: int, now: _Row | None, before: _Row | None) -> None:
    where = {"row_id": record.entry_id}
    row = {"new_content": record.content, "new_digest": digest}
    if before and before[1] == digest:
        if now:
            edits.dropped.append(where)
        edits.opened_again.append(where)
    elif now and now[0] == draft:
        edits.rewritten.append(where | row)
    else:
        if now:
            edits.closed.append(where)
        edits.added.append({"entry_id": record.entry_id, "content": record.content, "digest": digest})


def _apply(connection: Connection, base: Base, edits: _Edits) -> None:
    own = (_key.kb_id == base.id) & (_key.entry_id == sa.bindparam("row_id"))
    drafted = own & (_key.since == base.draft)
    content: sa.BindParameter[str] = sa.bindparam("new_content")
    digest: sa.BindParameter[str] = sa.bindparam("new_digest")
    steps: list[tuple[sa.Executable, list[dict[str, Any]]]] = [
        (sa.delete(_rows).where(drafted), edits.dropped),
        (sa.update(_rows).where(own, _key.until == base.draft).values(until=None), edits.opened_again),
        (sa.update(_rows).where(own, _key.until.is_(None)).values(until=base.draft), edits.closed),
        (sa.update(_rows).where(drafted).values(content=content, digest=digest), edits.rewritten),
        (sa.insert(_rows).values(kb_id=base.id, since=base.draft), edits.added),
    ]
    for statement, parameters in steps:
        if parameters:
            connection.execute(statement, parameters)


def _in_chunks(entry_ids: Iterable[str]) -> Iterator[list[str]]:
    ids = list(entry_ids)
    for begin in range(0, len(ids), _CHUNK):
        yield ids[begin : begin + _CHUNK]
