"""How strongly something is said, from the words of degree in an opinion and before it."""

from __future__ import annotations

import re

PLAIN = 0.6
"""Strength of an opinion without any word of degree."""

_BEFORE = 3
"""Code points before an opinion in which a word of degree may stand."""

# From what weakens what follows, however strong that is ("不是很好"), to what alone is strong; the first that is found
# counts. A lone 好 or 死 is no word of degree.
_DEGREES: tuple[tuple[float, re.Pattern[str]], ...] = (
    (0.35, re.compile(r"不[是太算](?:太|很|特别|非常)?|不怎么|没那么|没(?:有)?多|不够")),
    (
        1.0,
        re.compile(
            r"一点[都也]不|根本[不没]|完全[不没]|毫无|极其|极度|极|巨|超级|贼|爆|[死疯炸翻]了|绝了|无敌|史上|要命"
        ),
    ),
    (1.0, re.compile(r"[垃辣]圾|恶心|神作|最")),
    (
        0.85,
        re.compile(
            r"很|非常|特别|太|超|十分|相当|真的?|格外|尤其|老是|一直|多次|严重|[这那]么|好[难贵慢差吵挤臭烂香快美]"
        ),
    ),
    (0.4, re.compile(r"有一?点|有些|一点|稍微?|略|比较|还[行好]|还可以|还不错|一般|凑合|勉强|偏|些")),
    (0.7, re.compile(r"挺|蛮|更")),
)
_LOUD = re.compile(r"[!！]{2,}|(.)\1{2,}")
_TAIL = 3


def strength(text: str, start: int, end: int, polarity: float) -> float:
    """How strong the opinion ``text[start:end]`` is, 0 to 1: `PLAIN`, unless words or marks say otherwise.

    Args:
        text: As it was sent.
        start: First code point of the opinion.
        end: The one after its last.
        polarity: -1 to 1; what is hardly for or against is hardly strong.
    """
    words = text[max(0, start - _BEFORE) : end]
    found = next((value for value, pattern in _DEGREES if pattern.search(words)), PLAIN)
    if _LOUD.search(text[start : end + _TAIL]):
        found = min(1.0, found + 0.1)
    return round(found * (0.4 + 0.6 * abs(polarity)), 3)
