from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from nlp_service.errors import NotReady, ServiceError
from nlp_service.store import races
from nlp_service.store.database import Database
from nlp_service.store.schema import knowledge_bases
from tests.unit.store.test_database import base_row


class DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


class Refusing:
    """A database whose transactions fail with these codes, one after the other, and then go well."""

    def __init__(self, *sqlstates: str) -> None:
        self._sqlstates = list(sqlstates)

    @contextlib.contextmanager
    def write(self) -> Iterator[str]:
        yield "connection"
        if self._sqlstates:
            cause = sa.exc.DBAPIError("", None, DriverError(self._sqlstates.pop(0)))
            raise ServiceError("the database refuses") from cause


def attempts(database: Refusing) -> list[str]:
    """The connections of all attempts."""
    seen: list[str] = []
    races.write(cast(Database, database), lambda connection: seen.append(cast(str, connection)))
    return seen


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(races, "PAUSE_S", 0.0)


@pytest.mark.parametrize("sqlstate", ["23505", "40001", "40P01"])
def test_whoever_lost_a_race_begins_again(sqlstate: str) -> None:
    assert len(attempts(Refusing(sqlstate, sqlstate))) == 3


def test_other_errors_are_not_tried_again() -> None:
    database = Refusing("22003")
    with pytest.raises(ServiceError, match="refuses"):
        attempts(database)
    assert len(attempts(database)) == 1


def test_it_ends_after_some_attempts() -> None:
    with pytest.raises(NotReady, match="others were faster in 8 attempts"):
        attempts(Refusing(*["23505"] * races.ATTEMPTS))


def test_an_error_of_the_work_itself_is_not_tried_again() -> None:
    def fail(connection: Connection) -> None:
        raise sqlite3.OperationalError("of something else")

    with pytest.raises(sqlite3.OperationalError):
        races.write(cast(Database, Refusing()), fail)


def test_two_who_insert_the_same_both_come_through(database: Database) -> None:
    barrier = Barrier(2, timeout=10)

    def insert_unless_there(name: str) -> str:
        tries = []

        def work(connection: Connection) -> str:
            found = connection.scalar(sa.select(knowledge_bases.c.name).where(knowledge_bases.c.name == name))
            if not tries and database.dialect == "postgresql":
                tries.append(1)
                barrier.wait()  # both have looked, and neither has seen the other
            if found is None:
                connection.execute(sa.insert(knowledge_bases).values(**base_row(name)))
            return "found" if found else "inserted"

        return races.write(database, work)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(insert_unless_there, ["门店"] * 2)) == ["found", "inserted"]
