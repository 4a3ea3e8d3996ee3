from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq

from nlp_service.cli.batch.records import Id
from nlp_service.cli.batch.tables import COLUMNS, encode_row, header, write_parquet
from nlp_service.types import Abuse, Analysis, Message, Risk
from tests.unit.cli.fakes import FakeReader

SILENT = Analysis(None, None, None, Risk(0, None, None), Abuse(None, False), (), ())


def row(id_: Id, text: str = '慢,"慢"\r\n慢\n') -> bytes:
    (analysis,) = FakeReader().read([Message(None, text)])
    return encode_row(id_, analysis, json.dumps({"id": id_}).encode())


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_a_row_has_every_column_and_survives_quotes_and_newlines() -> None:
    (cells,) = read(header() + row("a\rb"))
    assert tuple(cells) == COLUMNS
    assert cells["id"] == "a\rb"
    assert cells["pain_targets"] == '慢,"慢"\r\n慢\n'
    assert (cells["intent"], cells["intents"], cells["intent_chat"]) == ("chat", "chat|ugc", "0.75")
    assert (cells["unsafe"], cells["abuse_flagged"], cells["action"]) == ("scam", "false", "pass")
    assert json.loads(cells["analysis"]) == {"id": "a\rb"}


def test_what_a_failed_head_could_not_say_is_empty() -> None:
    (cells,) = read(header() + encode_row("a", SILENT, b'{"id": "a"}'))
    for name in ("intent", "intent_chat", "sentiment_score", "risk_probability", "abuse_probability", "action"):
        assert cells[name] == ""


def test_parquet_has_types_nulls_and_ids_as_they_were(tmp_path: Path) -> None:
    rows, target = tmp_path / "rows.csv", tmp_path / "out.parquet"
    silent = encode_row("s", SILENT, b'{"id": "s"}')
    rows.write_bytes(header() + row("a\r") + row(5) + row("") + row(None) + silent)
    write_parquet(rows, target)
    table = pq.read_table(target)
    assert tuple(table.column_names) == COLUMNS
    assert table["id"].to_pylist() == ["a\r", "5", "", None, "s"]
    assert table["intent_chat"].to_pylist() == [0.75] * 4 + [None]
    assert table["risk_level"].to_pylist() == [0] * 5
    assert table["abuse_flagged"].to_pylist() == [False] * 5
    assert table["action"].to_pylist() == ["pass"] * 4 + [None]


def test_parquet_of_no_messages_has_the_columns(tmp_path: Path) -> None:
    rows, target = tmp_path / "rows.csv", tmp_path / "out.parquet"
    rows.write_bytes(header())
    write_parquet(rows, target)
    assert tuple(pq.read_table(target).column_names) == COLUMNS
