"""A document as one HTML file that needs nothing else: no script, no network, no font of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from nlp_service.insight.report import svg
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
    Tile,
    Tiles,
)
from nlp_service.insight.report.drawing import Lines
from nlp_service.insight.report.language import Language
from nlp_service.insight.report.safe import html
from nlp_service.insight.report.style import STYLE

# Nothing may be loaded and nothing may run, whatever a message says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_SPEAKING = frozenset(("strong", "tag"))  # such cells say themselves what they are
_LONG_CELL = 20  # characters; what is longer is a sentence
_NUMBERED = frozenset("0123456789")


def render_html(document: Document) -> str:
    """The file, UTF-8; equal documents give equal files."""
    words = Language(document.language)
    body = "\n".join(_blocks(document.blocks, words))
    stamp = f'<time datetime="{document.stamp}">{html(document.made_at)}</time>'
    return (
        f'<!DOCTYPE html>\n<html lang="{words.say("form.html")}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        f"<title>{html(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n"
        f"<footer>{stamp}</footer>\n</main>\n</body>\n</html>\n"
    )


def _blocks(blocks: Sequence[Block], words: Language) -> Iterator[str]:
    headings = [block for block in blocks if isinstance(block, Heading) and block.level == 2]
    is_opening = True
    for is_chart, group in groupby(blocks, key=lambda block: isinstance(block, Figure)):
        if is_chart:
            drawn = "".join(_figure(block, words) for block in group if isinstance(block, Figure))
            yield f'<div class="charts">{drawn}</div>'
            continue
        for block in group:
            if is_opening and isinstance(block, Heading) and block.level == 2:
                yield _contents(headings, words)
                is_opening = False
            yield _block(block, words)


def _contents(headings: Sequence[Heading], words: Language) -> str:
    links = "".join(f'<a href="#{block.id}">{_line(block.line)}</a>' for block in headings)
    return f'<nav aria-label="{html(words.say("head.contents"))}">{links}</nav>'


def _block(block: Block, words: Language) -> str:
    match block:
        case Heading():
            return f'<h{block.level} id="{block.id}">{_line(block.line)}</h{block.level}>'
        case Paragraph():
            return f"<p{_class(block.kind)}>{_line(block.line)}</p>"
        case Bullets():
            return "<ul>" + "".join(f"<li>{_line(item)}</li>" for item in block.items) + "</ul>"
        case Table():
            return _table(block)
        case Tiles():
            return '<div class="tiles">' + "".join(map(_tile, block.tiles)) + "</div>"
        case Quotes():
            return "".join(map(_quoted, block.quotes))
        case Figure():
            return _figure(block, words)
        case Beside():
            return f'<div class="beside"><div>{_block(block.list, words)}</div>{_figure(block.figure, words)}</div>'
        case Break():
            return '<div class="break"></div>'
        case Appendix():
            return "\n".join(_entry(entry, words) for entry in block.entries)


def _line(line: Line) -> str:
    return "".join(svg.spark(run) if isinstance(run, Spark) else _run(run) for run in line)


def _run(run: Run) -> str:
    words = html(run.text)
    classes = [run.tone] if run.tone else []
    if _NUMBERED.intersection(run.text) and (run.ref or run.tone) and len(run.text) < 24:
        classes.append("n")
    attributes = _class(" ".join(classes)) + (f' title="{html(run.exact)}"' if run.exact else "")
    if run.ref:
        return f'<a href="#{run.ref}"{attributes}>{words}</a>'
    if run.url:
        return f'<a href="{html(run.url)}" rel="noopener noreferrer"{attributes}>{words}</a>'
    return f"<span{attributes}>{words}</span>" if attributes else words


def _table(table: Table) -> str:
    sides = [' class="r"' if is_numeric else "" for is_numeric in table.numeric]
    head = "".join(
        f'<th scope="col"{side}>{html(name)}</th>' for name, side in zip(table.head, sides, strict=True)
    )  # fmt: skip
    rows = "".join(f"<tr>{''.join(_cells(table, row, sides))}</tr>" for row in table.rows)
    return (
        f'<div class="scroll"><table><caption>{html(table.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(table: Table, row: Sequence[Line], sides: Sequence[str]) -> Iterator[str]:
    """Cells that say their column, for where there is no room for the head; the name of a row needs none."""
    for name, side, cell in zip(table.head, sides, row, strict=True):
        speaks = any(isinstance(run, Spark) or run.tone in _SPEAKING for run in cell) or (not side and _is_toned(cell))
        is_long = sum(len(run.text) for run in cell if isinstance(run, Run)) > _LONG_CELL
        label = "" if speaks or is_long or name == "#" else f' data-label="{html(name)}"'
        yield f"<td{side}{label}>{_line(cell)}</td>"


def _is_toned(cell: Line) -> bool:
    return any(isinstance(run, Run) and run.tone for run in cell)


def _tile(tile: Tile) -> str:
    below = "".join(f'<div class="below">{_line(line)}</div>' for line in tile.below)
    return (
        f'<div class="{f"tile {tile.tone}".strip()}"><div class="label">{html(tile.label)}</div>'
        f'<div class="value">{_line(tile.value)}</div>{below}</div>'
    )


def _quoted(quoted: Quoted) -> str:
    parts, end = [], 0
    for start, stop in quoted.marks:
        parts.append(f"{html(quoted.text[end:start])}<mark>{html(quoted.text[start:stop])}</mark>")
        end = stop
    words = "".join(parts) + html(quoted.text[end:])
    return f'<blockquote><p dir="auto">{words}</p><footer>{_line(quoted.source)}</footer></blockquote>'


def _figure(figure: Figure, words: Language) -> str:
    drawing = figure.drawing
    if not isinstance(drawing, Lines):
        return f"<figure>{svg.matrix(drawing)}<figcaption>{html(figure.caption)}</figcaption></figure>"
    keys = f'<span class="key"></span>{html(drawing.now_name)}'
    if drawing.before:
        keys += f'<span class="key before"></span>{html(drawing.before_name)}'
    return f"<figure><figcaption>{html(figure.caption)}{keys}</figcaption>{svg.lines(drawing)}</figure>"


def _entry(entry: Entry, words: Language) -> str:
    quotes = "".join(map(_quoted, entry.quotes))
    ids = "".join(_run(run) if run.url else f"<span>{html(run.text)}</span>" for run in entry.messages)
    listed = f'<p class="ids">{ids}</p>' if ids else ""
    return (
        f'<details id="{entry.id}"><summary><span class="no">{entry.id.upper()}</span>{html(entry.title)}</summary>'
        f'<p class="note">{html(entry.count)}</p>{quotes}{listed}</details>'
    )


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
