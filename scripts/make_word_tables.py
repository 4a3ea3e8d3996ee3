"""Makes the two derived tables of nlp_service/text: sounds.tsv and ordinary.tsv. Run it with the environment of tests:

    PYTHONPATH=. .venv/bin/python scripts/make_word_tables.py ../shared/data/corpus

sounds.tsv    toneless pinyin of characters, from pypinyin (MIT): a line is the sound, the characters that are read so
              first of all, and those that are also read so.
ordinary.tsv  what ordinary Chinese is made of. `rarity`: nats, characters. `words`: a length, words without anything
              between them; from the dictionary of jieba (MIT). `pairs`: a character, and those that often follow it
              in the corpora.

The corpora are folders of JSON lines with `text`, gzipped: posts, titles, questions, chats, reviews. Only counts of
characters and of neighbours are taken from them, and of no pair that was not met at least `USUAL` times. Those that
consist of adverts, and scripts for the stage, are left out.
"""

from __future__ import annotations

import gzip
import json
import math
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pypinyin
from pypinyin.constants import PHRASES_DICT
from pypinyin.contrib.tone_convert import to_normal

from nlp_service.text.normalise import normalise_batch, render

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jieba

ROOM = Path(__file__).resolve().parent.parent / "nlp_service" / "text"

LEAST = {2: 20, 3: 10, 4: 20}
"""How often jieba must have met a word of a length for it to count as common, in 60 million."""
USUAL = 12
"""How often a pair must stand in the corpora to count as usual, in 33 million."""
RARER_READING = 0.05
"""Share of a character's uses from which on a second reading is listed."""

_LEFT_OUT = ("10jqka-similar", "crosstalk", "game_forum", "ptt-qa", "sms")
_MOST_TEXTS, _PIECE, _LONGEST = 150_000, 50_000, 300
_WORDS_A_LINE = 40
_FIRST, _LAST = 0x4E00, 0x9FFF


class Counts(NamedTuple):
    """How often each character and each pair (the first shifted by 16 bits, and the second) stands in the corpora."""

    chars: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]


def sounds() -> str:
    frequency = dictionary()
    uses: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for phrase, marked in PHRASES_DICT.items():
        if all(len(readings) == 1 for readings in marked) and len(phrase) == len(marked):
            for char, (reading,) in zip(phrase, marked, strict=True):
                uses[char][to_normal(reading, v_to_u=False)] += 1 + frequency.get(phrase, 0)
    first: defaultdict[str, list[str]] = defaultdict(list)
    others: defaultdict[str, list[str]] = defaultdict(list)
    for char in characters():
        counted = uses[char]
        main = counted.most_common(1)[0][0] if counted else pypinyin.lazy_pinyin(char)[0]
        first[main].append(char)
        for reading, count in counted.items():
            if reading != main and count >= RARER_READING * counted.total():
                others[reading].append(char)
    return "".join(f"{s}\t{''.join(first[s])}\t{''.join(others[s])}\n" for s in sorted({*first, *others}))


def characters() -> list[str]:
    """Characters that the normaliser leaves as they are and that pypinyin knows."""
    points = [chr(point) for block in (range(0x4E00, 0xA000), range(0x3400, 0x4DC0)) for point in block]
    batch = normalise_batch(points)
    kept = [char for char, unit in zip(points, batch.units.tolist(), strict=True) if ord(char) == unit]
    return [char for char in kept if pypinyin.lazy_pinyin(char)[0] != char]


def dictionary() -> Counter[str]:
    """How often jieba has met each word, under the form that the normaliser gives it."""
    with jieba.Tokenizer().get_dict_file() as file:
        lines = [line.split() for line in file.read().decode("utf-8").splitlines()]
    batch = normalise_batch([line[0] for line in lines])
    bounds = batch.offsets.tolist()
    counts: Counter[str] = Counter()
    for (_, count, *_rest), start, end in zip(lines, bounds[:-1], bounds[1:], strict=True):
        counts[render(batch.units[start:end])] += int(count)
    return counts


def count(corpora: Path) -> Counts:
    chars = np.zeros(0x110000, np.int64)
    pairs, n = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for texts in pieces(corpora):
        batch = normalise_batch(texts)
        units = batch.units.astype(np.int64)
        chars += np.bincount(units, minlength=len(chars))
        han = (units >= _FIRST) & (units <= _LAST)
        follows = np.ones(len(units) + 1, np.bool_)
        follows[batch.offsets] = False
        found = (units[:-1] << 16 | units[1:])[han[1:] & han[:-1] & follows[1:-1]]
        more, times = np.unique(found, return_counts=True)
        pairs, inverse = np.unique(np.concatenate([pairs, more]), return_inverse=True)
        n = np.bincount(inverse, np.concatenate([n, times])).astype(np.int64)
    return Counts(chars, pairs, n)


def pieces(corpora: Path) -> Iterator[list[str]]:
    for path in sorted(corpora.glob("*.jsonl.gz")):
        if path.name.split(".")[0] not in _LEFT_OUT:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                lines = islice(file, _MOST_TEXTS)
                while piece := [json.loads(line)["text"][:_LONGEST] for line in islice(lines, _PIECE)]:
                    yield piece


def ordinary(counts: Counts) -> str:
    chars = counts.chars[_FIRST : _LAST + 1]
    total = int(chars.sum())
    rarity: defaultdict[int, list[str]] = defaultdict(list)
    for point in np.flatnonzero(chars >= 2).tolist():
        rarity[round(math.log(total / chars[point]))].append(chr(_FIRST + point))
    lines = [f"rarity\t{nats}\t{''.join(found)}\n" for nats, found in sorted(rarity.items())]
    known = dictionary()
    words = {
        length: {w for w, n in known.items() if len(w) == length and n >= least} for length, least in LEAST.items()
    }
    for length, found in words.items():
        chosen = sorted(word for word in found if all("\u4e00" <= char <= "\u9fff" for char in word))
        for start in range(0, len(chosen), _WORDS_A_LINE):
            lines.append(f"words\t{length}\t{''.join(chosen[start : start + _WORDS_A_LINE])}\n")
    followers: defaultdict[int, list[str]] = defaultdict(list)
    for pair in counts.pairs[counts.n >= USUAL].tolist():
        followers[pair >> 16].append(chr(pair & 0xFFFF))
    return "".join([*lines, *(f"pairs\t{chr(first)}\t{''.join(rest)}\n" for first, rest in followers.items())])


if __name__ == "__main__":
    (ROOM / "sounds.tsv").write_text(sounds(), "utf-8")
    (ROOM / "ordinary.tsv").write_text(ordinary(count(Path(sys.argv[1]))), "utf-8")
