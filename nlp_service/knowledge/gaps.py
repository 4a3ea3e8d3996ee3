"""What nobody could answer: questions that ask the same, by the number of people, each with an entry half written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nlp_service.errors import BadInput
from nlp_service.knowledge import likeness, linking
from nlp_service.knowledge.drafts import DraftEntry, KnownQuestions, guess_categories, make_draft, most_frequent
from nlp_service.knowledge.entries import Entry, make_entry
from nlp_service.store.replies import Feedback, StoredReply

FloatArray = npt.NDArray[np.float32]

SIMILARITY = 0.98
"""Questions are one when the cosine of their vectors and that of their characters, added, average this or more.

With vectors of one meaning the first alone does. The vectors of models/fast are narrow (unrelated questions have 0.8),
so there the second must add a tenth or more. Of 48 wordings of ten questions it joins 56 in 100 pairs that belong
together, and 87 in 100 joined pairs do; 0.93 of those vectors alone gives 16 and 62.
"""

N_EXAMPLES = 5
"""Wordings that a list of gaps shows of each."""


class Unanswered(msgspec.Struct, frozen=True):
    """A question that got no answer from the base.

    Attributes:
        text: As it was asked, with personal data masked.
        author: Hash that tells people apart; those without one ("") count as one person together.
        asked_at: Aware.
        answers: What people said the answer is.
    """

    reply_id: str
    text: str
    author: str
    asked_at: datetime
    channel: str = ""
    answers: tuple[str, ...] = ()


class Gap(msgspec.Struct, frozen=True):
    """A question that the base does not answer, in all its wordings.

    Attributes:
        id: Of its most typical wording, so it stays as long as that does.
        title: The most typical wording.
        people: Distinct authors.
        messages: How often it was asked.
        reply_ids: All of them, by time.
        examples: Up to `N_EXAMPLES` different wordings, the title first.
        channels: By name.
    """

    id: str
    title: str
    people: int
    messages: int
    reply_ids: tuple[str, ...]
    examples: tuple[str, ...]
    first_asked_at: datetime
    last_asked_at: datetime
    channels: tuple[str, ...]
    draft: DraftEntry


def find_gaps(
    questions: Sequence[Unanswered],
    vectors: FloatArray,
    *,
    similarity: float = SIMILARITY,
    minimum_people: int = 1,
    known: KnownQuestions | None = None,
) -> list[Gap]:
    """Join questions that ask the same (average link), by people, then by the last time; the same in whatever order.

    A question of which normalisation leaves nothing is left out: nobody could answer it.

    Args:
        questions: Any number; 20,000 wordings take seconds.
        vectors: Their encodings, of unit length; (n, d).
        similarity: Bound on the scale of `SIMILARITY`, in (0, 2].
        minimum_people: Leave out what fewer people asked.
        known: Where the categories of drafts come from.

    Raises:
        BadInput: Questions and vectors differ in number, a vector is not finite, or the bound is out of range.
    """
    _check(questions, vectors, similarity)
    wordings = _wordings(questions, vectors)
    if not wordings:
        return []
    spelt = likeness.spell([one.key for one in wordings])
    signs = np.concatenate([np.stack([one.vector for one in wordings]), spelt], axis=1)
    clusters: dict[int, list[int]] = {}
    for index, label in enumerate(linking.link(signs, similarity).tolist()):
        clusters.setdefault(label, []).append(index)
    ordered = [_by_typicality(some, signs, wordings) for some in clusters.values()]
    enough = [some for some in ordered if _n_people(one for wording in some for one in wording.asked) >= minimum_people]
    categories = guess_categories([some[0].key for some in enough], [some[0].vector for some in enough], known)
    gaps = [_gap(some, category) for some, category in zip(enough, categories, strict=True)]
    return sorted(gaps, key=lambda gap: (-gap.people, -gap.last_asked_at.timestamp(), -gap.messages, gap.id))


def unanswered(replies: Iterable[StoredReply], feedback: Iterable[Feedback] = ()) -> Iterator[Unanswered]:
    """Make questions of stored replies, with the answers that people gave to them."""
    answers: dict[str, list[str]] = {}
    for given in feedback:
        if given.answer:
            answers.setdefault(given.reply_id, []).append(given.answer)
    for reply in replies:
        said = tuple(answers.get(reply.id, ()))
        yield Unanswered(reply.id, reply.question, reply.author_hash, reply.asked_at, reply.channel, said)


def open_draft(
    gap: Gap, answer: str = "", *, id: str = "", category: str | None = None, tags: Iterable[str] = (), owner: str = ""
) -> Entry:
    """Make an entry of a gap.

    Args:
        gap: What nobody could answer.
        answer: Empty takes what people proposed.
        id: Empty is ``gap-`` and the id of the gap, so that a gap opened twice is one entry.
        category: None takes the guess.
        tags: For filters.
        owner: Who will keep it.

    Raises:
        BadInput: There is no answer, or a field cannot be taken; ``param`` names it.
    """
    draft = gap.draft
    return make_entry(
        id or f"gap-{gap.id}",
        draft.questions,
        answer.strip() or draft.proposal,
        category=draft.category if category is None else category,
        tags=tags,
        owner=owner,
    )


def _check(questions: Sequence[Unanswered], vectors: FloatArray, similarity: float) -> None:
    if vectors.ndim != 2 or len(vectors) != len(questions):
        raise BadInput(f"{len(questions)} questions have vectors of shape {vectors.shape}", param="vectors")
    if not np.isfinite(vectors).all():
        raise BadInput("vectors must be finite", param="vectors")
    if not 0.0 < similarity <= 2.0:
        raise BadInput(f"similarity must be in (0, 2], got {similarity}", param="similarity")


class _Wording(NamedTuple):
    """Questions that normalise alike, by time."""

    key: str
    text: str
    vector: FloatArray
    asked: list[Unanswered]


def _wordings(questions: Sequence[Unanswered], vectors: FloatArray) -> list[_Wording]:
    """Questions by wording, in the order of code points, so that the order of arrival decides nothing."""
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(likeness.keys([question.text for question in questions])):
        rows.setdefault(key, []).append(row)
    found = []
    for key in sorted(filter(None, rows)):
        own = sorted(rows[key], key=lambda row: (questions[row].asked_at, questions[row].reply_id))
        asked = [questions[row] for row in own]
        found.append(_Wording(key, most_frequent(one.text for one in asked), vectors[own[0]], asked))
    return found


def _n_people(asked: Iterable[Unanswered]) -> int:
    return len({one.author for one in asked})


def _by_typicality(some: list[int], signs: FloatArray, wordings: list[_Wording]) -> list[_Wording]:
    """The medoid of a cluster first, then its other wordings by how often they were asked."""
    own = signs[some]
    medoid = some[int(np.argmax(own @ own.mean(axis=0)))]
    others = sorted((i for i in some if i != medoid), key=lambda i: (-len(wordings[i].asked), i))
    return [wordings[i] for i in (medoid, *others)]


def _gap(wordings: list[_Wording], category: str) -> Gap:
    asked = sorted((one for wording in wordings for one in wording.asked), key=lambda one: (one.asked_at, one.reply_id))
    answers = [answer for one in asked for answer in one.answers]
    return Gap(
        id=hashlib.sha256(wordings[0].key.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        title=wordings[0].text,
        people=_n_people(asked),
        messages=len(asked),
        reply_ids=tuple(one.reply_id for one in asked),
        examples=tuple(wording.text for wording in wordings[:N_EXAMPLES]),
        first_asked_at=asked[0].asked_at,
        last_asked_at=asked[-1].asked_at,
        channels=tuple(sorted({one.channel for one in asked if one.channel})),
        draft=make_draft([wording.text for wording in wordings], answers, category),
    )
