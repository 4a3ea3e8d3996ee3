"""Numbers with units, days and times of day in a normalised text, and whether another text holds the same ones.

Writings of one value become one: "24h" is "1天", "8日" may be "8天", "3-5天" is 3 days and 5 days, "晚上8点" is
"20:00". Every pattern is bounded or possessive, so that time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product
from typing import NamedTuple, TypeAlias

from nlp_service.knowledge.numerals import MULTIPLES, NUMBER, UNIT, UNITS

_Day: TypeAlias = tuple[int | None, int | None, int | None]

_PERIOD = "凌晨|早上|早晨|清晨|上午|中午|下午|午后|傍晚|晚上|晚间|夜里|夜间|深夜|早|晚"
_NIGHT = frozenset(("凌晨", "晚上", "晚间", "夜里", "夜间", "深夜", "晚"))
_LATE = _NIGHT - {"凌晨"} | {"中午", "下午", "午后", "傍晚", "pm"}
_SPOKEN_MINUTES = {"半": 30, "1刻": 15, "一刻": 15, "3刻": 45, "三刻": 45}
_FACT = re.compile(
    # A day, with its year, its month, or alone.
    r"(?P<y>(?:19|20)\d\d)[-/.年] ?(?P<ym>\d{1,2})(?:[-/.月] ?(?P<yd>\d{1,2})(?!\d)[日号]?|月)"
    r"|(?P<year>(?:19|20)\d\d)年"
    r"|(?P<m>\d{1,2})(?:月 ?(?P<d>\d{1,2})[日号]?|\.(?P<d_dot>\d{1,2})[日号]|/(?P<d_slash>\d{1,2})(?![\d/]))"
    r"|(?P<month>\d{1,2})月"
    r"|(?P<day>\d{1,2})(?:日(?!内|之内|以内|后|无理由)|号(?![线楼店]))"
    # A time of day.
    rf"|(?:(?<!最)(?P<period>{_PERIOD}) ?)?(?P<hour>\d{{1,2}})"
    r"(?::(?P<minute>\d\d)(?!\d)(?: ?(?P<half_day>[ap]m)(?![a-z]))?"
    r"|点(?P<spoken>半|[13一三]刻|\d{1,2}分?)?| ?(?P<pm>[ap]m)(?![a-z0-9]))"
    r"|(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])"
    # A telephone number, then any other number.
    r"|(?P<phone>[48]00-?\d{3,4}-?\d{3,4}(?!\d)|0\d{2,3}[- ]\d{7,8}(?!\d)|1[3-9]\d[- ]\d{4}[- ]\d{4}(?!\d))"
    rf"|(?P<sign>[¥$] ?)?(?P<number>{NUMBER}) ?[多余]?(?P<multiple>[十百万亿]|千(?![克米])|[wk](?![a-z0-9]))? ?"
    rf"(?P<unit>{UNIT}|日)?"
)
_AFTER_AMOUNT = re.compile(rf" ?(?:[多余]|[十百千万亿]|[wk](?![a-z0-9])|[ap]m(?![a-z0-9])|{UNIT}|[月日:])")
_CONNECTOR = re.compile(r" ?[-~至到] ?")
_ENUMERATES = re.compile(r"(?:以下|如下|这|第) ?$")  # "以下3点", "第2步": they speak of the text, not of the world
_ENUMERATED = frozenset(("点", "步", "条", "piece"))
_MOST_ENUMERATED = 20
_DOTTED = re.compile(r"(1[0-2]|[1-9])\.([12]\d|3[01]|[1-9])")


class Fact(NamedTuple):
    """One value.

    Attributes:
        kind: The dimension of a number, empty without a unit; "day"; "clock"; "weekday".
        text: As written in the normalised text.
        value: In the smallest unit; of a clock minutes since midnight, of a weekday 1 to 7, of a day nothing.
        raw: The number before its unit counts; None where there is no number.
        day: Year, month and day of the month, each None where it is not said.
        is_exact: False of a clock that may be before or after noon.
    """

    kind: str
    text: str
    value: Fraction = Fraction(0)
    raw: Fraction | None = None
    day: _Day = (None, None, None)
    is_exact: bool = True


class Facts:
    """All values of a text, for `holds`."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._keys: set[tuple[str, Fraction | _Day]] = {key for fact in facts for key in _keys(fact)}

    def holds(self, fact: Fact) -> bool:
        """Whether the text holds this value; a number without a unit agrees with the same one of any unit."""
        return any(key in self._keys for key in _wanted(fact))


def read(plain: str) -> Iterator[Fact]:
    """Find the values of a text, from left to right; it must be what `numerals.spell_out` gave."""
    previous, end = None, 0
    for match in _FACT.finditer(plain):
        fact = _fact(match)
        gap = plain[end : match.start()]
        if previous is not None and _CONNECTOR.fullmatch(gap):
            previous, fact = _joined(previous, fact)
        if previous is not None:
            yield previous
        is_numbering = _ENUMERATES.search(plain[max(0, match.start() - 4) : match.start()]) and _is_numbering(fact)
        previous, end = None if is_numbering else fact, match.end()
    if previous is not None:
        yield previous


