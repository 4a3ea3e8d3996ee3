from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from nlp_service.cli import sighted
from nlp_service.cli.batch.records import Failure
from nlp_service.crisis.sightings import Sighting
from nlp_service.errors import BadInput
from nlp_service.types import Abuse, Analysis, Intent, Label, Message, Risk, Sentiment
from tests.unit.crisis.talk import arriving, grave, ordinary

# The package itself has the command under this name.
replay = importlib.import_module("nlp_service.cli.replay")

DAY = 1440.0


class MarkedReader:
    """Reads a message as grave where its text says so."""

    model_version = policy_version = "marked"

    def read(self, messages: Sequence[Message], *, evidence: bool = True, vectors: Any = None) -> list[Analysis]:
        return [_analysis(message.text.startswith("严重")) for message in messages]


def _analysis(is_grave: bool) -> Analysis:
    chance = 0.9 if is_grave else 0.01
    return Analysis(
        id=None,
        intent=Intent("complaint", ("complaint",), {"complaint": 1.0}),
        sentiment=Sentiment("neutral", 0.0),
        risk=Risk(2 if is_grave else 0, chance, chance, (Label("outage", 0.9),) if is_grave else ()),
        abuse=Abuse(0.0, False),
        unsafe=(),
        pain=(),
    )


def line(sighting: Sighting, **given: Any) -> str:
    values = {
        "id": sighting.id,
        "text": "严重故障" if sighting.level else sighting.text,
        "platform": sighting.platform,
        "channel": sighting.channel,
        "author": sighting.author,
        "sent_at": sighting.sent_at.isoformat(),
        "received_at": sighting.received_at.isoformat(),
        "meta": {"product": "咖啡", "nested": {"a": 1}},
    }
    return json.dumps(values | given, ensure_ascii=False)


@pytest.fixture
def stream() -> list[Sighting]:
    return arriving(ordinary(1), [grave(DAY + 3 * i, author=f"e{i}") for i in range(6)])


def read(path: Path, failed: list[Failure]) -> Iterator[list[Sighting]]:
    return sighted.analysed(path, "shop", partial(MarkedReader), 1, failed.append)


def test_a_file_gives_its_incident_as_a_line(stream: list[Sighting], tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(map(line, stream)) + "\n", "utf-8")
    failed: list[Failure] = []
    n_messages, found = replay.watch(read(source, failed))
    replay.write(found, str(output))
    (row,) = [json.loads(text) for text in output.read_text("utf-8").splitlines()]
    assert (n_messages, failed) == (len(stream), [])
    assert row["category"] == "outage"
    assert row["severity"] >= 2
    assert row["channels"] == ["tea"]
    assert row["message_ids"] == [each.id for each in stream[-6:]]
    assert row["products"] == [["咖啡", 6]]
    assert row["first_message_at"] <= row["opened_at"]
    assert row["closed_at"] is None
    assert next(update["kind"] for update in row["updates"]) == "opened"


def test_a_second_run_is_the_same_to_the_byte(stream: list[Sighting], tmp_path: Path) -> None:
    for name in ("one", "two"):
        _, found = replay.watch([stream])
        replay.write(found, str(tmp_path / name))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() != b""


def test_lines_that_cannot_be_taken_are_named_and_cost_no_others(stream: list[Sighting], tmp_path: Path) -> None:
    lines = [line(each) for each in stream]
    lines[3] = "{"
    lines[5] = line(stream[5], text=None)
    lines[7] = line(stream[7], sent_at="2026-03-02T00:00:00")
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(lines), "utf-8")
    failed: list[Failure] = []
    n_messages, found = replay.watch(read(source, failed))
    assert sorted(each.line for each in failed) == [4, 6, 8]
    assert n_messages == len(stream) - 3
    assert len(found) == 1


def test_facts_give_what_their_messages_give(stream: list[Sighting], tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rows = [
        {
            "id": each.id,
            "platform": each.platform,
            "channel": each.channel,
            "author": each.author,
            "at": each.sent_at,
            "received_at": each.received_at,
            "text": each.text,
            "meta": [("product", "咖啡")],
            "intent": "chat",
            "sentiment": each.sentiment,
            "risk": each.level,
            "p_watch": each.p_watch,
            "p_high": each.p_high,
            "category_p": list(each.categories.items()),
        }
        for each in reversed(stream)
    ]
    names = pa.map_(pa.string(), pa.string())
    chances = pa.map_(pa.string(), pa.float64())
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    arrays = {
        name: pa.array(values, {"meta": names, "category_p": chances}.get(name)) for name, values in columns.items()
    }
    arrays |= {
        name: arrays[name].dictionary_encode() for name in ("platform", "channel", "intent")
    }  # as FACTS has them
    pq.write_table(pa.table(arrays), tmp_path / "facts.parquet")
    _, found = replay.watch(sighted.of_facts(tmp_path / "facts.parquet", "shop"))
    _, expected = replay.watch([stream])
    assert [each.messages for each in found] == [each.messages for each in expected]
    assert [each.id for each in found] == [each.id for each in expected]


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"no table")
    with pytest.raises(BadInput, match="no table of facts"):
        list(sighted.of_facts(tmp_path / "x.parquet", "shop"))


def test_the_opening_of_an_incident_of_severity_1_is_when_it_was_noticed() -> None:
    _, (found,) = replay.watch([[grave(0, level=3, p_high=0.95, p_watch=0.96)]])
    row = replay.row(found)
    assert row["severity"] == 1
    assert row["opened_at"] == row["noticed_at"]


def test_an_incident_that_went_into_another_is_left_out(stream: list[Sighting]) -> None:
    later = [
        msgspec.structs.replace(each, id=f"x{each.id}", received_at=each.received_at + timedelta(seconds=1))
        for each in stream[-6:]
    ]
    _, found = replay.watch([arriving(stream, later)])
    assert len(found) == 1
    assert found[0].merged_into is None


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(replay.replay)
    return app


def test_the_command_refuses_a_period_of_a_file(command: typer.Typer, tmp_path: Path) -> None:
    told = CliRunner().invoke(command, [str(tmp_path / "x.jsonl"), "--from", "2026-03-01"])
    assert told.exit_code == 2
    assert "leave out FILE" in told.output


def test_the_command_refuses_a_time_without_a_zone(command: typer.Typer) -> None:
    told = CliRunner().invoke(command, ["--from", "2026-03-01T08:00"])
    assert told.exit_code == 2
    assert "zone" in told.output


def test_a_file_that_is_not_there_is_named(command: typer.Typer, tmp_path: Path) -> None:
    told = CliRunner().invoke(command, [str(tmp_path / "none.jsonl"), "-o", str(tmp_path / "out")])
    assert told.exit_code == 2
    assert "none.jsonl" in told.output
    assert not (tmp_path / "out").exists()


def test_an_empty_store_has_no_incidents(command: typer.Typer, tmp_path: Path) -> None:
    arguments = ["--db", f"sqlite:///{tmp_path}/m.db", "-o", str(tmp_path / "out"), "--json"]
    told = CliRunner().invoke(command, arguments)
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["incidents"] == 0
    assert (tmp_path / "out").read_bytes() == b""
