"""Sentences with aspects and opinions, from public sets that each annotate in a way of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import corpora, examples
from training.publicsets import keys

POLARITIES = ("negative", "neutral", "positive")
UNKNOWN = -1
"""Polarity that a set does not tell."""

STYLES = ("zhang_aste", "zhijiang_cosmetics", "diaasq_zh", "bdci2021_bank")
"""Sets, the one whose way of marking is served first."""

HELD_OUT = 1_500
"""Sentences of zhang_aste's train split that nothing is learnt from: bounds are chosen on them."""

QUIET, BANK = 3_000, 2_000
"""Messages without opinions, and of the bank set, that are learnt from."""

_POLARITY = {"NEG": 0, "NEU": 1, "POS": 2, "neg": 0, "neu": 1, "pos": 2, "负面": 0, "中性": 1, "正面": 2}
_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """An annotated text; positions are half-open ranges of its code points.

    Attributes:
        text: As it was written.
        style: Index in `STYLES`.
        aspects: (start, end), ascending, each once.
        opinions: (start, end, index in `POLARITIES` or `UNKNOWN`), likewise.
        pairs: Index of an aspect and of an opinion that is about it; None where a set does not pair them.
    """

    text: str
    style: int
    aspects: tuple[tuple[int, int], ...]
    opinions: tuple[tuple[int, int, int], ...]
    pairs: frozenset[tuple[int, int]] | None


@dataclass(frozen=True, slots=True)
class Sets:
    """What is learnt from, and what bounds are chosen on."""

    train: list[Sentence]
    held_out: list[Sentence]


def load(data: Path, *, seed: int = 1) -> Sets:
    """All sets, without sentences whose text is in zhang_aste's dev split.

    Raises:
        FileNotFoundError: A set is not there.
    """
    public = data / "public"
    rng = np.random.default_rng(seed)
    dev = zhang(public / "zhang_aste" / "dev.jsonl.gz")
    own = _unlike(zhang(public / "zhang_aste" / "train.jsonl.gz"), dev)
    own = [own[i] for i in rng.permutation(len(own))]
    held_out, own = own[:HELD_OUT], _unlike(own[HELD_OUT:], own[:HELD_OUT])
    bank = list(_bank(public / "bdci2021_bank" / "train.jsonl.gz"))
    telling = [sentence for sentence in bank if sentence.aspects and sentence.opinions]
    others = [
        *_zhijiang(public / "zhijiang_cosmetics" / "train.jsonl.gz"),
        *_diaasq(public / "diaasq_zh" / "train.jsonl.gz"),
        *(telling[i] for i in rng.permutation(len(telling))[:BANK]),
        *_quiet(data, rng),
    ]
    return Sets([*own, *_unlike(others, [*dev, *held_out])], held_out)


def zhang(path: Path) -> list[Sentence]:
    """Sentences of zhang_aste.

    Its spans count runs of digits and of Latin letters as one: where the text there is not the annotated one, the next
    occurrence of that is meant.
    """
    found = []
    for row in corpora.read(path):
        text = row["text"]
        triples = []
        for label in row["label"]:
            aspect = _place(text, label["aspect"], label["a_span"][0])
            opinion = _place(text, label["opinion"], label["o_span"][0])
            triples.append((aspect, opinion, _POLARITY[label["polarity"]]))
        found.append(_sentence(text, 0, triples))
    return found


def _place(text: str, words: str, start: int) -> tuple[int, int] | None:
    at = text.find(words, start)
    at = text.rfind(words) if at < 0 else at
    return None if at < 0 or not words else (at, at + len(words))


def _zhijiang(path: Path) -> Iterator[Sentence]:
    for row in corpora.read(path):
        triples = []
        for label in row["label"]:
            aspect = None if label["a_start"] is None else (label["a_start"], label["a_end"])
            opinion = None if label["o_start"] is None else (label["o_start"], label["o_end"])
            triples.append((aspect, opinion, _POLARITY[label["polarity"]]))
        yield _sentence(row["text"], 1, triples)


