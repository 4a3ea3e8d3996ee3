"""Entries of one base that answer the same question: twice alike, or each in another way."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.knowledge import claims, likeness, numerals, quantities
from nlp_service.knowledge.entries import Entry, fold

FloatArray = npt.NDArray[np.float32]
VectorsOf = Callable[[Sequence[str]], FloatArray]

NEAR_JACCARD = 0.7
"""Pairs of characters that two questions must share to be one. Of 22,200 pairs of different entries in eight bases of
75, the nearest ("for Android phones", "for Apple phones") share 0.69, and two pairs 0.6 or more."""

NEAR_COSINE = 0.9
"""What the vectors must say as well. Alone they say little (with models/fast one pair in six of those is nearer)."""

SAME_ANSWER = 0.6
"""Pairs of characters that two answers without a differing fact must share to be one answer, reworded a little."""

# Words that change nothing of what is asked.
_ASKING = re.compile(r"^(?:你好|您好|请问|想问|问)+(?:一?下)?|[吗呢啊呀哦吧嘛哈]+$")
_HOW = re.compile(r"如何|怎样|怎么样|肿么|咋样?")
# Words of which a question has the one and a question about the opposite case has the other.
_OPPOSITES = [
    tuple(pair.split("/")) for pair in "前/后 新/老 开/关 进/出 升/降 线上/线下 苹果/安卓 首/续 收/发".split()
]
_CHOICE = re.compile(r"(.)[不没]\1|是否|有没有|能否")
_DENIED = re.compile(r"[不没无未非]")

_BREAK = re.compile(r"[,.。!;:]")
_WORDS = "可以?|能够?|支持|有|会|需要|行|是|对|要"
_NO = re.compile(rf"^(?:不(?:{_WORDS}|用)?|没有?|无法|无需|否|别)")
_YES = re.compile(rf"^(?:{_WORDS})(?!不|没)")

_ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Conflict(msgspec.Struct, frozen=True):
    """Two entries that hold at the same time, in the same channel, and ask the same.

    Attributes:
        kind: Whether they also answer the same.
        entry_ids: In the order of the entries as given.
        questions: The wordings of the two that are nearest.
        is_exact: Whether these are equal once normalised.
        similarity: Cosine of their vectors; 1.0 if exact.
        facts: Numbers, days, names and a yes or no, normalised, that only the answer of the one states, and only that
            of the other. Both empty where answers differ in other words: a person must look.
    """

    kind: Literal["duplicate", "contradiction"]
    entry_ids: tuple[str, str]
    questions: tuple[str, str]
    is_exact: bool
    similarity: float
    facts: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def find_conflicts(entries: Sequence[Entry], vectors_of: VectorsOf) -> list[Conflict]:
    """Find all conflicts of a base, contradictions first, exact ones first, then by the order of entries.

    Args:
        entries: Of one base; each id once.
        vectors_of: Gives unit vectors of wordings; it is asked once, for wordings that are near in characters.
    """
    wordings = _wordings(entries)
    return _judged(_meetings(wordings, wordings), vectors_of)


def conflicts_of(entry: Entry, others: Sequence[Entry], vectors_of: VectorsOf) -> list[Conflict]:
    """Find the conflicts of one entry with others, which may hold it too, in the order of `find_conflicts`.

    `others` are only compared in characters (linear in their number); encoded are those that are near in these.
    """
    rest = [other for other in others if other.id != entry.id and _overlap(entry, other)]
    return _judged(_meetings(_wordings([entry]), _wordings(rest)), vectors_of)


class _Wording(NamedTuple):
    entry: Entry
    place: int  # of the entry among those given
    text: str
    key: str
    pairs: frozenset[str]


class _Meeting(NamedTuple):
    """Two wordings of different entries that may ask the same."""

    one: _Wording
    other: _Wording
    is_exact: bool
    likeness: float


def _wordings(entries: Sequence[Entry]) -> list[_Wording]:
    texts = [(place, question) for place, entry in enumerate(entries) for question in entry.questions]
    keys = [_plain_question(key) for key in likeness.keys([text for _, text in texts])]
    return [
        _Wording(entries[place], place, text, key, likeness.pairs(key))
        for (place, text), key in zip(texts, keys, strict=True)
    ]


def _plain_question(key: str) -> str:
    return _ASKING.sub("", _HOW.sub("怎么", key)) or key


def _meetings(left: list[_Wording], right: list[_Wording]) -> Iterator[_Meeting]:
    """Pairs of wordings that are near in characters.

    Of two sets with a Jaccard index of at least t, the rarest (1 - t) of either shares an item with that of the other,
    so only wordings that share a rare pair of characters are compared (prefix filter: Bayardo et al., 2007).
    """
    frequency = Counter(pair for wording in right for pair in wording.pairs)
    by_pair: defaultdict[str, list[_Wording]] = defaultdict(list)
    for wording in left:
        for pair in _prefix(wording.pairs, frequency):
            by_pair[pair].append(wording)
    for other in right:
        candidates = {id(one): one for pair in _prefix(other.pairs, frequency) for one in by_pair.get(pair, ())}
        for one in candidates.values():
            # Of one list, each pair once.
            if one.entry.id == other.entry.id or (left is right and one.place > other.place):
                continue
            is_exact = one.key == other.key
            near = 1.0 if is_exact else likeness.jaccard(one.pairs, other.pairs)
            if near >= NEAR_JACCARD and _overlap(one.entry, other.entry) and (is_exact or _is_one_case(one, other)):
                yield _Meeting(one, other, is_exact, near)


def _prefix(pairs: frozenset[str], frequency: Counter[str]) -> list[str]:
    rarest_first = sorted(pairs, key=lambda pair: (frequency[pair], pair))
    return rarest_first[: len(pairs) - ceil(NEAR_JACCARD * len(pairs)) + 1]


def _overlap(one: Entry, other: Entry) -> bool:
    """Whether there is a time and a channel for which both hold."""
    begin = max(one.valid_from or _ALWAYS[0], other.valid_from or _ALWAYS[0])
    end = min(one.valid_to or _ALWAYS[1], other.valid_to or _ALWAYS[1])
    is_shared = not one.audience or not other.audience or not set(one.audience).isdisjoint(other.audience)
    return begin < end and is_shared


def _is_one_case(one: _Wording, other: _Wording) -> bool:
    """Whether two near wordings speak of the same case: the same values, no opposites, denied alike."""
    a, b = one.key, other.key
    if _values(a) != _values(b):
        return False
    for left, right in _OPPOSITES:
        sides = {(left in text, right in text) for text in (a, b)}
        if sides == {(True, False), (False, True)}:
            return False
    return len(_DENIED.findall(_CHOICE.sub("", a))) == len(_DENIED.findall(_CHOICE.sub("", b)))


def _values(key: str) -> list[tuple[object, ...]]:
    facts = quantities.read(numerals.spell_out(key))
    ordinals = re.findall(r"第([一二三四五六七八九十\d]+)", key)
    return [*((fact.kind, fact.value, fact.day) for fact in facts), *((ordinal,) for ordinal in ordinals)]


def _judged(meetings: Iterator[_Meeting], vectors_of: VectorsOf) -> list[Conflict]:
    """The nearest meeting of each two entries, where the vectors agree, as a conflict."""
    ranked = sorted(meetings, key=lambda met: (not met.is_exact, -met.likeness, met.one.text, met.other.text))
    texts = list(dict.fromkeys(side.text for met in ranked if not met.is_exact for side in (met.one, met.other)))
    vectors = dict(zip(texts, vectors_of(texts), strict=True)) if texts else {}
    found: dict[tuple[int, int], Conflict] = {}
    for met in ranked:
        places = met.one.place, met.other.place
        if places in found:
            continue
        cosine = 1.0 if met.is_exact else float(vectors[met.one.text] @ vectors[met.other.text])
        if cosine >= NEAR_COSINE:
            found[places] = _conflict(met, min(cosine, 1.0))
    in_order = sorted(found.items(), key=lambda item: (item[1].kind, not item[1].is_exact, item[0]))
    return [conflict for _, conflict in in_order]


def _conflict(met: _Meeting, cosine: float) -> Conflict:
    one, other = met.one.entry, met.other.entry
    facts = _only_in(one.answer, other.answer), _only_in(other.answer, one.answer)
    return Conflict(
        kind="duplicate" if not any(facts) and _is_same_answer(one.answer, other.answer) else "contradiction",
        entry_ids=(one.id, other.id),
        questions=(met.one.text, met.other.text),
        is_exact=met.is_exact,
        similarity=cosine,
        facts=facts,
    )


def _only_in(answer: str, other: str) -> tuple[str, ...]:
    """What an answer states and the other does not."""
    stated = claims.check(answer, [claims.Source(entry_id="", question="", answer=other)])
    own, theirs = _lead(answer), _lead(other)
    is_reversed = own is not None and theirs is not None and own[0] is not theirs[0]
    return tuple(dict.fromkeys([*stated, own[1]])) if is_reversed and own else stated


def _lead(answer: str) -> tuple[bool, str] | None:
    """Whether an answer begins with yes or no, and the words; None if with neither."""
    first = _BREAK.split(fold([answer])[0], maxsplit=1)[0].removeprefix("亲").strip()
    for is_yes, pattern in ((False, _NO), (True, _YES)):
        match = pattern.match(first)
        if match:
            return is_yes, match[0]
    return None


def _is_same_answer(one: str, other: str) -> bool:
    # Written alike, so that "七天" and "7天" are.
    a, b = (numerals.spell_out(key) for key in likeness.keys([one, other]))
    return a == b or likeness.jaccard(likeness.pairs(a), likeness.pairs(b)) >= SAME_ANSWER
