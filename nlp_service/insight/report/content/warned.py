"""Early warnings: in the order in which they need somebody, as sentences, and in the priority matrix."""

from __future__ import annotations

from collections.abc import Iterator

from nlp_service.insight.priorities import URGENT, WIDE, prioritise
from nlp_service.insight.report.content.context import Context
from nlp_service.insight.report.document import Beside, Block, Figure, Line, Paragraph, Run, Table
from nlp_service.insight.report.drawing import Matrix, Point
from nlp_service.insight.report.safe import plain
from nlp_service.insight.results import Warning

QUADRANTS = ("act", "plan", "watch", "note")
"""From what must be done first to what can wait."""

_KINDS = frozenset({"complaint_rate", "ugc_share", "satisfaction"})
_TONES = {"act": "bad", "plan": "warn", "watch": "warn"}


def ranked(context: Context) -> tuple[Warning, ...]:
    """Warnings, what must be done first at the top."""

    def key(warning: Warning) -> tuple[object, ...]:
        place = QUADRANTS.index(warning.quadrant) if warning.quadrant in QUADRANTS else len(QUADRANTS)
        return place, -warning.urgency, -warning.reach, warning.kind, warning.channel or ""

    return tuple(sorted(context.mining.warnings, key=key))


def warning_ref(context: Context, warning: Warning) -> str:
    """The entry of a warning."""
    name = context.words.known("figure", warning.kind) or plain(warning.kind)
    title = context.words.say("appendix.warning", name=f"{context.place(warning.channel)} · {name}")
    return context.refs.add(
        ("warning", warning.kind, warning.channel, warning.at), title, len(warning.keys), warning.keys
    )


def warning_sentence(context: Context, warning: Warning) -> Line:
    """What a warning says."""
    ref = warning_ref(context, warning)
    return context.line(
        f"warning.{warning.kind if warning.kind in _KINDS else 'other'}",
        place=context.place(warning.channel),
        kind=plain(warning.kind),
        value=Run(_written(context, warning, warning.value), ref=ref),
        bound=_written(context, warning, warning.bound),
        days=context.words.say("warning.days", n=warning.days),
    )


def warning_blocks(context: Context) -> Iterator[Block]:
    """The warnings beside the matrix, in which pains and needs stand too; without either, a sentence."""
    yield context.heading(2, "warnings")
    warnings = ranked(context)
    points = [*_warned(context, warnings), *_suffered(context)]
    listed: Table | Paragraph = Paragraph((Run(context.words.say("warning.none")),))
    if warnings:
        rows = tuple(_row(context, label, warning) for label, warning in zip(_labels(), warnings, strict=False))
        head = tuple(context.words.say(f"column.{name}") for name in ("rank", "quadrant", "warning", "reach"))
        listed = Table(head, rows, (True, False, False, False), context.words.say("head.warnings"))
    if not points:
        yield listed
        return
    names = tuple((code, context.words.say(f"quadrant.{code}")) for code in QUADRANTS)
    reach, urgency = context.words.say("axis.reach"), context.words.say("axis.urgency")
    matrix = Matrix(tuple(points), WIDE, URGENT, reach, urgency, names)
    yield Beside(listed, Figure(matrix, context.words.say("head.matrix")))


def _row(context: Context, label: str, warning: Warning) -> tuple[Line, ...]:
    ref = warning_ref(context, warning)
    quadrant = context.words.known("quadrant", warning.quadrant) or plain(warning.quadrant)
    facts = context.line(
        "warning.facts",
        reach=context.share(warning.reach, ref),
        urgency=f"{warning.urgency:.2f}",
        messages=context.count(len(warning.keys), ref),
    )
    tone = _TONES.get(warning.quadrant, "muted")
    return (Run(label),), (Run(quadrant, tone),), warning_sentence(context, warning), facts


def _warned(context: Context, warnings: tuple[Warning, ...]) -> Iterator[Point]:
    for label, warning in zip(_labels(), warnings, strict=False):
        ref = warning_ref(context, warning)
        yield Point(label, warning.reach, warning.urgency, warning.quadrant, ref, True)


def _suffered(context: Context) -> Iterator[Point]:
    """The pains and needs of the first page, under the numbers that they have there."""
    figures = [figure for health in context.mining.health if health.channel is None for figure in health.figures]
    active = next((figure.value for figure in figures if figure.name == "active_members"), None)
    for number, item in enumerate(context.mining.pain_points[: context.options.most_items], 1):
        reach, urgency, quadrant = prioritise(item, int(active or context.mining.people))
        yield Point(str(number), reach, urgency, quadrant, context.pain_ref(item), False)


def _labels() -> Iterator[str]:
    """A to Z, then AA, AB and so on."""
    letters = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    yield from letters
    yield from (first + second for first in letters for second in letters)


def _written(context: Context, warning: Warning, value: float) -> str:
    return f"{value:.1f}" if warning.kind == "satisfaction" else context.words.share(value)
