"""Health: how each figure is written, whether it is good or bad, and the tables of figures and channels."""

from __future__ import annotations

from collections.abc import Iterator

from nlp_service.insight.report.content.context import Context, finite, join
from nlp_service.insight.report.document import Block, Line, Paragraph, Run, Table, Tile, Tiles
from nlp_service.insight.report.document import Figure as Drawn
from nlp_service.insight.report.drawing import Lines
from nlp_service.insight.report.language import is_number
from nlp_service.insight.report.safe import plain
from nlp_service.insight.results import Change, Figure, Health, Series

_GOOD_UP = frozenset(
    "ugc_share member_topic_share answered_share sentiment active_members returning_members satisfaction".split()
)
_GOOD_DOWN = frozenset(
    "answer_time_median_s answer_time_p90_s negative_share complaint_rate ad_rate silent_members".split()
)
_ON_TILES = "satisfaction complaint_rate ugc_share answered_share".split()
_IN_CHANNELS = "complaint_rate ugc_share ad_rate answered_share satisfaction".split()
_DRAWN = "messages complaint_rate ugc_share sentiment people negative_share".split()
_MOST_DRAWN = 4
_SAME = 0.005  # a relative change below it is none


def tiles(context: Context) -> Tiles:
    """The figures of the first page: messages, people, and the health that operators ask for."""
    mining = context.mining
    rise = (mining.messages - mining.messages_before) / mining.messages_before if mining.messages_before else None
    change = Change(mining.messages, mining.messages_before, rise, context.is_comparable)
    messages = (context.count(mining.messages, context.all_ref),)
    people = (context.count(mining.people, context.all_ref),)
    found = [
        Tile(context.words.say("column.messages"), messages, ((context.change(change, is_good_up=None),),)),
        Tile(context.words.say("column.people"), people, ()),
    ]
    overall = _overall(context)
    figures = {figure.name: figure for figure in overall.figures} if overall else {}
    for name in _ON_TILES:
        if overall and name in figures:
            figure = figures[name]
            below = (_move(context, figure), *_against(context, figure))
            value = _value(context, figure, _ref(context, overall, figure))
            found.append(Tile(_name(context, figure), (value,), below, _tone(figure)))
    return Tiles(tuple(found))


def health_table(context: Context) -> Iterator[Block]:
    """All figures of all channels together, with what they are made of."""
    overall = _overall(context)
    if overall is None or not overall.figures:
        return
    yield context.heading(2, "health")
    rows: list[tuple[Line, ...]] = []
    caveats: list[Line] = []
    for figure in overall.figures:
        ref = _ref(context, overall, figure)
        value: Line = (_value(context, figure, ref),)
        rows.append(
            (
                (Run(_name(context, figure), "strong"),),
                value,
                _made_of(context, figure, ref),
                (Run(context.words.figure(figure.name, figure.before)),),
                _move(context, figure),
                (Run(context.words.figure(figure.name, figure.benchmark)),),
                _verdict(context, figure),
            )
        )
        if figure.why:
            caveats.append((Run(f"{_name(context, figure)}{context.words.say('form.colon')}{_why(context, figure)}"),))
    head = ("figure", "value", "made_of", "before", "change", "benchmark", "verdict")
    numeric = (False, True, True, True, True, True, False)
    caption = context.words.say("head.health")
    yield Table(tuple(context.words.say(f"column.{name}") for name in head), tuple(rows), numeric, caption)
    for line in caveats:
        yield Paragraph(line, "note")


def channel_table(context: Context) -> Iterator[Block]:
    """The channels, the busiest first."""
    channels = [health for health in context.mining.health if health.channel is not None]
    if not channels:
        return
    yield context.heading(2, "channels")
    there = {figure.name for health in channels for figure in health.figures}
    shown = [name for name in _IN_CHANNELS if name in there]
    rows = []
    for health in sorted(channels, key=lambda one: (-one.messages, one.channel or "")):
        figures = {figure.name: figure for figure in health.figures}
        place = context.place(health.channel)
        ref = channel_ref(context, health)
        cells: list[Line] = [
            (Run(place, "strong"),), (context.count(health.messages, ref),), (context.count(health.people, ref),)
        ]  # fmt: skip
        for name in shown:
            figure = figures.get(name, Figure(name, None))
            cells.append((_value(context, figure, _ref(context, health, figure), with_tone=True),))
        rows.append(tuple(cells))
    head = [context.words.say(f"column.{name}") for name in ("channel", "messages", "people")]
    head += [_name(context, Figure(name, None)) for name in shown]
    numeric = (False, *(True for _ in head[1:]))
    yield Table(tuple(head), tuple(rows), numeric, context.words.say("head.channels"))


