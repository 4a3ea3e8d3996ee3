"""Which parts, faults and sides of a deal a text names: what complaints differ by, whatever story they tell.

Most words of a long complaint tell a story that all complaints share. The few that name its matter have many
synonyms, each of them rare: counting words alone keeps 刹车 and 制动 apart. The list `matters.txt` was written by hand,
for vehicles, devices, services, shops and places; it joins what is said of one part and settles no groups by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

EARLY = 60.0
"""Code points: a matter that stands after n of them counts ``1 / sqrt(1 + n / EARLY)``; a complaint begins with
its own."""


class _Matters(NamedTuple):
    """Matter of each word, and, by their first character, the lengths of words, longest first."""

    of: dict[str, int]
    lengths: dict[str, tuple[int, ...]]
    n: int


def count(texts: Sequence[str]) -> csr_matrix:
    """How often each text names each matter, earlier ones counting more; (n_texts, n_matters), float32.

    Args:
        texts: As the normaliser writes them.
    """
    matters = _read()
    rows, columns, counts = [], [], []
    for row, text in enumerate(texts):
        for start, matter in _found(text, matters):
            rows.append(row)
            columns.append(matter)
            counts.append((1.0 + start / EARLY) ** -0.5)
    values: npt.NDArray[np.float32] = np.array(counts, np.float32)
    return csr_matrix((values, (rows, columns)), shape=(len(texts), matters.n))


def _found(text: str, matters: _Matters) -> list[tuple[int, int]]:
    """Place and matter of each word of the list, the longest at each place, none inside another."""
    found, free = [], 0
    for start, char in enumerate(text):
        if start < free:
            continue
        for length in matters.lengths.get(char, ()):
            matter = matters.of.get(text[start : start + length])
            if matter is not None:
                found.append((start, matter))
                free = start + length
                break
    return found


@cache
def _read() -> _Matters:
    lines = Path(__file__).with_name("matters.txt").read_text(encoding="utf-8").splitlines()
    groups = [line.split() for line in lines if line and not line.startswith("#")]
    of: dict[str, int] = {}
    for number, words in enumerate(groups):
        for word in words:
            of.setdefault(word, number)
    lengths: dict[str, set[int]] = {}
    for word in of:
        lengths.setdefault(word[0], set()).add(len(word))
    ordered = {char: tuple(sorted(own, reverse=True)) for char, own in lengths.items()}
    return _Matters(of, ordered, len(groups))
