"""What every section of a report needs: the data, the words, the references, and lines put together of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from string import Formatter
from typing import TypeAlias
from zoneinfo import ZoneInfo

from nlp_service.insight.periods import zone_of
from nlp_service.insight.report.content.references import References
from nlp_service.insight.report.document import Heading, Line, Run, Spark
from nlp_service.insight.report.drawing import Values
from nlp_service.insight.report.language import SIGNIFICANT, Language
from nlp_service.insight.report.options import MESSAGE_PATH, ReportOptions
from nlp_service.insight.report.safe import address, plain
from nlp_service.insight.results import Bucket, Change, Keyword, Mining, PainPoint, Segment, Topic

Piece: TypeAlias = str | Run | Spark | Line

_PARTED = re.compile(r"[\u3400-\u9fff] [\u3400-\u9fff]")
_MEETING = re.compile(r"[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff]|[A-Za-z0-9][A-Za-z]")


class Context:
    """A report while it is made.

    Attributes:
        mining: The data.
        options: How it is wanted.
        words: The language.
        zone: Of the period.
        refs: What was referred to so far.

    Raises:
        BadInput: The zone or the language is not known, or the base URL is none.
    """

    def __init__(self, mining: Mining, options: ReportOptions) -> None:
        self.mining, self.options = mining, options
        self.words = Language(options.language)
        self.zone: ZoneInfo = zone_of(mining.period)
        base = address(options.base_url.replace("{id}", "0") if options.base_url else None)
        link = None
        if base and options.base_url:
            link = options.base_url if "{id}" in options.base_url else base + MESSAGE_PATH
        self.refs = References(self.words, self.zone, link, options.most_messages)

    def line(self, key: str, **fields: Piece) -> Line:
        """The wording of `key` with pieces of a line filled in."""
        section, name = key.split(".")
        parts: list[Piece] = []
        for words, field, _, _ in Formatter().parse(str(self.words.table[section][name])):
            parts.append(words)
            if field is not None:
                parts.append(fields[field])
        return join(parts if self.words.code == "en" else _spaced(parts))

    def heading(self, level: int, name: str) -> Heading:
        """The heading of a section, which can be linked to by its name."""
        return Heading(level, (Run(self.words.say(f"head.{name}")),), name)

    def local(self, at: datetime) -> datetime:
        """A time as the clocks of the period's zone show it."""
        return at.astimezone(self.zone)

    def count(self, n: float, ref: str = "", tone: str = "") -> Run:
        """A count that leads to its messages."""
        text, exact = self.words.count(n), self.words.exact(n)
        return Run(text, tone, ref, exact="" if text == exact else exact)

    def share(self, share: float, ref: str = "") -> Run:
        """A share that leads to the messages of its numerator."""
        return Run(self.words.share(share), ref=ref)

    def change(self, change: Change, ref: str = "", *, is_good_up: bool | None = False) -> Run:
        """A change, with the tone of good or bad where it is more than chance and it matters which way it goes."""
        tone = "muted"
        if change.known and is_good_up is not None and change.now != change.before:
            is_sure = change.p_value is None or change.p_value < SIGNIFICANT
            if is_sure:
                tone = "good" if (change.now > change.before) == is_good_up else "bad"
        return Run(self.words.change(change), tone, ref if change.known else "")

    def spark(self, trend: Sequence[Bucket]) -> Spark:
        """The messages of each bucket."""
        return self.spark_of(tuple(float(bucket.messages) for bucket in trend))

    def spark_of(self, values: Values) -> Spark:
        """Values as a small line, and aloud."""
        said = [self.words.say("change.none") if value is None else self.words.count(value) for value in values]
        return Spark(values, self.words.say("pain.trend", values=self.words.say("form.join").join(said)))

    def where(self, segment: Segment) -> str:
        """A segment for people: "雨天", "地区「华东」"."""
        field = segment.field.removeprefix("meta.")
        known = self.words.known("value", segment.value)
        if known is not None:
            return known
        name = self.words.known("field", field) or field
        space = " " if name[-1:].isascii() else ""
        return plain(f"{name}{space}{self.words.within(segment.value)}")

    def segment(self, segment: Segment, ref: str) -> Line:
        """A segment with how many times as often: "雨天 3.2 倍"."""
        where = self.where(segment)
        if segment.ratio is None:
            return self.line("pain.segment_only", where=Run(where, ref=ref))
        return self.line("pain.segment", where=where, ratio=Run(self.words.fold(segment.ratio), ref=ref))

    def item_change(self, item: PainPoint, ref: str) -> Run:
        """The change of a pain, bad where it rises, or of a need, neither good nor bad."""
        return self.change(item.change, ref, is_good_up=None if item.kind == "need" else False)

    def category(self, category: str) -> str:
        """A risk category, or what a taxonomy calls it."""
        return self.words.known("risk", category) or plain(category)

    def segments_of(self, item: PainPoint) -> tuple[Segment, ...]:
        """Where an item is said more."""
        return item.segments or self._segments.get(item.id) or self._segments.get(item.name) or ()

    @cached_property
    def _segments(self) -> dict[str, tuple[Segment, ...]]:
        found: dict[str, list[Segment]] = {}
        for name, segment in self.mining.segments:
            if segment.q_value < SIGNIFICANT and segment.effect > 0:
                found.setdefault(name, []).append(segment)
        return {name: tuple(sorted(these, key=lambda one: -one.effect)) for name, these in found.items()}

    def pain_ref(self, item: PainPoint) -> str:
        """The entry of a pain or need."""
        title = self.words.say("appendix.pain", kind=self.kind(item.kind), name=plain(item.name))
        return self.refs.add(("pain", item.id, item.kind), title, item.messages, item.keys, item.quotes)

    def topic_ref(self, topic: Topic) -> str:
        """The entry of a topic."""
        title = self.words.say("appendix.topic", name=plain(topic.name))
        return self.refs.add(("topic", topic.id), title, topic.messages, topic.keys, topic.quotes)

    def keyword_ref(self, keyword: Keyword) -> str:
        """The entry of a keyword."""
        title = self.words.say("appendix.keyword", name=plain(keyword.term))
        return self.refs.add(("keyword", keyword.term), title, keyword.messages, keyword.keys)

    @property
    def all_ref(self) -> str:
        """The entry of all messages of the period."""
        period = self.words.period(self.mining.period, self.zone)
        return self.refs.add("all", self.words.say("appendix.all_messages", period=period), self.mining.messages)

    @property
    def before_ref(self) -> str:
        """The entry of all messages of the period before."""
        period = self.words.period(self.mining.previous, self.zone)
        title = self.words.say("appendix.all_before", period=period)
        return self.refs.add("before", title, self.mining.messages_before)

    def place(self, channel: str | None) -> str:
        """A channel for people; None is all of them."""
        return self.words.say("warning.everywhere") if channel is None else plain(channel)

    def kind(self, kind: str) -> str:
        """``pain`` or ``need`` for people, and how a group was found."""
        return self.words.known("kind", kind) or plain(kind)

    @property
    def is_comparable(self) -> bool:
        """Whether there are messages of the period before."""
        return self.mining.messages_before > 0


