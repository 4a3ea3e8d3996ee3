"""Pains, needs, topics, keywords and groups, each with what speaks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nlp_service.insight.report.content.context import Context, Piece, join
from nlp_service.insight.report.document import Block, Bullets, Heading, Line, Paragraph, Quotes, Run, Table
from nlp_service.insight.report.safe import plain
from nlp_service.insight.results import PainPoint, Segment, TopicEvent

_MOST_SEGMENTS = 3  # of one item
_MOST_ROWS = 20  # of the table of segments
_MOST_EVENTS = 20
_EVENTS = frozenset("born merged split returned faded".split())


def items(context: Context, kind: str) -> Iterator[Block]:
    """The first pains or needs, one after the other."""
    found = [item for item in context.mining.pain_points if item.kind == kind]
    yield context.heading(2, "needs" if kind == "need" else "pains")
    if not found:
        yield Paragraph((Run(context.words.say("pain.none", kind=context.kind(kind))),), "note")
    for number, item in enumerate(found[: context.options.most_items], 1):
        yield from _item(context, number, item)
    yield from _more(context, len(found))


def segment_table(context: Context) -> Iterator[Block]:
    """Where pains and needs are said clearly more, the greatest effect first."""
    found: list[tuple[PainPoint, Segment]] = [
        (item, segment)
        for item in context.mining.pain_points
        for segment in context.segments_of(item)
        if segment.effect > 0
    ]
    if not found:
        return
    yield context.heading(2, "segments")
    found.sort(key=lambda pair: (-pair[1].effect, pair[0].id, pair[1].field, pair[1].value))
    rows = []
    for item, segment in found[:_MOST_ROWS]:
        ref = context.pain_ref(item)
        ratio = context.words.say("change.none") if segment.ratio is None else context.words.fold(segment.ratio)
        rows.append(
            (
                (Run(plain(item.name), "strong"),),
                (Run(context.where(segment)),),
                join([context.count(segment.messages, ref), " / ", context.count(segment.total)]),
                (context.share(segment.share_in, ref),),
                (context.share(segment.share_out),),
                (Run(ratio, ref=ref),),
                (Run(f"{segment.effect:.2f}"),),
                (Run("<0.001" if segment.q_value < 0.001 else f"{segment.q_value:.3f}"),),
            )
        )
    head = ("item", "segment", "messages", "inside", "outside", "ratio", "effect", "q")
    names = tuple(context.words.say(f"column.{name}") for name in head)
    yield Table(names, tuple(rows), (False, False, *[True] * 6), context.words.say("head.segments"))


def topics(context: Context) -> Iterator[Block]:
    """What is talked about, and what became of it."""
    mining = context.mining
    if not mining.topics and not mining.topic_events:
        return
    yield context.heading(2, "topics")
    rows = []
    for topic in mining.topics[: context.options.most_items]:
        ref = context.topic_ref(topic)
        terms = context.words.say("form.join").join(plain(term) for term in topic.terms[:5])
        rows.append(
            (
                join([Run(plain(topic.name), "strong"), Run(f" {terms}", "muted")]),
                (context.count(topic.people, ref),),
                (context.count(topic.messages, ref),),
                (context.share(topic.share, ref),),
                (context.change(topic.change, ref, is_good_up=None),),
                (context.spark(topic.trend),),
                (Run(context.words.day(context.local(topic.first_at))),),
            )
        )
    head = ("topic", "people", "messages", "share", "change", "trend", "since")
    if rows:
        names = tuple(context.words.say(f"column.{name}") for name in head)
        numeric = (False, True, True, True, True, False, True)
        yield Table(names, tuple(rows), numeric, context.words.say("head.topics"))
    yield from _more(context, len(mining.topics))
    if mining.topic_events:
        yield context.heading(3, "events")
        yield Bullets(tuple(_event(context, event) for event in mining.topic_events[:_MOST_EVENTS]))
        yield from _more(context, len(mining.topic_events), _MOST_EVENTS)


def keywords(context: Context) -> Iterator[Block]:
    """Words that are said more, or less, than before."""
    found = context.mining.keywords
    if not found:
        return
    yield context.heading(2, "keywords")
    rows = []
    for keyword in found[: 2 * context.options.most_items]:
        ref = context.keyword_ref(keyword)
        rows.append(
            (
                (Run(plain(keyword.term), "strong"),),
                (context.count(keyword.people, ref),),
                (context.count(keyword.messages, ref),),
                (context.count(keyword.change.before) if keyword.change.known else Run("—"),),
                (context.change(keyword.change, ref, is_good_up=None),),
            )
        )
    head = ("word", "people", "messages", "before", "change")
    names = tuple(context.words.say(f"column.{name}") for name in head)
    yield Table(names, tuple(rows), (False, True, True, True, True), context.words.say("head.keywords"))
    yield from _more(context, len(found), 2 * context.options.most_items)


def groups(context: Context) -> Iterator[Block]:
    """Members who are alike by what they say."""
    found = context.mining.groups
    if not found:
        return
    yield context.heading(2, "groups")
    rows = []
    for group in found[: context.options.most_items]:
        title = context.words.say("appendix.group", name=plain(group.name))
        ref = context.refs.add(("group", group.source, group.name), title, group.messages, group.keys, group.quotes)
        rows.append(
            (
                (Run(plain(group.name), "strong"),),
                (context.count(len(group.authors), ref),),
                (context.count(group.messages, ref),),
                (Run(context.words.say("form.join").join(plain(term) for term in group.terms[:6])),),
                (Run(context.kind(group.source)),),
            )
        )
    head = ("group", "people", "messages", "terms", "source")
    names = tuple(context.words.say(f"column.{name}") for name in head)
    yield Table(names, tuple(rows), (False, True, True, False, False), context.words.say("head.groups"))
    yield from _more(context, len(found))


def _item(context: Context, number: int, item: PainPoint) -> Iterator[Block]:
    ref, words = context.pain_ref(item), context.words
    prefix = "need" if item.kind == "need" else "pain"
    yield Heading(3, (Run(f"{number}. {plain(item.name)}"),), f"{prefix}-{number}")
    facts = context.line(
        "pain.facts",
        people=context.count(item.people, ref),
        messages=context.count(item.messages, ref),
        share=context.share(item.share, ref),
        change=context.item_change(item, ref),
        severity=f"{item.severity:.2f}",
    )
    parts: list[Piece] = [facts]
    if item.sentiment is not None:
        parts.append(" · " + words.say("pain.sentiment", value=f"{item.sentiment:+.2f}"))
    if item.kind != "need":
        parts.append(" · " + words.say("pain.category", category=context.category(item.category)))
    yield Paragraph(join([*parts, " ", context.spark(item.trend)]))
    said = [_terms(context, item.terms), _segments(context, item, ref)]
    if line := join([piece for one in said if one for piece in (*one, "　")][:-1]):
        yield Paragraph(line, "note")
    if item.quotes:
        yield Quotes(tuple(context.refs.quoted(quote) for quote in item.quotes))
    else:
        yield Paragraph((Run(words.say("pain.no_quotes")),), "note")


def _terms(context: Context, terms: Sequence[str]) -> Line:
    if not terms:
        return ()
    joined = context.words.say("form.join").join(plain(term) for term in terms[:8])
    return context.line("pain.terms", terms=joined)


def _segments(context: Context, item: PainPoint, ref: str) -> Line:
    found = [segment for segment in context.segments_of(item) if segment.effect > 0][:_MOST_SEGMENTS]
    if not found:
        return ()
    parts: list[Piece] = []
    for segment in found:
        parts += [context.words.say("form.join"), context.segment(segment, ref)]
    return context.line("pain.segments", segments=join(parts[1:]))


def _event(context: Context, event: TopicEvent) -> Line:
    key = event.kind if event.kind in _EVENTS else "other"
    day = context.words.day(context.local(event.at))
    told = context.line(
        f"event.{key}",
        topic=_topic(context, event.topic_id),
        other=_topic(context, event.other or ""),
        kind=plain(event.kind),
    )
    return join([Run(f"{day}  ", "muted"), told])


def _topic(context: Context, id: str) -> Run:
    """A topic by its name, which leads to its messages; by its id where it is not among those of the period."""
    topic = next((one for one in context.mining.topics if one.id == id), None)
    if topic is None:
        return Run(context.words.within(plain(id)))
    return Run(context.words.within(plain(topic.name)), ref=context.topic_ref(topic))


def _more(context: Context, n: int, shown: int | None = None) -> Iterator[Block]:
    left = n - (shown or context.options.most_items)
    if left > 0:
        yield Paragraph((Run(context.words.say("pain.more", n=context.words.exact(left))),), "note")
