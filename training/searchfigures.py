"""What the search model does on bases that nothing learnt from: a row a figure, BM25 beside it, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlp_service.inference.analyser import Analyser
from nlp_service.knowledge.entries import Entry, make_entry
from nlp_service.knowledge.search import features
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.searching import Found, search
from training import bases, corpora
from training.bases import Base
from training.gathering import intents_of

HELD_OUT = ("muying", "smarthome")
PRECISION = 0.9
MAX_LONG = 600
"""Long messages that are asked."""

Row = tuple[str, str, float, float | None]
"""Set, figure, value, and the value of BM25 over whole entries where it has one."""


class Searcher:
    """Asks texts of bases.

    Args:
        model: The search model.
        reader: Tells what a text is for.
    """

    def __init__(self, model: SearchModel, reader: Analyser) -> None:
        self._model = model
        self._reader = reader

    def index(self, entries: Sequence[Entry]) -> Index:
        """An index of entries."""
        return Index(entries, self._model)

    def ask(self, index: Index, texts: Sequence[str]) -> list[Found]:
        """The first ten entries for each text."""
        questions = features.read(self._model, texts, index.synonyms)
        read = intents_of(self._reader, texts)
        return [search(index, question, intents) for question, intents in zip(questions, read, strict=True)]

    def bm25(self, index: Index, texts: Sequence[str]) -> list[list[int]]:
        """The first ten entries by BM25 over all that they say."""
        questions = features.read(self._model, texts, index.synonyms)
        return [
            np.argsort(-index.answers.postings.scores(each.terms)[0], kind="stable")[:10].tolist() for each in questions
        ]


def measure(data: Path, search_model: Path, analyser: Path) -> list[Row]:
    """Every figure of the search model's card.

    Raises:
        FileNotFoundError: The data is not there.
    """
    searcher = Searcher(SearchModel.load(search_model), Analyser.load(analyser))
    rows: list[Row] = []
    for name in HELD_OUT:
        base = bases.load(data / "faq" / name)
        rows += [(name, *row) for row in (*_as_given(searcher, base), _with_wordings(searcher, base))]
    rows += [("10jqka", *row) for row in _contest(searcher, data)]
    return [*rows, ("gov", *_long(searcher, data))]


def _as_given(searcher: Searcher, base: Base) -> list[tuple[str, float, float | None]]:
    index = searcher.index(base.entries)
    found = searcher.ask(index, base.queries)
    ranks = _ranks([[hit.entry for hit in each.hits] for each in found], [{right} for right in base.answers])
    plain = _ranks(searcher.bm25(index, base.queries), [{right} for right in base.answers])
    coverage, wrong = _coverage(found, ranks == 0, searcher.ask(index, base.unanswerable))
    return [
        ("hit@1", float((ranks < 1).mean()), float((plain < 1).mean())),
        ("hit@3", float((ranks < 3).mean()), float((plain < 3).mean())),
        (f"answered at {PRECISION:.0%} precision", coverage, None),
        ("unanswerable answered at that bound", wrong, None),
    ]


def _with_wordings(searcher: Searcher, base: Base) -> tuple[str, float, float | None]:
    """Each quarter of the queries asked of a base that has the others as wordings."""
    hits: list[npt.NDArray[np.bool_]] = []
    plain: list[npt.NDArray[np.bool_]] = []
    for part in range(4):
        known = [i for i in range(len(base.queries)) if i % 4 != part]
        index = searcher.index(bases.with_wordings(base, known))
        queries, right = base.queries[part::4], [{entry} for entry in base.answers[part::4]]
        found = [[hit.entry for hit in each.hits] for each in searcher.ask(index, queries)]
        hits.append(_ranks(found, right) == 0)
        plain.append(_ranks(searcher.bm25(index, queries), right) == 0)
    return "hit@1 with three others' questions", float(np.concatenate(hits).mean()), float(np.concatenate(plain).mean())


def _contest(searcher: Searcher, data: Path) -> list[tuple[str, float, float | None]]:
    known, asked = bases.contest(data), bases.contest(data, "dev")
    added: dict[int, list[str]] = {}
    for text, entry in zip(known.queries, known.answers, strict=True):
        added.setdefault(entry, []).append(text)
    more = [
        make_entry(entry.id, [*entry.questions, *added.get(i, ())][:1000], entry.answer)
        for i, entry in enumerate(known.entries)
    ]
    texts = list(dict.fromkeys(asked.queries))
    right = [{e for t, e in zip(asked.queries, asked.answers, strict=True) if t == text} for text in texts]
    rows: list[tuple[str, float, float | None]] = []
    for name, entries in (("standard questions alone", known.entries), ("train questions as wordings", more)):
        index = searcher.index(entries)
        found = [[hit.entry for hit in each.hits] for each in searcher.ask(index, texts)]
        value = float((_ranks(found, right) == 0).mean())
        rows.append((f"hit@1, {name}", value, float((_ranks(searcher.bm25(index, texts), right) == 0).mean())))
    return rows


def _long(searcher: Searcher, data: Path) -> tuple[str, float, float | None]:
    """Messages to an authority, and the replies to them."""
    folder = data / "faq" / "gov"
    replies = list(corpora.read(folder / "corpus.jsonl.gz"))
    place = {row["id"]: i for i, row in enumerate(replies)}
    right: dict[str, set[int]] = {}
    for row in corpora.read(folder / "qrels.reply.jsonl.gz"):
        right.setdefault(row["query-id"], set()).add(place[row["corpus-id"]])
    asked = [row for row in corpora.read(folder / "queries.reply.jsonl.gz") if row["id"] in right][:MAX_LONG]
    texts = [row["text"] for row in asked]
    index = searcher.index([make_entry(row["id"], [row["text"][:30] or "-"], row["text"][:19_000]) for row in replies])
    found = [[hit.entry for hit in each.hits] for each in searcher.ask(index, texts)]
    wanted = [right[row["id"]] for row in asked]
    return f"nDCG@10, {len(asked)} messages", _ndcg(found, wanted), _ndcg(searcher.bm25(index, texts), wanted)


def _ranks(found: Sequence[Sequence[int]], right: Sequence[set[int]]) -> npt.NDArray[np.intp]:
    """Place of the first right entry, from 0; a large number where there is none."""
    places = (
        next((i for i, entry in enumerate(each) if entry in good), 99) for each, good in zip(found, right, strict=True)
    )
    return np.fromiter(places, np.intp, len(found))


def _coverage(found: Sequence[Found], right: npt.NDArray[np.bool_], outside: Sequence[Found]) -> tuple[float, float]:
    """Shares of answerable and of other texts at the lowest bound with `PRECISION`, read off these very texts."""
    chances = np.array([each.hits[0].probability if each.hits else 0.0 for each in (*found, *outside)])
    good = np.concatenate((right, np.zeros(len(outside), np.bool_)))
    order = np.argsort(-chances, kind="stable")
    shares = np.cumsum(good[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= PRECISION)
    answered = chances >= (chances[order[enough[-1]]] if len(enough) else 2.0)
    return float(answered[: len(found)].mean()), float(answered[len(found) :].mean())


def _ndcg(found: Sequence[Sequence[int]], right: Sequence[set[int]]) -> float:
    """Mean of nDCG@10 with relevance 0 or 1 (Jarvelin and Kekalainen 2002)."""
    gains = [
        sum(1 / np.log2(i + 2) for i, entry in enumerate(each[:10]) if entry in good)
        for each, good in zip(found, right, strict=True)
    ]
    ideal = [sum(1 / np.log2(i + 2) for i in range(min(10, len(good)))) for good in right]
    return float(np.mean(np.array(gains) / np.array(ideal)))