def _diaasq(path: Path) -> Iterator[Sentence]:
    """Its threads cut into posts; positions are of the tokens of a whole thread."""
    for row in corpora.read(path):
        first = 0
        for text, tokens in zip(row["sentences"], row["sentences_tokenized"], strict=True):
            places = _token_places(text, tokens)
            triples = [] if places is None else list(_own_triples(row["label"], first, places))
            if any(aspect or opinion for aspect, opinion, _ in triples):
                yield _sentence(text, 2, triples)
            first += len(_TOKEN.findall(tokens))


def _own_triples(labels: list[Any], first: int, places: list[tuple[int, int]]) -> Iterator[Any]:
    last = first + len(places)
    for label in labels:
        both = []
        for start, end in (label[2:4], label[4:6]):
            inside = first <= start < end <= last
            both.append((places[start - first][0], places[end - 1 - first][1]) if inside else None)
        yield *both, _POLARITY.get(label[6], UNKNOWN)


def _token_places(text: str, tokens: str) -> list[tuple[int, int]] | None:
    """Where each token stands in its post; None where the two do not fit."""
    places, at = [], 0
    for token in _TOKEN.findall(tokens):
        at = text.find(token, at)
        if at < 0:
            return None
        places.append((at, at + len(token)))
        at += len(token)
    return places


def _bank(path: Path) -> Iterator[Sentence]:
    for row in corpora.read(path):
        spans: dict[str, list[tuple[int, int]]] = {"COMMENTS_N": [], "COMMENTS_ADJ": []}
        for i, tag in enumerate(row["bio"]):
            kind, _, name = tag.partition("-")
            if name in spans and (kind == "B" or not spans[name] or spans[name][-1][1] != i):
                spans[name].append((i, i + 1))
            elif name in spans:
                spans[name][-1] = (spans[name][-1][0], i + 1)
        opinions = tuple((start, end, UNKNOWN) for start, end in spans["COMMENTS_ADJ"])
        yield Sentence(row["text"], 3, tuple(spans["COMMENTS_N"]), opinions, None)


def _quiet(data: Path, rng: np.random.Generator) -> list[Sentence]:
    """Messages that ask or chat without feeling, risk or pain: so that not every text is read as a review."""
    held_out = examples.split(data).held_out
    rows = [row for row in corpora.read(data / "gold" / "train.jsonl.gz") if _is_quiet(row)]
    texts = [row["text"] for row in rows if examples.key(row["text"]) not in held_out]
    return [Sentence(texts[i], 0, (), (), None) for i in rng.permutation(len(texts))[:QUIET]]


def _is_quiet(row: dict[str, Any]) -> bool:
    calm = row["sentiment"] == 0 and row["risk"] == 0 and not row.get("pain")
    return calm and set(row["intent"]) <= {"chat", "question"}


def _sentence(text: str, style: int, triples: list[Any]) -> Sentence:
    """Spans in order without those that overlap an earlier one of their kind."""
    aspects = _apart(sorted({aspect for aspect, _, _ in triples if aspect}))
    sides = {opinion: polarity for _, opinion, polarity in triples if opinion}
    opinions = _apart(sorted(sides))
    pairs = {
        (aspects.index(aspect), opinions.index(opinion))
        for aspect, opinion, _ in triples
        if aspect in aspects and opinion in opinions
    }
    graded = tuple((*opinion, sides[opinion]) for opinion in opinions)
    return Sentence(text, style, tuple(aspects), graded, frozenset(pairs))


def _apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def _unlike(sentences: list[Sentence], others: list[Sentence]) -> list[Sentence]:
    """Those whose text, as the normaliser writes it, is none of the others'."""
    seen = set(keys([sentence.text for sentence in others]))
    own = keys([sentence.text for sentence in sentences])
    return [sentence for sentence, key in zip(sentences, own, strict=True) if key not in seen]
