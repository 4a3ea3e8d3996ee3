"""Drawings as SVG within HTML: geometry alone, colours come from the style sheet, so that dark and light both fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from nlp_service.insight.report.document import Spark
from nlp_service.insight.report.drawing import Lines, Matrix
from nlp_service.insight.report.safe import html

_WIDTH, _HEIGHT = 460, 150  # of a chart, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 22  # room for the axes
_SPARK_WIDTH, _SPARK_HEIGHT = 72, 18
_SIDE, _EDGE, _ROOF = 210, 26, 18  # of the matrix, and room for an axis and for names
_RADIUS = 9.0
_MOST_LABELS = 8
# Steps from a place, the shortest first, that reach all over a quadrant.
_AROUND = sorted(
    ((4.0 * dx, 4.0 * dy) for dx in range(-26, 27) for dy in range(-26, 27)),
    key=lambda step: (step[0] ** 2 + step[1] ** 2, step),
)

CORNERS = {"act": (1, 1), "plan": (1, 0), "watch": (0, 1), "note": (0, 0)}
"""Of the matrix: reach and urgency of each quadrant, 1 for high."""


def lines(chart: Lines) -> str:
    """A chart of lines; a value that is not known leaves a gap."""
    step = _step([*chart.values, *chart.before])
    known = [value for value in (*chart.values, *chart.before) if value is not None]
    low = min(0.0, step * math.floor(min(known) / step)) if known else 0.0
    high = max(step, step * math.ceil(max(known) / step)) if known else step
    n = max(len(chart.labels), 2)

    def place(at: int, value: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * at / (n - 1)
        return x, _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [*_grid(low, high, step, chart, place(0, 0)[0]), *_labels(chart.labels, lambda at: place(at, low)[0])]
    for name, values in (("before", chart.before), ("now", chart.values)):
        placed = [None if value is None else place(at, value) for at, value in enumerate(values[:n])]
        parts += [f'<polyline class="{name}" points="{_points(part)}"/>' for part in _unbroken(placed)]
    for at, value in enumerate(chart.values):
        if value is not None:
            x, y = place(at, value)
            said = html(f"{chart.labels[at]} · {written(value, is_share=chart.is_share)}")
            parts.append(f'<circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="2.6"><title>{said}</title></circle>')
    said = html(chart.name)
    box = f"0 0 {_WIDTH} {_HEIGHT}"
    return f'<svg class="lines" viewBox="{box}" role="img" aria-label="{said}">{"".join(parts)}</svg>'


def matrix(chart: Matrix) -> str:
    """Reach to the right, urgency upwards, one numbered point a warning."""
    half, parts = _SIDE / 2, []
    for code, name in chart.quadrants:
        right, up = CORNERS[code]
        x, y = _EDGE + right * half, _ROOF + (1 - up) * half
        parts.append(f'<rect class="{code}" x="{x:.1f}" y="{y:.1f}" width="{half:.1f}" height="{half:.1f}"/>')
        parts.append(f'<text class="name" x="{x + 3:.1f}" y="{y - 5 if up else y + half + 13:.1f}">{html(name)}</text>')
    bottom = _ROOF + _SIDE + 30
    middle = _EDGE + half
    parts.append(f'<text class="axis" x="{middle:.1f}" y="{bottom}" text-anchor="middle">{html(chart.reach)} →</text>')
    turned = f'transform="translate(16 {_ROOF + half:.1f}) rotate(-90)"'
    parts.append(f'<text class="axis" {turned} text-anchor="middle">{html(chart.urgency)} →</text>')
    for point, (x, y) in zip(chart.points, _spread(chart), strict=True):
        kind = f"dot {_code(point.quadrant)}" if point.is_warning else "item"
        dot = f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}"/>'
        number = f'<text class="{kind}" x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle">{html(point.label)}</text>'
        parts.append(f'<a href="#{point.ref}">{dot}{number}</a>')
    box = f"0 0 {_SIDE + _EDGE + 4} {bottom + 6}"
    said = html(f"{chart.reach} × {chart.urgency}")
    return f'<svg class="matrix" viewBox="{box}" role="img" aria-label="{said}">{"".join(parts)}</svg>'


def spark(line: Spark) -> str:
    """A small line from 0 to the greatest value, with its last value as a dot."""
    top = max((value for value in line.values if value is not None), default=0.0) or 1.0
    n = max(len(line.values) - 1, 1)
    placed = [
        None
        if value is None
        else (2 + (_SPARK_WIDTH - 4) * at / n, 2 + (_SPARK_HEIGHT - 4) * (1 - max(value, 0.0) / top))
        for at, value in enumerate(line.values)
    ]
    parts = [f'<polyline class="now" points="{_points(part)}"/>' for part in _unbroken(placed)]
    if placed and placed[-1] is not None:
        x, y = placed[-1]
        parts.append(f'<circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="1.8"/>')
    box = f"0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}"
    words = html(line.words)
    head = f'<svg class="spark" viewBox="{box}" role="img" aria-label="{words}"><title>{words}</title>'
    return f"{head}{''.join(parts)}</svg>"


def written(value: float, *, is_share: bool) -> str:
    """A value at an axis."""
    if is_share:
        return f"{100 * value:.3g}%"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _grid(low: float, high: float, step: float, chart: Lines, x: float) -> Iterator[str]:
    n = round((high - low) / step)
    for i in range(n + 1):
        value = low + i * step
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)
        yield f'<line class="grid" x1="{x:.1f}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        label = html(written(round(value, 10), is_share=chart.is_share))
        yield f'<text class="axis" x="{x - 6:.1f}" y="{y + 3.5:.1f}" text-anchor="end">{label}</text>'


def _labels(labels: Sequence[str], place: Callable[[int], float]) -> Iterator[str]:
    every = max(1, math.ceil(len(labels) / _MOST_LABELS))
    for at in range(0, len(labels), every):
        anchor = "end" if at == len(labels) - 1 and at else "middle"
        x = place(at) + (4 if anchor == "end" else 0)
        yield f'<text class="axis" x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{html(labels[at])}</text>'


def _step(values: Sequence[float | None]) -> float:
    """A round distance of the lines of the grid, of which there are then two to five."""
    known = [value for value in values if value is not None]
    reach = max([*known, 0.0]) - min([*known, 0.0])
    if reach <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(reach / 3))
    return next(size * factor for factor in (1, 2, 5, 10) if reach / (size * factor) <= 4)


def _unbroken(placed: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    part: list[tuple[float, float]] = []
    for point in [*placed, None]:
        if point is not None:
            part.append(point)
        elif part:
            yield part
            part = []


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _code(quadrant: str) -> str:
    return quadrant if quadrant in CORNERS else "note"


def _spread(chart: Matrix) -> list[tuple[float, float]]:
    """Where the points are drawn: at the nearest free place within their quadrant, if there is one."""
    placed: list[tuple[float, float]] = []
    for point in chart.points:
        x = _EDGE + _SIDE * _halved(point.reach, chart.wide)
        y = _ROOF + _SIDE * (1 - _halved(point.urgency, chart.urgent))
        right, up = CORNERS[_code(point.quadrant)]
        left, top = _EDGE + right * _SIDE / 2, _ROOF + (1 - up) * _SIDE / 2
        free = (
            (a, b)
            for a, b in (_within(x + dx, y + dy, left, top) for dx, dy in _AROUND)
            if all((a - c) ** 2 + (b - d) ** 2 >= (2 * _RADIUS) ** 2 for c, d in placed)
        )
        placed.append(next(free, _within(x, y, left, top)))
    return placed


def _within(x: float, y: float, left: float, top: float) -> tuple[float, float]:
    """The place in the quadrant that is nearest."""
    far = _SIDE / 2 - _RADIUS
    return min(max(x, left + _RADIUS), left + far), min(max(y, top + _RADIUS), top + far)


def _halved(value: float, middle: float) -> float:
    """A share as a part of an axis on which `middle` is in the middle."""
    value = min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0
    return 0.5 * value / middle if value < middle else 0.5 + 0.5 * (value - middle) / (1 - middle)
