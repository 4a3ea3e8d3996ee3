"""What the formats promise: the same bytes again, links that lead somewhere, files that programs open."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta

import docx
import html5lib
import msgspec
import pytest
from docx.oxml.ns import qn

from nlp_service.errors import BadInput
from nlp_service.insight.report.options import FORMATS, ReportOptions
from nlp_service.insight.report.writing import format_of, write_report
from nlp_service.insight.results import Mining, Period
from tests.unit.insight.report.made import DAY, MINING, OPTIONS, START, keys

ALL = tuple(FORMATS.values())


def page(mining: Mining = MINING, options: ReportOptions = OPTIONS) -> str:
    return write_report(mining, options, ("html",))["html"].decode()


def opened(mining: Mining = MINING, options: ReportOptions = OPTIONS) -> docx.document.Document:
    return docx.Document(io.BytesIO(write_report(mining, options, ("docx",))["docx"]))


def test_two_runs_give_the_same_bytes() -> None:
    again = msgspec.json.decode(msgspec.json.encode(MINING), type=Mining)
    assert write_report(MINING, OPTIONS, ALL) == write_report(again, OPTIONS, ALL)


@pytest.mark.parametrize("name", ["html", "markdown", "json"])
def test_a_later_run_differs_in_its_time_stamp_alone(name: str) -> None:
    later = replace(OPTIONS, made_at=OPTIONS.made_at + timedelta(days=1, hours=2))
    first, second = (write_report(MINING, options, (name,))[name].decode() for options in (OPTIONS, later))
    assert first != second
    stamps = r"2026-09-1[45]T0[13]:30:00Z|生成于 2026 年 9 月 1[45] 日 (09|11):30"
    assert re.sub(stamps, "", first) == re.sub(stamps, "", second)


def test_a_later_docx_differs_in_its_time_stamp_alone() -> None:
    later = replace(OPTIONS, made_at=OPTIONS.made_at + timedelta(days=1))
    first, second = (
        zipfile.ZipFile(io.BytesIO(write_report(MINING, options, ("docx",))["docx"])) for options in (OPTIONS, later)
    )
    assert first.namelist() == second.namelist()
    differing = [name for name in first.namelist() if first.read(name) != second.read(name)]
    assert differing == ["docProps/core.xml", "word/document.xml"]
    texts = [re.sub("9 月 1[45] 日 09:30", "", file.read("word/document.xml").decode()) for file in (first, second)]
    assert texts[0] == texts[1]
    assert {info.date_time for info in first.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_html_is_valid_and_needs_nothing_else() -> None:
    found = page(options=replace(OPTIONS, base_url="https://nlp.example.com"))
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree = parser.parse(found)  # an error where it is not valid
    assert not list(tree.iter("script"))
    assert not [element for element in tree.iter() if "src" in element.attrib]
    assert "@import" not in found
    assert "url(" not in found
    assert "default-src 'none'" in found


def test_every_link_within_html_has_its_place() -> None:
    tree = html5lib.parse(page(), namespaceHTMLElements=False)
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    links = [element.attrib["href"] for element in tree.iter() if element.attrib.get("href", "").startswith("#")]
    assert len(links) > 50
    assert {link[1:] for link in links} <= set(ids)
    entries = [id for id in ids if re.fullmatch(r"a\d+", id)]
    assert entries == [f"a{number}" for number in range(1, len(entries) + 1)]
    assert set(entries) <= {link[1:] for link in links}  # nothing in the appendix that no number leads to


def test_every_count_of_a_pain_leads_to_its_messages() -> None:
    tree = html5lib.parse(page(), namespaceHTMLElements=False)
    by_id = {element.attrib["id"]: element for element in tree.iter() if "id" in element.attrib}
    (row,) = (
        row for row in tree.iter("tr") if "包装漏液" in "".join(row.itertext()) and "84" in "".join(row.itertext())
    )
    links = [link for link in row.iter("a") if "".join(link.itertext()) in ("84", "97", "0.8%")]
    assert len(links) == 3
    for link in links:
        said = "".join(by_id[link.attrib["href"][1:]].itertext())
        assert "痛点：包装漏液" in said
        assert "共 97 条消息" in said
        assert "wecom:m00200" in said
        assert "wecom:m00249" in said
        assert "wecom:m00250" not in said  # the first 50 alone; the JSON has all


def test_every_link_within_markdown_has_its_heading() -> None:
    text = write_report(MINING, OPTIONS, ("markdown",))["markdown"].decode()
    targets = set(re.findall(r"\]\(#(a\d+)\)", text))
    headings = {found.lower() for found in re.findall(r"^#### (A\d+)$", text, re.MULTILINE)}
    assert targets == headings
    assert len(targets) > 15


def test_links_to_stored_messages_need_a_base_and_a_stored_message() -> None:
    assert 'href="http' not in page()
    with_base = page(options=replace(OPTIONS, base_url="https://nlp.example.com/"))
    assert 'href="https://nlp.example.com/console/messages/1200"' in with_base
    own = page(options=replace(OPTIONS, base_url="https://desk.example.com/?m={id}&tab=1"))
    assert 'href="https://desk.example.com/?m=1200&amp;tab=1"' in own
    of_a_file = msgspec.structs.replace(MINING.pain_points[1], keys=keys(200, 97, is_stored=False), quotes=())
    alone = msgspec.structs.replace(
        MINING, pain_points=(of_a_file,), topics=(), groups=(), keywords=(), health=(), warnings=(), segments=()
    )
    assert "nlp.example.com" not in page(alone, replace(OPTIONS, base_url="https://nlp.example.com"))


def test_docx_has_headings_tables_and_links_that_lead_somewhere() -> None:
    file = opened(options=replace(OPTIONS, base_url="https://nlp.example.com"))
    names = [paragraph.style.name for paragraph in file.paragraphs]
    assert names[0] == "Heading 1"
    assert {"Heading 2", "Heading 3", "Heading 4", "Quote", "List Bullet"} <= set(names)
    assert len(file.tables) >= 8
    body = file.element.body
    marks = [element.get(qn("w:name")) for element in body.iter(qn("w:bookmarkStart"))]
    assert len(marks) == len(set(marks))
    anchors = {link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))} - {None}
    assert len(anchors) > 15
    assert anchors <= set(marks)
    assert any(rel.target_ref == "https://nlp.example.com/console/messages/1200" for rel in file.part.rels.values())


def test_docx_names_fonts_for_han_characters_and_the_rules_of_chinese_lines() -> None:
    file = opened()
    for name in ("Normal", "Heading 1", "Heading 2", "Table Text", "Caption"):
        fonts = file.styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
        assert fonts.get(qn("w:asciiTheme")) is None
    lines = file.styles["Normal"].element.pPr
    assert lines.find(qn("w:kinsoku")) is not None
    assert lines.find(qn("w:autoSpaceDE")) is not None


def test_docx_draws_its_charts_from_values() -> None:
    file = zipfile.ZipFile(io.BytesIO(write_report(MINING, OPTIONS, ("docx",))["docx"]))
    charts = [name for name in file.namelist() if name.startswith("word/charts/")]
    assert charts == ["word/charts/chart1.xml", "word/charts/chart2.xml"]
    drawn = file.read(charts[1]).decode()
    assert drawn.count("<c:ser>") == 2
    assert '<c:pt idx="5">' not in drawn.split("</c:ser>")[0].split("<c:val>")[1]  # what is not known leaves a gap
    assert not [name for name in file.namelist() if name.endswith((".png", ".emf"))]


@pytest.mark.parametrize("name", ALL)
def test_an_empty_period_says_so(name: str) -> None:
    nothing = msgspec.structs.replace(
        MINING, messages=0, people=0, pain_points=(), topics=(), topic_events=(), keywords=(), segments=(), groups=(),
        health=(), series=(), warnings=(), notes=("no_messages",),
    )  # fmt: skip
    written = write_report(nothing, OPTIONS, (name,))[name]
    if name != "docx":
        assert "共有" not in written.decode()
        assert "没有消息。报告里没有可以统计的内容。" in written.decode()
    else:
        assert any("没有消息" in paragraph.text for paragraph in docx.Document(io.BytesIO(written)).paragraphs)


def test_one_message_is_no_trend() -> None:
    one = msgspec.structs.replace(MINING, messages=1, people=1, notes=("one_message", "one_author"))
    found = page(one)
    assert "只有 1 条消息，任何比例和走势都说明不了问题。" in found
    assert found.count("本期只有一条消息，比例与走势没有意义。") == 1  # said by the data and by us, written once
    assert "本期的消息全部来自同一个人" in found


def test_without_a_period_before_nothing_is_compared() -> None:
    items = tuple(
        msgspec.structs.replace(item, change=msgspec.structs.replace(item.change, before=0, rise=None, known=False))
        for item in MINING.pain_points
    )
    alone = msgspec.structs.replace(MINING, messages_before=0, pain_points=items, notes=("no_previous",))
    found = page(alone)
    assert "没有对照期数据，本报告不作环比" in found
    assert "上一周期没有数据，无从比较" in found
    assert "新出现</" not in found.split('id="keywords"')[0]
    assert 'class="before"' not in found


@pytest.mark.parametrize(
    ("days", "is_daily", "title"),
    [
        (1, None, "社区日报"),
        (7, None, "社区周报"),
        (30, None, "社区洞察报告"),
        (7, True, "社区日报"),
        (1, False, "社区洞察报告"),
    ],
)
def test_the_title_says_how_long_it_is(days: int, is_daily: bool | None, title: str) -> None:
    mining = msgspec.structs.replace(MINING, period=Period(START, START + days * DAY))
    assert f'<h1 id="report">{title}</h1>' in page(mining, replace(OPTIONS, is_daily=is_daily))


def test_days_are_those_of_the_zone_of_the_period() -> None:
    mining = msgspec.structs.replace(MINING, period=Period(START, START + 7 * DAY, "America/New_York"))
    assert "2026 年 9 月 6 日 12:00 至 9 月 13 日 12:00" in page(mining)


@pytest.mark.parametrize(("name", "found"), [("a.html", "html"), ("A.MD", "markdown"), ("x/y.docx", "docx")])
def test_the_format_is_the_end_of_the_name(name: str, found: str) -> None:
    assert format_of(name) == found


@pytest.mark.parametrize("name", ["report", "report.pdf", "html"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadInput):
        format_of(name)
    with pytest.raises(BadInput):
        write_report(MINING, OPTIONS, (name if name != "html" else "pdf",))


def test_an_unknown_language_or_zone_is_refused() -> None:
    with pytest.raises(BadInput):
        page(options=replace(OPTIONS, language="fr"))
    with pytest.raises(BadInput):
        page(msgspec.structs.replace(MINING, period=Period(START, START + DAY, "Mars/Olympus")))


def test_points_of_the_matrix_stay_in_their_quadrants_and_apart() -> None:
    point = MINING.warnings[0]
    many = tuple(
        msgspec.structs.replace(point, channel=f"群{i:02d}", reach=0.7, urgency=0.1, quadrant="plan") for i in range(12)
    )
    found = page(msgspec.structs.replace(MINING, warnings=many, pain_points=()))
    places = re.findall(r'<circle class="dot plan" cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', found)
    assert len(set(places)) == 12
    (left, top, size) = re.findall(r'<rect class="plan" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', found)[0]
    for x, y, radius in places:
        assert (
            float(left) <= float(x) - float(radius) + 0.1 <= float(x) + float(radius) <= float(left) + float(size) + 0.1
        )
        assert (
            float(top) <= float(y) - float(radius) + 0.1 <= float(y) + float(radius) <= float(top) + float(size) + 0.1
        )
    for i, (x, y, radius) in enumerate(places):
        for a, b, _ in places[:i]:
            assert (float(x) - float(a)) ** 2 + (float(y) - float(b)) ** 2 > (2 * float(radius) - 0.2) ** 2
