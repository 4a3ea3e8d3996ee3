r"""Rows of a file, whatever its format: what the columns are called, and what stands in a cell.

One row gives the fields of an entry by their names, all as text. Cells of tables hold several wordings or tags, so
they have a grammar: wordings are separated by line breaks or ``|``, and a ``|`` within a wording is written ``\|``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import msgspec

from nlp_service.errors import BadInput
from nlp_service.knowledge.entries import LABEL_SEPARATORS, tidy

FIELDS = ("id", "question", "questions", "answer", "category", "tags", "valid_from", "valid_to", "audience", "owner")

HEADERS = {
    **{name: name for name in FIELDS},
    "编号": "id",
    "问题": "question",
    "标准问题": "question",
    "相似问法": "questions",
    "相似问题": "questions",
    "答案": "answer",
    "分类": "category",
    "标签": "tags",
    "生效时间": "valid_from",
    "失效时间": "valid_to",
    "适用社群": "audience",
    "负责人": "owner",
}
"""Names of columns, in lower case, and the fields that they hold."""

LOCAL_ZONE = timezone(timedelta(hours=8))
"""Zone of times that name none: those who write them are in China, which has one zone and no summer time."""

# Spreadsheets run what begins so as a formula, in some languages also the full-width forms.
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@＝＋－＠]")
_BAR = re.compile(r"(\\*)\|")
_LABEL_SEPARATOR = re.compile(f"[{re.escape(LABEL_SEPARATORS)}]")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


class RowError(msgspec.Struct, frozen=True):
    """A row that was not taken.

    Attributes:
        row: Line of a JSONL or CSV file on which it begins, row of a sheet; the first is 1.
        field: The field at fault; None where it is the row.
        message: Why, without text of the row.
    """

    row: int
    field: str | None
    message: str


class Row(NamedTuple):
    """Fields of a row that holds something; several texts for ``questions``, ``tags`` and ``audience``."""

    row: int
    id: str
    questions: tuple[str, ...]
    answer: str
    category: str
    tags: tuple[str, ...]
    valid_from: datetime | None
    valid_to: datetime | None
    audience: tuple[str, ...]
    owner: str


class Unreadable(NamedTuple):
    """What a cell holds instead of text, in words."""

    what: str


Cell = str | Unreadable


class Columns(NamedTuple):
    """Which column holds which field, and the names of those that hold none."""

    fields: tuple[str | None, ...]
    ignored: tuple[str, ...]


def read_header(cells: Sequence[Cell]) -> Columns | None:
    """Read the names of columns; None if the row does not name at least a question and the answer."""
    # A star marks what must be filled in.
    names = [cell.strip("*＊ \t\n") if isinstance(cell, str) else "" for cell in cells]
    fields = tuple(HEADERS.get(name.lower()) for name in names)
    if "answer" not in fields or not {"question", "questions"} & set(fields):
        return None
    return Columns(fields, tuple(name for name, field in zip(names, fields, strict=True) if name and not field))


def read_cells(row: int, cells: Sequence[Cell], columns: Columns) -> Row | None:
    """Read a row of a table; None if all its cells are empty.

    Raises:
        BadInput: A cell cannot be read. ``param`` names the field.
    """
    given: dict[str, list[str]] = {name: [] for name in FIELDS}
    # Cells behind the last column belong to none, as a comma too many makes them.
    for field, cell in zip(columns.fields, cells, strict=False):
        if not field:
            continue
        if isinstance(cell, Unreadable):
            raise BadInput(f"the cell holds {cell.what}, not a text", param=field)
        text = unguard(cell.strip())
        if text:
            given[field].append(text)
    if not any(given.values()):
        return None
    wordings = [wording for name in ("question", "questions") for cell in given[name] for wording in split(cell)]
    return _row(row, {name: texts[0] for name, texts in given.items() if texts}, wordings)


def read_object(row: int, values: Mapping[str, object]) -> Row:
    """Read a decoded line of JSON, in which lists are lists and a wording is taken as it is.

    Raises:
        BadInput: A field has another type or cannot be read. ``param`` names the field.
    """
    wordings = [*_strings("question", values.get("question")), *_strings("questions", values.get("questions"))]
    texts: dict[str, str | list[str]] = {}
    for name in FIELDS:
        value = values.get(name)
        if name in ("tags", "audience"):
            texts[name] = _strings(name, value) if isinstance(value, list) else _string(name, value)
        elif name not in ("question", "questions"):
            texts[name] = _string(name, value)
    return _row(row, texts, wordings)


def split(cell: str) -> list[str]:
    """Read the wordings in a cell; empty ones between two separators are none."""
    wordings = []
    # Not splitlines(), which breaks at a dozen other characters too.
    for line in tidy(cell).split("\n"):
        begin, parts = 0, [""]
        for bar in _BAR.finditer(line):
            parts[-1] += line[begin : bar.start()] + "\\" * (len(bar[1]) // 2)
            begin = bar.end()
            if len(bar[1]) % 2:
                parts[-1] += "|"
            else:
                parts.append("")
        parts[-1] += line[begin:]
        wordings += [part.strip() for part in parts if part.strip()]
    return wordings


def join(wordings: Iterable[str]) -> str:
    """Write wordings into a cell, so that `split` gives them back."""
    return "\n".join(_BAR.sub(lambda bar: bar[1] * 2 + "\\|", wording) for wording in wordings)


def guard(cell: str) -> str:
    """Write a cell so that no spreadsheet takes it for a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Take away what `guard` added."""
    return cell[1:] if _GUARDED.match(cell) else cell


def read_time(name: str, text: str) -> datetime | None:
    """Read a time, in UTC; a day alone is its first moment, and without a zone it is Chinese time. None if empty.

    Raises:
        BadInput: It is no time. ``param`` is `name`.
    """
    if not text:
        return None
    local = _DATE.fullmatch(text)
    try:
        if local:
            at = datetime(*(int(part or 0) for part in local.groups()), tzinfo=LOCAL_ZONE)  # type: ignore[misc,arg-type]
        else:
            at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=LOCAL_ZONE)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{name} must be a time such as 2025-03-01 08:00", param=name) from error


def write_time(at: datetime | None) -> str:
    """Write a time in Chinese time with its zone; empty for None."""
    return at.astimezone(LOCAL_ZONE).isoformat(" ") if at else ""


def _row(row: int, texts: Mapping[str, str | list[str]], wordings: Sequence[str]) -> Row:
    one = {name: text for name, text in texts.items() if isinstance(text, str)}
    return Row(
        row,
        id=one.get("id", ""),
        questions=tuple(wordings),
        answer=one.get("answer", ""),
        category=one.get("category", ""),
        tags=_labels(texts.get("tags", "")),
        valid_from=read_time("valid_from", one.get("valid_from", "")),
        valid_to=read_time("valid_to", one.get("valid_to", "")),
        audience=_labels(texts.get("audience", "")),
        owner=one.get("owner", ""),
    )


def _labels(value: str | list[str]) -> tuple[str, ...]:
    parts = _LABEL_SEPARATOR.split(value) if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _string(name: str, value: object) -> str:
    # Ids are often numbers where they come from a database.
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(f"{name} must be a string", param=name)
    return value.strip()


def _strings(name: str, value: object) -> list[str]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    strings = [item for item in values if isinstance(item, str)]
    if len(strings) < len(values):
        raise BadInput(f"{name} must be strings", param=name)
    return strings
