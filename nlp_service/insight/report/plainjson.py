"""A report as JSON: its sentences, the messages behind every number, and all the data that it was made from."""

from __future__ import annotations

import msgspec

from nlp_service.insight.report.building import Built
from nlp_service.insight.report.content.references import Reference
from nlp_service.insight.report.safe import plain
from nlp_service.insight.results import Mining, Quote


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds.

    Attributes:
        format: Of this file.
        made_at: The time stamp of the report, ISO 8601, UTC.
        language: Of its texts.
        title: Of the report.
        sentences: The summary from figures alone.
        phrased: The summary by a language model, checked; empty where there is none.
        refs: By the ids of the appendix of the other formats: all messages behind a number.
        mining: The data, with what is personal in quotes covered.
    """

    format: str
    made_at: str
    language: str
    title: str
    sentences: tuple[str, ...]
    phrased: tuple[str, ...]
    refs: dict[str, Reference]
    mining: Mining


FORMAT = "nlp-service report 1"


def render_json(built: Built, mining: Mining) -> bytes:
    """The file, UTF-8, one line; equal reports give equal files."""
    document = built.document
    report = ReportFile(
        format=FORMAT,
        made_at=document.stamp,
        language=document.language,
        title=document.title,
        sentences=built.sentences,
        phrased=built.phrased,
        refs=built.refs,
        mining=covered(mining),
    )
    return msgspec.json.encode(report) + b"\n"


def covered(mining: Mining) -> Mining:
    """The data with personal data and unseen characters in quotes and names covered; all else as it was."""
    # 3 and 3.0 are one number, and data that was read from a file has the latter.
    mining = msgspec.json.decode(msgspec.json.encode(mining), type=Mining)
    pains = tuple(
        msgspec.structs.replace(
            item, name=plain(item.name), target=plain(item.target), terms=_all(item.terms), quotes=_quotes(item.quotes)
        )
        for item in mining.pain_points
    )
    topics = tuple(
        msgspec.structs.replace(
            topic, name=plain(topic.name), terms=_all(topic.terms), quotes=_quotes(topic.quotes)
        )
        for topic in mining.topics
    )  # fmt: skip
    groups = tuple(
        msgspec.structs.replace(
            group, name=plain(group.name), terms=_all(group.terms), quotes=_quotes(group.quotes)
        )
        for group in mining.groups
    )  # fmt: skip
    keywords = tuple(msgspec.structs.replace(keyword, term=plain(keyword.term)) for keyword in mining.keywords)
    return msgspec.structs.replace(mining, pain_points=pains, topics=topics, groups=groups, keywords=keywords)


def _all(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(plain, terms))


def _quotes(quotes: tuple[Quote, ...]) -> tuple[Quote, ...]:
    return tuple(msgspec.structs.replace(quote, text=plain(quote.text)) for quote in quotes)
