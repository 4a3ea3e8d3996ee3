"""The first page: what happened in three sentences, the figures, the warnings, and the first ten pains and needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nlp_service.insight.report.content.context import Context, Piece, join
from nlp_service.insight.report.content.measures import tiles
from nlp_service.insight.report.content.warned import ranked, warning_blocks, warning_sentence
from nlp_service.insight.report.document import Block, Break, Bullets, Heading, Line, Paragraph, Run, Table
from nlp_service.insight.report.language import is_number
from nlp_service.insight.report.safe import plain
from nlp_service.insight.results import PainPoint

_MOST_HOURS = 25  # of what is called a daily report: so many has the longest day


def title(context: Context) -> str:
    """What the report is called."""
    period, is_daily = context.mining.period, context.options.is_daily
    days = (period.end - period.start).total_seconds() / 86_400
    if is_daily or (is_daily is None and days <= _MOST_HOURS / 24):
        return context.words.say("title.daily")
    return context.words.say("title.weekly" if 6.9 <= days <= 7.1 else "title.other")


def opening(context: Context, phrased: Sequence[str] = ()) -> Iterator[Block]:
    """The first page; `phrased` are checked sentences of a language model, which stand before our own."""
    words, mining = context.words, context.mining
    yield Heading(1, (Run(title(context)),), "report")
    period = words.period(mining.period, context.zone)
    yield Paragraph((Run(words.say("head.subtitle", period=period, zone=mining.period.zone)),), "note")
    compared = words.say("head.compared", period=words.period(mining.previous, context.zone))
    yield Paragraph((Run(compared if context.is_comparable else words.say("head.compared_nothing")),), "note")
    yield context.heading(2, "main")
    if phrased:
        yield Paragraph((Run("".join(phrased)),), "lead")
        yield Paragraph((Run(words.say("say.phrased")),), "note")
    yield Bullets(sentences(context))
    if not mining.messages:
        return
    yield context.heading(2, "figures")
    yield tiles(context)
    yield from warning_blocks(context)
    yield from _top(context)
    yield Break()


def sentences(context: Context) -> tuple[Line, ...]:
    """What happened, in at most three sentences that hold nothing but figures."""
    mining = context.mining
    period = context.words.period(mining.period, context.zone, with_weekday=False)
    if not mining.messages:
        return (context.line("say.nothing", period=period),)
    volume = (context.line("say.one", period=period),) if mining.messages == 1 else (_volume(context, period),)
    return (*volume, _loudest(context), _warned(context))


def _volume(context: Context, period: str) -> Line:
    mining = context.mining
    head = context.line(
        "say.volume",
        period=period,
        messages=context.count(mining.messages, context.all_ref),
        people=context.count(mining.people, context.all_ref),
    )
    if not mining.messages_before:
        return join([head, context.words.say("say.volume_alone"), context.words.say("form.stop")])
    rise = (mining.messages - mining.messages_before) / mining.messages_before
    return join([head, _rise(context, "say.volume", rise, context.before_ref), context.words.say("form.stop")])


def _rise(context: Context, key: str, rise: float, ref: str) -> Line:
    """Of how much more or less, as part of a sentence."""
    if context.words.arrow(rise) == context.words.say("change.same"):
        return context.line(f"{key}_same") if key == "say.volume" else ()
    return context.line(f"{key}_{'up' if rise > 0 else 'down'}", rise=Run(context.words.rise(rise), ref=ref))


def _loudest(context: Context) -> Line:
    """The pain that is ranked first; the need where there is no pain."""
    items = sorted(context.mining.pain_points, key=lambda item: item.kind != "pain")
    stop = context.words.say("form.stop")
    if not items:
        return join([context.words.say("say.no_pain"), stop])
    item = items[0]
    ref = context.pain_ref(item)
    parts: list[Piece] = [
        context.line(
            f"say.top_{'need' if item.kind == 'need' else 'pain'}",
            name=Run(context.words.within(plain(item.name)), "strong"),
            people=context.count(item.people, ref),
            messages=context.count(item.messages, ref),
            share=context.share(item.share, ref),
        )
    ]
    if item.change.known:
        parts.append(
            context.words.say("say.pain_new")
            if item.change.rise is None
            else _rise(context, "say.pain", item.change.rise, ref)
        )
    segment = next((one for one in context.segments_of(item) if one.ratio is not None and one.effect > 0), None)
    if segment is not None and segment.ratio is not None:
        ratio = Run(context.words.fold(segment.ratio), ref=ref)
        parts.append(context.line("say.pain_where", where=context.where(segment), ratio=ratio))
    return join([*parts, stop])


def _warned(context: Context) -> Line:
    warnings, stop = ranked(context), context.words.say("form.stop")
    if warnings:
        first = warning_sentence(context, warnings[0])
        return join([context.line("say.warned", n=str(len(warnings)), warning=first), stop])
    unsaid = any(not is_number(figure.value) for health in context.mining.health for figure in health.figures)
    health = context.words.within(context.words.say("head.health"))
    return join([context.line("say.not_warned_why", health=health) if unsaid else context.line("say.not_warned"), stop])


def _top(context: Context) -> Iterator[Block]:
    items = context.mining.pain_points[: context.options.most_items]
    if not items:
        return
    yield context.heading(2, "top")
    head = ("rank", "item", "kind", "people", "messages", "share", "change", "trend", "segment")
    rows = tuple(_row(context, number, item) for number, item in enumerate(items, 1))
    numeric = (True, False, False, True, True, True, True, False, False)
    names = tuple(context.words.say(f"column.{name}") for name in head)
    yield Table(names, rows, numeric, context.words.say("head.top"))


def _row(context: Context, number: int, item: PainPoint) -> tuple[Line, ...]:
    ref = context.pain_ref(item)
    segments = [one for one in context.segments_of(item) if one.effect > 0][:1]
    return (
        (Run(str(number)),),
        (Run(plain(item.name), "strong"),),
        (Run(context.kind(item.kind), "tag"),),
        (context.count(item.people, ref),),
        (context.count(item.messages, ref),),
        (context.share(item.share, ref),),
        (context.item_change(item, ref),),
        (context.spark(item.trend),),
        join([context.segment(one, ref) for one in segments]),
    )
