"""The words of a report in one language, and how it writes numbers, changes, days and times."""

from __future__ import annotations

import math
import tomllib
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from typing import Any

from nlp_service.errors import BadInput
from nlp_service.insight.results import Change, Period

LANGUAGES = ("zh", "en")

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_LARGE, _HUGE = 10_000, 100_000_000
_SAME = 0.005  # a rise below half a percent is written as none
_MOST_RISE = 9.995  # above it a percentage is hard to read, so the fold is given

SIGNIFICANT = 0.05
"""A change with a greater p value is shown as one that may be chance."""


class Language:
    """Writes in one language; `say` takes the words from its table."""

    def __init__(self, code: str) -> None:
        """Read the table.

        Raises:
            BadInput: There is no such language.
        """
        if code not in LANGUAGES:
            raise BadInput(f"language must be one of {', '.join(LANGUAGES)}", param="language")
        self.code = code
        self.table = _table(code)

    def say(self, key: str, **fields: object) -> str:
        """The wording of ``section.name`` with its fields filled in.

        Raises:
            KeyError: There is no such wording.
        """
        section, name = key.split(".")
        return str(self.table[section][name]).format(**fields)

    def known(self, section: str, name: str) -> str | None:
        """The wording of a name that comes from data; None where the table has none."""
        found = self.table[section].get(name)
        return None if found is None else str(found)

    def count(self, n: float) -> str:
        """A count: "9,999", from 10,000 on in Chinese "1.2 万"; what is no whole number with one decimal."""
        if self.code == "zh" and abs(n) >= _LARGE:
            unit, key = (_HUGE, "form.huge") if abs(n) >= _HUGE else (_LARGE, "form.large")
            return self.say(key, n=_trimmed(n / unit))
        return self.exact(n)

    def exact(self, n: float) -> str:
        """A count with all its digits."""
        return f"{int(n):,}" if n == int(n) else f"{n:,.1f}"

    def share(self, share: float) -> str:
        """A share in [0, 1] as a percentage with one decimal; what is more than none is never written as 0."""
        if 0 < abs(share) < 0.0005:  # 0.05 % would be written as 0.1 or 0.0
            return "<0.1%" if share > 0 else ">-0.1%"
        return f"{100 * share:.1f}%"

    def fold(self, ratio: float) -> str:
        """How many times as often, with one decimal."""
        return self.say("form.fold", n=f"{ratio:,.1f}")

    def rise(self, rise: float) -> str:
        """The size of a change, without its sign: "12%", and "15 倍" where it is tenfold or more."""
        size = abs(rise)
        return self.fold(1 + size) if size > _MOST_RISE else f"{100 * size:.{0 if size >= 0.0995 else 1}f}%"

    def change(self, change: Change) -> str:
        """A change as an arrow and its size; or that it is new, the same, or not known."""
        if not change.known:
            return self.say("change.unknown")
        if change.rise is None:
            return self.say("change.new" if change.now else "change.none")
        return self.arrow(change.rise)

    def arrow(self, rise: float) -> str:
        """A relative change as an arrow and its size."""
        if abs(rise) < _SAME:
            return self.say("change.same")
        return self.say("change.up" if rise > 0 else "change.down", rise=self.rise(rise))

    def duration(self, seconds: float) -> str:
        """Seconds in the unit that leaves the fewest digits."""
        for key, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
            if seconds >= size:
                return self.say(f"form.{key}", n=_trimmed(seconds / size))
        return self.say("form.seconds", n=f"{seconds:.0f}")

    def day(self, at: datetime, *, with_year: bool = False, with_weekday: bool = False) -> str:
        """A day; `at` is in the zone that it is meant in."""
        key = "form.dated" if with_year else "form.date"
        day = self.say(key, year=at.year, month=at.month, day=at.day, name=_MONTHS[at.month - 1])
        if with_weekday:
            day += self.say("form.weekday", weekday=self.table["form"]["weekdays"][at.weekday()])
        return day

    def time(self, at: datetime, *, with_year: bool = False) -> str:
        """A minute; `at` is in the zone that it is meant in."""
        return self.say("form.time", date=self.day(at, with_year=with_year), hour=at.hour, minute=at.minute)

    def period(self, period: Period, zone: tzinfo, *, with_weekday: bool = True) -> str:
        """A period by its first and its last day; by minutes if it does not begin and end at midnight."""
        start, end = period.start.astimezone(zone), period.end.astimezone(zone)
        if any((at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0) for at in (start, end)):
            later = self.time(end, with_year=end.year != start.year)
            return self.say("form.range_short", start=self.time(start, with_year=True), end=later)
        last = end - timedelta(days=1)
        first = self.day(start, with_year=True, with_weekday=with_weekday)
        if last.date() == start.date():
            return first
        later = self.day(last, with_year=last.year != start.year, with_weekday=with_weekday)
        return self.say("form.range", start=first, end=later)

    def figure(self, name: str, value: float | None) -> str:
        """A figure of health as its name wants it: a percentage, a duration, a mean, an index, a count."""
        if value is None or not math.isfinite(value):
            return self.say("change.none")
        if name.endswith(("_share", "_rate")):
            return self.share(value)
        if name.endswith("_s"):
            return self.duration(value)
        if name == "sentiment":
            return f"{value:+.2f}"
        return f"{value:.1f}" if name == "satisfaction" else self.count(value)

    def within(self, text: str) -> str:
        """A name that is mentioned in a sentence, in the quotation marks of the language."""
        return self.say("form.quote", text=text)


def _trimmed(value: float) -> str:
    """With two significant decimals below 10, one below 100, none above; without zeros at the end."""
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_number(value: float | None) -> bool:
    """Whether a value can be written: there is one, and it is finite."""
    return value is not None and math.isfinite(value)


@lru_cache(maxsize=len(LANGUAGES))
def _table(code: str) -> dict[str, dict[str, Any]]:
    source = resources.files("nlp_service.insight.report").joinpath(f"{code}.toml")
    return tomllib.loads(source.read_text("utf-8"))
