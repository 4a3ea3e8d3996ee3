"""Databases for the tests of the store: each runs on SQLite, and on PostgreSQL where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from nlp_service.store.database import Database, open_database
from nlp_service.store.knowledge import KnowledgeStore

DEBIAN = Path("/usr/lib/postgresql")


def find_program(name: str) -> str:
    folders = sorted(DEBIAN.glob("*/bin"), reverse=True)
    found = shutil.which(name) or next((str(folder / name) for folder in folders if (folder / name).exists()), None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: no {name} on the path or under {DEBIAN}")
    return str(Path(found).resolve())


def find_user() -> str | None:
    """Whom the server must run as: itself it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def run_as(user: str | None, *command: str) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a private server, which listens on a socket in its own folder only."""
    initdb, pg_ctl = find_program("initdb"), find_program("pg_ctl")
    user = find_user()
    # Not under pytest's own folder, which no other user may enter, and which may be too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        data = str(folder / "data")
        run_as(user, initdb, "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run_as(user, pg_ctl, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            run_as(user, pg_ctl, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server = request.getfixturevalue("postgresql")
    # A schema of its own is as empty as a database of its own, which would be 300 files on the disk.
    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(server.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{server}&options=-csearch_path%3D{name}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An open database with all tables, empty but for the tenant `default`."""
    with open_database(url) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> KnowledgeStore:
    return KnowledgeStore(database)
