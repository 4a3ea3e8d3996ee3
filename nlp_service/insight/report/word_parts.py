"""What DOCX has and python-docx does not: fonts by script, bookmarks, links, rules of tables, numbers of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

LATIN, HAN = "Calibri", "Microsoft YaHei"
"""Fonts of the two scripts; LibreOffice and macOS have their own in place of them."""

QUADRANTS = {"act": "FDE8E6", "plan": "FDF3E1", "watch": "FDF3E1", "note": "F1F3F5"}
"""Colours behind the quadrants of the matrix."""

_TEXT, _MUTED = "1D2129", "646A73"
_WIDTH_MM, _HEIGHT_MM, _MARGIN_MM = 210, 297, 17  # A4
_SIZES = {"Heading 1": 19.0, "Heading 2": 13.5, "Heading 3": 11.0, "Heading 4": 9.5}
# What the schema wants behind the rules of lines, in its order.
_BEHIND = tuple(
    f"w:{name}"
    for name in (
        "bidi adjustRightInd snapToGrid spacing ind contextualSpacing mirrorIndents suppressOverlap jc textDirection "
        "textAlignment textboxTightWrap outlineLvl divId cnfStyle rPr sectPr pPrChange"
    ).split()
)
_INSIDE_MM = _WIDTH_MM - 2 * _MARGIN_MM


def set_up(file: Any, language: str) -> None:
    """Page, fonts, language and styles of a new document."""
    section = file.sections[0]
    section.page_width, section.page_height = Mm(_WIDTH_MM), Mm(_HEIGHT_MM)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(_MARGIN_MM)
    _number_pages(section.footer.paragraphs[0])
    _style(file.styles["Normal"], 10.0, _TEXT, language, before_pt=0, after_pt=3)
    table = file.styles.add_style("Table Text", WD_STYLE_TYPE.PARAGRAPH)
    table.base_style = file.styles["Normal"]
    _style(table, 9.0, _TEXT, language, before_pt=0, after_pt=0)
    _style(file.styles["Caption"], 9.0, _MUTED, language, before_pt=0, after_pt=3)
    _style(file.styles["Quote"], 10.0, _TEXT, language, before_pt=2, after_pt=3)
    _style(file.styles["List Bullet"], 10.5, _TEXT, language, before_pt=0, after_pt=2)
    file.styles["Quote"].paragraph_format.left_indent = Mm(4)
    for name, size in _SIZES.items():
        _style(file.styles[name], size, _TEXT, language, before_pt=size * 0.75, after_pt=3, bold=True)
    for name in ("Caption", "Quote", "Heading 4"):
        file.styles[name].font.italic = False
    file.styles["Caption"].font.bold = False


def colour(run: Any, code: str) -> None:
    """Set the colour of a run."""
    run.font.color.rgb = RGBColor.from_string(code)


def highlight(run: Any) -> None:
    """Mark a run in light yellow."""
    shade = OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", "FFF0C2")):
        shade.set(qn(f"w:{key}"), value)
    run._r.get_or_add_rPr().append(shade)


def shade(cell: Any, fill: str) -> None:
    """Set the colour behind a cell."""
    element = OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", fill)):
        element.set(qn(f"w:{key}"), value)
    cell._tc.get_or_add_tcPr().append(element)


def bookmark(paragraph: Any, name: str, number: int) -> None:
    """Make the beginning of a paragraph a place that links lead to; `number` is unique in the document."""
    start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
    for element in (start, end):
        element.set(qn("w:id"), str(number))
        paragraph._p.append(element)
    start.set(qn("w:name"), name)


def link_within(run: Any, name: str) -> None:
    """Make a run lead to a bookmark."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), name)
    link.set(qn("w:history"), "1")
    _wrap(run, link)


def link_outside(run: Any, url: str) -> None:
    """Make a run lead to an address."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), run.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    _wrap(run, link)


def ruled(table: Any) -> None:
    """Thin lines below rows, a head that is repeated on every page, rows that are not torn."""
    properties = table._tbl.tblPr
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "bottom", "insideH"):
        line = OxmlElement(f"w:{side}")
        for key, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", "D5D8DD")):
            line.set(qn(f"w:{key}"), value)
        borders.append(line)
    properties.append(borders)
    for at, row in enumerate(table.rows):
        row_properties = row._tr.get_or_add_trPr()
        row_properties.append(OxmlElement("w:cantSplit"))
        if at == 0 and len(table.rows) > 1:
            row_properties.append(OxmlElement("w:tblHeader"))


def set_widths(table: Any, parts: Sequence[float]) -> None:
    """Give each column its part of the width of the page."""
    table.autofit = False
    widths = [Mm(_INSIDE_MM * part / sum(parts)) for part in parts]
    for column, width in zip(table._tbl.tblGrid.gridCol_lst, widths, strict=True):
        column.w = width
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def _wrap(run: Any, link: Any) -> None:
    run._r.addprevious(link)
    link.append(run._r)


def _style(
    style: Any, size_pt: float, code: str, language: str, *, before_pt: float, after_pt: float, bold: bool | None = None
) -> None:
    style.font.size, style.font.bold = Pt(size_pt), bold
    style.font.color.rgb = RGBColor.from_string(code)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before_pt), Pt(after_pt)
    properties = style.element.get_or_add_rPr()
    fonts = properties.get_or_add_rFonts()
    for attribute in list(fonts.attrib):  # those of a theme would win
        del fonts.attrib[attribute]
    for script, font in (("ascii", LATIN), ("hAnsi", LATIN), ("eastAsia", HAN), ("cs", LATIN)):
        fonts.set(qn(f"w:{script}"), font)
    said = OxmlElement("w:lang")
    said.set(qn("w:val"), "en-GB")
    said.set(qn("w:eastAsia"), "zh-CN")
    properties.append(said)
    if language == "zh":
        _chinese_lines(style.element.get_or_add_pPr())


def _chinese_lines(properties: Any) -> None:
    """No punctuation at the start of a line, and room between Han characters and Latin letters or digits."""
    for name in ("w:kinsoku", "w:overflowPunct", "w:autoSpaceDE", "w:autoSpaceDN"):
        properties.insert_element_before(OxmlElement(name), *_BEHIND)


def _number_pages(paragraph: Any) -> None:
    paragraph.alignment = 1  # centred
    for kind, instruction in (("begin", ""), ("", " PAGE "), ("end", "")):
        run = paragraph.add_run()
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = instruction
        run._r.append(element)
