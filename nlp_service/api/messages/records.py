"""Stored messages as answers and files show them: one record, as an object or as a row of a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from nlp_service.api.schemas.messages import MessageRecord
from nlp_service.store.browsing import StoredMessage

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "message_id",
    "id",
    "platform",
    "channel",
    "author",
    "sent_at",
    "received_at",
    "edited_at",
    "deleted_at",
    "revision",
    "text",
    "meta",
    "labels",
    "action",
    "reasons",
    "intent",
    "sentiment",
    "risk",
    "ugc_score",
    "model_version",
    "policy_version",
    "analysis",
)
"""Columns of a table. `meta` and `analysis` are JSON; ``labels`` and ``reasons`` are joined by ``|`` in CSV."""

_SHARED = [name for name in MessageRecord.__struct_fields__ if name in StoredMessage.__struct_fields__ and name != "id"]
_TIMES = ("sent_at", "received_at", "edited_at", "deleted_at")
_LISTS = ("labels", "reasons")
_NUMBERS = {"message_id": "int64", "revision": "int16", "risk": "int8", "sentiment": "float64", "ugc_score": "float64"}

# What a spreadsheet takes for a formula, also behind what it trims, and what `guard` wrote before it.
_FORMULA = re.compile(r"'*\s*[=+\-@＝＋－＠\t\r]")
_GUARDED = re.compile(r"'+\s*[=+\-@＝＋－＠\t\r]")


def record_of(message: StoredMessage) -> MessageRecord:
    """A stored message as an answer shows it."""
    values = {name: getattr(message, name) for name in _SHARED}
    return MessageRecord(message_id=message.id, id=message.external_id, **values | {"labels": list(message.labels)})


def guard(cell: str) -> str:
    """Write a cell of CSV so that no spreadsheet takes it for a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Take away what `guard` added."""
    return cell[1:] if _GUARDED.match(cell) else cell


def write_lines(messages: Iterable[StoredMessage]) -> bytes:
    """One record a line, in JSON."""
    return b"".join(msgspec.json.encode(record_of(message)) + b"\n" for message in messages)


def write_header() -> bytes:
    """The first line of a table in CSV, behind the mark without which Excel takes it for GBK."""
    return b"\xef\xbb\xbf" + _csv_line(COLUMNS)


def write_rows(messages: Iterable[StoredMessage]) -> bytes:
    """Rows of a table in CSV."""
    return b"".join(_csv_line([_cell(value) for value in _row(message)]) for message in messages)


def schema() -> pa.Schema:
    """Columns of a table in Parquet."""
    import pyarrow as pa

    kinds = {name: pa.type_for_alias(alias) for name, alias in _NUMBERS.items()}
    kinds |= dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC"))
    kinds |= dict.fromkeys(_LISTS, pa.list_(pa.string()))
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def table_of(messages: Sequence[StoredMessage]) -> pa.Table:
    """Messages as a table for Parquet."""
    import pyarrow as pa

    columns = zip(*map(_row, messages), strict=True)
    return pa.table(dict(zip(COLUMNS, map(list, columns), strict=True)), schema=schema())


def _row(message: StoredMessage) -> tuple[Any, ...]:
    analysis = message.analysis
    verdict = analysis.verdict if analysis else None
    return (
        message.id,
        message.external_id,
        message.platform,
        message.channel,
        message.author,
        message.sent_at,
        message.received_at,
        message.edited_at,
        message.deleted_at,
        message.revision,
        message.text,
        msgspec.json.encode(message.meta).decode(),
        list(message.labels),
        message.action,
        list(verdict.reasons) if verdict else [],
        analysis.intent.primary if analysis and analysis.intent else None,
        analysis.sentiment.score if analysis and analysis.sentiment else None,
        analysis.risk.level if analysis else None,
        analysis.ugc_quality.score if analysis and analysis.ugc_quality else None,
        message.model_version,
        message.policy_version,
        msgspec.json.encode(analysis).decode() if analysis else None,
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, list):
        return "|".join(value)
    # Numbers are our own, and a negative one is none of a formula.
    return str(value) if isinstance(value, int | float) else msgspec.json.encode(value).decode().strip('"')


def _csv_line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
