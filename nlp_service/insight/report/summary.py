"""A summary worded by a language model, of which only checked sentences are kept.

The model is reached through `Summarise`, which whoever wires the service provides; this room knows no network. If no
sentence passes, there is no such summary, and the report has its own sentences, which are always there.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeAlias

from nlp_service.errors import BadInput, ServiceError
from nlp_service.insight.report.checking import Fact, Value, is_held, sentences
from nlp_service.insight.report.content.context import Context, text
from nlp_service.insight.report.content.opening import sentences as own_sentences
from nlp_service.insight.report.content.warned import ranked, warning_sentence
from nlp_service.insight.report.language import is_number
from nlp_service.insight.report.options import ReportOptions
from nlp_service.insight.report.safe import plain
from nlp_service.insight.results import Change, Figure, Health, Mining, PainPoint

log = logging.getLogger(__name__)

Summarise: TypeAlias = Callable[[str], str]
"""Answers a prompt with a text. What fails, such as a network, is raised as a `ServiceError`."""

MOST_SENTENCES = 5
_MOST_ITEMS = 10
_MOST_DAYS = 31


def summarise(mining: Mining, options: ReportOptions, ask: Summarise) -> tuple[str, ...]:
    """Sentences of a model that say only numbers of the data; empty where it failed or none passed.

    Raises:
        BadInput: Zone, language or base URL cannot be used, or `ask` says that its settings cannot.
    """
    if not mining.messages:
        return ()
    context = Context(mining, options)
    known = facts(context)
    try:
        said = ask(prompt(context, known))
    except BadInput:
        raise  # a setting, which does not get better
    except ServiceError as error:
        log.warning("no summary for the report: %s", error.code)
        return ()
    found = sentences(said)
    held = [sentence for sentence in found if is_held(sentence, known)]
    if len(held) < len(found):
        log.info("%d of %d sentences of a summary were left out", len(found) - len(held), len(found))
    return tuple(held[:MOST_SENTENCES])


def prompt(context: Context, known: tuple[Fact, ...]) -> str:
    """What the model is asked: the figures, and to say nothing else."""
    own = [text(line) for line in own_sentences(context)]
    return "\n".join([context.words.say("ask.task", n=MOST_SENTENCES), *(f"- {fact.words}" for fact in known), *own])


def facts(context: Context) -> tuple[Fact, ...]:
    """The figures, each with its numbers; what is named by users has gone through `safe.plain`."""
    mining = context.mining
    found = [_whole(context), *_days(context)]
    found += [_pain(context, rank, item) for rank, item in enumerate(mining.pain_points[:_MOST_ITEMS], 1)]
    found += [_health(context, health, figure) for health in mining.health for figure in health.figures]
    found += _warnings(context)
    for topic in mining.topics[:_MOST_ITEMS]:
        found.append(_counted(context, topic.name, topic.messages, topic.people, topic.share, topic.change))
    for word in mining.keywords[:_MOST_ITEMS]:
        found.append(_counted(context, word.term, word.messages, word.people, None, word.change))
    return tuple(found)


def _whole(context: Context) -> Fact:
    mining = context.mining
    rise = (mining.messages - mining.messages_before) / mining.messages_before if mining.messages_before else None
    change = Change(mining.messages, mining.messages_before, rise, rise is not None)
    values = [Value("people", mining.people), Value("count", len(mining.warnings)), *_changes(change)]
    start, end = context.local(mining.period.start), context.local(mining.period.end - timedelta(microseconds=1))
    for day in (start, end):
        values += [Value("year", day.year), Value("month", day.month), Value("monthday", day.day)]
    values.append(Value("days", (mining.period.end - mining.period.start).days))
    words = context.words.say(
        "ask.whole",
        period=context.words.period(mining.period, context.zone, with_weekday=False),
        messages=mining.messages,
        people=mining.people,
        before=mining.messages_before if mining.messages_before else context.words.say("change.unknown"),
        change=context.words.change(change),
        warnings=len(mining.warnings),
    )
    return Fact((), words, tuple(values))


def _days(context: Context) -> Iterator[Fact]:
    """The messages of each day, named by the day."""
    series = next((one for one in context.mining.series if (one.name, one.step) == ("messages", "day")), None)
    if series is None:
        return
    for at, value in list(zip(map(context.local, series.starts), series.values, strict=True))[:_MOST_DAYS]:
        if value is not None and math.isfinite(value):
            day = context.words.day(at)
            when = (Value("month", at.month), Value("monthday", at.day), Value("weekday", at.isoweekday()))
            words = context.words.say("ask.day", day=day, messages=f"{value:.0f}")
            yield Fact((day,), words, (Value("messages", value), *when))


def _pain(context: Context, rank: int, item: PainPoint) -> Fact:
    fact = _counted(context, item.name, item.messages, item.people, item.share, item.change)
    words = [context.words.say("ask.rank", n=rank, kind=context.kind(item.kind)), fact.words]
    values = [*fact.values, Value("rank", rank)]
    for segment in context.segments_of(item)[:3]:
        if segment.ratio is not None:
            words.append(text(context.segment(segment, "")))
            values += [Value("fold", segment.ratio), Value("messages", segment.messages)]
    return Fact(fact.names, context.words.say("form.semicolon").join(words), tuple(values))


def _counted(context: Context, name: str, messages: int, people: int, share: float | None, change: Change) -> Fact:
    name = plain(name)
    goes = _sign(change.now - change.before) if change.known else 0
    values = [Value("people", people, goes), Value("messages", messages, goes), *_changes(change)]
    if share is not None:
        values.append(Value("percent", 100 * share))
    words = context.words.say(
        "ask.item",
        name=context.words.within(name),
        people=people,
        messages=messages,
        share=context.words.say("change.none") if share is None else context.words.share(share),
        change=context.words.change(change),
        before=change.before if change.known else context.words.say("change.unknown"),
    )
    return Fact((name,), words, tuple(values))


def _changes(change: Change) -> list[Value]:
    """What a change says: now and before, the difference, and by how much or how many times."""
    if not change.known:
        return [Value("messages", change.now)]
    step = change.now - change.before
    goes = _sign(step)
    values = [Value("messages", change.now, goes), Value("messages", change.before), Value("messages", abs(step), goes)]
    if change.rise is not None:
        values += [Value("percent", 100 * change.rise, goes), Value("more", change.rise, goes)]
        values.append(Value("fold", 1 + change.rise))
    return values


def _sign(step: float) -> int:
    return (step > 0) - (step < 0)


def _health(context: Context, health: Health, figure: Figure) -> Fact:
    name = context.words.known("figure", figure.name) or plain(figure.name)
    place = context.place(health.channel)
    numbers = (figure.value, figure.before, figure.benchmark)
    is_known = is_number(figure.value) and is_number(figure.before)
    step = (figure.value or 0.0) - (figure.before or 0.0) if is_known else 0.0
    values: list[Value] = []
    for at, number in enumerate(numbers):
        values += _figure_values(figure.name, number, 0 if at else _sign(step))
    if is_known and figure.name.endswith(("_share", "_rate")):
        values.append(Value("point", 100 * abs(step), _sign(step)))
    said = [context.words.figure(figure.name, number) for number in numbers]
    words = context.words.say("ask.figure", place=place, name=name, value=said[0], before=said[1], benchmark=said[2])
    return Fact((name,) if health.channel is None else (place,), words, tuple(values))


def _figure_values(name: str, number: float | None, goes: int = 0) -> list[Value]:
    if number is None or not math.isfinite(number):
        return []
    if name.endswith(("_share", "_rate")):
        return [Value("percent", 100 * number, goes)]
    return [Value("minutes", number / 60, goes)] if name.endswith("_s") else [Value("score", number, goes)]


def _warnings(context: Context) -> Iterator[Fact]:
    for warning in ranked(context):
        name = context.words.known("figure", warning.kind) or plain(warning.kind)
        place = context.place(warning.channel)
        values = [
            Value("days", warning.days),
            Value("messages", len(warning.keys)),
            Value("percent", 100 * warning.reach),
        ]
        for number in (warning.value, warning.bound):
            values += _figure_values(warning.kind, number)
        words = text(warning_sentence(context, warning))
        yield Fact((name,) if warning.channel is None else (place,), words, tuple(values))
