"""Analyses as rows of a table, for CSV and Parquet.

The columns are `COLUMNS`. Names in a list are joined by ``|``; ``unsafe`` lists the kinds at or over one half;
``analysis`` holds the whole Analysis as JSON, so that nothing is lost by the table. What a failed head could not say
is empty.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from nlp_service.cli.batch.records import Id
from nlp_service.types import INTENTS, Analysis

COLUMNS = (
    "id",
    "intent",
    "intents",
    *(f"intent_{name}" for name in INTENTS),
    "sentiment",
    "sentiment_score",
    "risk_level",
    "risk_probability",
    "risk_probability_watch",
    "risk_categories",
    "abuse_probability",
    "abuse_flagged",
    "unsafe",
    "pain_targets",
    "action",
    "reasons",
    "analysis",
)

_NUMBERS = {f"intent_{name}" for name in INTENTS} | {
    "sentiment_score",
    "risk_probability",
    "risk_probability_watch",
    "abuse_probability",
}
_GROUP_ROWS = 8_192


def header() -> bytes:
    """The first line of a CSV output."""
    return _csv_line(list(COLUMNS))


def encode_row(id_: Id, analysis: Analysis, line: bytes) -> bytes:
    """Write an analysis as one CSV record; `line` is the same as JSON."""
    intent, sentiment, verdict = analysis.intent, analysis.sentiment, analysis.verdict
    probabilities = intent.probabilities if intent else {}
    return _csv_line(
        [
            id_,
            intent and intent.primary,
            "|".join(intent.labels) if intent else None,
            *(probabilities.get(name) for name in INTENTS),
            sentiment and sentiment.label,
            sentiment and sentiment.score,
            analysis.risk.level,
            analysis.risk.probability,
            analysis.risk.probability_watch,
            "|".join(category.name for category in analysis.risk.categories),
            analysis.abuse.probability,
            str(analysis.abuse.flagged).lower(),
            "|".join(kind.name for kind in analysis.unsafe or () if kind.probability >= 0.5),
            "|".join(pain.target for pain in analysis.pain),
            verdict and verdict.action.value,
            "|".join(verdict.reasons) if verdict else None,
            line.decode(),
        ]
    )


def write_parquet(rows: Path, target: Path) -> None:
    """Turn finished CSV rows into a Parquet file, one row group in memory at a time; it appears whole or not at all.

    Args:
        rows: What `header` and `encode_row` wrote.
        target: The file to make or replace.

    Raises:
        OSError: The file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _type(name, pa)) for name in COLUMNS])
    unfinished = target.with_name(target.name + ".unfinished")
    csv.field_size_limit(1 << 30)  # the evidence of a long message, as JSON, can pass any smaller bound
    with rows.open(encoding="utf-8", newline="") as file, pq.ParquetWriter(unfinished, schema) as writer:
        reader = csv.reader(file)
        next(reader)
        while cells := list(islice(reader, _GROUP_ROWS)):
            writer.write_table(pa.table(dict(_columns(cells)), schema=schema))
    os.replace(unfinished, target)


def _columns(rows: list[list[str]]) -> Iterator[tuple[str, list[Any]]]:
    for name, cells in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        if name in _NUMBERS:
            yield name, [float(cell) if cell else None for cell in cells]
        elif name == "risk_level":
            yield name, [int(cell) for cell in cells]
        elif name == "abuse_flagged":
            yield name, [cell == "true" for cell in cells]
        elif name == "id":
            # An id may be empty, which the CSV cannot tell from none; the JSON can.
            yield name, [cell or _id_of(row[-1]) for cell, row in zip(cells, rows, strict=True)]
        else:
            yield name, [cell or None for cell in cells]


def _id_of(line: str) -> str | None:
    id_ = msgspec.json.decode(line)["id"]
    return None if id_ is None else str(id_)


def _type(name: str, pa: Any) -> Any:
    if name in _NUMBERS:
        return pa.float64()
    return {"risk_level": pa.int8(), "abuse_flagged": pa.bool_()}.get(name, pa.string())


def _csv_line(cells: list[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # its line end, CR LF, is what makes it quote both where an id holds one
    return line.getvalue().encode()