def join(pieces: Iterable[Piece]) -> Line:
    """Pieces as one line; texts that follow one another become one."""
    runs: list[Run | Spark] = []
    for piece in pieces:
        for run in (Run(piece),) if isinstance(piece, str) else piece if isinstance(piece, tuple) else (piece,):
            if isinstance(run, Run) and not run.text:
                continue
            last = runs[-1] if runs else None
            if isinstance(run, Run) and isinstance(last, Run) and run == Run(run.text) and last == Run(last.text):
                runs[-1] = Run(last.text + run.text)
            else:
                runs.append(run)
    return tuple(runs)


def _spaced(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces with a space where Han characters meet Latin letters or digits, or two words, and none where Han do."""
    before = ""
    for piece in pieces:
        words = piece if isinstance(piece, str) else text(join([piece]))
        if words and _MEETING.fullmatch(before + words[0]):
            yield " "
        elif isinstance(piece, str) and _PARTED.match(before + words):  # "1.28 万" before " 条"
            piece = piece[1:]
        yield piece
        before = words[-1:] or before


def text(line: Line) -> str:
    """The words of a line alone."""
    return "".join(run.text for run in line if isinstance(run, Run))


def finite(values: Iterable[float | None]) -> Values:
    """Values of which those that are no number are None."""
    return tuple(value if value is not None and math.isfinite(value) else None for value in values)
