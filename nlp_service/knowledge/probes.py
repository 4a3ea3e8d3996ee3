"""Questions whose right answer is known, as an evaluation asks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.errors import BadInput
from nlp_service.knowledge.held_out import MAX_ASKED, Held, hold_out
from nlp_service.knowledge.search.features import Question, read
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.searching import Found, search
from nlp_service.types import Abuse, Analysis, Intent, Risk, Sentiment

DEPTH = 10
"""Entries of a search that are looked at."""

NOWHERE = -1
"""Place of an entry that the index does not have."""

INTENTS: Mapping[str, float] = {"question": 0.95, "chat": 0.03, "ad": 0.0}
"""What is taken to be known of the intents of a wording: it is a question."""

ASKING = Analysis(
    id=None,
    intent=Intent("question", ("question",), dict(INTENTS)),
    sentiment=Sentiment("neutral", 0.0),
    risk=Risk(0, 0.0, 0.0),
    abuse=Abuse(0.0, flagged=False),
    unsafe=(),
    pain=(),
)
"""What is taken to be known of a question that no model has read: that somebody asks, calmly."""


class Query(msgspec.Struct, frozen=True):
    """A question to evaluate with.

    Attributes:
        id: The caller's.
        text: As a member would ask it.
        entry_id: The entry that answers it; None if none must.
    """

    id: str | int | None
    text: str
    entry_id: str | None = None


class Probe(NamedTuple):
    """A question ready to be asked of an index.

    Attributes:
        id: Of the query, or of the entry with the number of the wording.
        question: As searches read it.
        right: Place of the entry that answers, `NOWHERE` if the index has not that one; None if none must answer.
        analysis: What is known of the question.
        closed: Place of an entry that is not to be found.
    """

    id: str | int | None
    question: Question
    right: int | None
    analysis: Analysis = ASKING
    closed: int | None = None

    def allowed(self, n_entries: int) -> npt.NDArray[np.bool_] | None:
        """Which entries may come back; None for all."""
        if self.closed is None:
            return None
        mask = np.ones(n_entries, np.bool_)
        mask[self.closed] = False
        return mask


class Sought(NamedTuple):
    """A probe and what was found for it."""

    probe: Probe
    found: Found


Sitting = tuple[Index, list[Probe]]
"""An index with what is asked of it."""


def of_queries(index: Index, queries: Sequence[Query], analyses: Sequence[Analysis] | None = None) -> Sitting:
    """Make probes of queries.

    Args:
        index: Of the base.
        queries: What to ask.
        analyses: Of each query; None takes each for a calm question.

    Raises:
        BadInput: There are not as many analyses as queries.
    """
    if analyses is not None and len(analyses) != len(queries):
        raise BadInput(f"{len(queries)} queries have {len(analyses)} analyses", param="analyses")
    places = {entry.id: place for place, entry in enumerate(index.entries)}
    questions = read(index.model, [query.text for query in queries], index.synonyms) if queries else []
    probes = [
        Probe(
            query.id,
            question,
            None if query.entry_id is None else places.get(query.entry_id, NOWHERE),
            analyses[i] if analyses is not None else ASKING,
        )
        for i, (query, question) in enumerate(zip(queries, questions, strict=True))
    ]
    return index, probes


def of_wordings(index: Index, most: int = MAX_ASKED) -> Iterator[Sitting]:
    """Make probes of an index's own wordings: each without itself, and once more without its whole entry.

    The second is a question near to the base that nothing in it answers.

    Args:
        index: Of the base; it is not searched, only what is left of it is.
        most: Wordings at the most.
    """
    for held in hold_out(index, most):
        yield held.rest, _of_held(index, held)


def seek(index: Index, probe: Probe, n: int = DEPTH) -> Sought:
    """Ask an index."""
    intents = probe.analysis.intent.probabilities if probe.analysis.intent else INTENTS
    return Sought(probe, search(index, probe.question, intents, allowed=probe.allowed(len(index.entries)), n=n))


def seek_own(index: Index, most: int = MAX_ASKED) -> list[Sought]:
    """Ask a base's own wordings, as `of_wordings` gives them."""
    return [seek(rest, probe) for rest, probes in of_wordings(index, most) for probe in probes]


def _of_held(index: Index, held: Held) -> list[Probe]:
    drawn = [(index.entries[i], number) for i, number in zip(held.entry, held.number, strict=True)]
    questions = read(index.model, [entry.questions[number] for entry, number in drawn], index.synonyms)
    ids = [f"{entry.id}#{number}" for entry, number in drawn]
    rows = list(zip(ids, questions, held.entry, strict=True))
    answerable = [Probe(id_, question, place) for id_, question, place in rows]
    return answerable + [Probe(id_, question, None, closed=place) for id_, question, place in rows]
