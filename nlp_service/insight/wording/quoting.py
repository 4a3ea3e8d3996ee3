"""Quotes that stand for a group: different wordings that together cover what is said in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.results import MessageKey, Quote
from nlp_service.insight.wording.reading import Corpus

LONGEST = 120
"""Code points of a quote."""

_CANDIDATES = 400  # wordings that are compared one by one, those of most messages first
_FAIR_LENGTH = 60  # code points up to which a quote is read at a glance
_SENTENCE = re.compile(r"[^。！？!?…；;\n]+[。！？!?…；;\n]*")


class _Wording(NamedTuple):
    row: int
    weight: int
    pairs: frozenset[str]


def quotes(
    table: pa.Table, rows: npt.NDArray[np.integer], terms: Sequence[str], corpus: Corpus, n: int = 3
) -> tuple[Quote, ...]:
    """Up to `n` messages of a group, of different wordings and, where there are, different people.

    Chosen one after the other by what each adds (maximum coverage): the pairs of neighbouring characters of its
    statement, each worth the messages of the group that have it, terms twice; what is long pays for its length.

    Args:
        table: FACTS.
        rows: The group's rows of it.
        terms: What matters in it; `Quote.spans` shows where it stands.
        corpus: Of the table.
        n: How many.
    """
    wordings = _wordings(rows, corpus)
    worth = _worth(wordings, terms)
    authors = table.column("author").take(pa.array([each.row for each in wordings], pa.int64())).to_pylist()
    texts = table.column("text").take(pa.array([each.row for each in wordings], pa.int64())).to_pylist()
    chosen: list[int] = []
    covered: set[str] = set()
    for _ in range(min(n, len(wordings))):
        taken = {authors[i] for i in chosen if authors[i]}
        gains = [
            sum(worth[pair] for pair in each.pairs - covered)
            / max(1.0, len(texts[i]) / _FAIR_LENGTH)
            * (0.5 if authors[i] in taken else 1.0)
            if i not in chosen
            else -1.0
            for i, each in enumerate(wordings)
        ]
        best = int(np.argmax(gains))
        if gains[best] <= 0.0 and chosen:
            break
        chosen.append(best)
        covered |= wordings[best].pairs
    return tuple(_quote(table, wordings[i].row, terms) for i in chosen)


def message_keys(table: pa.Table, rows: npt.NDArray[np.integer]) -> tuple[MessageKey, ...]:
    """Names of the messages of some rows, in the order of the rows."""
    part = table.select(["platform", "id", "message_id"]).take(pa.array(np.sort(rows), pa.int64()))
    columns = (part.column(name).to_pylist() for name in ("platform", "id", "message_id"))
    return tuple(MessageKey(platform or "", id_, number) for platform, id_, number in zip(*columns, strict=True))


def _wordings(rows: npt.NDArray[np.integer], corpus: Corpus) -> list[_Wording]:
    rows = np.sort(rows)
    cores, first, counts = np.unique(corpus.row_core[rows], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))[:_CANDIDATES].tolist()
    return [_Wording(int(rows[first[i]]), int(counts[i]), _pairs(corpus.cores[int(cores[i])])) for i in order]


def _pairs(core: str) -> frozenset[str]:
    core = core[:400]
    return frozenset(core[i : i + 2] for i in range(max(1, len(core) - 1))) if core else frozenset()


def _worth(wordings: list[_Wording], terms: Sequence[str]) -> dict[str, float]:
    worth: dict[str, float] = {}
    for each in wordings:
        for pair in each.pairs:
            worth[pair] = worth.get(pair, 0.0) + each.weight
    for pair in {pair for term in terms for pair in _pairs(term)} & worth.keys():
        worth[pair] *= 2.0
    return worth


def _quote(table: pa.Table, row: int, terms: Sequence[str]) -> Quote:
    facts = table.select(["platform", "channel", "id", "message_id", "at", "text"]).slice(row, 1).to_pylist()[0]
    text = _excerpt(facts["text"], terms)
    key = MessageKey(facts["platform"] or "", facts["id"], facts["message_id"])
    return Quote(key, text, facts["at"], facts["channel"] or "", _spans(text, terms))


def _excerpt(text: str, terms: Sequence[str]) -> str:
    """The text where it is short, else the run of whole sentences with the most of the terms in it."""
    if len(text) <= LONGEST:
        return text
    sentences = list(_SENTENCE.finditer(text))
    best, most = text[:LONGEST], -1
    for i, sentence in enumerate(sentences):
        end = sentence.end()
        for other in sentences[i + 1 :]:
            if other.end() - sentence.start() > LONGEST:
                break
            end = other.end()
        piece = text[sentence.start() : min(end, sentence.start() + LONGEST)]
        found = sum(term in piece for term in terms)
        if found > most:
            best, most = piece, found
    return best


def _spans(text: str, terms: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where terms stand, joined where they touch; a phrase's words may have white space between them."""
    found = []
    for term in terms:
        pattern = r"\s*".join(re.escape(char) for char in term if not char.isspace())
        found += [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