def has_unit(plain: str, position: int) -> bool:
    """Whether a number that ends at `position` is an amount, a date or a time, and no part of a name before it."""
    return _AFTER_AMOUNT.match(plain, position) is not None


def _fact(match: re.Match[str]) -> Fact:
    part, text = match.groupdict(), match[0].strip()
    if part["hour"]:
        return _clock(part, text)
    if part["weekday"]:
        return Fact("weekday", text, Fraction("一二三四五六日".index(part["weekday"].replace("天", "日")) + 1))
    if part["phone"]:
        digits = Fraction("".join(filter(str.isdigit, text)))
        return Fact("", text, digits, digits)
    if part["number"] is None:
        of_month = part["yd"] or part["d"] or part["d_dot"] or part["d_slash"] or part["day"]
        said = (part["y"] or part["year"], part["ym"] or part["m"] or part["month"], of_month)
        year, month, day = (int(digits) if digits else None for digits in said)
        return Fact("day", text, day=(year, month, day))
    raw = Fraction(part["number"]) * MULTIPLES.get(part["multiple"] or "", 1)
    unit = {"¥": "元", "$": "美元"}.get((part["sign"] or "").strip(), part["unit"] or "")
    kind, size = UNITS.get("天" if unit == "日" else unit, ("", Fraction(1)))
    if kind == "fold" and raw > 10:  # "85折" is "8.5折"
        raw /= 10
    return Fact(kind, text, raw * size, raw)


def _clock(part: dict[str, str | None], text: str) -> Fact:
    hour, spoken = int(part["hour"] or 0), part["spoken"] or ""
    minute = int(part["minute"] or 0)
    if spoken:
        minute = _SPOKEN_MINUTES[spoken] if spoken in _SPOKEN_MINUTES else int(spoken.rstrip("分"))
    period = part["half_day"] or part["pm"] or part["period"] or ""
    # At noon "11点" is before twelve, and in the evening "12点" is midnight.
    if period in _LATE and hour < 12 and not (period == "中午" and hour > 9):
        hour += 12
    elif hour == 12 and (period in _NIGHT or period == "am"):
        hour = 0
    is_exact = bool(period or part["minute"]) or hour > 12 or hour == 0
    return Fact("clock", text, Fraction((60 * hour + minute) % 1440), is_exact=is_exact)


def _joined(first: Fact, second: Fact) -> tuple[Fact, Fact]:
    """The two ends of a range, of which one may say the unit, the month or the half of the day for both."""
    if first.raw is not None and not first.kind and second.raw and second.kind:
        size = second.value / second.raw
        return first._replace(kind=second.kind, value=first.raw * size), second
    if first.kind == second.kind == "day":
        day = (second.day[0] or first.day[0], second.day[1] or first.day[1], second.day[2])
        return first, second._replace(day=day)
    is_open = first.kind == second.kind == "clock" and first.is_exact and not second.is_exact
    if is_open and first.value >= 720 and second.value + 720 > first.value:
        return first, second._replace(value=second.value + 720, is_exact=True)
    return first, second


def _keys(fact: Fact) -> Iterator[tuple[str, Fraction | _Day]]:
    """Everything that a text with this value holds."""
    if fact.kind == "clock":
        yield ("clock" if fact.is_exact else "clock?", fact.value if fact.is_exact else fact.value % 720)
        yield ("dial", fact.value % 720)
        return
    days = [_dotted(fact)] if fact.kind != "day" else [fact.day]
    if fact.kind == "minute" and fact.value % 1440 == 0 and fact.value <= 31 * 1440:
        days.append((None, None, int(fact.value) // 1440))  # "7日" may be meant by "7天"
    if fact.kind == "day" and fact.day[:2] == (None, None):
        yield ("minute", Fraction(1440 * (fact.day[2] or 0)))
    for year, month, day in filter(None, days):
        for y, m, d in product({year, None}, {month, None}, {day, None}):
            yield ("day", (y, m, d))
    if fact.raw is not None:
        yield ("any", fact.raw)
        if not fact.kind:
            yield ("", fact.raw)
    if fact.kind:
        yield (fact.kind, fact.value)


def _wanted(fact: Fact) -> Iterator[tuple[str, Fraction | _Day]]:
    """Keys of which a text must have one to hold this value."""
    if fact.kind == "clock":
        yield from (
            [("clock", fact.value), ("clock?", fact.value % 720)] if fact.is_exact else [("dial", fact.value % 720)]
        )
    elif fact.kind == "day":
        yield ("day", fact.day)
    elif fact.kind:
        yield (fact.kind, fact.value)
    if fact.raw is not None:
        yield ("" if fact.kind else "any", fact.raw)
        dotted = _dotted(fact)
        if dotted:
            yield ("day", dotted)


def _dotted(fact: Fact) -> _Day | None:
    """The day that "3.8" may mean."""
    match = None if fact.kind else _DOTTED.fullmatch(fact.text)
    return (None, int(match[1]), int(match[2])) if match else None


def _is_numbering(fact: Fact) -> bool:
    if fact.kind == "clock":
        return "点" in fact.text and fact.value % 60 == 0 and fact.value <= 60 * _MOST_ENUMERATED
    return fact.kind in _ENUMERATED and fact.value <= _MOST_ENUMERATED
