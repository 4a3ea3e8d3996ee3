"""``python -m training aspects-figures``: what the tagger finds in zhang_aste's dev split, beside keywords."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nlp_service.inference.aspecttagger import AspectTagger
from nlp_service.text.segment import cut
from training import aspects_data
from training.aspects_data import Sentence
from training.metrics import span_f1

OVERLAPS = {"exact": 1.0, "overlap": 0.5}
"""Part of the longer of two spans that both must share to be the same one."""

MOST = 6
"""Keywords of a sentence; how many are taken is chosen on sentences that were held out."""

_WINDOW, _DAMPING, _ROUNDS = 5, 0.85, 10  # of jieba.analyse.textrank

Place = tuple[int, int]


class Said(NamedTuple):
    """What is said to be in a sentence; half-open code points.

    Attributes:
        aspects, opinions: Each once, in order.
        pairs: An aspect and an opinion.
        polarity: Of each opinion, an index in `aspects_data.POLARITIES`; absent where it is not said.
    """

    aspects: list[Place]
    opinions: list[Place]
    pairs: list[tuple[Place, Place]]
    polarity: dict[Place, int]


Extract = Callable[[list[str]], list[list[str]]]
"""Keywords of texts, best first."""


def show(folder: Path, data: Path, *, as_json: bool = False) -> None:
    """Print the figures of the tagger and of keywords by TF-IDF and by TextRank, from one run.

    Raises:
        ArtifactError: The tagger is missing or damaged.
        FileNotFoundError: The data is not there.
    """
    tagger = AspectTagger.load(folder)
    sets = aspects_data.load(data)
    dev = aspects_data.zhang(data / "public" / "zhang_aste" / "dev.jsonl.gz")
    own = [sentence.text for sentence in sets.train if sentence.style == 0 and sentence.opinions]
    columns = {tagger.version: score(dev, say_of(tagger, dev))}
    for name, extract in (("jieba TF-IDF", tf_idf(own)), ("TextRank", textrank)):
        columns[name] = score(dev, *_keywords(extract, sets.held_out, dev))
    if as_json:
        print(json.dumps({"sentences": len(dev), "figures": columns}, ensure_ascii=False, indent=1))
        return
    print(f"zhang_aste dev, {len(dev)} sentences, F1\n\n| figure | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for figure in next(iter(columns.values())):
        row = [columns[name].get(figure, float("nan")) for name in columns]
        print(f"| {figure} | {' | '.join('' if math.isnan(value) else f'{value:.3f}' for value in row)} |")


def say_of(tagger: AspectTagger, sentences: Sequence[Sentence], size: int = 512) -> list[Said]:
    """What a tagger says of sentences, in order."""
    found = [Said([], [], [], {}) for _ in sentences]
    for first in range(0, len(sentences), size):
        tagged = tagger.tag([sentence.text for sentence in sentences[first : first + size]])
        aspects, opinions = tagged.aspects.tolist(), tagged.opinions.tolist()
        for message, start, end in aspects:
            found[first + message].aspects.append((start, end))
        for (message, start, end), side in zip(opinions, tagged.chances.argmax(1).tolist(), strict=True):
            found[first + message].opinions.append((start, end))
            found[first + message].polarity[start, end] = side
        for aspect, opinion in tagged.pairs.tolist():
            message, *place = aspects[aspect]
            found[first + message].pairs.append(((place[0], place[1]), (opinions[opinion][1], opinions[opinion][2])))
    return found


def score(
    sentences: Sequence[Sentence], said: Sequence[Said], pairs_said: Sequence[Said] | None = None
) -> dict[str, float]:
    """F1 of aspects, opinions and pairs, exact and with an overlap, and of pairs whose polarity is right too.

    Args:
        sentences: The truth.
        said: What is said of each.
        pairs_said: Where the pairs are taken from, if not from `said`.
    """
    truth = [_truth(sentence) for sentence in sentences]
    figures = {}
    for name, least in OVERLAPS.items():
        figures[f"aspects, {name}"] = span_f1([t.aspects for t in truth], [s.aspects for s in said], least)
        figures[f"opinions, {name}"] = span_f1([t.opinions for t in truth], [s.opinions for s in said], least)
        figures[f"pairs, {name}"] = pair_f1(truth, pairs_said or said, least)
    if any(one.polarity for one in said):
        figures["pairs with polarity, exact"] = pair_f1(truth, said, 1.0, with_polarity=True)
    return figures


def pair_f1(truth: Sequence[Said], said: Sequence[Said], least: float, *, with_polarity: bool = False) -> float:
    """F1 of pairs, both of whose spans must match as in `span_f1`; each pair matches once."""
    right = sum(_hits(true, guess, least, with_polarity) for true, guess in zip(truth, said, strict=True))
    total = sum(len(one.pairs) for one in (*truth, *said))
    return 2 * right / total if total else 1.0


def _hits(true: Said, guess: Said, least: float, with_polarity: bool) -> int:
    left = list(true.pairs)
    for pair in guess.pairs:
        ranked = [
            (sum(_shared(mine, its) for mine, its in zip(pair, other, strict=True)), -i)
            for i, other in enumerate(left)
            if all(_shared(mine, its) >= least for mine, its in zip(pair, other, strict=True))
            and (not with_polarity or guess.polarity.get(pair[1]) == true.polarity.get(other[1]))
        ]
        if ranked:
            del left[-max(ranked)[1]]
    return len(true.pairs) - len(left)


def tf_idf(texts: Sequence[str]) -> Extract:
    """Keywords as ``jieba.analyse.extract_tags`` ranks them, with the frequencies of `texts`."""
    words = [set(_words(text)) for text in texts]
    counts = Counter(word for row in words for word in row)
    rarest = math.log(len(words) + 1)
    weights = {word: math.log(len(words) / (1 + count)) for word, count in counts.items()}

    def extract(texts: list[str]) -> list[list[str]]:
        rows = (Counter(_words(text)) for text in texts)
        return [sorted(row, key=lambda word: (-row[word] * weights.get(word, rarest), word)) for row in rows]

    return extract


def textrank(texts: list[str]) -> list[list[str]]:
    """Keywords as ``jieba.analyse.textrank`` ranks them, without its list of parts of speech."""
    return [_ranked(_words(text)) for text in texts]


def _ranked(words: list[str]) -> list[str]:
    nodes = sorted(set(words))
    index = {word: i for i, word in enumerate(nodes)}
    weight = np.zeros((len(nodes), len(nodes)))
    for i, word in enumerate(words):
        for other in words[i + 1 : i + _WINDOW]:
            weight[index[word], index[other]] += 1.0
            weight[index[other], index[word]] += 1.0
    outgoing = np.maximum(weight.sum(1, keepdims=True), 1e-9)
    rank = np.full(len(nodes), 1.0 / max(len(nodes), 1))
    for _ in range(_ROUNDS):
        rank = (1 - _DAMPING) + _DAMPING * (weight / outgoing).T @ rank
    return sorted(nodes, key=lambda word: (-rank[index[word]], word))


def _keywords(extract: Extract, held_out: list[Sentence], dev: list[Sentence]) -> tuple[list[Said], list[Said]]:
    """What keywords say of dev, with as many of them as are best on the sentences held out: of spans, and of pairs."""
    words = extract([sentence.text for sentence in held_out])
    by_count = {n: score(held_out, _as_said(held_out, words, n)) for n in range(1, MOST + 1)}
    found = extract([sentence.text for sentence in dev])

    def best(kind: str) -> list[Said]:
        return _as_said(dev, found, max(by_count, key=lambda n: by_count[n][f"{kind}, overlap"]))

    aspects, opinions = best("aspects"), best("opinions")
    spans = [Said(a.aspects, o.opinions, [], {}) for a, o in zip(aspects, opinions, strict=True)]
    return spans, best("pairs")


def _as_said(sentences: Sequence[Sentence], words: Sequence[Sequence[str]], n: int) -> list[Said]:
    """The first n keywords where they stand, each as an aspect and as an opinion, each one with the next as a pair."""
    said = []
    for sentence, row in zip(sentences, words, strict=True):
        places = sorted((at, at + len(word)) for word in row[:n] if (at := sentence.text.find(word)) >= 0)
        said.append(Said(places, places, list(itertools.pairwise(places)), {}))
    return said


def _words(text: str) -> list[str]:
    """Words of two characters and more, as jieba.analyse counts them."""
    return [word for word in cut([text])[0] if len(word) > 1 and word[0].isalnum()]


def _truth(sentence: Sentence) -> Said:
    opinions = [(start, end) for start, end, _ in sentence.opinions]
    sides = {(start, end): side for start, end, side in sentence.opinions}
    pairs = [(sentence.aspects[a], opinions[o]) for a, o in sorted(sentence.pairs or ())]
    return Said(list(sentence.aspects), opinions, pairs, sides)


def _shared(a: Place, b: Place) -> float:
    """The common part of two spans, of the longer one."""
    return max(0, min(a[1], b[1]) - max(a[0], b[0])) / max(a[1] - a[0], b[1] - b[0])
