"""What users write ends in reports that managers open: none of it may do anything there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import docx
import html5lib
import msgspec
import pytest
from markdown_it import MarkdownIt

from nlp_service.errors import BadInput
from nlp_service.insight.report import safe
from nlp_service.insight.report.options import ReportOptions
from nlp_service.insight.report.writing import write_report
from nlp_service.insight.results import (
    Figure,
    Group,
    Health,
    Keyword,
    MessageKey,
    Mining,
    Quote,
    Segment,
    Topic,
    TopicEvent,
)
from tests.unit.insight.report.made import MADE_AT, MINING, START, change, pain, trend

NASTY = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style></title><svg/onload=alert(1)>",
    "[点我](javascript:alert(1)) ![x](http://evil.example/p.png)",
    "| a | b |\n|---|---|\n# 标题\n- 列表\n1. 数\n```\ncode",
    "<http://evil.example> http://evil.example www.evil.example",
    "&lt;b&gt; &#60;b&#62; \\<b\\>",
    "左\u202e右\u2066内\u2069\u200f外\x00\x1b[31m红",
    "{{7*7}} ${7*7} {name} %s {0}",
    "Z\u0351\u0327\u0300\u0301\u0302\u0303\u0304algo",
)
SEEN_BY_NOBODY = "\u202e\u2066\u2069\u200f\x00\x1b"


def hostile(text: str) -> Mining:
    """Everything that comes from outside is `text`."""
    key = MessageKey(text, text, 5)
    quote = Quote(key, text, START, text, ((0, 3), (-4, 900)))
    segment = Segment(f"meta.{text}", text, 3, 9, 0.3, 0.1, 3.0, 0.5, 0.001, 0.002)
    item = msgspec.structs.replace(
        pain("p1", text, 5, 4, 2, category=text, terms=(text,), quotes=(quote,), segments=(segment,)), keys=(key,)
    )
    topic = Topic(
        id=text, name=text, terms=(text,), people=3, messages=4, share=0.1, change=change(4, 2), trend=trend(1, 2, 1),
        first_at=START, quotes=(quote,), keys=(key,),
    )  # fmt: skip
    group = Group(
        name=text, source=text, terms=(text,), authors=((text, text),), messages=1, quotes=(quote,), keys=(key,)
    )
    figure = Figure(text, 3.0, 1.0, 2.0, 1.0, 2.0, text, (key,))
    return msgspec.structs.replace(
        MINING,
        pain_points=(item, msgspec.structs.replace(item, id="n1", kind="need")),
        topics=(topic,),
        topic_events=(TopicEvent("merged", text, START, "gone"), TopicEvent(text, "gone", START, text)),
        keywords=(Keyword(text, 3, 3, 5.0, change(3, 1), (key,)),),
        segments=((text, segment),),
        groups=(group,),
        health=(Health(None, 9, 9, (figure,)), Health(text, 9, 9, (figure,))),
        series=tuple(msgspec.structs.replace(one, name=text) for one in MINING.series),
        warnings=tuple(msgspec.structs.replace(one, channel=text, keys=(key,)) for one in MINING.warnings),
        notes=(text,),
        model_version=text,
    )


@pytest.fixture(params=NASTY, scope="module")
def written(request: pytest.FixtureRequest) -> dict[str, bytes]:
    options = ReportOptions(MADE_AT, base_url="https://nlp.example.com")
    return write_report(hostile(request.param), options, ("html", "markdown", "docx", "json"))


def elements(page: str) -> Iterator[Any]:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return iter(parser.parse(page).iter())


def test_html_holds_no_element_or_attribute_of_theirs(written: dict[str, bytes]) -> None:
    page = written["html"].decode()
    for element in elements(page):  # strict: a page that is not valid is an error here
        name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"
        assert name not in ("script", "img", "iframe", "object", "embed", "form", "input", "base", "link", "comment")
        for attribute, value in element.attrib.items():
            assert not attribute.lower().startswith("on")
            if attribute in ("href", "src"):
                assert value.startswith(("#", "https://nlp.example.com/console/messages/5"))
    assert not any(char in page for char in SEEN_BY_NOBODY)


def test_markdown_holds_no_markup_of_theirs(written: dict[str, bytes]) -> None:
    text = written["markdown"].decode()
    tokens = list(MarkdownIt("commonmark", {"html": True}).enable("table").parse(text))
    tokens += [child for token in tokens for child in token.children or ()]
    assert {token.type for token in tokens}.isdisjoint(
        {"html_block", "html_inline", "image", "fence", "code_block", "code_inline", "strong_open", "ordered_list_open"}
    )
    for token in tokens:
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(("#a", "https://nlp.example.com/console/messages/5"))
        if token.type == "heading_open" and token.tag == "h1":
            assert token.map == [0, 1]  # ours
    assert not any(char in text for char in SEEN_BY_NOBODY)


def test_word_takes_it_as_text(written: dict[str, bytes]) -> None:
    file = docx.Document(io.BytesIO(written["docx"]))
    targets = [link.target_ref for link in file.part.rels.values() if link.is_external]
    assert set(targets) == {"https://nlp.example.com/console/messages/5"}
    assert not any(char in paragraph.text for paragraph in file.paragraphs for char in SEEN_BY_NOBODY)


def test_json_covers_names_and_quotes(written: dict[str, bytes]) -> None:
    found = msgspec.json.decode(written["json"])
    words = [found["title"], *found["sentences"], *(ref["title"] for ref in found["refs"].values())]
    words += [quote["text"] for item in found["mining"]["pain_points"] for quote in item["quotes"]]
    assert not any(char in said for said in words for char in SEEN_BY_NOBODY)


def test_personal_data_is_covered_everywhere() -> None:
    written = write_report(hostile("打我电话 13812345678 谢谢"), ReportOptions(MADE_AT), ("html", "markdown", "json"))
    pages = [written["html"].decode(), written["markdown"].decode()]
    for page in pages:
        # Ids are given as they are: who looks a message up needs them.
        assert "13812345678" not in page.replace("打我电话 13812345678 谢谢:打我电话 13812345678 谢谢", "")
        assert "138****5678" in page.replace("\\", "")
    found = msgspec.json.decode(written["json"])["mining"]
    assert "13812345678" not in "".join(quote["text"] for quote in found["pain_points"][0]["quotes"])
    assert "138****5678" in found["keywords"][0]["term"]


@pytest.mark.parametrize("text", [*NASTY, "半\ud800个", "\ufdd0\uffff\U000e0041"])
def test_plain_keeps_the_length_that_spans_need(text: str) -> None:
    assert len(safe.plain(text)) == len(text)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//host",
        "https://",
        'https://h/"onclick=',
        "https://h/<b>",
        "https://user:word@h/",
        "https://h/ x",
        "http://[",
        "ftp://h",
    ],
)
def test_a_base_url_that_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as error:
        write_report(MINING, ReportOptions(MADE_AT, base_url=url), ("html",))
    assert error.value.param == "base_url"
    assert url not in error.value.message
