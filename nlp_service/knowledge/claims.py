"""What a sentence claims that its sources do not hold: the check that a phrased reply must pass.

Claims are what a reader would rely on and a language model may invent: numbers, prices, days, times, telephone numbers,
links, Latin names, names in quotation marks, and whether something is possible, supported, needed or free. It is a
comparison of surfaces, chosen so that it can be proved and read: it knows no synonyms and does not see an invention
that names nothing of this kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from nlp_service.knowledge import numerals, quantities
from nlp_service.text.normalise import normalise


class Source(msgspec.Struct, frozen=True):
    """An entry that a reply may be phrased from."""

    entry_id: str
    question: str
    answer: str


# Neither a citation nor the number of a list item is a claim.
_MARKS = re.compile(
    r"\[\d{1,2}\]|［\d{1,2}］|【\d{1,2}】|[①-⑳⑴-⒇⒈-⒛❶-❿]"
    r"|(?:^[ \t>*#•-]{0,8}|(?<=[:：;；。])[ ]?)[(（]?\d{1,2}(?:[、)）]|\.(?!\d))",
    re.MULTILINE,
)
_EMPHASIS = re.compile(r"\*\*|__|`")

_NAME = re.compile(
    r"(?P<link>[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,253}|https?://[a-z0-9._~:/?#@!$&*+,;=%-]++"
    r"|(?<![a-z0-9.-])(?:[a-z0-9-]{1,63}+\.){1,5}[a-z]{2,24}+(?![a-z0-9-])(?:/[a-z0-9._~/?#&=%-]*+)?)"
    r"|(?P<name>[a-z][a-z0-9+]{0,63})(?:[ -]\d{1,6}(?:\.\d{1,6}){0,3}(?![\d.:/-]))?"
    r"|(?P<model>\d{1,32}[a-z][a-z0-9]{0,63})"
)
_TRAILING_NUMBER = re.compile(r"\d{1,32}(?:\.\d{1,6}){0,3}$")
_COMMON = frozenset("app ok hi hello faq tips ps".split())
_QUOTED = re.compile(r'"([^"]*+)"|《([^《》]*+)》')
_LOOSE = re.compile(r"[^0-9a-z\u4e00-\u9fff]++")

# The negative forms come first; "是否支持" and "能不能" are neither.
_PREDICATES = {
    "support": re.compile(r"(?<![支可能])(?P<no>不予?支持)|(?<![不予否])支持(?!不)"),
    "ability": re.compile(r"(?<![可能])(?P<no>不可以|不能够?|无法|不得)|(?<![不否可])(?:可以|能够)(?!不)"),
    "need": re.compile(r"(?<![需用])(?P<no>不需要?|无需|无须|不必|不用)|(?<![不否无])(?:需要|必须)(?!不)"),
}
_FREE = re.compile(r"(?P<no>(?<!不)收费|(?<![不需用])付费|不免费|非免费)|(?<![不非])免费|不收费|(?:无需|不用)付费")
_CLAUSE_END = re.compile(r"[,.。!?;:、|]")
_N_OBJECT = 2  # characters after a predicate, or before it at the end of a clause, that say what it is about


def check(sentence: str, sources: Sequence[Source]) -> tuple[str, ...]:
    """Find what `sentence` claims and none of `sources` holds, as written in the normalised sentence, in order of kind.

    Empty if all is supported, so also for a sentence without claims. Citations ("[1]") and the numbers of a list are no
    claims. Only the sources that the sentence cites should be given. Time is linear in the length of the texts.
    """
    plain = _plain(sentence)
    held = [_held(source) for source in sources]
    claims = (*_names(plain, held), *_quotes(plain, held), *_values(plain, held), *_reversals(plain, held))
    return tuple(dict.fromkeys(claims))


class _Held(NamedTuple):
    """What a source holds: its text, the same without spaces and punctuation, values, and predicates of its answer."""

    plain: str
    squeezed: str
    facts: quantities.Facts
    polarities: frozenset[tuple[str, bool]]


@lru_cache(maxsize=256)
def _held(source: Source) -> _Held:
    answer = _plain(source.answer)
    plain = f"{_plain(source.question)}|{answer}"
    facts = quantities.Facts(quantities.read(_without_names(plain)))
    polarities = {(key, is_positive) for key, is_positive, _ in _polarities(answer)}
    return _Held(plain, _LOOSE.sub("", plain), facts, frozenset(polarities))


def _plain(text: str) -> str:
    # A line is a sentence of its own, and normalising makes a space of its end.
    bare = _EMPHASIS.sub("", _MARKS.sub(" ", text)).replace("\n", "|")
    return numerals.spell_out(normalise(bare).normalised)


def _values(plain: str, held: Sequence[_Held]) -> Iterator[str]:
    for fact in quantities.read(_without_names(plain)):
        if not any(source.facts.holds(fact) for source in held):
            yield fact.text


def _without_names(plain: str) -> str:
    """The text with a gap instead of each name, so that the 15 of "iPhone 15" is no number."""
    return _NAME.sub(lambda match: "\t" * bool(_name(match)) + match[0][len(_name(match)) :], plain)


def _name(match: re.Match[str]) -> str:
    """The name that was matched, without a number behind it that is an amount ("app 3天"); empty if it is a unit."""
    text, before = match[0], match.string[max(0, match.start() - 2) : match.start()]
    if (
        len(before) == 2
        and before[0].isdigit()
        and before[1] == " "
        and quantities.has_unit(match.string, match.start())
    ):
        return ""
    if match["link"]:
        return text.rstrip(".,;:!?")
    if match["model"]:
        return "" if quantities.has_unit(match.string, match.start() + _n_digits(text)) else text
    trailing = _TRAILING_NUMBER.search(text)
    if trailing and quantities.has_unit(match.string, match.end()):
        return text[: trailing.start()].rstrip(" -")
    return text


def _n_digits(text: str) -> int:
    return len(text) - len(text.lstrip("0123456789"))


def _names(plain: str, held: Sequence[_Held]) -> Iterator[str]:
    for match in _NAME.finditer(plain):
        name = _name(match)
        if (
            (len(name) > 1 or match["link"])
            and name not in _COMMON
            and not any(_stands(name, source) for source in held)
        ):
            yield name


def _stands(name: str, source: _Held) -> bool:
    tight = _LOOSE.sub("", name)
    return _is_word(name, source.plain) or _is_word(tight, source.squeezed)


def _is_word(name: str, text: str) -> bool:
    """Whether `name` stands in `text` where no letter or digit goes on with it."""
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not _continues(before, name[0]) and not _continues(name[-1], after):
            return True
        start = text.find(name, end)
    return False


def _continues(before: str, after: str) -> bool:
    both = before + after
    return len(both) == 2 and both.isascii() and (both.isalpha() or both.isdigit())


def _quotes(plain: str, held: Sequence[_Held]) -> Iterator[str]:
    for match in _QUOTED.finditer(plain):
        content = _LOOSE.sub("", match[1] or match[2] or "")
        if content and not any(content in source.squeezed for source in held):
            yield match[0]


def _reversals(plain: str, held: Sequence[_Held]) -> Iterator[str]:
    """Predicates that the sources have of the same thing, but only the other way round."""
    known = frozenset().union(*(source.polarities for source in held))
    for key, is_positive, text in _polarities(plain):
        if (key, not is_positive) in known and (key, is_positive) not in known:
            yield text


def _polarities(plain: str) -> Iterator[tuple[str, bool, str]]:
    """Predicate with what it is about, whether it is affirmed, and as written."""
    for match in _FREE.finditer(plain):
        yield "free", match["no"] is None, match[0]
    for predicate, pattern in _PREDICATES.items():
        for match in pattern.finditer(plain):
            subject = plain[match.end() : match.end() + _N_OBJECT]
            if len(subject) < _N_OBJECT or _CLAUSE_END.search(subject):
                subject = plain[max(0, match.start() - _N_OBJECT) : match.start()]
            if subject:
                yield f"{predicate} {subject}", match["no"] is None, match[0] + subject
