"""A document as Markdown that reads well as plain text too: tables as GitHub has them, no HTML.

The entries of the appendix are headings ("A12"), because every renderer makes an anchor of a heading (``#a12``).
Nothing is set in bold: CommonMark does not see the asterisks between a Han character and a quotation mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from nlp_service.insight.report.safe import markdown
from nlp_service.insight.report.svg import written


def render_markdown(document: Document) -> str:
    """The file, UTF-8; equal documents give equal files."""
    parts = [part for block in document.blocks for part in _block(block)]
    return "\n\n".join([*parts, "---", markdown(document.made_at)]) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_line(block.line)}"
        case Paragraph():
            yield _line(block.line)
        case Bullets():
            yield "\n".join(f"- {_line(item)}" for item in block.items)
        case Table():
            yield _table(block.head, [[_line(cell) for cell in row] for row in block.rows], block.numeric)
        case Tiles():
            head = [markdown(tile.label) for tile in block.tiles]
            below = ["; ".join(map(_line, tile.below)) for tile in block.tiles]
            yield _table(head, [[_line(tile.value) for tile in block.tiles], below], [False] * len(head))
        case Quotes():
            yield from map(_quoted, block.quotes)
        case Figure():
            yield _figure(block)
        case Beside():
            yield from _block(block.list)
            yield markdown(block.figure.caption)
            yield _figure(block.figure)
        case Break():
            yield "---"
        case Appendix():
            for entry in block.entries:
                yield from _entry(entry)


def _line(line: Line) -> str:
    # Space at the start of a line would make it code.
    return "".join(spark_text(run.values) if isinstance(run, Spark) else _run(run) for run in line).strip()


def _run(run: Run) -> str:
    words = markdown(run.text)
    if run.ref:
        return f"[{words}](#{run.ref})"
    return f"[{words}](<{run.url}>)" if run.url else words


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    rule = ["---:" if is_numeric else "---" for is_numeric in numeric]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def _quoted(quoted: Quoted) -> str:
    return f"> {markdown(quoted.text.strip())}\n>\n> — {_line(quoted.source)}"


def _figure(figure: Figure) -> str:
    return _lines(figure.drawing) if isinstance(figure.drawing, Lines) else _matrix(figure.drawing)


def _lines(chart: Lines) -> str:
    def row(name: str, values: Sequence[float | None]) -> list[str]:
        cells = ["—" if value is None else written(value, is_share=chart.is_share) for value in values]
        return [f"{markdown(name)} {spark_text(tuple(values))}", *cells]

    rows = [row(chart.now_name, chart.values)]
    if chart.before:
        rows.append(row(chart.before_name, chart.before[: len(chart.labels)]))
    head = [markdown(chart.name), *map(markdown, chart.labels)]
    padded = [[*cells, *[""] * (len(head) - len(cells))] for cells in rows]
    return _table(head, padded, [False, *[True] * len(chart.labels)])


def _matrix(chart: Matrix) -> str:
    def cell(code: str) -> str:
        name = dict(chart.quadrants)[code]
        points = [f"[{point.label}](#{point.ref})" for point in chart.points if point.quadrant == code]
        return f"{markdown(name)}: {', '.join(points) or '—'}"

    head = [f"{markdown(chart.urgency)} ↑ · {markdown(chart.reach)} →", ""]
    return _table(head, [[cell("watch"), cell("act")], [cell("note"), cell("plan")]], [False, False])


def _entry(entry: Entry) -> Iterator[str]:
    yield f"#### {entry.id.upper()}"
    yield f"{markdown(entry.title)} · {markdown(entry.count)}"
    yield from map(_quoted, entry.quotes)
    if entry.messages:
        yield " · ".join(map(_run, entry.messages))
