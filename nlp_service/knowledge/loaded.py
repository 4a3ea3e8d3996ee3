"""A published version as it is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.entries import Entry
from nlp_service.knowledge.search.features import Question, read
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.searching import Found, Inquiry, Ranked, conclude, rank_all
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.store.records import Standing

CONTEXT_REACH = 12
"""Words from which a question is understood without what was said before it."""

N_HITS = 10

Mask = npt.NDArray[np.bool_]


class Asked(msgspec.Struct, frozen=True):
    """A question as it is put to a base.

    Attributes:
        text: The question.
        context: What the same person said before, oldest first.
        channel: Where it is asked; entries for other channels do not come back. Empty: those for any channel alone.
        at: When; aware. Entries that do not hold then do not come back.
    """

    text: str
    at: datetime
    context: tuple[str, ...] = ()
    channel: str = ""


class Wish(NamedTuple):
    """A question, and how many hits are wanted at the most."""

    asked: Asked
    n: int = N_HITS


class Loaded:
    """An index with what decides which of its entries may come back.

    Args:
        index: Of the version.
        thresholds: Of the base.
        standing: What the store said of the base when it was read.
    """

    def __init__(self, index: Index, thresholds: Thresholds, standing: Standing) -> None:
        self.index = index
        self.thresholds = thresholds
        self.standing = standing
        entries = index.entries
        self._from = _times([entry.valid_from for entry in entries], -np.inf)
        self._to = _times([entry.valid_to for entry in entries], np.inf)
        self._is_dated = bool(np.isfinite(self._from).any() or np.isfinite(self._to).any())
        self._is_addressed = any(entry.audience for entry in entries)
        self._audience = lru_cache(maxsize=256)(lambda channel: _audience(entries, channel))

    def find(self, asked: Asked, intents: Mapping[str, float], *, n: int = N_HITS) -> Found:
        """Search for the entries that may answer."""
        return self.conclude(self.rank_all([Wish(asked, n)])[0], intents)

    def conclude(self, ranked: Ranked, intents: Mapping[str, float]) -> Found:
        """As `searching.conclude`."""
        return conclude(self.index, ranked, intents)

    def rank_all(self, wishes: Sequence[Wish]) -> list[Ranked]:
        """Rank the entries that may answer each of some questions, which takes less than one after the other.

        A short question is read together with what was said before it, the more so the shorter it is: "那退款呢" after
        a question about an order.
        """
        # The question first: of a long text only the beginning is read.
        joined = [f"{each.asked.text} {each.asked.context[-1]}" for each in wishes if each.asked.context]
        texts = [*(each.asked.text for each in wishes), *joined]
        questions = read(self.index.model, texts, self.index.synonyms)
        others = iter(questions[len(wishes) :])
        inquiries = []
        for (asked, n), question in zip(wishes, questions, strict=False):
            other = next(others) if asked.context else None
            share = _share(question)
            with_context = (other, share) if other is not None and share else None
            inquiries.append(Inquiry(question, self.allowed(asked.at, asked.channel), with_context, n))
        return rank_all(self.index, inquiries)

    def allowed(self, at: datetime, channel: str) -> Mask | None:
        """Which entries may come back at a time in a channel; None if all may."""
        mask: Mask | None = None
        if self._is_dated:
            now = at.timestamp()
            mask = (self._from <= now) & (now < self._to)
        if self._is_addressed:
            open_to: Mask = self._audience(channel)
            mask = open_to if mask is None else mask & open_to
        return mask


def _share(question: Question) -> float:
    """How much the question with what came before it counts beside the question alone."""
    return 0.5 * max(0.0, 1.0 - len(question.words) / CONTEXT_REACH)


def _times(times: Sequence[datetime | None], missing: float) -> npt.NDArray[np.float64]:
    return np.array([missing if at is None else at.timestamp() for at in times], np.float64)


def _audience(entries: Sequence[Entry], channel: str) -> Mask:
    return np.array([not entry.audience or channel in entry.audience for entry in entries], np.bool_)
