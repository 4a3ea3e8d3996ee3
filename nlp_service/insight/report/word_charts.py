"""Charts of DOCX: values and how they look, drawn by the program that shows the document (ECMA-376, DrawingML)."""

from __future__ import annotations

from typing import Any

from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Mm

from nlp_service.insight.report.drawing import Lines, Values
from nlp_service.insight.report.safe import html

_WIDTH, _HEIGHT = Mm(172), Mm(48)
_NOW, _BEFORE, _MUTED, _RULE = "245BDB", "9AA0AA", "646A73", "E3E5E9"
_CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_MAIN = "http://schemas.openxmlformats.org/drawingml/2006/main"
_PLACE = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_OVER = '<c:overlay val="0"/>'
_SMALL = (
    f'<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="800"><a:solidFill><a:srgbClr val="{_MUTED}"/></a:solidFill>'
    '</a:defRPr></a:pPr><a:endParaRPr lang="zh-CN"/></a:p></c:txPr>'
)


def add(file: Any, paragraph: Any, chart: Lines, number: int) -> None:
    """Put a chart into a paragraph; `number` is unique in the document."""
    name = PackURI(f"/word/charts/chart{number}.xml")
    part = Part(name, CONTENT_TYPE.DML_CHART, _chart(chart).encode(), file.part.package)
    id = file.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
    said = html(chart.name)
    paragraph.add_run()._r.append(
        parse_xml(
            f'<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:wp="{_PLACE}" '
            f'xmlns:a="{_MAIN}"><wp:inline distT="0" distB="0" distL="0" distR="0">'
            f'<wp:extent cx="{_WIDTH}" cy="{_HEIGHT}"/>'
            f'<wp:docPr id="{number}" name="chart {number}" descr="{said}"/><wp:cNvGraphicFramePr/>'
            f'<a:graphic><a:graphicData uri="{_CHART}"><c:chart xmlns:c="{_CHART}" xmlns:r="{_RELATIONS}" r:id="{id}"/>'
            "</a:graphicData></a:graphic></wp:inline></w:drawing>"
        )
    )


def _chart(chart: Lines) -> str:
    shown = [(chart.now_name, chart.values, _NOW, "")]
    if chart.before:
        shown.append((chart.before_name, chart.before, _BEFORE, '<a:prstDash val="sysDash"/>'))
    series = "".join(
        _series(at, name, values, colour, dash, chart) for at, (name, values, colour, dash) in enumerate(shown)
    )
    title = f"<c:title><c:tx><c:rich><a:bodyPr/><a:p>{_words(html(chart.name))}</a:p></c:rich></c:tx>{_OVER}</c:title>"
    floor = '<c:min val="0"/>' if _is_positive(chart) else ""
    axes = (
        '<c:catAx><c:axId val="1"/><c:scaling><c:orientation val="minMax"/></c:scaling><c:delete val="0"/>'
        '<c:axPos val="b"/><c:numFmt formatCode="General" sourceLinked="0"/><c:majorTickMark val="none"/>'
        f'<c:minorTickMark val="none"/><c:tickLblPos val="low"/>{_line(_RULE)}{_SMALL}<c:crossAx val="2"/></c:catAx>'
        '<c:valAx><c:axId val="2"/><c:scaling><c:orientation val="minMax"/>'
        f'{floor}</c:scaling><c:delete val="0"/><c:axPos val="l"/>'
        f'<c:majorGridlines>{_line(_RULE)}</c:majorGridlines><c:numFmt formatCode="{_format(chart)}" sourceLinked="0"/>'
        f'<c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="low"/>{_line("")}{_SMALL}'
        '<c:crossAx val="1"/></c:valAx>'
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><c:chartSpace xmlns:c="{_CHART}" xmlns:a="{_MAIN}">'
        f'<c:roundedCorners val="0"/><c:chart>{title}<c:autoTitleDeleted val="0"/><c:plotArea><c:layout/>'
        f'<c:lineChart><c:grouping val="standard"/><c:varyColors val="0"/>{series}<c:marker val="1"/>'
        f'<c:axId val="1"/><c:axId val="2"/></c:lineChart>{axes}</c:plotArea><c:legend><c:legendPos val="r"/>'
        f'{_OVER}{_SMALL}</c:legend><c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart>'
        f"<c:spPr><a:ln><a:noFill/></a:ln></c:spPr></c:chartSpace>"
    )


def _series(at: int, name: str, values: Values, colour: str, dash: str, chart: Lines) -> str:
    labels = "".join(f'<c:pt idx="{i}"><c:v>{html(label)}</c:v></c:pt>' for i, label in enumerate(chart.labels))
    points = "".join(
        f'<c:pt idx="{i}"><c:v>{value!r}</c:v></c:pt>'
        for i, value in enumerate(values[: len(chart.labels)])
        if value is not None
    )
    n = len(chart.labels)
    return (
        f'<c:ser><c:idx val="{at}"/><c:order val="{at}"/><c:tx><c:v>{html(name)}</c:v></c:tx>'
        f'<c:spPr><a:ln w="19050"><a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>{dash}</a:ln></c:spPr>'
        f'<c:marker><c:symbol val="none"/></c:marker><c:cat><c:strLit><c:ptCount val="{n}"/>{labels}</c:strLit></c:cat>'
        f'<c:val><c:numLit><c:formatCode>{_format(chart)}</c:formatCode><c:ptCount val="{n}"/>{points}'
        "</c:numLit></c:val>"
        '<c:smooth val="0"/></c:ser>'
    )


def _words(text: str) -> str:
    return (
        f'<a:r><a:rPr lang="zh-CN" sz="900" b="0"><a:solidFill><a:srgbClr val="{_MUTED}"/></a:solidFill></a:rPr>'
        f"<a:t>{text}</a:t></a:r>"
    )


def _line(colour: str) -> str:
    fill = f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>' if colour else "<a:noFill/>"
    return f'<c:spPr><a:ln w="6350">{fill}</a:ln></c:spPr>'


def _format(chart: Lines) -> str:
    return "0.0%" if chart.is_share else "#,##0.##" if any(_is_fraction(value) for value in chart.values) else "#,##0"


def _is_fraction(value: float | None) -> bool:
    return value is not None and not float(value).is_integer()


def _is_positive(chart: Lines) -> bool:
    return all(value is None or value >= 0 for value in (*chart.values, *chart.before))
