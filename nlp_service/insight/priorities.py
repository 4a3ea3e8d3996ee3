"""What to do first: how many a thing touches, beside how urgent it is."""

from __future__ import annotations

from nlp_service.insight.results import PainPoint

WIDE = 0.1
"""Part of the active members from which something touches many."""

URGENT = 0.5
"""Urgency from which something cannot wait."""

_HALF_LIFE_DAYS = 3.0


def urgency(excess: float, grave: float, days: int) -> float:
    """``1 - (1 - excess) (1 - grave) (1 - t / 2)`` with ``t = 1 - 2 ^ (-days / 3)``, in [0, 1].

    Args:
        excess: How far the bound is passed: 1 less the smaller of bound and value over the larger one, in [0, 1].
        grave: Part of the messages behind it whose risk is high or critical.
        days: Since when, from 0 on the day that made it.
    """
    lasting = 1.0 - 2.0 ** (-max(0, days) / _HALF_LIFE_DAYS)
    left = (1.0 - _share(excess)) * (1.0 - _share(grave)) * (1.0 - 0.5 * lasting)
    return _share(1.0 - left)


def quadrant(reach: float, urgency: float) -> str:
    """Where something stands in the matrix.

    ``act`` is wide and urgent, ``watch`` urgent to few, ``plan`` wide without haste, ``note`` neither.
    """
    if urgency >= URGENT:
        return "act" if reach >= WIDE else "watch"
    return "plan" if reach >= WIDE else "note"


def prioritise(pain: PainPoint, active: int) -> tuple[float, float, str]:
    """Reach, urgency and quadrant of a pain.

    Args:
        pain: Whose people over the active ones are its reach. Its severity is how grave it is, and its rise, as a part
            of what there is now, the excess.
        active: Different people who wrote anything in the period.
    """
    change = pain.change
    excess = 1.0 - change.before / change.now if change.known and change.now > change.before else 0.0
    reach = _share(pain.people / active) if active else 0.0
    urgent = urgency(excess, pain.severity, 0)
    return reach, urgent, quadrant(reach, urgent)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
