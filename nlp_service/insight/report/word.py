"""A document as DOCX: real headings, tables and charts, bookmarks behind every number, fonts for Chinese.

Fonts are named, not embedded; where one is missing, a program takes its own for the script. Charts are drawn by the
program that shows the file, from values alone, so there are no pictures in it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.shared import Pt
from docx.text.paragraph import Paragraph as DocxParagraph

from nlp_service.insight.report import word_charts, word_parts
from nlp_service.insight.report.document import (
    Appendix,
    Beside,
    Block,
    Break,
    Bullets,
    Document,
    Entry,
    Figure,
    Heading,
    Line,
    Paragraph,
    Quoted,
    Quotes,
    Run,
    Spark,
    Table,
    Tiles,
)
from nlp_service.insight.report.drawing import Lines, Matrix, spark_text

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows
_TONES = {"good": "0F7A44", "bad": "C2261D", "warn": "9A5B00", "muted": "646A73", "tag": "646A73"}
_LINK = "245BDB"


def render_docx(document: Document) -> bytes:
    """The file; equal documents give equal files."""
    writer = _Writer(document)
    for block in document.blocks:
        writer.write(block)
    writer.paragraph((Run(document.made_at, "muted"),), "Caption")
    packed = io.BytesIO()
    writer.file.save(packed)
    return _with_fixed_times(packed.getvalue())


class _Writer:
    def __init__(self, document: Document) -> None:
        self.file: Any = docx.Document()
        word_parts.set_up(self.file, document.language)
        properties = self.file.core_properties
        properties.title, properties.author, properties.comments = document.title, "nlp-service", ""
        made_at = datetime.fromisoformat(document.stamp)
        properties.created = properties.modified = made_at
        self._n_marks = self._n_charts = 0

    def write(self, block: Block) -> None:
        match block:
            case Heading():
                paragraph = self.file.add_heading(level=block.level)
                self._mark(paragraph, block.id)
                self._fill(paragraph, block.line)
            case Paragraph():
                self.paragraph(block.line, "Caption" if block.kind == "note" else "Normal")
            case Bullets():
                for item in block.items:
                    self.paragraph(item, "List Bullet")
            case Table():
                self._table(block.head, block.rows, block.numeric)
            case Tiles():
                self._tiles(block)
            case Quotes():
                for quoted in block.quotes:
                    self._quoted(quoted)
            case Figure():
                self._figure(block)
            case Beside():
                self.write(block.list)
                self._figure(block.figure)
            case Break():
                self.file.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
            case Appendix():
                for entry in block.entries:
                    self._entry(entry)

    def paragraph(self, line: Line, style: str) -> None:
        self._fill(self.file.add_paragraph(style=style), line)

    def _fill(self, paragraph: DocxParagraph, line: Line, *, size_pt: float | None = None, bold: bool = False) -> None:
        for run in line:
            words = spark_text(run.values) if isinstance(run, Spark) else run.text
            written = paragraph.add_run(words)
            written.bold = True if bold or (isinstance(run, Run) and run.tone == "strong") else None
            if size_pt:
                written.font.size = Pt(size_pt)
            if isinstance(run, Spark):
                word_parts.colour(written, _LINK)
                written.font.size = Pt(6)  # a block is as wide as a Han character
                continue
            if run.tone in _TONES or run.ref or run.url:
                word_parts.colour(written, _TONES.get(run.tone, _LINK))
            if run.ref:
                word_parts.link_within(written, run.ref)
            elif run.url:
                word_parts.link_outside(written, run.url)

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[Line]], numeric: Sequence[bool]) -> None:
        table = self.file.add_table(rows=1 + len(rows), cols=len(head))
        word_parts.ruled(table)
        for row, cells in zip(table.rows, [[(Run(name, "muted"),) for name in head], *rows], strict=True):
            # The cells of a row are looked up once: python-docx counts through the table for each look-up.
            for cell, line, is_numeric in zip(row.cells, cells, numeric, strict=True):
                paragraph = cell.paragraphs[0]
                paragraph.style = "Table Text"
                if is_numeric:
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
                self._fill(paragraph, line)
        word_parts.set_widths(table, _widths(head, rows))
        self.file.add_paragraph(style="Table Text")

    def _tiles(self, tiles: Tiles) -> None:
        table = self.file.add_table(rows=1, cols=len(tiles.tiles))
        word_parts.ruled(table)
        for cell, tile in zip(table.rows[0].cells, tiles.tiles, strict=True):
            word_parts.shade(cell, "F5F6F8")
            first = cell.paragraphs[0]
            first.style = "Table Text"
            self._fill(first, (Run(tile.label, "muted"),))
            toned = tuple(Run(run.text, tile.tone or run.tone, run.ref) for run in tile.value if isinstance(run, Run))
            self._fill(cell.add_paragraph(style="Table Text"), toned, size_pt=14, bold=True)
            for line in tile.below:
                self._fill(cell.add_paragraph(style="Table Text"), line, size_pt=7.5)
        self.file.add_paragraph(style="Table Text")

    def _quoted(self, quoted: Quoted) -> None:
        paragraph, end = self.file.add_paragraph(style="Quote"), 0
        for start, stop in quoted.marks:
            paragraph.add_run(quoted.text[end:start])
            word_parts.highlight(paragraph.add_run(quoted.text[start:stop]))
            end = stop
        paragraph.add_run(quoted.text[end:]).add_break()
        self._fill(paragraph, quoted.source, size_pt=8)

    def _figure(self, figure: Figure) -> None:
        if isinstance(figure.drawing, Matrix):
            self.paragraph((Run(figure.caption, "muted"),), "Caption")
            self._matrix(figure.drawing)
            return
        self._chart(figure.drawing)

    def _chart(self, chart: Lines) -> None:
        self._n_charts += 1
        word_charts.add(self.file, self.file.add_paragraph(), chart, self._n_charts)

    def _matrix(self, chart: Matrix) -> None:
        """Reach to the right, urgency upwards, in four cells."""
        names = dict(chart.quadrants)
        table = self.file.add_table(rows=3, cols=3)
        word_parts.ruled(table)
        for row, codes in zip(table.rows, (("watch", "act"), ("note", "plan")), strict=False):
            for cell, code in zip(row.cells[1:], codes, strict=True):
                word_parts.shade(cell, word_parts.QUADRANTS[code])
                points = [point for point in chart.points if point.quadrant == code]
                numbers = [Run(f" {point.label}", ref=point.ref) for point in points]
                self._small(cell, (Run(names[code], "muted"), *numbers))
        self._small(table.rows[0].cells[0], (Run(f"{chart.urgency} ↑", "muted"),))
        self._small(table.rows[2].cells[2], (Run(f"{chart.reach} →", "muted"),))
        word_parts.set_widths(table, (2, 5, 5))

    def _small(self, cell: Any, line: Line) -> None:
        paragraph = cell.paragraphs[0]
        paragraph.style = "Table Text"
        self._fill(paragraph, line)

    def _entry(self, entry: Entry) -> None:
        paragraph = self.file.add_heading(level=4)
        self._mark(paragraph, entry.id)
        paragraph.add_run(f"{entry.id.upper()}  {entry.title}")
        self.paragraph((Run(entry.count, "muted"),), "Caption")
        for quoted in entry.quotes:
            self._quoted(quoted)
        spaced = [run for message in entry.messages for run in (message, Run("   "))][:-1]
        if spaced:
            self.paragraph(tuple(spaced), "Table Text")

    def _mark(self, paragraph: DocxParagraph, name: str) -> None:
        self._n_marks += 1
        word_parts.bookmark(paragraph, name, self._n_marks)


def _widths(head: Sequence[str], rows: Sequence[Sequence[Line]]) -> list[float]:
    """Parts of the width for each column: by its longest cell, so that no column of names is squeezed by a sentence."""
    widths = []
    for at, name in enumerate(head):
        longest = max([_length(name), *(sum(map(_run_length, row[at])) for row in rows)])
        widths.append(min(max(longest, 5.0), 26.0) + 3.5)
    return widths


def _run_length(run: Run | Spark) -> float:
    return 1.5 * len(run.values) if isinstance(run, Spark) else _length(run.text)


def _length(text: str) -> float:
    """In widths of a Latin letter."""
    return sum(2.0 if ord(char) > 0x2E7F else 1.0 for char in text)


def _with_fixed_times(packed: bytes) -> bytes:
    """The same archive with one time for all of its parts, so that it depends on nothing but what it holds."""
    repacked = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as given, zipfile.ZipFile(repacked, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 0
            made.writestr(info, given.read(name), compresslevel=6)
    return repacked.getvalue()
