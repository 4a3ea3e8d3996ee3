"""Personal data in a message: where it is, of what kind, and the message with the secret part of it covered.

The search runs over normalised units, so that full-width and circled digits, zero-width characters and the like hide
nothing. Normalising costs about 0.1 ms, so a look at the raw text decides first whether there can be anything.

What counts is chosen for precision: numbers are checked (allocated prefixes, checksums, dates, groupings that people
write), account names need a cue beside them, a place needs a street or building number. Service numbers (400, 95xxx),
order numbers, prices, dates, numbers inside links and group numbers are not personal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nlp_service.text.normalise import Batch, Text, message_of, normalise
from nlp_service.text.personal_contacts import find_contacts
from nlp_service.text.personal_numbers import Finding, PersonalDataKind, find_numbers
from nlp_service.types import Span

__all__ = ["PersonalData", "PersonalDataKind", "find", "find_pii", "find_pii_batch", "mask"]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One piece of personal data in the text as it was sent."""

    kind: PersonalDataKind
    span: Span


# Digits that NFKC leaves alone although they are drawn as digits, one character each.
_DRAWN_DIGITS = str.maketrans("❶❷❸❹❺❻❼❽❾➀➁➂➃➄➅➆➇➈➊➋➌➍➎➏➐➑➒⓵⓶⓷⓸⓹⓺⓻⓼⓽⓿", "123456789" * 4 + "0")

# What a mask leaves: separators, and the words that give a number in an address its place.
_SHAPE = frozenset(" -~().·,_#号院楼弄栋幢座单元室房户层组")

# The classes below are over raw text, so they list the other forms that are normalised to what the patterns look for.
_DIGIT = "0-9０-９⁰¹²³⁴-⁹₀-₉①-⒛⓪-⓿❶-➓㉑-㉟㊱-㊿𝟎-𝟿"
_COUNTING = f"{_DIGIT}〇零一二三四五六七八九十幺壹贰貳叁參肆伍陆陸柒捌玖"
_STYLED = "Ａ-Ｚａ-ｚ⒜-ⓩ\U0001d400-\U0001d7cbνѵхχВв"
_STREETS = "路街道巷同村"
_ANYTHING = re.compile(rf"[{_DIGIT}{_STYLED}@＠﹫vwVW微薇威维維徽溦栋棟幢座弄室号號]")
_DIGITS = re.compile(f"[{_DIGIT}]")
_ENOUGH = re.compile(
    rf"[{_STYLED}]|[@＠﹫][^@＠﹫]*[.．。]|wechat|weixin|wei xin|wxid|[微薇威维維徽溦vw][\W_]{{0,3}}[信芯x号號:：]"
    rf"|[+＋➕加][\W_]{{0,3}}(?:[vw薇微溦]|卫星|衛星)"
    rf"|[a-z{_COUNTING}][\W_]{{0,3}}(?:[栋棟幢座弄室]|[号號][\W_]{{0,3}}[楼樓])|[{_STREETS}][\W_]{{0,3}}[{_COUNTING}]",
    re.IGNORECASE,
)
_SPOKEN = re.compile(rf"[{_COUNTING}](?:[\W_]{{0,3}}[{_COUNTING}]){{10}}")
_PLATE = re.compile(
    r"[京津沪滬渝冀豫云雲辽遼黑湘皖鲁魯新苏蘇浙赣贛鄂桂甘晋晉蒙陕陝吉闽閩贵貴粤粵青藏川宁寧琼瓊][\W_]{0,3}[a-z]",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 5  # of a QQ number, the shortest there is
_FEWEST_PLATE_DIGITS = 3


def find_pii(text: str) -> tuple[Span, ...]:
    """Where `text` holds personal data, as `find` finds it, without the kinds."""
    return tuple(data.span for data in find(text))


def find_pii_batch(texts: Sequence[str], batch: Batch) -> list[tuple[Span, ...]]:
    """`find_pii` of each text; `batch` holds them normalised."""
    found: list[tuple[Span, ...]] = [()] * len(texts)
    for i, text in enumerate(texts):
        if _may_hold(text):
            normalised = message_of(batch, i, text)
            found[i] = tuple(_locate(normalised, finding).span for finding in _search(normalised))
    return found


def find(text: str) -> tuple[PersonalData, ...]:
    """Find personal data: telephone, identity card and bank card numbers, mail, WeChat, QQ, plates, addresses.

    Spans are in order, do not overlap in the normalised text, and hold the data without the cue beside it. Any string
    is accepted; one without personal data gives an empty tuple.
    """
    if not _may_hold(text):
        return ()
    normalised = normalise(text)
    return tuple(_locate(normalised, finding) for finding in _search(normalised))


def mask(text: str) -> str:
    """Cover what is secret in the personal data with ``*``, code point by code point, so that the length stays.

    Kept are the first three and last four digits of a telephone number (area code and last four of a landline), the
    first three and the last of an identity card, the last four of a bank card, the first character and the host of a
    mail address, the first two of an account, province and letter of a plate, and of an address the street without
    its numbers. All else, separators included, stays as it was.
    """
    if not _may_hold(text):
        return text
    normalised = normalise(text)
    units = _units(normalised)
    masked = list(text)
    for finding in _search(normalised):
        for unit in range(finding.secret_start, finding.secret_end):
            if units[unit] not in _SHAPE:
                start, end = normalised.span(unit, unit + 1)
                masked[start:end] = "*" * (end - start)
    return "".join(masked)


def _may_hold(text: str) -> bool:
    if not _ANYTHING.search(text):
        return _SPOKEN.search(text) is not None
    n_digits = len(_DIGITS.findall(text))
    if n_digits >= _FEWEST_DIGITS or _ENOUGH.search(text) or _SPOKEN.search(text):
        return True
    return n_digits >= _FEWEST_PLATE_DIGITS and _PLATE.search(text) is not None


def _search(text: Text) -> list[Finding]:
    """Findings from left to right; of those that overlap, the first, and of those that begin together, the longest."""
    units = _units(text)
    found = sorted([*find_numbers(units), *find_contacts(units)], key=lambda finding: (finding.start, -finding.end))
    chosen: list[Finding] = []
    for finding in found:
        if not chosen or finding.start >= chosen[-1].end:
            chosen.append(finding)
    return chosen


def _units(text: Text) -> str:
    """The units as a string of the same length; an emoticon code is one private character."""
    return text.units.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass").translate(_DRAWN_DIGITS)


def _locate(text: Text, finding: Finding) -> PersonalData:
    start, end = text.span(finding.start, finding.end)
    return PersonalData(finding.kind, Span(start, end, text.original[start:end]))
