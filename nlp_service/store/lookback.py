"""A look at the last minutes or days before a message: the time that is meant, and what lies in it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from nlp_service.store.authors import Author, author_of
from nlp_service.store.bulk import Lookup, as_parameter, as_text, given
from nlp_service.store.incoming import Incoming, Offence
from nlp_service.store.schema import Moment, messages, strikes

AHEAD_S = 300.0
"""How much later than a message something may be received and still count as before it, because it was stored before
it: clocks of replicas differ, and one transaction waits for another. As much as Kerberos allows clocks to differ."""

MOST = 1_000
"""Copies that are seen for a key, and strikes for an author: the newest of the time that is asked for. A flood must not
make each of its messages dearer than the one before; a rule that asks for more copies never applies."""

MOST_RECENT = 50_000
"""Messages of an author that are counted; twenty a minute for a day are 28,800."""

_AUTHOR: dict[str, TypeEngine[Any]] = {"platform": sa.String(), "author": sa.String()}

K = TypeVar("K")


class Window(NamedTuple):
    """What counts as before a message: behind `since`, and up to `until`."""

    since: datetime
    until: datetime

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and self.since < at <= self.until


# All messages of a delivery have one time or a few, which are asked for some ten times each.
@functools.lru_cache(maxsize=1_024)
def window(received_at: datetime, seconds: float) -> Window:
    """The time before a message that was received then."""
    return Window(received_at - timedelta(seconds=seconds), received_at + timedelta(seconds=AHEAD_S))


@functools.lru_cache(maxsize=1_024)
def recent_window(received_at: datetime, seconds: float) -> Window:
    """As `window`, in whole seconds: then one count does for all that a flooder sends in a second."""
    since, until = window(received_at, seconds)
    return Window(since.replace(microsecond=0), until.replace(microsecond=0))


def spans(times: Iterable[tuple[K, datetime]], seconds: float) -> dict[K, Window]:
    """What must be read for each key, so that the windows of all its times lie in it."""
    found: dict[K, Window] = {}
    for key, at in times:
        new, old = window(at, seconds), found.get(key)
        found[key] = new if old is None else Window(min(old.since, new.since), max(old.until, new.until))
    return found


def read_strikes(
    connection: Connection, tenant: str, asked: Sequence[Incoming], seconds: float
) -> Iterator[tuple[Author, Offence, int]]:
    """Strikes against the authors of messages with the message that each is for, oldest first."""
    dialect = connection.dialect.name
    times = ((author_of(message), message.received_at) for message in asked if message.author)
    rows = [
        {"platform": author[0], "author": author[1], **_as_texts(dialect, span)}
        for author, span in spans(times, seconds).items()
    ]
    if rows:
        for row in connection.execute(_strikes(dialect), {"tenant": tenant, "given": as_parameter(rows)}):
            yield (row.platform, row.author), Offence(row.offence, row.at), row.message_id


def count_recent(
    connection: Connection, tenant: str, asked: Sequence[Incoming], seconds: Callable[[Incoming], float]
) -> dict[tuple[Author, str, Window], int]:
    """How many messages the authors of messages sent to their channels in the time before each, where there are any."""
    dialect = connection.dialect.name
    places = list(
        dict.fromkeys(
            (author_of(message), message.channel, recent_window(message.received_at, seconds(message)))
            for message in asked
            if message.author
        )
    )
    rows = [
        {"place": place, "platform": author[0], "author": author[1], "channel": channel, **_as_texts(dialect, span)}
        for place, (author, channel, span) in enumerate(places)
    ]
    if not rows:
        return {}
    found = connection.execute(_recent(dialect), {"tenant": tenant, "given": as_parameter(rows)})
    return {places[place]: number for place, number in found if number}


def newest(
    dialect: str, table: sa.Table, at: str, keys: Mapping[str, TypeEngine[Any]], names: Sequence[str]
) -> sa.Select[Any]:
    """Select from a table what lies within given windows: for each key the `MOST` newest rows.

    The parameters are ``tenant`` and ``given``, whose rows have the keys, ``since`` and ``until``.

    Args:
        dialect: Of the database.
        table: Has an index on the tenant, the keys and the time.
        at: Name of the column of the time.
        keys: Names and types of the columns that a key is made of.
        names: Of the columns that are selected.
    """
    kind = table.c[at].type
    asked = given(dialect, {**keys, "since": kind, "until": kind})
    if dialect == "postgresql":
        some = sa.select(*(table.c[name] for name in names)).where(*_lies_within(asked, table, at, keys))
        rows = some.order_by(table.c[at].desc()).limit(MOST).correlate(asked).lateral()
        return sa.select(*rows.c).select_from(asked.join(rows, sa.true()))
    # SQLite has no LATERAL, but finds the time of the last row that counts as fast.
    other = table.alias()
    oldest = sa.select(other.c[at]).where(*_lies_within(asked, other, at, keys)).order_by(other.c[at].desc())
    bound = oldest.limit(1).offset(MOST - 1).scalar_subquery().correlate(asked)
    rows_of = Lookup(asked, table, sa.and_(*_lies_within(asked, table, at, keys)))
    selected = sa.select(*(table.c[name] for name in names)).select_from(rows_of)
    return selected.where(table.c[at] >= sa.func.coalesce(bound, asked.c.since))


def _lies_within(
    asked: sa.FromClause, rows: sa.FromClause, at: str, keys: Iterable[str]
) -> list[sa.ColumnElement[bool]]:
    same = [rows.c.tenant == sa.bindparam("tenant"), *(rows.c[name] == asked.c[name] for name in keys)]
    return [*same, rows.c[at] > asked.c.since, rows.c[at] <= asked.c.until]


@functools.cache
def _strikes(dialect: str) -> sa.Select[Any]:
    found = newest(dialect, strikes, "at", _AUTHOR, (*_AUTHOR, "offence", "at", "message_id", "id")).subquery()
    return sa.select(found).order_by(found.c.at, found.c.id)


@functools.cache
def _recent(dialect: str) -> sa.Select[Any]:
    kinds: dict[str, Any] = {
        "place": sa.Integer(),
        **_AUTHOR,
        "channel": sa.String(),
        "since": Moment(),
        "until": Moment(),
    }
    asked = given(dialect, kinds)
    same = _lies_within(asked, messages, "received_at", (*_AUTHOR, "channel"))
    newest_first = sa.select(messages.c.id).where(*same).order_by(messages.c.received_at.desc())
    lately = newest_first.limit(MOST_RECENT).correlate(asked).subquery()
    return sa.select(asked.c.place, sa.select(sa.func.count()).select_from(lately).correlate(asked).scalar_subquery())


@functools.lru_cache(maxsize=1_024)
def _as_texts(dialect: str, span: Window) -> Mapping[str, str]:
    return {"since": as_text(dialect, span.since), "until": as_text(dialect, span.until)}
