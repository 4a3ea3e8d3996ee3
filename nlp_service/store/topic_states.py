"""The repository of the states of topics: what tomorrow begins with, day after day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from nlp_service.store import races
from nlp_service.store.database import Database
from nlp_service.store.schema import topic_states

KEPT = 62
"""Days of which the state is kept: two months, so that a month can be read again from the day before it."""


class TopicDay(NamedTuple):
    """The state at the end of a day."""

    day: date
    state: bytes


class TopicStateStore:
    """States in a database; each method is one transaction, and takes the tenant first.

    Args:
        database: Where they are.
        now: Says what time it is, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def latest(self, tenant: str, name: str, before: date | None = None) -> TopicDay | None:
        """The state of the last day, of those before `before` if that is given; None if there is none.

        Args:
            tenant: Whose topics.
            name: Which, such as ``all`` or a channel.
            before: A day, which does not count itself.
        """
        c = topic_states.c
        query = sa.select(c.day, c.state).where(c.tenant == tenant, c.name == name).order_by(c.day.desc()).limit(1)
        if before is not None:
            query = query.where(c.day < before.isoformat())
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else TopicDay(date.fromisoformat(row.day), row.state)

    def save(self, tenant: str, name: str, day: date, state: bytes) -> None:
        """Keep the state at the end of a day, in place of one that is there; the oldest beyond `KEPT` go."""
        c = topic_states.c
        mine = (c.tenant == tenant) & (c.name == name)

        def work(connection: sa.Connection) -> None:
            named = {"tenant": tenant, "name": name, "day": day.isoformat()}
            values = {"created_at": self._now(), "state": state}
            changed = connection.execute(sa.update(topic_states).where(mine, c.day == named["day"]).values(**values))
            if not changed.rowcount:
                connection.execute(sa.insert(topic_states).values(**named, **values))
            old = sa.select(c.day).where(mine).order_by(c.day.desc()).offset(KEPT)
            gone = connection.scalars(old).all()
            connection.execute(sa.delete(topic_states).where(mine, c.day.in_(gone)))

        races.write(self._database, work)
