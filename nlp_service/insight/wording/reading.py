"""The words of all messages of a period, read once and held as numbers.

Everything that names or counts words works on *cores*: the different statements of a table (`stripping`). A row of
the table points at its core, so a text that a million rows have is read once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.wording.stripping import CUT, read_list, strip
from nlp_service.text import segment

Index = npt.NDArray[np.int64]
Rows = npt.NDArray[np.integer]

LONGEST = 3
"""Words of the longest phrase."""

_BREAK = -1
_BITS = 21  # of a word's number in a phrase's code: three fit into 63 bits
_MOST_WORDS = (1 << _BITS) - 2
_BLOCK = 50_000
_NUMBER = re.compile(
    r"[0-9a-z.]*[0-9][0-9a-z.]*|[零一二两三四五六七八九十百千万亿几半多第]+(?:分钟|小时|[个位天元块次年月日号点条件周多倍折].{0,2})?"
)


@dataclass(frozen=True, eq=False)
class Corpus:
    """The words of a table.

    Attributes:
        row_core: Core of each row, (n_rows,).
        cores: What each core says, its pieces joined; the one that says nothing is "".
        words: The vocabulary.
        tokens: Words of the cores, one core behind the other, -1 where no phrase may go on.
        offsets: Core i has ``tokens[offsets[i]:offsets[i + 1]]``.
        alone, last: Of each word, whether it may be a term by itself, and whether it may end one.
    """

    row_core: Index
    cores: list[str]
    words: list[str]
    tokens: npt.NDArray[np.int32]
    offsets: Index
    alone: npt.NDArray[np.bool_]
    last: npt.NDArray[np.bool_]
    _known: dict[str, tuple[Index, Index]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return len(self.row_core)

    def phrases(self, cores: Rows) -> tuple[Index, Index]:
        """Codes of the different phrases of some cores, and the position in `cores` of each; by that, then by code."""
        lengths = self.offsets[cores + 1] - self.offsets[cores]
        which = np.repeat(np.arange(len(cores)), lengths)
        begins = np.cumsum(lengths) - lengths
        tokens = self.tokens[np.arange(len(which)) - begins[which] + self.offsets[cores][which]].astype(np.int64)
        codes, owners = [], []
        code, meant = np.zeros(len(tokens), np.int64), np.zeros(len(tokens), np.bool_)
        going = np.ones(len(tokens), np.bool_)
        for size in range(LONGEST):
            n = len(tokens) - size
            if n <= 0:
                break
            word = tokens[size:]
            going = going[:n] & (word != _BREAK) & (which[size:] == which[:n])
            code = (code[:n] << _BITS) | (word + 1)
            meant = meant[:n] | self.alone[word]
            found = going & meant & self.last[word]
            codes.append(code[found])
            owners.append(which[:n][found])
        both = np.stack([np.concatenate(owners or [which]), np.concatenate(codes or [which])])
        if not both.shape[1]:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        order = np.lexsort((both[1], both[0]))
        owner, code = both[0][order], both[1][order]
        new = np.ones(len(owner), np.bool_)
        new[1:] = (owner[1:] != owner[:-1]) | (code[1:] != code[:-1])
        return code[new], owner[new]

    def frequencies(self) -> tuple[Index, Index]:
        """Codes of all phrases, ascending, and how many rows have each."""
        if "all" not in self._known:
            weight = np.bincount(self.row_core, minlength=len(self.cores))
            parts = []
            for first in range(0, len(self.cores), _BLOCK):
                codes, owner = self.phrases(np.arange(first, min(first + _BLOCK, len(self.cores))))
                parts.append(_summed(codes, weight[first + owner]))
            codes = np.concatenate([codes for codes, _ in parts] or [np.zeros(0, np.int64)])
            counts = np.concatenate([counts for _, counts in parts] or [np.zeros(0, np.int64)])
            self._known["all"] = _summed(codes, counts)
        return self._known["all"]

    def n_words(self, codes: Index) -> Index:
        """Words of each phrase, 1 to `LONGEST`."""
        return 1 + (codes >> _BITS > 0) + (codes >> 2 * _BITS > 0)

    def word_at(self, codes: Index, place: int) -> Index:
        """Number of each phrase's word at a place, counted from its end."""
        return (codes >> place * _BITS & (1 << _BITS) - 1) - 1

    def spell(self, code: int) -> str:
        """The phrase of a code; Latin words are kept apart."""
        numbers = []
        while code:
            numbers.append((code & ((1 << _BITS) - 1)) - 1)
            code >>= _BITS
        phrase = ""
        for number in reversed(numbers):
            word = self.words[number]
            phrase += f" {word}" if phrase and phrase[-1].isascii() and word[0].isascii() else word
        return phrase


