"""A report before it has a format: headings, paragraphs, tables and drawings, and references into the appendix.

Texts in here are plain: nothing is escaped yet, which each renderer does for its format. What comes from users has gone
through `safe.plain` before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from nlp_service.insight.report.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line.

    Attributes:
        text: Plain.
        tone: ``good``, ``bad``, ``warn``, ``muted``, ``strong``, ``tag`` or empty.
        ref: Id of the entry of the appendix that it leads to; empty for none.
        url: Address outside that it leads to; empty for none.
        exact: What `text` stands for where it is shortened ("1.2 万"); empty otherwise.
    """

    text: str
    tone: str = ""
    ref: str = ""
    url: str = ""
    exact: str = ""


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line of values in the run of a text, oldest first; None where there is none. `words` says it aloud."""

    values: tuple[float | None, ...]
    words: str


Line: TypeAlias = tuple[Run | Spark, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (the title) to 4; `id` is where links may lead."""

    level: int
    line: Line
    id: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `kind` is ``lead``, ``note`` or empty."""

    line: Line
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; `numeric` says of each column whether it is aligned to the right. `caption` is read aloud."""

    head: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    numeric: tuple[bool, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of the first page: what it is, the value, and what became of it."""

    label: str
    value: Line
    below: tuple[Line, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Figures side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Words of a member; `marks` are half-open code points of `text` that matter."""

    text: str
    marks: tuple[tuple[int, int], ...]
    source: Line


@dataclass(frozen=True, slots=True)
class Quotes:
    """Words of members, one below the other."""

    quotes: tuple[Quoted, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with what it shows."""

    drawing: Drawing
    caption: str


@dataclass(frozen=True, slots=True)
class Beside:
    """A list with its drawing, side by side where there is room."""

    list: Table | Paragraph
    figure: Figure


@dataclass(frozen=True, slots=True)
class Break:
    """A new page, where there are pages."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Of the appendix: the messages behind a number.

    Attributes:
        id: ``a1``, ``a2`` and so on; what `Run.ref` names.
        title: What was counted.
        count: The exact number, and of how many messages the ids are given, in words.
        quotes: Some of them.
        messages: Their ids, each with its address where there is one.
    """

    id: str
    title: str
    count: str
    quotes: tuple[Quoted, ...]
    messages: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Appendix:
    """All entries, in the order in which they are referred to first."""

    entries: tuple[Entry, ...]


Block: TypeAlias = Heading | Paragraph | Bullets | Table | Tiles | Quotes | Figure | Beside | Break | Appendix


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report.

    Attributes:
        language: ``zh`` or ``en``.
        title: Plain.
        blocks: From top to bottom.
        made_at: Its time stamp in words; the only thing that two runs on the same data may differ in.
        stamp: The same in ISO 8601, UTC.
    """

    language: str
    title: str
    blocks: tuple[Block, ...]
    made_at: str
    stamp: str
