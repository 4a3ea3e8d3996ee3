"""The numbers of a sentence: in digits, in Han numerals or in English words, with what they count.

Made to miss none: a numeral that is not understood is given as one that agrees with nothing. Words in which a Han
numeral counts nothing ("一些", "进一步") are listed; every other one is a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from nlp_service.insight.report import english_numerals as english


class Number(NamedTuple):
    """A number as it is written.

    Attributes:
        kind: What it counts: ``people``, ``messages``, ``count`` (of warnings), ``days``, ``minutes``, ``percent``,
            ``point`` (of percentages), ``fold``, ``more`` (by how many times it grew), ``rank``, ``year``, ``month``,
            ``monthday``, ``weekday``; ``unknown`` agrees with nothing; empty where nothing is said.
        value: In percent for percentages, in minutes for durations.
        half: Half of the last place that is written.
        start, end: Where it stands, half-open, in the text given to `read`.
        bound: ``about``, ``over``, ``under`` or ``odd`` ("120 多"); empty for exactly so.
        place: The size of the last digit that is not 0, for rounded whole numbers ("约 1,200" has 100).
    """

    kind: str
    value: Fraction
    half: Fraction
    start: int
    end: int
    bound: str = ""
    place: Fraction = Fraction(1)


_DIGITS = {
    char: value
    for value, chars in enumerate(
        ("零〇", "一壹弌", "二两贰貳兩俩倆", "三叁參叄仨", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖")
    )
    for char in chars
}
_POWERS = {
    char: 10**power
    for power, chars in ((1, "十拾"), (2, "百佰"), (3, "千仟"), (4, "万萬"), (8, "亿億"))
    for char in chars
}
_TENS = {"廿": "二十", "卅": "三十", "卌": "四十"}
_UNREAD = "፼"  # numeric, and of no pattern below: what stands for a Roman numeral
_HAN = "".join(_DIGITS) + "".join(_POWERS)

_EMPTY = re.compile(
    r"另?一方面|进一步|第一时间|[上下前后]一(?:个?周期|期|周|天|日|次|阶段)|一(?:些|直|定|般|样|起|致|旦|并|同|律|再|度|边|面|经|时|下)|(?<!之)一点(?![零〇一二三四五六七八九])"
    r"|[统唯同任逐某这那每]一|(?<!分)之一|(?<![零〇一二两三四五六七八九十百千])万一(?![零〇一二三四五六七八九十百千])|十分(?![钟之])|两者"
)
_MANY = r"(?:[十百千万亿萬億拾佰仟]+|[wk](?![a-z]))"
_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_ONE = rf"(?:{_PLAIN} ?{_MANY}?|[{_HAN}]+(?:点[{''.join(_DIGITS)}]+)?)"
_NUMBER = re.compile(
    rf"(?P<date>(?P<y>\d{{4}})[-/](?P<m>\d{{1,2}})[-/](?P<d>\d{{1,2}}))"
    rf"|(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])"
    rf"|(?P<per>百分之|千分之) ?(?P<of>{_ONE})"
    rf"|(?P<below>{_ONE}) ?分之 ?(?P<above>{_ONE})"
    rf"|(?P<half>一?半数?)"
    rf"|(?P<twice>翻(?:了|一|两|几)*[番倍]|加倍|倍增)"
    rf"|(?P<number>{_ONE})"
)
_UNITS = (
    ("point", 1, re.compile(r"个?百分点|pp\b|percentage points?|points?\b")),
    ("percent", 1, re.compile(r"%|percent\b|per cent\b")),
    ("percent", Fraction(1, 10), re.compile(r"‰")),
    ("fold", 1, re.compile(r"倍|times\b|fold\b|x(?![a-z])|×")),
    ("minutes", 1, re.compile(r"分钟|min\b|minutes?\b")),
    ("minutes", 60, re.compile(r"个?(?:小时|钟头)|h\b|hours?\b")),
    ("minutes", Fraction(1, 60), re.compile(r"秒钟?|s\b|seconds?\b")),
    ("count", 1, re.compile(r"个?条?(?=\s*预警)|(?:early )?(?:warnings?|alerts?)\b")),
    (
        "people",
        1,
        re.compile(r"个?(?:人|成员|用户|作者|群友)|[名位]|people\b|members?\b|authors?\b|users?\b|persons?\b"),
    ),
    ("messages", 1, re.compile(r"个?(?:条|则|消息|发言)|messages?\b|posts?\b")),
    ("year", 1, re.compile(r"年")),
    ("monthday", 1, re.compile(rf"[日号]|(?:of )?(?:{english.MONTHS})\b")),
    ("month", 1, re.compile(r"月")),
    ("days", 1, re.compile(r"天|days?\b")),
)
_BEFORE = (
    ("about", re.compile(r"(?:约|近|将近|接近|差不多|about|around|nearly|almost|roughly|some|approximately)\s*$")),
    ("over", re.compile(r"(?:超过|逾|超|超出|over|more than|above|at least|至少)\s*$")),
    ("under", re.compile(r"(?:不到|不足|少于|under|less than|fewer than|below|至多|up to)\s*$")),
)
_RANK = re.compile(r"(?:第|前|排名|top|no\.?|number|#)\s*$")
_MORE = re.compile(r"(?:增长|增加|上升|上涨|提高|高出|增|涨|升|多)了?\s*$")
_MONTH_BEFORE = re.compile(rf"(?:{english.MONTHS})\.?\s*$")
_AFTER_ABOUT = re.compile(r"\s*(?:左右|上下|or so)")


def plain(text: str) -> str:
    """`text` with all digits as ASCII, compatible forms as one and words that count nothing as gaps."""
    kept = "".join(_UNREAD if unicodedata.category(char) == "Nl" and char != "〇" else char for char in text)
    folded = "".join(map(_digit, unicodedata.normalize("NFKC", kept))).lower()
    return _EMPTY.sub(lambda match: "□" * len(match[0]), folded)


def read(text: str) -> Iterator[Number]:
    """The numbers of a text that `plain` gave, from left to right."""
    found = [*_han_and_digits(text), *english.read(text, _made)]
    seen = [(number.start, number.end) for number in found]
    for at, char in enumerate(text):
        # What is numeric and in none of them, such as a numeral of another script.
        if (char in _HAN or unicodedata.numeric(char, None) is not None) and not any(a <= at < b for a, b in seen):
            found.append(Number("unknown", Fraction(0), Fraction(0), at, at + 1))
    yield from sorted(found, key=lambda number: number.start)


def _han_and_digits(text: str) -> Iterator[Number]:
    behind = 0
    while match := _NUMBER.search(text, behind):
        behind = match.end()
        for number in _matched(text, match):
            behind = max(behind, number.end)  # with its unit, so that "个百分点" holds no hundred
            yield number


def _matched(text: str, match: re.Match[str]) -> Iterator[Number]:
    start, end = match.span()
    if match["date"]:
        for name, kind in (("y", "year"), ("m", "month"), ("d", "monthday")):
            yield Number(kind, Fraction(match[name]), Fraction(0), *match.span(name))
    elif match["weekday"]:
        day = "一二三四五六日".index(match["weekday"].replace("天", "日")) + 1
        yield Number("weekday", Fraction(day), Fraction(0), start, end)
    elif match["per"]:
        value, half = _value(match["of"])
        size = 1 if match["per"] == "百分之" else Fraction(1, 10)
        yield _made(text, start, end, "percent", value * size, half * size)
    elif match["below"]:
        below, above = _value(match["below"])[0], _value(match["above"])[0]
        yield _made(text, start, end, "percent" if below else "unknown", 100 * above / (below or 1), Fraction(5, 2))
    elif match["half"]:
        yield _made(text, start, end, "percent", Fraction(50), Fraction(5, 2))
    elif match["twice"]:
        kind = "unknown" if set(match[0]) & set("两几") else "fold"
        yield _made(text, start, end, kind, Fraction(2), Fraction(0))
    else:
        yield _counted(text, match)


def _counted(text: str, match: re.Match[str]) -> Number:
    """A number with its unit; tenths ("三成五") are percentages."""
    (start, end), (value, half) = match.span(), _value(match["number"])
    tenths = re.compile(rf" ?成(?:([{''.join(_DIGITS)}])|(半))?").match(text, end)
    if tenths and value <= 10:
        more = 5 if tenths[2] else _DIGITS[tenths[1]] if tenths[1] else 0
        is_fine = bool(tenths[1] or tenths[2])
        return _made(
            text, start, tenths.end(), "percent", 10 * value + more, Fraction(1, 2) if is_fine else Fraction(5)
        )
    before = text[max(0, start - 16) : start]
    if _RANK.search(before):
        return Number("rank", value, Fraction(0), start, end)
    if _MONTH_BEFORE.search(before):
        return Number("monthday", value, Fraction(0), start, end)
    odd = re.compile(r" ?[多余](?!于|少)").match(text, end)
    gap = re.compile(r" ?").match(text, odd.end() if odd else end)
    behind = gap.end() if gap else end
    for kind, size, unit in _UNITS:
        if found := unit.match(text, behind):
            kind = "more" if kind == "fold" and _MORE.search(before) else kind
            return _made(text, start, found.end(), kind, value * size, half * size, is_odd=odd is not None)
    return _made(text, start, end, "", value, half, is_odd=odd is not None)


def _made(
    text: str, start: int, end: int, kind: str, value: Fraction, half: Fraction, *, is_odd: bool = False
) -> Number:
    """A number with the words around it that make it a rough one."""
    before = text[max(0, start - 16) : start]
    bound = next((name for name, words in _BEFORE if words.search(before)), "")
    if is_odd:
        bound = "odd"
    elif _AFTER_ABOUT.match(text, end):
        bound = "about"
    return Number(kind, value, half, start, end, bound, _place(value))


def _place(value: Fraction) -> Fraction:
    place = Fraction(1)
    while value and value % (10 * place) == 0:
        place *= 10
    return place


def _value(numeral: str) -> tuple[Fraction, Fraction]:
    """What a numeral says, and half of its last place."""
    numeral = numeral.strip()
    if numeral[0].isascii():
        digits = re.match(_PLAIN, numeral)
        assert digits is not None  # the patterns above begin so
        written, size = digits[0].replace(",", ""), 1
        for char in numeral[digits.end() :].strip():
            size *= {"w": 10_000, "k": 1000}.get(char) or _POWERS[char]
        places = len(written.partition(".")[2])
        return Fraction(written) * size, Fraction(size, 2 * 10**places) if places or size > 1 else Fraction(0)
    whole, _, part = numeral.partition("点")
    value = Fraction(_han(whole))
    if not part:
        return value, Fraction(0)
    digits_after = "".join(str(_DIGITS[char]) for char in part)
    return value + Fraction(int(digits_after), 10 ** len(part)), Fraction(1, 2 * 10 ** len(part))


def _han(numeral: str) -> int:
    """A Han numeral; one without powers is read digit by digit."""
    if not any(char in _POWERS for char in numeral):
        return int("".join(str(_DIGITS[char]) for char in numeral))
    total = section = digit = 0
    for char in numeral:
        power = _POWERS.get(char)
        if power is None:
            digit = _DIGITS[char]
        elif power >= 10_000:
            total, section, digit = (total + section + digit or 1) * power, 0, 0
        else:
            section, digit = section + (digit or 1) * power, 0
    return total + section + digit


def _digit(char: str) -> str:
    if char in _TENS:
        return _TENS[char]
    decimal = unicodedata.decimal(char, None)
    return char if decimal is None else str(decimal)
