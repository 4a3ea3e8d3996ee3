"""Hours in which a community is quiet: stricter with what disturbs, or nobody is warned until somebody is up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_N_DAYS = len(DAYS)


class QuietHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Hours of the day, which may run past midnight.

    Attributes:
        start, end: ``from`` and ``to`` in the document: local times as ``22:00``; the end is not part of it.
        days: On which they begin.
        timezone: Of these times, a name of IANA.
        stricter: Adverts, floods and links to hosts that are not allowed are removed.
        hold: Who would be warned in public is not; a person looks at it later.
    """

    start: Clock
    end: Clock
    days: tuple[Day, ...] = DAYS
    timezone: str = "Asia/Shanghai"
    stricter: bool = False
    hold: bool = False

    def __post_init__(self) -> None:
        if self.start == self.end or self.start == "24:00":
            raise ValueError("from and to must differ, and nothing begins at 24:00")
        if not (self.stricter or self.hold):
            raise ValueError("one of stricter and hold must be true")
        try:
            _zone(self.timezone)
        except (KeyError, ValueError, OSError) as error:  # how zoneinfo says that it knows no such zone
            raise ValueError("timezone is not known here") from error

    def covers(self, at: datetime) -> bool:
        """Whether these hours include a moment; `at` is aware."""
        try:
            local = at.astimezone(_zone(self.timezone))
        except OverflowError:  # within a day of the first or the last that a datetime knows
            return False
        minute = local.hour * 60 + local.minute
        start, end = _minutes(self.start), _minutes(self.end)
        today = local.weekday()
        if start < end:
            return start <= minute < end and DAYS[today] in self.days
        # Over midnight: the evening of today, or the morning after yesterday.
        return (minute >= start and DAYS[today] in self.days) or (
            minute < end and DAYS[(today - 1) % _N_DAYS] in self.days
        )


def quiet_at(hours: Iterable[QuietHours], at: datetime | None) -> tuple[bool, bool]:
    """Whether it is stricter at a moment, and whether warnings are held; `at` is aware, None for never."""
    covering = [] if at is None else [quiet for quiet in hours if quiet.covers(at)]
    return any(quiet.stricter for quiet in covering), any(quiet.hold for quiet in covering)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
