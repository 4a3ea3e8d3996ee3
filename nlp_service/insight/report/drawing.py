"""What drawings show, apart from how: the values of lines and the places of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Values: TypeAlias = tuple[float | None, ...]

_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Lines:
    """A measure over time, with that of the period before in grey.

    Attributes:
        name: What is measured.
        labels: Of the values, for the axis.
        values, before: One a label; None where it cannot be said. `before` may be empty.
        now_name, before_name: Of the two lines.
        is_share: Whether values are shares, written as percentages.
    """

    name: str
    labels: tuple[str, ...]
    values: Values
    before: Values
    now_name: str
    before_name: str
    is_share: bool


@dataclass(frozen=True, slots=True)
class Point:
    """Something in the matrix: how many it touches and how urgent it is, both 0 to 1; `label` is that in its list."""

    label: str
    reach: float
    urgency: float
    quadrant: str
    ref: str
    is_warning: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """Reach against urgency.

    Attributes:
        points: Warnings, and pains and needs.
        wide, urgent: Where the matrix is cut: the reach and the urgency from which quadrants change.
        reach, urgency: Names of the axes.
        quadrants: Code and name of each: ``act``, ``plan``, ``watch``, ``note``.
    """

    points: tuple[Point, ...]
    wide: float
    urgent: float
    reach: str
    urgency: str
    quadrants: tuple[tuple[str, str], ...]


Drawing: TypeAlias = Lines | Matrix


def spark_text(values: Values) -> str:
    """Values as eight heights of block characters, from 0 to the greatest; a dot where there is none."""
    top = max((value for value in values if value is not None), default=0.0)
    return "".join(
        "·" if value is None else _BLOCKS[min(7, int(8 * value / top)) if top > 0 else 0] for value in values
    )
