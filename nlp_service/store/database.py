"""A database by its URL: opened, brought to the schema of this version, and used in transactions.

SQLite by default, PostgreSQL by URL. Whoever writes on SQLite takes the lock of writers at the beginning (BEGIN
IMMEDIATE): a transaction that reads first and writes later could otherwise find that another has written in between,
and no waiting would help.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine import Connection as Connection  # for those who take an open transaction

from nlp_service.errors import BadInput, NotReady, ServiceError
from nlp_service.store import sqlite
from nlp_service.store.schema import HEAD

WAIT_S = 10
"""How long a transaction waits for the lock of another before it gives up with NotReady."""

# Any number that no other program on the same server uses for its own locks.
_MIGRATION_LOCK = 0x6E6C705F
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An open database. Safe to use from several threads, not across a fork. Made by `open_database`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout and cannot be held up by writers.

        Raises:
            NotReady: The database cannot be reached now.
            ServiceError: It refuses for another reason.
        """
        with _wrapped(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is kept when the block ends, and undone when it raises.

        Raises:
            NotReady: The database cannot be reached now, or another writer held it for longer than `WAIT_S`.
            ServiceError: It refuses for another reason, such as a full disk.
        """
        with _wrapped(), self._engine.connect() as connection:
            connection.execution_options(is_write=True)
            with connection.begin():
                yield connection
            if self.dialect == "sqlite":
                sqlite.tidy(connection)

    def close(self) -> None:
        """Close all connections. What is in use closes when it is given back."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open a database, made if it is a SQLite file that is not there, and bring it to the schema of this version.

    Args:
        url: ``sqlite:///PATH``, ``postgresql://…`` or the bare path of an SQLite file.

    Raises:
        BadInput: The URL cannot be read, or names another kind of database. ``param`` is ``db``.
        NotReady: The database cannot be reached.
        ServiceError: It was made by a newer version, or is no database of this service.
    """
    database = Database(_engine(_read_url(url)))
    try:
        with database.read() as connection:
            is_current = _revision(connection) == HEAD
        if not is_current:
            with database.write() as connection:
                _migrate(connection)
    except BaseException:
        database.close()
        raise
    return database


def _read_url(text: str) -> URL:
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise BadInput("the URL of the database cannot be read", param="db") from error
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise BadInput(f"the database must be SQLite or PostgreSQL, not {url.drivername}", param="db")
    return url


def _engine(url: URL) -> Engine:
    # Parameters are texts of users, and an error of SQLAlchemy shows them.
    options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": WAIT_S}
    options["pool_use_lifo"] = True  # who was used last has the most in memory
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise BadInput("a database of SQLite needs a file", param="db")
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceError(f"the folder of {url.database} cannot be made: {error.strerror}") from error
        engine = sa.create_engine(url, connect_args={"timeout": WAIT_S}, **options)
        sa.event.listen(engine, "connect", sqlite.set_up)
        sa.event.listen(engine, "begin", lambda connection: sqlite.begin(connection, WAIT_S))
        return engine
    try:
        engine = sa.create_engine(url, pool_pre_ping=True, **options)
        from nlp_service.store.postgresql import CONNECT_S, AttentiveConnection
    except ModuleNotFoundError as error:
        raise BadInput("PostgreSQL needs the extra .[postgres]", param="db") from error

    def connect(dialect: object, record: object, arguments: list[Any], options: dict[str, Any]) -> AttentiveConnection:
        return AttentiveConnection.connect(*arguments, **{"connect_timeout": CONNECT_S} | options)

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _set_up_postgresql(connection: Any, record: object) -> None:
    connection.autocommit = True
    connection.execute(f"SET lock_timeout = '{WAIT_S}s'")
    # A plan that was made while a table was empty would be used for as long as the connection is open.
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.autocommit = False


@contextlib.contextmanager
def _wrapped() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        raise NotReady(f"the database cannot be used now ({_kind(error)})") from error
    except sa.exc.TimeoutError as error:
        raise NotReady("all connections to the database are in use") from error
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise NotReady(f"the database cannot be used now ({_kind(error)})") from error
        raise ServiceError(f"the database refuses ({_kind(error)})") from error


def _kind(error: sa.exc.DBAPIError) -> str:
    """The code of the driver, without its message, which may show values."""
    original: Any = error.orig
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    return str(code or type(original).__name__)


def _revision(connection: Connection) -> str | None:
    """The migration that the database stands at; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _migrate(connection: Connection) -> None:
    # Here, because it is needed once in the life of a version and takes longer to import than the rest together.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    # Asked again under the lock: another process may have done it while this one waited.
    found = _revision(connection)
    if found is not None and found not in known:
        raise ServiceError(f"the database has schema {found}, made by a newer version; this one knows {HEAD} at most")
    if found != HEAD:
        command.upgrade(config, HEAD)
