from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.engine import columns
from nlp_service.insight.engine.parts import Part, cut, find_files, fingerprint, read
from nlp_service.insight.engine.rows import Failure, Row
from tests.unit.insight.engine.inputs import message, write_columns, write_lines, write_sheet

ZONE = ZoneInfo("Asia/Shanghai")


def read_all(found: list[Part]) -> list[Row | Failure]:
    return [row for part in found for row in read(part, ZONE)]


@pytest.fixture(params=["jsonl", "csv", "parquet"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    rows = [message(n, text=f'第 {n} 条，"引号"\n换行' if n % 5 == 0 else f"第 {n} 条") for n in range(400)]
    write = {"jsonl": write_lines, "csv": write_sheet, "parquet": write_columns}[request.param]
    return write(tmp_path / f"messages.{request.param}", rows)


def test_parts_give_every_record_once_and_in_order(file: Path) -> None:
    found = cut([file], 5_000)
    assert len(found) > 3
    assert [part.number for part in found] == list(range(len(found)))
    rows = read_all(found)
    assert [row.id for row in rows] == [f"m{n:05}" for n in range(400)]
    assert rows == read_all(cut([file], 1 << 30))  # lines too, however it is cut


def test_a_large_row_group_is_several_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "PART_ROWS", 128)
    monkeypatch.setattr(columns, "_BATCH", 64)
    found = cut([write_columns(tmp_path / "a.parquet", [message(n) for n in range(300)], group=290)])
    assert [(part.begin, part.end) for part in found] == [(0, 128), (128, 256), (256, 290), (0, 10)]
    rows = read_all(found)
    assert [(row.line, row.id) for row in rows] == [(n + 1, f"m{n:05}") for n in range(300)]


def test_all_formats_give_the_same_messages(tmp_path: Path) -> None:
    rows = [message(n) for n in range(30)]
    write_lines(tmp_path / "a.jsonl", rows)
    write_sheet(tmp_path / "b.csv", rows)
    write_columns(tmp_path / "c.parquet", rows)
    kinds = [[row._replace(line=0) for row in read_all(cut([file]))] for file in find_files(tmp_path)]  # type: ignore[union-attr]
    assert kinds[0] == kinds[1] == kinds[2]
    assert len(kinds[0]) == 30


def test_lines_that_cannot_be_read_are_named_where_they_stand(tmp_path: Path) -> None:
    lines = [message(0), "", "{", "[1]", json.dumps({"id": "x"}), message(1)]
    rows = read_all(cut([write_lines(tmp_path / "a.jsonl", lines)], 10))
    assert [(row.line, getattr(row, "code", "")) for row in rows] == [
        (1, ""),
        (3, "invalid_json"),
        (4, "invalid_input"),
        (5, "invalid_input"),
        (6, ""),
    ]


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_service.insight.engine.lines.MAX_LINE_BYTES", 300)
    file = write_lines(tmp_path / "a.jsonl", [message(0), "x" * 1000, message(1)])
    rows = read_all(cut([file]))
    assert [(row.line, row.id) for row in rows] == [(1, "m00000"), (2, None), (3, "m00001")]


def test_a_file_may_end_without_a_line_end_and_begin_with_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(message(0)).encode() + b"\n" + json.dumps(message(1)).encode())
    assert [row.id for row in read_all(cut([file], 100))] == ["m00000", "m00001"]


def test_an_open_quote_costs_the_lines_behind_it_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_service.insight.engine.sheets.MAX_FIELD", 200)
    file = tmp_path / "a.csv"
    file.write_text('id,text\na,早\nb,"' + "晚\n" * 300 + "c,好\n", "utf-8")
    rows = read_all(cut([file]))
    failures = [row for row in rows if isinstance(row, Failure)]
    assert rows[0].id == "a"
    assert failures[0].code == "invalid_csv"
    assert failures[0].line == 3


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_lines(tmp_path / "sub" / "a.jsonl", [message(1)])
    write_lines(tmp_path / "b.jsonl", [message(0)])
    (tmp_path / "note.txt").write_text("not read")
    assert [row.id for row in read_all(cut(find_files(tmp_path)))] == ["m00000", "m00001"]


@pytest.mark.parametrize("name", ["missing.jsonl", "a.txt", "empty"])
def test_an_input_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("?")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput):
        find_files(tmp_path / name)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_missing_column_is_named(tmp_path: Path, ending: str) -> None:
    rows = [{"id": "a", "words": "早", "meta": {"weather": "rain"}, "sent_at": "2026-03-02T12:00:00Z"}]
    file = (write_sheet if ending == "csv" else write_columns)(tmp_path / f"a.{ending}", rows)
    with pytest.raises(BadInput, match="no column text"):
        cut([file])


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(BadInput, match="not a Parquet file"):
        cut([tmp_path / "a.parquet"])


def test_another_content_has_another_fingerprint(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [message(0)])
    before = fingerprint([file])
    assert fingerprint([file]) == before
    write_lines(file, [message(1)])
    assert fingerprint([file]) != before
