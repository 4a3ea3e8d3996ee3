"""Rows of authors: locked while messages of theirs are written, and counted. All take an open transaction.

An author is a platform with the id there. The empty id is nobody: it has no row, and nothing counts against it.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from nlp_service.store.bulk import Lookup, as_parameter, as_text, given
from nlp_service.store.incoming import Incoming
from nlp_service.store.schema import Moment, authors

Author = tuple[str, str]
"""Platform, and the id there."""

_KEY = (authors.c.tenant, authors.c.platform, authors.c.author)
_COLUMNS = ("platform", "author", "first_at", "last_at", "n_messages")


def author_of(message: Incoming) -> Author:
    """Who wrote a message."""
    return message.platform, message.author


def lock(connection: Connection, tenant: str, sent: Iterable[tuple[Author, datetime]]) -> dict[Author, int]:
    """Keep other transactions from the authors of messages until this one ends.

    Args:
        connection: The open transaction.
        tenant: Whose messages.
        sent: Who wrote each, and when it was received.

    Returns:
        How many messages each author had so far; those that are not in it had none.
    """
    rows = _rows(connection, sent, n_each=0)
    if not rows:
        return {}
    # On SQLite whoever writes has locked out everybody else.
    statement = _lock() if connection.dialect.name == "postgresql" else _find()
    found = connection.execute(statement, {"tenant": tenant, "given": as_parameter(rows)})
    return {(platform, author): number for platform, author, number in found}


def count(connection: Connection, tenant: str, sent: Iterable[tuple[Author, datetime]]) -> None:
    """Add messages that are new to the figures of their authors, which must be locked."""
    rows = _rows(connection, sent, n_each=1)
    if rows:
        connection.execute(_count(connection.dialect.name), {"tenant": tenant, "given": as_parameter(rows)})


def _rows(connection: Connection, sent: Iterable[tuple[Author, datetime]], n_each: int) -> Sequence[Mapping[str, Any]]:
    times: dict[Author, list[datetime]] = defaultdict(list)
    for author, received_at in sent:
        if author[1]:
            times[author].append(received_at)
    dialect = connection.dialect.name
    return [
        {
            "platform": platform,
            "author": author,
            "first_at": as_text(dialect, min(at)),
            "last_at": as_text(dialect, max(at)),
            "n_messages": n_each * len(at),
        }
        for (platform, author), at in times.items()
    ]


def _given(dialect: str) -> sa.FromClause:
    kinds: dict[str, Any] = {"platform": sa.String(), "author": sa.String(), "first_at": Moment(), "last_at": Moment()}
    return given(dialect, kinds | {"n_messages": sa.Integer()})


def _in_order(rows: sa.FromClause) -> sa.Select[Any]:
    """The given rows in the one order in which locks are taken, so that no two transactions wait for one another."""
    tenant = sa.bindparam("tenant", type_=sa.String())
    query = sa.select(tenant, *(rows.c[name] for name in _COLUMNS)).order_by(rows.c.platform, rows.c.author)
    # SQLite takes the ON CONFLICT that follows for a part of the FROM, unless there is a WHERE.
    return query.where(rows.c.n_messages >= 0)


@functools.cache
def _lock() -> Any:
    statement = postgresql.insert(authors).from_select(["tenant", *_COLUMNS], _in_order(_given("postgresql")))
    # An update that changes nothing: a row that is there is locked as one that is new.
    statement = statement.on_conflict_do_update(index_elements=_KEY, set_={"n_messages": authors.c.n_messages})
    return statement.returning(authors.c.platform, authors.c.author, authors.c.n_messages)


@functools.cache
def _find() -> Any:
    rows, columns = _given("sqlite"), authors.c
    same = (columns.platform == rows.c.platform) & (columns.author == rows.c.author)
    query = sa.select(columns.platform, columns.author, columns.n_messages)
    return query.select_from(Lookup(rows, authors, same & (columns.tenant == sa.bindparam("tenant"))))


@functools.cache
def _count(dialect: str) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    least, greatest = (sa.func.least, sa.func.greatest) if dialect == "postgresql" else (sa.func.min, sa.func.max)
    statement = insert(authors).from_select(["tenant", *_COLUMNS], _in_order(_given(dialect)))
    new = statement.excluded
    sums = {
        "first_at": least(authors.c.first_at, new.first_at),
        "last_at": greatest(authors.c.last_at, new.last_at),
        "n_messages": authors.c.n_messages + new.n_messages,
    }
    return statement.on_conflict_do_update(index_elements=_KEY, set_=sums)
