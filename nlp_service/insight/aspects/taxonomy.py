"""What people speak of: from their words to the name that it is counted by and its place in the tree of an industry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.errors import BadInput
from nlp_service.insight.aspects.parsing import read
from nlp_service.insight.aspects.tree import Node, Tree, merge, plain
from nlp_service.text.normalise import Batch

SHIPPED = Path(__file__).with_name("taxonomy.toml")
"""The taxonomy of the service, which a file of one's own changes."""

OTHER = "其他"
"""Category of what is in no tree."""

OVERALL = ("整体", "整体")
"""Target and category of what is said of nothing in particular."""

MAX_TERM = 40
"""Characters of a term that are looked at."""

_CACHED = 100_000
_BREAK = "\n"  # the normaliser writes no line breaks
_BEFORE = 6  # units that are looked at for what turns a match around
_EDGE = re.compile(r"^[\W_]+|[\W_]+$")
_TURNS = re.compile(
    r"(?:没有?|不|无|毫无|未|别|不[算会太怎么是再]{1,3}|没[什啥]么?|并不|从不)"
    r"(?:任何|一点|一丝|什么|啥|那么|很|怎么|出现|发现|感觉)?$"
)
_ASKS = re.compile(r"(?:会不会|有没有?|是不是|要不要|能不能|怕|担心|如果|万一|要是|会|容易)(?:会|很|太|有|出现|是)?$")


class Implied(NamedTuple):
    """Something that a message says of a target without naming it.

    Attributes:
        message: Its index.
        start, end: Half-open code points of the text as it was sent.
        target, category: Of the node.
        polarity: -1.0 or 1.0.
    """

    message: int
    start: int
    end: int
    target: str
    category: str
    polarity: float


class Taxonomy:
    """A tree of each industry. `load` makes one; it does not change.

    Args:
        titles: Of the industries, by key.
        nodes: The first ones win where two know a word.
    """

    def __init__(self, titles: dict[str, str], nodes: Sequence[Node]) -> None:
        self._places = [(node.target, f"{titles[node.industry]}/{node.category}") for node in nodes]
        self._words: dict[str, int] = {}
        for i, node in enumerate(nodes):
            self._words.setdefault(plain(node.target), i)
        for i, node in enumerate(nodes):
            for word in node.synonyms:
                self._words.setdefault(word, i)
        self._longest = max(map(len, self._words), default=0)
        self._expressions = [
            (pattern, i, polarity)
            for i, node in enumerate(nodes)
            for polarity, patterns in ((-1.0, node.complaints), (1.0, node.praises))
            for pattern in patterns
        ]
        self._known: dict[str, int] = {}

    @classmethod
    def load(cls, path: Path | None = None, *, industries: Sequence[str] = ()) -> Taxonomy:
        """The shipped taxonomy with the changes of a file.

        Args:
            path: A file of one's own; None for the shipped taxonomy as it is.
            industries: Keys of those to use, the first one winning where two know a word; all in their order if empty.

        Raises:
            BadInput: The file cannot be read or something in it is not as it must be (the message names line and
                field), or there is no industry of that key.
        """
        own = Tree({}, frozenset(), (), ()) if path is None else read(path)
        titles, nodes = merge(_shipped(), own, path or SHIPPED)
        if unknown := [key for key in industries if key not in titles]:
            raise BadInput(f"no industry {unknown[0]!r}; there are {', '.join(titles)}", param="industries")
        if industries:
            rank = {key: i for i, key in enumerate(industries)}
            nodes = tuple(sorted((n for n in nodes if n.industry in rank), key=lambda n: rank[n.industry]))
        return cls(titles, nodes)

    @property
    def targets(self) -> tuple[tuple[str, str], ...]:
        """Target and category of every node, in order."""
        return tuple(self._places)

    def canonical(self, term: str) -> tuple[str, str]:
        """Name to count by and category of what somebody called it.

        The whole term, else the longest synonym of two characters and more in it, of several the last, because what a
        Chinese word is stands at its end. What is in no tree goes by its own words, of `OTHER`.

        Args:
            term: Free words, such as an aspect of a message or the target of a pain; of any length.
        """
        found = self._find(term)
        if found >= 0:
            return self._places[found]
        own = _EDGE.sub("", plain(term[:MAX_TERM]))
        return (own, OTHER) if own else OVERALL

    def known(self, term: str) -> tuple[str, str] | None:
        """The same, but None for what is in no tree."""
        found = self._find(term)
        return self._places[found] if found >= 0 else None

    def implied(self, batch: Batch) -> list[Implied]:
        """What the expressions find in normalised messages, by message and place; of those that overlap the longest.

        A match behind a negation ("没有异味") means the opposite, and one behind a question or a fear ("会不会掉色")
        nothing.
        """
        offsets = batch.offsets.astype(np.int64)
        joined, begins = _joined(batch.units, offsets)
        found: list[tuple[int, int, int, int, float]] = []
        for order, (pattern, node, polarity) in enumerate(self._expressions):
            for match in pattern.finditer(joined):
                start, end = match.span()
                before = joined[max(0, start - _BEFORE) : start].rpartition(_BREAK)[2]
                if _BREAK in match.group() or _ASKS.search(before):
                    continue
                turned = -polarity if _TURNS.search(before) else polarity
                found.append((start - end, start, order, node, turned))
        return self._places_of(batch, offsets, begins, sorted(found))

    def _places_of(
        self,
        batch: Batch,
        offsets: npt.NDArray[np.int64],
        begins: npt.NDArray[np.int64],
        found: list[tuple[int, int, int, int, float]],
    ) -> list[Implied]:
        taken: dict[int, list[tuple[int, int]]] = {}
        implied = []
        for length, start, _, node, polarity in found:
            end = start - length
            message = int(np.searchsorted(begins, start, "right")) - 1
            own = taken.setdefault(message, [])
            if any(start < b and a < end for a, b in own):
                continue
            own.append((start, end))
            a, b = (int(offsets[message] - begins[message]) + place for place in (start, end))
            stop = max(int(batch.ends[a]), int(batch.ends[b - 1]))
            implied.append(Implied(message, int(batch.starts[a]), stop, *self._places[node], polarity))
        return sorted(implied)

    def _find(self, term: str) -> int:
        term = term[:MAX_TERM]
        known = self._known.get(term)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            known = self._known[term] = self._search(plain(term))
        return known

    def _search(self, term: str) -> int:
        whole = self._words.get(term)
        if whole is not None:
            return whole
        for size in range(min(len(term), self._longest), 1, -1):
            for start in range(len(term) - size, -1, -1):
                if (node := self._words.get(term[start : start + size])) is not None:
                    return node
        return -1


@cache
def _shipped() -> Tree:
    return read(SHIPPED)


def _joined(units: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> tuple[str, npt.NDArray[np.int64]]:
    """All messages with a break behind each, one character a unit, and where each begins."""
    broken = np.insert(units, offsets[1:], ord(_BREAK))
    begins = offsets[:-1] + np.arange(len(offsets) - 1)
    return broken.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"), begins
