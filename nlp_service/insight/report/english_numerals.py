"""Numbers in English words: "twenty-one", "two thirds", "twice", "third"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeVar

MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
"""As a pattern, in lower case."""

_SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_POWERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_DOZEN = {"dozen": 12}
_ORDINALS = {
    word: value
    for value, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)
}
_FOLDS = {"twice": 2, "double": 2, "doubled": 2, "doubles": 2, "triple": 3, "tripled": 3, "thrice": 3, "twofold": 2}
_FRACTIONS = {"half": 2, "halves": 2, "thirds": 3, "quarter": 4, "quarters": 4, "fifths": 5}
_CARDINAL = "|".join([*_SMALL, *_TENS, *_POWERS, *_DOZEN])
_UNITS = {"percent": "percent", "people": "people", "members": "people", "messages": "messages", "days": "days"}
_NUMBER = re.compile(
    rf"\b(?:(?P<above>{_CARDINAL}|a)[ -](?P<below>{'|'.join(_FRACTIONS)}|third)\b"
    rf"|(?P<fraction>{'|'.join(_FRACTIONS)})\b|(?P<fold>{'|'.join(_FOLDS)})\b|(?P<rank>{'|'.join(_ORDINALS)})\b"
    rf"|(?P<number>(?!one of\b)(?:{_CARDINAL})(?:(?:[ -]| and )(?:{_CARDINAL}))*)\b"
    rf"(?: (?P<unit>{'|'.join(_UNITS)})\b)?)"
)
_Made = TypeVar("_Made")


def read(text: str, made: Callable[[str, int, int, str, Fraction, Fraction], _Made]) -> Iterator[_Made]:
    """The numbers of a text in lower case; `made` gets text, start, end, kind, value and half of the last place."""
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if match["above"]:
            above = 1 if match["above"] == "a" else _cardinal(match["above"])
            below = _FRACTIONS.get(match["below"], 3)
            yield made(text, start, end, "percent", Fraction(100 * above, below), Fraction(5, 2))
        elif match["fraction"]:
            yield made(text, start, end, "percent", Fraction(100, _FRACTIONS[match["fraction"]]), Fraction(5, 2))
        elif match["fold"]:
            yield made(text, start, end, "fold", Fraction(_FOLDS[match["fold"]]), Fraction(0))
        elif match["rank"]:
            yield made(text, start, end, "rank", Fraction(_ORDINALS[match["rank"]]), Fraction(0))
        else:
            kind = _UNITS.get(match["unit"] or "", "")
            yield made(text, start, end, kind, Fraction(_cardinal(match["number"])), Fraction(0))


def _cardinal(words: str) -> int:
    total = section = 0
    for word in re.findall(r"[a-z]+", words):
        if word in _POWERS and _POWERS[word] >= 1000:
            total, section = total + (section or 1) * _POWERS[word], 0
        elif word in _POWERS or word in _DOZEN:
            section = (section or 1) * (_POWERS.get(word) or _DOZEN[word])
        elif word != "and":
            section += _SMALL[word] if word in _SMALL else _TENS[word]
    return total + section
