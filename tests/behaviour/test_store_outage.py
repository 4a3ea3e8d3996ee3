"""The database goes away in the middle of a delivery, or is full: nothing is half there, and it goes on afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from nlp_service.errors import NotReady, ServiceError
from nlp_service.store import postgresql
from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Incoming, Judgement, Known, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.schema import metadata
from tests.behaviour.crowd import check, deliver, made_up
from tests.unit.store.conftest import find_program, find_user, run_as
from tests.unit.store.deliveries import Judge


class Server:
    """A PostgreSQL of its own, to be stopped and frozen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pg_ctl = find_program("pg_ctl")
        self._user = find_user()
        if self._user:
            shutil.chown(folder, self._user)
        data = ("-D", str(folder / "data"))
        make = (*data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        run_as(self._user, find_program("initdb"), *make)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://tester@/postgres?host={self._folder}"

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off"
        self._run("-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("-m", "immediate", "stop")

    def freeze(self) -> None:
        for process in self._processes():
            os.kill(process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            os.kill(process.pid, signal.SIGCONT)

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(int((self._folder / "data" / "postmaster.pid").read_text().split()[0]))
        return [first, *first.children()]

    def _run(self, *arguments: str) -> None:
        run_as(self._user, self._pg_ctl, "-D", str(self._folder / "data"), *arguments)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Not under pytest's own folder, which no other user may enter, and which may be too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def database(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(postgresql, "SILENCE_S", 0.5)
    monkeypatch.setattr(postgresql, "CONNECT_S", 2)
    with open_database(server.url) as opened:
        yield opened
        with opened.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))


def deliver_while(store: MessageStore, happens: Callable[[], None], numbers: range) -> None:
    """Deliver messages, and let something happen when the second of them is judged."""
    judge = Judge()

    def judge_and_let_it_happen(message: Incoming, known: Known) -> Judgement:
        if message.external_id == f"m{numbers[1]}":
            happens()
        return judge(message, known)

    store.record("t", [made_up(number) for number in numbers], judge_and_let_it_happen, Windows())


def test_a_server_that_is_stopped_is_not_ready_until_it_is_back(server: Server, database: Database) -> None:
    store = MessageStore(database)
    deliver(store, range(10))
    with pytest.raises(NotReady):
        deliver_while(store, server.stop, range(10, 20))
    with pytest.raises(NotReady):
        deliver(store, range(10, 20))
    with pytest.raises(NotReady):
        store.browse("t")
    server.start()
    check(database, range(10))
    deliver(store, range(20))
    check(database, range(20))


def test_a_server_that_is_frozen_is_not_ready_until_it_goes_on(server: Server, database: Database) -> None:
    store = MessageStore(database)
    deliver(store, range(10))
    begun = time.monotonic()
    try:
        with pytest.raises(NotReady):
            deliver_while(store, server.freeze, range(10, 20))
        with pytest.raises(NotReady):
            deliver(store, range(10, 20))
    finally:
        server.thaw()
    assert time.monotonic() - begun < 30
    check(database, range(10))
    deliver(store, range(20))
    check(database, range(20))


def test_a_server_that_is_only_slow_is_waited_for(database: Database) -> None:
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT 1 FROM pg_sleep(1.5)")) == 1  # three times as long as the silence


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    with open_database(str(tmp_path / "store.db")) as database:
        store = MessageStore(database)
        deliver(store, range(40))
        with database.read() as connection:
            n_pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        limit_pages(database, n_pages + 8)
        done, error = deliver_until_refused(store, 40)
        assert "SQLITE_FULL" in str(error)
        check(database, range(done))
        limit_pages(database, 2**30)
        deliver(store, range(done, done + 40))
        check(database, range(done + 40))


def deliver_until_refused(store: MessageStore, begin: int) -> tuple[int, ServiceError]:
    """Deliver messages from this one on; gives the first of those that were not taken, and why."""
    for number in range(begin, 2_000, 40):
        try:
            deliver(store, range(number, number + 40))
        except ServiceError as error:
            return number, error
    raise AssertionError("the disk was never full")


def limit_pages(database: Database, n_pages: int) -> None:
    """Let the file of every connection grow to so many pages, as if the disk held no more."""
    database._engine.dispose()
    sa.event.listen(
        database._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count = {n_pages}")
    )
