"""How SQLite is used: its settings, and how writers take turns."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

_CACHE_KIB = 64 * 1024
"""Pages in memory, for each connection in use; the 2 MiB that it has unasked hold no index of many messages."""

_CHECKPOINT_PAGES = 8_192
"""Size of the log from which it goes into the file: 32 MiB. A page that many deliveries change is written once."""


_PAGE = 4_096  # bytes

_LONGEST_LOG_PAGES = 4 * _CHECKPOINT_PAGES
"""Size of the log from which writers wait until it is in the file and begins anew."""

_PATIENCE_S = 1.0  # for whoever reads or writes at that moment
_PAUSE_S = 30.0  # then, as long as a long export may read

_random = random.Random()  # of its own: the pauses of writers are no part of anybody's seed

_not_before: dict[str, float] = {}  # by database


def set_up(connection: Any, record: object) -> None:
    """Prepare a new connection of the driver."""
    # The driver would begin transactions by itself, and only before the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    _keep_a_log(cursor)
    # In WAL mode a killed process loses nothing with it, a power cut at most the last moments, and never half of one.
    cursor.execute("PRAGMA synchronous = normal")
    cursor.execute("PRAGMA foreign_keys = on")
    cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    # What was erased is not to be found in the file either; SQLite would only mark its place as free.
    cursor.execute("PRAGMA secure_delete = on")
    cursor.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_PAGES * _PAGE}")
    cursor.close()


def _keep_a_log(cursor: Any) -> None:
    """Turn the write-ahead log on. Of several who open a new database at once SQLite lets some wait for nothing."""
    deadline = time.monotonic() + _PATIENCE_S * 8
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_random.uniform(0.001, 0.01))


def begin(connection: Connection, wait_s: float) -> None:
    """Begin a transaction, one that writes with the lock of writers.

    SQLite itself would look for the lock ten times a second. Writers who follow one another leave it free for a moment
    only, and somebody who sleeps for so long may miss all of these moments.

    Args:
        connection: Whose option ``is_write`` says whether it writes.
        wait_s: How long to wait for the lock.
    """
    if not connection.get_execution_options().get("is_write"):
        connection.exec_driver_sql("BEGIN")
        return
    driver: Any = connection.connection.driver_connection
    deadline = time.monotonic() + wait_s
    _wait_for_tidying(_sign(connection))
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while (error := _try_to_begin(driver)) is not None:
            if error & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises it as SQLAlchemy does, unless it goes well now
                return
            time.sleep(_random.uniform(0.001, 0.005))
            _wait_for_tidying(_sign(connection))
    finally:
        driver.execute(f"PRAGMA busy_timeout = {round(wait_s * 1000)}")


def tidy(connection: Connection) -> None:
    """Keep the log from growing for ever; after a transaction that wrote.

    SQLite moves the log into the file after a commit, and lets the next writer begin it anew if nothing was added
    meanwhile. Where writers follow one another without a pause something always was, so the log would grow until the
    disk is full. When it is long, one writer therefore asks the others to wait, by a file beside the database, until
    the log is in the database as a whole.
    """
    path = str(connection.engine.url.database)
    with contextlib.suppress(sqlite3.Error, OSError):  # what was written is safe, and the next one tries again
        # The size says it: a log that begins anew is cut to `journal_size_limit`.
        is_long = os.stat(f"{path}-wal").st_size > _LONGEST_LOG_PAGES * _PAGE
        if not is_long or time.monotonic() < _not_before.get(path, 0.0):
            return
        if not _begin_log_anew(connection.connection.driver_connection, _sign(connection)):
            _not_before[path] = time.monotonic() + _PAUSE_S


def _begin_log_anew(driver: Any, sign: Path) -> bool:
    """False if somebody reads what is in the log, for as long as this one was ready to wait."""
    try:
        sign.touch(exist_ok=False)
    except FileExistsError:
        return True  # somebody is at it
    try:
        deadline = time.monotonic() + _PATIENCE_S
        # A checkpoint that another one is making is not waited for by SQLite itself.
        driver.execute("PRAGMA busy_timeout = 100")  # the next `begin` sets it anew
        while driver.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0]:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True
    finally:
        sign.unlink(missing_ok=True)


def _wait_for_tidying(sign: Path) -> None:
    """Wait while somebody tidies; not for the sign of one that died."""
    while True:
        try:
            if time.time() - sign.stat().st_mtime > _PATIENCE_S + 1.0:
                sign.unlink(missing_ok=True)
                return
        except OSError:
            return
        time.sleep(0.002)


def _sign(connection: Connection) -> Path:
    return Path(f"{connection.engine.url.database}-tidying")


def _try_to_begin(driver: sqlite3.Connection) -> int | None:
    """Take the lock of writers; gives the code of the error if there is one."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode
    return None
