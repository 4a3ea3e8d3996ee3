from __future__ import annotations

import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from nlp_service.errors import BadInput, NotReady, ServiceError
from nlp_service.store import database as database_module
from nlp_service.store.database import Database, open_database
from nlp_service.store.schema import HEAD, knowledge_bases, metadata


def base_row(name: str, **values: object) -> dict[str, object]:
    row = {"tenant": "t", "name": name, "published": 0, "draft": 1, "settings": {}, "settings_version": 0}
    return row | {"created_at": datetime.now(UTC)} | values


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.scalars(sa.select(knowledge_bases.c.name)))


def test_migrations_build_what_the_schema_says(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(sa.inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_the_head_of_the_schema_is_the_last_migration() -> None:
    assert ScriptDirectory(str(database_module._MIGRATIONS)).get_heads() == [HEAD]


def test_a_database_is_opened_again_with_what_was_in_it(url: str) -> None:
    with open_database(url) as first, first.write() as connection:
        connection.execute(sa.insert(knowledge_bases).values(**base_row("门店")))
    with open_database(url) as second:
        assert names(second) == ["门店"]


def test_many_open_a_new_database_at_once(url: str) -> None:
    barrier = threading.Barrier(4)

    def open_and_close(_: int) -> None:
        barrier.wait()
        open_database(url).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_close, range(4)))
    with open_database(url) as database:
        assert names(database) == []


def test_a_newer_schema_is_refused_by_its_number(url: str) -> None:
    with open_database(url) as database, database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ServiceError, match=f"schema 9999, made by a newer version; this one knows {HEAD}"):
        open_database(url)


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    def fail_halfway() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(knowledge_bases).values(**base_row("半途")))
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert names(database) == []


def test_a_read_sees_one_state_throughout(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(knowledge_bases)
    with database.read() as reader:
        assert reader.scalar(count) == 0
        with database.write() as writer:
            writer.execute(sa.insert(knowledge_bases).values(**base_row("后来")))
        assert reader.scalar(count) == 0
    assert names(database) == ["后来"]


def test_a_time_comes_back_in_utc(database: Database) -> None:
    at = datetime(2025, 3, 1, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with database.write() as connection:
        connection.execute(sa.insert(knowledge_bases).values(**base_row("钟", created_at=at)))
        found = connection.scalar(sa.select(knowledge_bases.c.created_at))
    assert found == at
    assert found.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2025, 3, 1)
    with pytest.raises(sa.exc.StatementError, match="without a zone"), database.write() as connection:
        connection.execute(sa.insert(knowledge_bases).values(**base_row("钟", created_at=naive)))


def test_errors_never_show_values(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(knowledge_bases).values(**base_row("秘密名字")))
    with pytest.raises(ServiceError) as caught, database.write() as connection:
        connection.execute(sa.insert(knowledge_bases).values(**base_row("秘密名字")))
    assert "秘密名字" not in str(caught.value)


def test_a_second_writer_waits_and_then_gives_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WAIT_S", 1)
    lock = sa.select(knowledge_bases).with_for_update()
    with open_database(url) as database:
        with database.write() as connection:
            connection.execute(sa.insert(knowledge_bases).values(**base_row("门店")))
        with database.write() as first:
            first.execute(lock).all()
            with pytest.raises(NotReady, match=r"SQLITE_BUSY|55P03"), database.write() as second:
                second.execute(lock).all()


@pytest.mark.parametrize(
    "text", ["sqlite://", "sqlite:///:memory:", "mysql://host/name", "://", "oracle+cx://x", "sqlite+aiosqlite:///x"]
)
def test_a_url_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_database(text)
    assert caught.value.param == "db"


def test_a_bare_path_is_a_file_of_sqlite_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "100% 店.db"
    with open_database(str(path)) as database:
        assert database.dialect == "sqlite"
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("这不是数据库" * 100)
    with pytest.raises(ServiceError, match="SQLITE_NOTADB"):
        open_database(str(path))


def test_a_server_that_is_not_there_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady):
        open_database(f"postgresql://nobody@/none?host={tmp_path}")


def test_the_log_of_sqlite_stays_small_while_writers_follow_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlp_service.store import sqlite

    monkeypatch.setattr(sqlite, "_CHECKPOINT_PAGES", 50)
    monkeypatch.setattr(sqlite, "_LONGEST_LOG_PAGES", 100)
    path, sizes = tmp_path / "a.db", []
    note = sa.text(
        "INSERT INTO audit_log (tenant, at, actor, action, object, detail) VALUES ('t', '2026-01-01', '', '', :o, '{}')"
    )

    def work(database: Database) -> None:
        for _ in range(250):
            with database.write() as connection:
                connection.execute(note, {"o": "x" * 40_000})
            sizes.append(path.with_name("a.db-wal").stat().st_size)

    with open_database(str(path)) as database:
        threads = [threading.Thread(target=work, args=(database,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.read() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM audit_log")).scalar() == 1_000
    assert len(sizes) == 1_000
    assert max(sizes) < 20_000_000  # 41 MB were written


def test_a_long_reader_holds_writers_up_once_and_not_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlp_service.store import sqlite

    monkeypatch.setattr(sqlite, "_LONGEST_LOG_PAGES", 0)
    monkeypatch.setattr(sqlite, "_PATIENCE_S", 0.3)
    change = sa.text("UPDATE tenants SET rules_version = rules_version + 1")
    with open_database(str(tmp_path / "a.db")) as database, database.read() as reader:
        reader.execute(sa.text("SELECT count(*) FROM tenants")).scalar()
        begun = time.monotonic()
        for _ in range(20):
            with database.write() as connection:
                connection.execute(change)
        assert time.monotonic() - begun < 3.0
    assert not (tmp_path / "a.db-tidying").exists()


def test_the_sign_of_one_that_died_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_database(str(path)) as database:
        sign = tmp_path / "a.db-tidying"
        sign.touch()
        os.utime(sign, (0, 0))
        with database.write() as connection:
            connection.execute(sa.text("UPDATE tenants SET rules_version = 1"))
        assert not sign.exists()


def test_a_log_that_cannot_be_tidied_does_not_fail_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlp_service.store import sqlite

    def fail(driver: object, sign: object) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "_LONGEST_LOG_PAGES", 0)
    monkeypatch.setattr(sqlite, "_begin_log_anew", fail)
    with open_database(str(tmp_path / "a.db")) as database:
        with database.write() as connection:
            connection.execute(sa.text("UPDATE tenants SET rules_version = 7"))
        with database.read() as connection:
            assert connection.execute(sa.text("SELECT rules_version FROM tenants")).scalar() == 7


def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_database(str(path)) as database, database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