def charts(context: Context) -> Iterator[Block]:
    """Lines over the hours of a day, or the days of a longer period."""
    series = _drawn(context)
    if not series:
        return
    yield context.heading(2, "trends")
    for one in series:
        name = _series_name(context, one)
        labels = tuple(
            f"{at.hour:02d}" if one.step == "hour" else f"{at.month}/{at.day}" for at in map(context.local, one.starts)
        )
        now, before = context.words.say("chart.now"), context.words.say("chart.before")
        is_share = _is_share(one.name)
        values, old = finite(one.values), finite(one.before) if context.is_comparable else ()
        yield Drawn(Lines(name, labels, values, old, now, before, is_share), name)


def _drawn(context: Context) -> list[Series]:
    period = context.mining.period
    wanted = "hour" if (period.end - period.start).total_seconds() <= 25 * 3600 else "day"  # a day may have 25 hours
    there = {one.name: one for one in context.mining.series if one.step == wanted and len(one.values) > 1}
    known = [there[name] for name in _DRAWN if name in there]
    return [one for one in known if any(value is not None for value in finite(one.values))][:_MOST_DRAWN]


def _overall(context: Context) -> Health | None:
    return next((health for health in context.mining.health if health.channel is None), None)


def _name(context: Context, figure: Figure) -> str:
    return context.words.known("figure", figure.name) or plain(figure.name)


def _series_name(context: Context, series: Series) -> str:
    return context.words.known("series", series.name) or plain(series.name)


def _ref(context: Context, health: Health, figure: Figure) -> str:
    if not is_number(figure.value):
        return ""
    name = _name(context, figure)
    title = context.words.say("appendix.health", channel=context.place(health.channel), figure=name)
    if figure.keys or _is_share(figure.name):
        count = max(len(figure.keys), int(figure.numerator or 0) if _is_share(figure.name) else 0)
        return context.refs.add(("health", health.channel, figure.name), title, count, figure.keys)
    return channel_ref(context, health)


def channel_ref(context: Context, health: Health) -> str:
    """The entry of all messages of a channel, or of all of them together."""
    if health.channel is None:
        return context.all_ref
    title = context.words.say("appendix.channel", channel=context.place(health.channel))
    return context.refs.add(("channel", health.channel), title, health.messages)


def _is_share(name: str) -> bool:
    return name.endswith(("_share", "_rate"))


def _value(context: Context, figure: Figure, ref: str, *, with_tone: bool = False) -> Run:
    tone = _tone(figure) if with_tone else ""
    return Run(context.words.figure(figure.name, figure.value), tone, ref)


def _made_of(context: Context, figure: Figure, ref: str) -> Line:
    if figure.numerator is None or figure.denominator is None:
        return ()
    return join([context.count(figure.numerator, ref), " / ", context.count(figure.denominator)])


def _move(context: Context, figure: Figure) -> Line:
    """How it changed, with the tone of what that means."""
    if figure.value is None or figure.before is None or not is_number(figure.value) or not is_number(figure.before):
        return (Run(context.words.say("change.unknown"), "muted"),)
    step = figure.value - figure.before
    if abs(step) < _SAME * max(abs(figure.value), abs(figure.before)) or step == 0:
        return (Run(context.words.say("change.same"), "muted"),)
    is_good = step > 0 if figure.name in _GOOD_UP else step < 0 if figure.name in _GOOD_DOWN else None
    arrow = context.words.say("change.up" if step > 0 else "change.down", rise=_step(context, figure, abs(step)))
    if is_good is None:
        return (Run(arrow, "muted"),)
    word = context.words.say("verdict.better" if is_good else "verdict.worse")
    return (Run(f"{arrow} {word}", "good" if is_good else "bad"),)


def _step(context: Context, figure: Figure, step: float) -> str:
    """The size of a change in the unit of the figure; of a share in percentage points."""
    if _is_share(figure.name):
        return context.words.say("form.points", n=f"{100 * step:.1f}" if step >= 0.0005 else "<0.1")
    return context.words.figure(figure.name, step).removeprefix("+")


def _against(context: Context, figure: Figure) -> tuple[Line, ...]:
    if not is_number(figure.benchmark):
        return ()
    bound = context.words.figure(figure.name, figure.benchmark)
    return ((Run(f"{context.words.say('column.benchmark')} {bound}", "muted"),),)


def _tone(figure: Figure) -> str:
    """Whether a figure is on the good side of what it is held against; empty where that cannot be said."""
    if (
        figure.value is None
        or figure.benchmark is None
        or not is_number(figure.value)
        or not is_number(figure.benchmark)
    ):
        return ""
    if figure.name in _GOOD_UP:
        return "good" if figure.value >= figure.benchmark else "bad"
    if figure.name in _GOOD_DOWN:
        return "good" if figure.value <= figure.benchmark else "bad"
    return ""


def _verdict(context: Context, figure: Figure) -> Line:
    if not is_number(figure.value):
        return (Run(context.words.say("verdict.unsaid"), "muted"),)
    tone = _tone(figure)
    return (Run(context.words.say(f"verdict.{tone}"), tone),) if tone else ()


def _why(context: Context, figure: Figure) -> str:
    return context.words.known("why", figure.why or "") or plain(figure.why or "")
