"""Telephone, identity and bank card numbers among the digits of a normalised text.

A run of digits with single separators is cut into groups, and neighbouring groups are joined in the ways that people
write such numbers. A join is taken for what its prefix, date or checksum says; the rest is left alone.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple


class PersonalDataKind(enum.StrEnum):
    """What a piece of personal data is."""

    PHONE = "phone"
    ID_CARD = "id_card"
    EMAIL = "email"
    BANK_CARD = "bank_card"
    WECHAT = "wechat"
    QQ = "qq"
    PLATE = "plate"
    ADDRESS = "address"


class Finding(NamedTuple):
    """A place in the units: all of it is ``start:end``, and what a mask has to cover ``secret_start:secret_end``."""

    kind: PersonalDataKind
    start: int
    end: int
    secret_start: int
    secret_end: int


class _Digits(NamedTuple):
    """Neighbouring groups of digits: the digits, the unit of each, the sizes of the groups."""

    text: str
    places: list[int]
    shape: tuple[int, ...]


_SEQUENCE = re.compile(r"[0-9](?:[ \-.·_~()]{0,2}[0-9])*(?:[ -]?x(?![a-z0-9]))?")
_GROUP = re.compile(r"[0-9]+")
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")
_SHORTEST = 11  # digits of a telephone number, the shortest
_LONGEST = 19  # digits of a bank card, the longest number
_MOST_GROUPS = 5  # of a number that is not spelt out digit by digit

# Prefixes that the ministry has given to mobile networks; four of ten possible ones are free.
_MOBILE = re.compile(r"1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}")
_LANDLINE = re.compile(r"0(?:(?:10|2\d)[2-9]\d{7}|[3-9]\d\d[2-9]\d{6,7})")
_COUNTRY = re.compile(r"(?:00)?86")
_MOBILE_SHAPES = {(11,), (3, 4, 4), (4, 4, 3), (3, 3, 5), (3, 8), (7, 4), (5, 6), (5, 3, 3), (4, 3, 4), (1,) * 11}
_LANDLINE_SHAPES = {(11,), (12,), (3, 8), (4, 7), (4, 8), (3, 4, 4), (4, 4, 4), (4, 3, 4)}

# Codes of GB/T 2260: provinces, cities of that rank, Taiwan, Hong Kong, Macau.
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_ID_SHAPES = {(18,), (6, 8, 4), (6, 4, 4, 4), (6, 12), (14, 4), (15,), (6, 6, 3), (1,) * 18}
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643, MOD 11-2

# UnionPay 62 and older bank prefixes, Visa, Mastercard (not its 2 series, which is also how order numbers of this
# decade begin), JCB, American Express, Diners.
_CARD = re.compile(
    r"62\d{14,17}|(?:60|95[5-9]\d|436742)\d{11,15}|4\d{15}|4\d{12}"
    r"|5[1-5]\d{14}|35\d{14}|3[47]\d{13}|3[068]\d{12}"
)
_CARD_SHAPES = {(4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (6, 10), (6, 13), (8, 8)}
_CARD_CUE = re.compile(r"(?:卡号?|账[号户]|帐[号户]|card|尾号)[^0-9]{0,6}$")
_UNUSUAL_CARD_LENGTHS = (13, 14)  # common as product codes: only beside a cue

_SERIAL_CUE = re.compile(
    r"(?:订单|运单|单号|编号|流水|快递|物流|货号|款号|批次|批号|条形?码|序列|发票|追踪码?|会议|群|备案|档案|合同|许可证"
    r"|(?<![a-z])(?:[up]?id|no|sn|imei|isbn|ean|sku|app_?id))(?:号码?|编号|码|是|为)?[ :.#=]{0,3}$"
)
_PHONE_CUE = re.compile(r"(?:phone|mobile|mob|tel|cell|手机号?|电话)[ :=/]{0,2}$")
_LETTERS = re.compile(r"[a-z]+$")
_LETTER_CUE = re.compile(
    "tel|(?:cell|mobile)?phone|mob(?:ile)?|cell|[tmpvwq]|[vw]x|qq|call|wechat|weixin|whatsapp|dh|sj|hp|add"
)
_AMOUNTS = frozenset("元块万亿次")

_SPOKEN_DIGITS = str.maketrans("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "0012345678911" + "23456789")
_SPOKEN = re.compile(r"[〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]")


def find_numbers(units: str) -> Iterator[Finding]:
    """Find numbers in normalised text with one character a unit. Time is linear in the length.

    Mobile numbers are found in Chinese digits too; those come last, and may overlap what was found before.
    """
    links = [match.span() for match in _LINK.finditer(units)]
    yield from _find(units, units, links)
    if _SPOKEN.search(units):
        for finding in _find(units, units.translate(_SPOKEN_DIGITS), links):
            if finding.kind is PersonalDataKind.PHONE and _SPOKEN.search(units, finding.start, finding.end):
                yield finding


def _find(units: str, digits: str, links: list[tuple[int, int]]) -> Iterator[Finding]:
    for sequence in _SEQUENCE.finditer(digits):
        if sequence.end() - sequence.start() < _SHORTEST:
            continue
        groups = [group.span() for group in _GROUP.finditer(digits, *sequence.span())]
        has_x = sequence[0][-1] == "x"
        first = 0
        while first < len(groups):
            last, finding = _longest(units, digits, groups, first, sequence.end() - 1 if has_x else None)
            if finding is not None and not _is_excluded(units, finding, links):
                yield finding
            first = last


def _longest(
    units: str, digits: str, groups: list[tuple[int, int]], first: int, x: int | None
) -> tuple[int, Finding | None]:
    """The longest join of groups from `first` on that is a number, and the group to go on from."""
    places: list[int] = []
    sizes: list[int] = []
    joins: list[tuple[int, int]] = []
    for last in range(first, len(groups)):
        start, end = groups[last]
        if len(places) + end - start > _LONGEST or (first > 0 and len(joins) == _MOST_GROUPS):
            break
        places += range(start, end)
        sizes.append(end - start)
        joins.append((last + 1, len(places)))
    spelt_out = first == 0 and len(joins) == len(groups)
    for following, size in reversed(joins):
        shape = tuple(sizes[: following - first])
        if len(shape) > _MOST_GROUPS and not spelt_out:  # digit by digit only where nothing else is in the run
            continue
        if _is_decimal(units, groups, first, following):
            continue
        is_last = following == len(groups)
        number = _Digits("".join(map(digits.__getitem__, places[:size])), places[:size], shape)
        finding = _classify(units, number, x if is_last else None)
        if finding is not None:
            return following, finding
        spelt_out = False
    return first + 1, None


def _classify(units: str, number: _Digits, x: int | None) -> Finding | None:
    return _id_card(number, x) or _phone(number) or _bank_card(units, number)


def _id_card(number: _Digits, x: int | None) -> Finding | None:
    text, places, shape = number
    if x is not None and len(text) == 17:
        text, places, shape = text + "x", [*places, x], (*shape[:-1], shape[-1] + 1)
        shape = (1,) * 18 if set(shape) <= {1, 2} else shape
    if shape not in _ID_SHAPES or not _PROVINCE.match(text):
        return None
    if len(text) == 15:
        is_valid = _is_date("19" + text[6:12])
    else:
        total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, text[:17], strict=True))
        is_valid = "10x98765432"[total % 11] == text[17] and _is_date(text[6:14])
    # Province and check digit stay; the date of birth and the serial number go.
    return Finding(PersonalDataKind.ID_CARD, places[0], places[-1] + 1, places[3], places[-1]) if is_valid else None


def _phone(number: _Digits) -> Finding | None:
    text, places, shape = number
    code = _COUNTRY.match(text)
    if code and len(text) >= 12:
        n = code.end()
        is_apart = shape[0] == n
        text, shape = text[n:], shape[1:] if is_apart else (shape[0] - n, *shape[1:])
        if is_apart and text[0] != "0" and not _MOBILE.fullmatch(text):  # abroad the 0 of the area code is left out
            text, shape = "0" + text, (shape[0] + 1, *shape[1:])
    is_mobile = shape in _MOBILE_SHAPES and _MOBILE.fullmatch(text)
    is_landline = shape in _LANDLINE_SHAPES and _LANDLINE.fullmatch(text)
    if not (is_mobile or is_landline):
        return None
    # All of the subscriber's number but its last four digits.
    hidden = 4 if is_mobile or (len(text) == 11 and text[1] in "12") or len(text) == 12 else 3
    return Finding(PersonalDataKind.PHONE, places[0], places[-1] + 1, places[-4 - hidden], places[-4])


def _bank_card(units: str, number: _Digits) -> Finding | None:
    text, places, shape = number
    if not 13 <= len(text) <= 19 or not (len(shape) == 1 or shape in _CARD_SHAPES or set(shape) == {1}):
        return None
    if not _CARD.fullmatch(text) or not _passes_luhn(text):
        return None
    start = places[0]
    if len(text) in _UNUSUAL_CARD_LENGTHS and not _CARD_CUE.search(units[max(0, start - 12) : start]):
        return None
    return Finding(PersonalDataKind.BANK_CARD, start, places[-1] + 1, start, places[-4])


def _is_excluded(units: str, finding: Finding, links: list[tuple[int, int]]) -> bool:
    """Whether what stands around the number says that it is another one."""
    before = units[max(0, finding.start - 12) : finding.start].rstrip("+(")
    if _PHONE_CUE.search(before):
        return False
    if any(start <= finding.start < end for start, end in links):
        return True
    letters = _LETTERS.search(before)
    if letters and not _LETTER_CUE.fullmatch(letters[0]):
        return True
    if finding.kind is PersonalDataKind.ID_CARD:  # nearly everything that passes its checks is one
        return False
    return units[finding.end : finding.end + 1] in _AMOUNTS or _SERIAL_CUE.search(before) is not None


def _is_decimal(units: str, groups: list[tuple[int, int]], first: int, following: int) -> bool:
    """Whether a single group is one side of a decimal point."""
    if following - first > 1:
        return False
    after = following < len(groups) and units[groups[first][1] : groups[following][0]] == "."
    return after or (first > 0 and units[groups[first - 1][1] : groups[first][0]] == ".")


def _is_date(text: str) -> bool:
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return 1900 <= day.year <= 2099


def _passes_luhn(text: str) -> bool:
    digits = [int(digit) for digit in reversed(text)]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