def read(texts: pa.ChunkedArray | pa.Array | Sequence[str]) -> Corpus:
    """Read the words of messages; row i of the result is message i. No messages give a corpus without rows."""
    column = texts if isinstance(texts, (pa.Array, pa.ChunkedArray)) else pa.array(texts, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    coded = column.dictionary_encode()
    different = strip(coded.dictionary.to_pylist())
    numbers: dict[str, int] = {}
    core_of = np.fromiter(
        (numbers.setdefault(core.replace(CUT, ""), len(numbers)) for core in different), np.int64, len(different)
    )
    # A core's words are cut with the punctuation of the first text that has it.
    _, first = np.unique(core_of, return_index=True)
    written = [different[i] for i in first.tolist()]
    words, tokens, offsets = _cut(written)
    alone = np.fromiter((_stands_alone(word) for word in words), np.bool_, len(words))
    last = np.fromiter((word not in _glue() for word in words), np.bool_, len(words))
    # The break is number -1, the last place.
    alone, last = np.append(alone, False), np.append(last, False)
    return Corpus(core_of[np.asarray(coded.indices)], list(numbers), words, tokens, offsets, alone, last)


def _cut(cores: list[str]) -> tuple[list[str], npt.NDArray[np.int32], Index]:
    vocabulary: dict[str, int] = {}
    tokens: list[npt.NDArray[np.int32]] = []
    lengths: list[int] = []
    for first in range(0, len(cores), _BLOCK):
        pieces = segment.cut(cores[first : first + _BLOCK])
        lengths += map(len, pieces)
        for word in Counter(word for own in pieces for word in own):
            if word not in vocabulary:
                vocabulary[word] = _BREAK if is_break(word) else len(vocabulary)
        tokens.append(np.fromiter((vocabulary[word] for own in pieces for word in own), np.int32))
    joined = np.concatenate(tokens or [np.zeros(0, np.int32)])
    # The numbers of breaks are left out, so the vocabulary is numbered anew.
    used = [word for word, number in vocabulary.items() if number != _BREAK][:_MOST_WORDS]
    renumbered = np.full(len(vocabulary) + 1, _BREAK, np.int32)
    renumbered[[vocabulary[word] for word in used]] = np.arange(len(used), dtype=np.int32)
    offsets = np.concatenate(([0], np.cumsum(np.asarray(lengths, np.int64)))).astype(np.int64)
    return used, renumbered[joined], offsets


def is_break(word: str) -> bool:
    """Whether a word says nothing of a subject: punctuation, a number, a stop word."""
    return not any(char.isalnum() for char in word) or word in _stopwords() or _NUMBER.fullmatch(word) is not None


def _stands_alone(word: str) -> bool:
    return len(word) > 1 and word not in _glue()


@cache
def _stopwords() -> frozenset[str]:
    return read_list("stopwords.txt")


@cache
def _glue() -> frozenset[str]:
    return read_list("glue.txt")


def _summed(codes: Index, counts: Index) -> tuple[Index, Index]:
    if not len(codes):
        return codes, counts
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    first = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    return codes[first], np.add.reduceat(counts[order], first)
