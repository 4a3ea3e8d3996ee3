"""Files of messages, made up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def message(number: int, **fields: Any) -> dict[str, Any]:
    """A message; one a minute."""
    return {
        "id": f"m{number:05}",
        "platform": "qq",
        "channel": f"room-{number % 3}",
        "author": f"u{number % 7}",
        "sent_at": (NOON + timedelta(minutes=number)).isoformat(),
        "text": f"第 {number} 条：快递还没有送到",
        "meta": {"weather": "rain" if number % 2 else "clear"},
        **fields,
    }


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    """A JSONL file; a row that is a string is a line as it stands."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def write_sheet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A CSV file with a column a field, those of meta too."""
    flat = [{**row, **{f"meta.{name}": value for name, value in row["meta"].items()}} for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, [name for name in flat[0] if name != "meta"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(flat)
    path.write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())
    return path


def write_columns(path: Path, rows: Sequence[dict[str, Any]], group: int = 100) -> Path:
    """A Parquet file with times as times and meta as a struct."""
    table = pa.Table.from_pylist([{**row, "sent_at": datetime.fromisoformat(row["sent_at"])} for row in rows])
    pq.write_table(table, path, row_group_size=group)
    return path
