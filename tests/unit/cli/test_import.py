from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from nlp_service.cli import importing
from nlp_service.cli.batch.records import Failure
from nlp_service.cli.chats.rows import Origin, Row
from nlp_service.cli.importing import Came, Importer, arrival_of
from nlp_service.cli.messages import Job, import_messages, run_import
from nlp_service.errors import NotReady, ServiceError
from nlp_service.intake.arrivals import Arrival
from nlp_service.intake.taking import Delivery, Taken
from nlp_service.store.browsing import StoredMessage
from nlp_service.store.database import Database
from nlp_service.store.messages import MessageStore
from tests.api.messages_app import ADVERT, BROKEN, CRASH, build_reader
from tests.unit.cli.chats.test_chats import QQ
from tests.unit.store.conftest import database, postgresql, url

__all__ = ["database", "postgresql", "url"]

ORIGIN = Origin("", "", ZoneInfo("Asia/Shanghai"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are named in the working directory."""
    monkeypatch.chdir(tmp_path)


def line(id: Any, text: str, **fields: Any) -> str:
    values = {
        "id": id,
        "text": text,
        "platform": "qq",
        "channel": "c",
        "author": "a",
        "sent_at": "2026-01-01T00:00:00Z",
    }
    return json.dumps(values | fields, ensure_ascii=False) + "\n"


def stored(database: Database) -> list[StoredMessage]:
    return list(MessageStore(database).browse("default", limit=1000).messages)[::-1]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_a_file_is_taken_in_and_the_same_file_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    source = write(
        tmp_path / "m.jsonl",
        line("1", "好"),
        line("2", ADVERT),
        "\n",
        line("", "x"),
        "{not json\n",
        line("3", ADVERT),
        line("4", BROKEN),
        line("2", ADVERT),
    )
    first = run_import(Job(source, ORIGIN), database, build_reader)
    assert {name: first[name] for name in ("messages", "stored", "duplicate", "failed", "skipped")} == {
        "messages": 5,
        "stored": 4,
        "duplicate": 1,
        "failed": 2,
        "skipped": 0,
    }
    assert first["actions"] == {"pass": 1, "warn": 2, "remove": 1, "review": 1}
    assert first["errors"] == "m.jsonl.errors.jsonl"
    errors = [json.loads(error) for error in Path(first["errors"]).read_text().splitlines()]
    assert [(error["line"], error["error"]["param"]) for error in errors] == [(4, "id"), (5, None)]
    before = stored(database)
    second = run_import(Job(source, ORIGIN), database, build_reader)
    assert (second["messages"], second["duplicate"]) == (5, 5)
    assert stored(database) == before


def test_exports_of_chats_are_messages_like_any_other(database: Database, tmp_path: Path) -> None:
    found = run_import(Job(write(tmp_path / "群聊.txt", QQ), ORIGIN), database, build_reader)
    assert (found["stored"], found["skipped"], found["failed"]) == (3, 2, 0)
    assert found["errors"] is None
    assert [(one.platform, one.channel, one.author, one.text) for one in stored(database)] == [
        ("qq", "宝妈交流群", "10086123", "今天的辅食\n怎么做？"),
        ("qq", "宝妈交流群", "aqiang@example.com", "一起团购吗"),
        ("qq", "老王", "20001", "在吗"),
    ]


def test_years_of_a_community_are_no_flood_of_today(database: Database, tmp_path: Path) -> None:
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    days = [line(i, "早上好，今天也要加油", sent_at=(begin + timedelta(days=i)).isoformat()) for i in range(60)]
    found = run_import(Job(write(tmp_path / "m.jsonl", *days), ORIGIN), database, build_reader)
    assert found["actions"] == {"pass": 60}
    burst = [
        line(f"b{i}", "加群领红包加群领红包", sent_at=(begin + timedelta(seconds=i)).isoformat()) for i in range(60)
    ]
    found = run_import(Job(write(tmp_path / "b.jsonl", *burst), ORIGIN), database, build_reader)
    assert found["actions"].get("pass", 0) < 60  # while a flood of then is one


@pytest.mark.parametrize(
    ("fields", "received_at"),
    [
        ({}, NOW),
        ({"sent_at": "2026-01-01T00:00:00Z"}, datetime(2026, 1, 1, tzinfo=UTC)),
        (
            {"sent_at": "2026-01-01T00:00:00Z", "received_at": "2026-01-01T00:20:00Z"},
            datetime(2026, 1, 1, 0, 20, tzinfo=UTC),
        ),
        (
            {"sent_at": "2026-01-01T00:00:00Z", "edited_at": "2026-01-02T00:00:00Z"},
            datetime(2026, 1, 2, tzinfo=UTC),
        ),
        ({"sent_at": "2027-01-01T00:00:00Z"}, NOW),
        ({"sent_at": "2026-01-01T00:00:00Z", "received_at": "nonsense"}, datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_message_of_the_past_was_received_then(fields: dict[str, Any], received_at: datetime) -> None:
    came = arrival_of(Row(1, {"id": "1", "text": "好", "platform": "qq"} | fields), ORIGIN, NOW)
    assert isinstance(came, Came)
    assert came.arrival.received_at == received_at
    assert came.arrival.sent_at <= received_at
    assert came.arrival.is_adjusted is (fields.get("sent_at") in (None, "2027-01-01T00:00:00Z"))


def test_an_edit_of_the_past_keeps_its_time() -> None:
    values = {"id": "1", "text": "好", "platform": "qq", "sent_at": 1767225600, "edited_at": 1767312000}
    came = arrival_of(Row(1, values), ORIGIN, NOW)
    assert isinstance(came, Came)
    assert came.arrival.edited_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_the_command_line_says_where_messages_come_from() -> None:
    row = Row(1, {"id": "1", "text": "好", "platform": "qq"})
    came = arrival_of(row, Origin("wechat", "room", ZoneInfo("UTC")), NOW)
    assert isinstance(came, Came)
    assert (came.arrival.platform, came.arrival.channel) == ("wechat", "room")


@pytest.mark.parametrize(
    ("values", "id_", "param"),
    [
        ({"id": "1", "text": "好"}, "1", "platform"),
        ({"id": ["x"], "text": "好", "platform": "qq"}, None, "id"),
        ({"id": "x" * 300, "text": "好", "platform": "qq"}, None, "id"),
        ({"id": "1", "text": "a\0", "platform": "qq"}, "1", "text"),
        ({"id": "1", "text": "a", "platform": "qq", "sent_at": "gestern"}, "1", "sent_at"),
    ],
)
def test_what_cannot_be_taken_is_named(values: dict[str, Any], id_: str | None, param: str) -> None:
    failure = arrival_of(Row(7, values), ORIGIN, NOW)
    assert isinstance(failure, Failure)
    assert (failure.line, failure.id, failure.param) == (7, id_, param)


class Shelf:
    """An intake that tells what it is asked."""

    def __init__(self) -> None:
        self.recorded: list[list[str]] = []
        self.n_reading = self.most_reading = 0
        self.n_killed = 0
        self.is_away = False

    async def analyse(self, tenant: str, arrivals: Sequence[Arrival]) -> Delivery:
        if self.is_away:
            raise NotReady("no inference worker is running")
        if any(arrival.external_id == CRASH for arrival in arrivals) and any(arrival.text for arrival in arrivals):
            self.n_killed += 1
            raise NotReady("the inference worker ended")
        self.n_reading += 1
        self.most_reading = max(self.most_reading, self.n_reading)
        return Delivery(tenant, arrivals, (), cast(Any, None), "fake-1")

    async def record(self, delivery: Delivery) -> list[Taken]:
        self.n_reading -= 1
        ids = [one.external_id for one in delivery.arrivals]
        if "refused" in ids:
            self.n_reading += len(ids) > 1
            raise ServiceError("the database refuses")
        self.recorded.append(ids)
        verdict = cast(Any, type("Read", (), {"verdict": None})())
        return [Taken(one, 1, "stored", verdict, "", "") for one in delivery.arrivals]


def rows_of(*ids: str) -> Iterator[Row | Failure | None]:
    return iter([Row(i, {"id": id_, "text": "好", "platform": "qq"}) for i, id_ in enumerate(ids, 1)])


async def importing_of(shelf: Shelf, rows: Iterator[Any], ahead: int = 2) -> tuple[Importer, list[Failure]]:
    failures: list[Failure] = []
    importer = Importer(cast(Any, shelf), "t", ORIGIN, failures.append, ahead=ahead)
    await importer.run(rows, lambda counts: None)
    return importer, failures


async def test_batches_are_read_ahead_and_recorded_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    shelf = Shelf()
    importer, _ = await importing_of(shelf, rows_of(*(str(i) for i in range(50))), ahead=3)
    assert [id_ for ids in shelf.recorded for id_ in ids] == [str(i) for i in range(50)]
    assert 1 < shelf.most_reading <= 4
    assert importer.counts["stored"] == 50


async def test_a_message_that_the_database_refuses_costs_only_itself() -> None:
    shelf = Shelf()
    importer, failures = await importing_of(shelf, rows_of("1", "refused", "2"))
    assert shelf.recorded == [["1"], ["2"]]
    assert [(failure.line, failure.id, failure.code) for failure in failures] == [(2, "refused", "internal")]
    assert (importer.counts["stored"], importer.counts["failed"]) == (2, 1)


async def test_a_message_that_kills_workers_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PAUSE_S", 0.001)
    shelf = Shelf()
    _, failures = await importing_of(shelf, rows_of("1", CRASH, "2"))
    assert shelf.recorded == [["1"], ["2"]]
    assert [(failure.line, failure.id) for failure in failures] == [(2, CRASH)]
    assert shelf.n_killed == 2 * importing.ATTEMPTS  # in its batch, and alone


async def test_workers_that_stay_away_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PAUSE_S", 0.001)
    monkeypatch.setattr(importing, "PATIENCE_S", 0.05)
    shelf = Shelf()
    shelf.is_away = True
    with pytest.raises(NotReady):
        await importing_of(shelf, rows_of("1"))


async def test_pauses_and_pictures_are_counted() -> None:
    importer, _ = await importing_of(Shelf(), iter([None, *rows_of("1"), None]))
    assert (importer.counts["skipped"], importer.counts["stored"]) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing.jsonl"], 2, "No such file"),
        (["m.bin"], 2, "no export that is known"),
        (["m.jsonl", "--zone", "Mars/Base"], 2, "time zone"),
        (["m.jsonl", "--db", "mysql://x/y"], 2, "SQLite or PostgreSQL"),
    ],
)
def test_bad_usage_is_told_in_one_line(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    import typer

    write(tmp_path / "m.bin", "what is this\n")
    write(tmp_path / "m.jsonl", line("1", "好"))
    app = typer.Typer()
    app.command("import")(import_messages)
    app.command("other")(lambda: None)
    done = CliRunner().invoke(app, ["import", *arguments])
    assert done.exit_code == code
    assert words in done.stderr
