"""Whether the sentences of a language model say only numbers that the data holds, of what the data says them.

A sentence passes if it has a number and every one of its numbers is a value of the figures as a whole, or of what is
named in the same clause (else in the clause before). It is a comparison of numbers: it does not see a wrong word
("because of the rain"), and within one clause it does not see that two numbers of the same thing have changed places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from nlp_service.insight.report import numerals
from nlp_service.insight.report.numerals import Number
from nlp_service.insight.report.safe import plain

MAX_SENTENCE = 200
"""Characters; a longer one is left out."""

_TOLERANCE = Fraction(1, 20)  # how far a rounded number may be from its value, as part of it
_UNNAMED = frozenset({"people", "messages", "days", "score", "count"})  # what a number without a unit may mean
_END = re.compile(r"(?<=[。！？!?；;\n])|(?<=[^\d\W]\.)\s|(?<=[\d%]\.)\s(?=[A-Z])")
_CLAUSE = re.compile(r"[,，;；。:：(（]")
_LIST_MARK = re.compile(r"^\s*(?:[-*•·]|[(（]?\d{1,2}[、)）.](?!\d)|[①-⑳])\s*")
_LINK = re.compile(r"https?:|www\.|[<>\[\]`{}|\\]", re.IGNORECASE)
_UP = re.compile(
    r"上升|增|上涨|升|提高|走高|(?<![很许众最大])多(?![的数])|涨|▲|↑|\+|\b(?:rise|rose|risen|up|increas\w*|more|grew|grow\w*|higher)\b"
)
_DOWN = re.compile(
    r"下降|(?<!满)减|下跌|降|回落|走低|(?<![不至多最])少|跌|▼|↓|\b(?:fell|fall\w*|down|decreas\w*|fewer|less|drop\w*|lower|declin\w*)\b"
)


class Value(msgspec.Struct, frozen=True):
    """A number of the data.

    Attributes:
        kind: As of `numerals.Number`; also ``score`` and ``count``, which a number without a unit may mean.
        number: Of percentages in percent, of durations in minutes.
        goes: 1 or -1 where it is, or belongs to, something that rose or fell; 0 where that is not known.
    """

    kind: str
    number: float
    goes: int = 0


class Fact(msgspec.Struct, frozen=True):
    """What the data says of something.

    Attributes:
        names: Of it; empty for the figures as a whole, which every sentence may use.
        words: For the model.
        values: All numbers in `words`.
    """

    names: tuple[str, ...]
    words: str
    values: tuple[Value, ...]


def sentences(text: str) -> list[str]:
    """What a model said, sentence by sentence, without marks of lists; thoughts that it has aloud are left out."""
    said = re.sub(r"<think>.*?(?:</think>|$)", "", text, flags=re.DOTALL)
    parts = (_LIST_MARK.sub("", part) for line in said.splitlines() for part in _END.split(line) if part)
    return [part.strip() for part in parts if part.strip()]


def is_held(sentence: str, facts: Sequence[Fact]) -> bool:
    """Whether a sentence may stand: it has numbers, and each is one of the data."""
    if len(sentence) > MAX_SENTENCE or _LINK.search(sentence) or plain(sentence) != sentence:
        return False
    found = _blanked(numerals.plain(sentence), facts)
    numbers = list(numerals.read(found.text))
    return bool(numbers) and all(_holds(number, found, facts) for number in numbers)


class _Found(msgspec.Struct):
    """A sentence with its names blanked: where each stood, and the facts that they name."""

    text: str
    names: list[tuple[int, str]]


def _blanked(text: str, facts: Sequence[Fact]) -> _Found:
    names = {numerals.plain(name) for fact in facts for name in fact.names}
    found = _Found(text, [])
    for name in sorted(names, key=lambda name: (-len(name), name)):
        if not re.search(r"[^\W\d]", name) or len(name) < 2 or _is_numeral(name):
            continue
        start = found.text.find(name)
        while start >= 0:
            found.names.append((start, name))
            found.text = found.text[:start] + "□" * len(name) + found.text[start + len(name) :]
            start = found.text.find(name, start + len(name))
    found.names.sort()
    return found


def _is_numeral(name: str) -> bool:
    """Whether a name is nothing but a number with its unit, which would hide any such number."""
    covered = sum(number.end - number.start for number in numerals.read(name))
    return covered >= len(name)


def _holds(number: Number, found: _Found, facts: Sequence[Fact]) -> bool:
    start, end = _clause(found.text, number.start)
    named = {name for at, name in found.names if start <= at < end}
    before = [at for at, _ in found.names if at < start]
    if not named and before:
        start, end = _clause(found.text, before[-1])
        named = {name for at, name in found.names if start <= at < end}
    values = [
        value
        for fact in facts
        if not fact.names or named.intersection(map(numerals.plain, fact.names))
        for value in fact.values
    ]
    clause = found.text[slice(*_clause(found.text, number.start))]
    return any(_agrees(number, value) and _goes(clause, value) for value in values)


def _clause(text: str, at: int) -> tuple[int, int]:
    """The clause around a place; a comma between digits ends none."""
    cuts = [
        match.start()
        for match in _CLAUSE.finditer(text)
        if not (text[match.start() - 1 : match.start()].isdigit() and text[match.end() : match.end() + 1].isdigit())
    ]
    return max((cut + 1 for cut in cuts if cut < at), default=0), min(
        (cut for cut in cuts if cut >= at), default=len(text)
    )


def _agrees(number: Number, value: Value) -> bool:
    if number.kind != value.kind and not (number.kind == "" and value.kind in _UNNAMED):
        return False
    true, said = abs(Fraction(value.number).limit_denominator(10**9)), number.value
    if said == true:
        return True
    room = abs(true) * _TOLERANCE
    match number.bound:
        case "odd":
            return said < true < said + number.place
        case "over":
            return said < true <= said + room
        case "under":
            return said - room <= true < said
        case "about":
            return abs(said - true) <= min(room, max(number.half, number.place / 2))
    return abs(said - true) <= min(room, number.half or _spelt(number, value))


def _spelt(number: Number, value: Value) -> Fraction:
    """Half of the last place of whole numbers: counts are exact, what is a fraction may be rounded to a whole one."""
    is_count = value.kind in ("people", "messages", "count", "rank", "year", "month", "monthday", "weekday")
    return Fraction(0) if is_count else Fraction(1, 2)


def _goes(clause: str, value: Value) -> bool:
    """Whether the clause says the right direction of what the value belongs to, if it says one."""
    up, down = _UP.search(clause) is not None, _DOWN.search(clause) is not None
    return not value.goes or up == down or up == (value.goes > 0)
